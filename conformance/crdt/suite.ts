/** The suite for CRDT types: all cases about `kernel/ports/crdt-type.ts`, and the call that runs them. */
import type { CrdtEditor, CrdtType } from "../../kernel/ports/crdt-type.ts"
import { type Report, runCases, type RunOptions } from "../runner.ts"
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

/** How to edit, and how to run. */
export interface CrdtSuiteOptions<Editor> extends RunOptions {
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
 * Checks a CRDT type against its port, one case after another, and reports. `report.conforms` says whether it passed; the report names the seed.
 *
 * A case takes up to some seconds; a member that never ends cannot be interrupted. Rejects with `InvalidOption` if `only` names no case; never
 * because of the type.
 */
export const crdtSuite = async <View, Editor extends CrdtEditor<State>, State>(
  type: CrdtType<View, Editor, State>,
  options: CrdtSuiteOptions<Editor>,
): Promise<Report> =>
  await runCases(`${type.name}, seed ${options.seed ?? CRDT_SEED}`, crdtCases, async () => crdtTrial(type, options), options)
