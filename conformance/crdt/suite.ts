/** The suite for CRDT types: all cases about `kernel/ports/crdt-type.ts`. */
import type { CrdtEditor, CrdtType } from "../../kernel/ports/crdt-type.ts"
import { makeSuite, type Suite, type SuiteOptions } from "../suite.ts"
import { decodeCases, encodeCases, viewCases } from "./encodings.ts"
import { editCases, emptyCases, joinCases, typeCases } from "./laws.ts"
import { costCases, replicaCases } from "./replicas.ts"
import { CRDT_SEED, type CrdtCase, CrdtTrial, type RandomEdit } from "./trial.ts"

/** Every case for CRDT types, in the order in which they are run. */
export const crdtCases: readonly CrdtCase[] = [
  ...typeCases,
  ...emptyCases,
  ...joinCases,
  ...editCases,
  ...encodeCases,
  ...decodeCases,
  ...viewCases,
  ...replicaCases,
  ...costCases,
]

/** How to edit. */
export interface CrdtSuiteOptions<Editor> extends Pick<SuiteOptions, "name"> {
  /**
   * Makes one random edit, by whatever methods the editor has. Everything that it chooses it takes from `random`, so that it can be made again;
   * edits that are made often should be able to make a state large.
   */
  readonly edit: RandomEdit<Editor>
  /** Another one gives other states. Default {@link CRDT_SEED}. */
  readonly seed?: number | undefined
}

/** A trial of `type` for one case. */
export const crdtTrial = <View, Editor extends CrdtEditor<State>, State>(
  type: CrdtType<View, Editor, State>,
  options: CrdtSuiteOptions<Editor>,
): CrdtTrial =>
  // Cases hand a type nothing but its own states and editors.
  new CrdtTrial(
    type as unknown as CrdtType<unknown, CrdtEditor<unknown>, unknown>,
    options.edit as unknown as RandomEdit<CrdtEditor<unknown>>,
    options.seed ?? CRDT_SEED,
  )

/**
 * The suite for a CRDT type; reports name the seed. A case takes up to some seconds; a member that never ends cannot be interrupted.
 */
export const crdtSuite = <View, Editor extends CrdtEditor<State>, State>(
  type: CrdtType<View, Editor, State>,
  options: CrdtSuiteOptions<Editor>,
): Suite =>
  makeSuite(
    () => `${options.name ?? type.name}, seed ${options.seed ?? CRDT_SEED}`,
    crdtCases,
    () => Promise.resolve(crdtTrial(type, options)),
  )
