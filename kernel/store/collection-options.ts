/** Options of a collection: how its records are shown when they were written apart. Checked, and turned into a setting of the log. */
import { checkFunction, checkMembers, checkMethods, oneOf } from "../arguments.ts"
import { InvalidOption } from "../errors.ts"
import { utf8Length } from "../format/utf8.ts"
import { CRDT_TYPE_BYTES_MAX } from "../limits.ts"
import { DELETE_CONFLICTS, type DeleteConflict, deleteConflictOf, type Setting, type Strategy } from "../model/strategy.ts"
import { textOf } from "../text.ts"
import type { CrdtEditor, CrdtType } from "../ports/crdt-type.ts"
import type { MergeFunction } from "./merge-function.ts"
import type { AnyCrdtType } from "./strategies.ts"

/** What is shown of a record that was written in two places at once. All versions are kept until a write covers them. */
export interface StrategyOptions<T> {
  /**
   * `last-write-wins` (default): the later write. `merge`: what `merge` makes of them. `manual`: the later write, and the record stands in `conflicts()`
   * until somebody calls `resolve`.
   */
  readonly strategy?: Exclude<Strategy, "crdt"> | undefined
  /** Makes one value of two; with the strategy merge alone. See {@link MergeFunction}. */
  readonly merge?: MergeFunction<T> | undefined
  /**
   * What becomes of deletes beside updates: the updates alone count (`keep-update`, the default of merge and of CRDT types), the later one
   * (`last-write-wins`, the default of last-write-wins), or somebody has to decide (`manual`, the default of manual).
   */
  readonly deleteConflict?: DeleteConflict | undefined
}

/** How a collection of a CRDT type is made. */
export interface CrdtCollectionOptions<View, Editor extends CrdtEditor<State>, State> {
  /** What its records are. It stands in the log: other types, and plain values, are refused. */
  readonly type: CrdtType<View, Editor, State>
  /** What becomes of deletes beside updates. Default `keep-update`. */
  readonly deleteConflict?: DeleteConflict | undefined
}

/** Checked options: what the log notes, and what this handle keeps. */
export interface ParsedStrategy {
  /** Undefined: as it was. */
  readonly setting: Setting | undefined
  readonly merge: MergeFunction<unknown> | undefined
  readonly type: AnyCrdtType | undefined
}

const NAMES = ["last-write-wins", "merge", "manual"] as const
/** Names of the members of `StrategyOptions`. */
export const STRATEGY_MEMBERS: readonly (keyof StrategyOptions<unknown>)[] = ["strategy", "merge", "deleteConflict"]
const COLLECTION_MEMBERS = [...STRATEGY_MEMBERS, "type"]
const TYPE_METHODS = ["empty", "join", "encode", "decode", "view", "edit"]

/** Checks the options of a collection. Throws `InvalidOption`. */
export function parseCollectionOptions(given: unknown): ParsedStrategy {
  checkMembers("options", given, COLLECTION_MEMBERS)
  const { type, ...rest } = given as StrategyOptions<unknown> & { readonly type?: AnyCrdtType }
  if (type === undefined) return parseStrategy(rest)
  if (rest.strategy !== undefined || rest.merge !== undefined) {
    throw new InvalidOption({
      option: "strategy",
      found: textOf(rest.strategy ?? "merge"),
      expected: "none beside a type: that brings its own",
    })
  }
  checkMethods("type", type, TYPE_METHODS, `a CRDT type: an object with the methods ${TYPE_METHODS.join(", ")}`)
  const bytes = typeof type.name === "string" ? utf8Length(type.name) : -1
  if (bytes < 1 || bytes > CRDT_TYPE_BYTES_MAX) {
    throw new InvalidOption({ option: "type", found: textOf(type.name), expected: `a name of 1 to ${CRDT_TYPE_BYTES_MAX} bytes in UTF-8` })
  }
  return { setting: { strategy: "crdt", deleteConflict: deleteConflictIn(rest, "crdt"), type: type.name }, merge: undefined, type }
}

/** Checks a strategy and what belongs to it; other members are not looked at. Throws `InvalidOption`. */
export function parseStrategy(
  given: { readonly strategy?: unknown; readonly merge?: unknown; readonly deleteConflict?: unknown },
): ParsedStrategy {
  const { merge, deleteConflict } = given
  if (merge !== undefined) checkFunction("merge", merge)
  if (given.strategy === undefined && merge === undefined && deleteConflict === undefined) {
    return { setting: undefined, merge: undefined, type: undefined }
  }
  const strategy = oneOf("strategy", given.strategy, NAMES)
  if ((strategy === "merge") !== (merge !== undefined)) {
    const expected = strategy === "merge"
      ? "a function of two versions, with the strategy merge"
      : 'the strategy "merge" beside the function'
    throw new InvalidOption({
      option: strategy === "merge" ? "merge" : "strategy",
      found: strategy === "merge" ? "undefined" : strategy,
      expected,
    })
  }
  return {
    setting: { strategy, deleteConflict: deleteConflictIn(given, strategy), type: undefined },
    merge: merge as MergeFunction<unknown> | undefined,
    type: undefined,
  }
}

const deleteConflictIn = ({ deleteConflict }: { readonly deleteConflict?: unknown }, strategy: Strategy): DeleteConflict =>
  deleteConflict === undefined ? deleteConflictOf(strategy) : oneOf("deleteConflict", deleteConflict, DELETE_CONFLICTS)
