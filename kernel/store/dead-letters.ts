/**
 * Dead letters: writes that a remote does not take. They stay in the log and are shown here; somebody who knows what they mean answers them.
 *
 *   retry     one operation with their value, or with another, in their place        goes to the remotes anew
 *   discard   as if they had never been: what they replaced is written again,        so does this
 *             what stands beside them is chosen, or the record is deleted
 *
 * Any other write that covers the version answers it as well. An answer is an operation as all others are: it covers the dead version and leaves
 * the version's siblings open, so it travels, and whoever hears of it has nothing left to answer. Nothing else waits for one.
 */
import { checkFunction } from "../arguments.ts"
import { InvalidOption, InvalidValue } from "../errors.ts"
import { decodeValue } from "../format/msgpack.ts"
import { compareBytes } from "../format/utf8.ts"
import { bytesToHex } from "../model/identifiers.ts"
import { OperationKind } from "../model/operation.ts"
import { compareVersions, greatest, settledBy, supersedes } from "../model/versions.ts"
import type { CrdtEditor } from "../ports/crdt-type.ts"
import { kindOf } from "../ports/logger.ts"
import { textOf } from "../text.ts"
import type { OpenLetter } from "../views/dead-letters.ts"
import { type DeadLetter, type DeadLetterName, toDeadLetter } from "./dead-letter.ts"
import type { OperationSide } from "./pending-write.ts"
import { readReplaced, type ReplacedVersions } from "./replaced-versions.ts"
import { refusePromise } from "./callback.ts"
import type { StoreCore } from "./store-core.ts"
import { writeInBuild } from "./transaction.ts"
import type { Written } from "./types.ts"

/** What a value becomes before it is tried again. */
type Change = (value: unknown) => unknown

/** An open letter in a build, and the record that it is of. */
interface FoundLetter extends OpenLetter {
  readonly collection: number
  readonly key: string
}

export class DeadLetters<T> {
  readonly #core: StoreCore

  /** @internal Made by a store. */
  constructor(core: StoreCore) {
    this.#core = core
  }

  /** All that are open, of all collections, in the order of collections' names and keys; several of one record in that of their stamps. */
  async list(): Promise<readonly DeadLetter<T>[]> {
    const core = this.#core
    core.assertOpen("deadLetters.list")
    await core.log.settled()
    return Object.freeze(sorted(core, core.deadLetters.all()).map((letter) => toDeadLetter<T>(core, letter)))
  }

  /**
   * Writes a letter's value again, or what `change` makes of it; a delete is deleted again, unless `change` (which is given undefined) answers a
   * value. It goes to the remotes as a new write: one that they refuse as well is a new dead letter.
   *
   * `change` is synchronous, gets a copy of its own, and may run again when another process was faster; in a collection of a CRDT type it is given
   * the editor, as by `update`. Passes a full queue.
   *
   * Rejects with `InvalidOption` if the letter is none any more, since it was answered, here or on another device; with `CorruptValue` if its value
   * cannot be read, `WrongCollectionType` if `change` would need a type that the collection was not given; with what `change` throws, `CallbackNotSynchronous` for a promise, `InvalidValue` and `ValueTooLarge` for its answer. Nothing
   * is stored then.
   */
  retry<Value = T>(letter: DeadLetterName, change?: (value: Value) => unknown): Promise<Written> {
    const core = this.#core
    return write(core, "deadLetters.retry", () => {
      if (change !== undefined) checkFunction("change", change)
      retryInBuild(core, findLetter(core, letter), change as Change | undefined)
    })
  }

  /**
   * Undoes a letter: what it had replaced is written again, and of what stands beside it the greatest version is chosen, if that is greater; a
   * record that has neither is deleted. Reads the log from its beginning, unless the letter had replaced nothing. Passes a full queue.
   *
   * Rejects with `InvalidOption` if the letter is none any more, with `FramesTrimmed` if the log does not have all that was there before it, and with
   * `BatchTooLarge` if it had replaced several versions that are too much for one frame. Nothing is stored then.
   */
  async discard(letter: DeadLetterName): Promise<Written> {
    const core = this.#core, call = "deadLetters.discard"
    let replaced: ReplacedVersions | undefined
    for (;;) {
      let lacking: FoundLetter | undefined
      const written = await write(core, call, () => {
        const found = findLetter(core, letter), hasPast = found.version.context.length > 0
        lacking = hasPast && replaced?.views !== core.views ? found : undefined
        if (lacking === undefined) discardInBuild(core, found, hasPast ? replaced?.versions ?? [] : [])
      })
      if (lacking === undefined) return written
      replaced = await readReplaced(core, call, lacking.collection, lacking.key, lacking.version)
    }
  }

  /**
   * Calls `callback` with those that are new, after each frame that brought some, whatever process wrote it, until the function that it answers is
   * called or the store is closed. Those that are there already are in `list()`. A callback that throws is told to the logger and stops nobody else.
   */
  subscribe(callback: (letters: readonly DeadLetter<T>[]) => void): () => void {
    const core = this.#core
    core.assertOpen("deadLetters.subscribe")
    checkFunction("callback", callback)
    let { deadLetters } = core, { arrivals } = deadLetters, known = versionsOf(core, deadLetters.all())
    const complain = (error: unknown): void => core.options.logger.error("a listener to dead letters threw", { error: kindOf(error) })
    const end = core.onFrame(() => {
      if (core.isClosed || (deadLetters === core.deadLetters && arrivals === deadLetters.arrivals)) return
      deadLetters = core.deadLetters
      arrivals = deadLetters.arrivals
      const before = known, open = deadLetters.all()
      known = versionsOf(core, open)
      const news = open.filter((letter) => !before.has(versionOf(core, letter)))
      if (news.length === 0) return
      try {
        const answer: unknown = callback(Object.freeze(sorted(core, news).map((letter) => toDeadLetter<T>(core, letter))))
        if (answer instanceof Promise) answer.catch(complain)
      } catch (error) {
        complain(error)
      }
    })
    return end
  }
}

const versionOf = ({ views: { writers } }: StoreCore, { version: { writer, seq } }: OpenLetter): string => writers.versionOf(writer, seq)
const versionsOf = (core: StoreCore, letters: readonly OpenLetter[]): ReadonlySet<string> =>
  new Set(letters.map((letter) => versionOf(core, letter)))

const compareAll = (a: Uint8Array, b: Uint8Array): number => compareBytes(a, 0, a.length, b, 0, b.length)

function sorted({ records, views, names: { names } }: StoreCore, letters: OpenLetter[]): OpenLetter[] {
  const encoder = new TextEncoder()
  const collectionOf = ({ row }: OpenLetter): Uint8Array => encoder.encode(names[records.rows.collectionOf(row)])
  return letters.sort((a, b) =>
    compareAll(collectionOf(a), collectionOf(b)) || records.compareKeys(a.row, b.row) ||
    compareVersions(a.version, b.version, (left, right) => views.writers.compare(left, right))
  )
}

/** An answer has its frame to itself: what it leaves open must not depend on who else writes the record. */
const write = (core: StoreCore, call: string, callback: () => void): Promise<Written> =>
  core.writeInBuild(call, "version", callback, true, true) as Promise<Written>

/** In a build: the letter, if it still is one. */
function findLetter(core: StoreCore, letter: DeadLetterName): FoundLetter {
  const { collection: name, key, version } = Object(letter) as Partial<DeadLetterName>
  const gone = (): InvalidOption =>
    new InvalidOption({
      option: "letter",
      found: textOf(version),
      expected: "a dead letter that nobody has answered: read deadLetters.list() again",
    })
  const collection = core.names.names.findIndex((known) => known === name)
  if (collection < 0 || typeof key !== "string" || key === "") throw gone()
  core.author.need(collection, key)
  const row = core.rowOf(collection, key)
  const found = row < 0 ? undefined : core.deadLetters.of(row).find((one) => versionOf(core, { row, version: one }) === version)
  if (found === undefined) throw gone()
  return { collection, key, row, version: found }
}

function retryInBuild(core: StoreCore, letter: FoundLetter, change: Change | undefined): void {
  const { collection, key, row, version } = letter, { type } = core.views.settings.of(collection), deleted = version.valueBytes === 0
  const side: OperationSide = { parents: [version], isApart: true, type }
  if (change !== undefined) writeInBuild(core, OperationKind.put, collection, key, changedValue(core, letter, change), side)
  else if (deleted) writeInBuild(core, OperationKind.delete, collection, key, undefined, side)
  else {
    storedValue(core, row, version) // what cannot be read is not written again
    writeStored(core, OperationKind.put, letter, bytesOf(core, version), side)
  }
}

function changedValue(core: StoreCore, { collection, key, row, version }: FoundLetter, change: Change): unknown {
  const { strategies, author } = core, { type: typeName } = core.views.settings.of(collection), callback = "the function given to retry()"
  if (typeName === undefined) {
    const changed = change(strategies.toRecordVersion(row, version).value)
    refusePromise(changed, callback)
    if (changed === undefined) throw new InvalidValue({ path: key, reason: `${callback} answered undefined; it must return the new value` })
    return changed
  }
  const type = strategies.typeOf(collection), { writer, seq, millis } = author.nextOperation
  // Beside what else the record has: an edit may rely on seeing all that its writer wrote of it, and would take away what it does not see.
  const letter = version.valueBytes === 0 ? type.empty() : type.decode(storedValue(core, row, version))
  const state = type.join(letter, strategies.joinedToEdit(row).state)
  const editor = type.edit(state, { writer: bytesToHex(writer), seq, millis }) as CrdtEditor<unknown>
  refusePromise(change(editor), callback)
  return type.encode(editor.state)
}

/**
 * Writes all that the letter replaced and that nothing else has replaced since, oldest first, as versions beside each other that cover the letter
 * alone; then chooses the greatest version that stands beside the letter, if that would be shown without it. Other letters of the record count as
 * nothing: they may be discarded as well, and what all of them had replaced must not be lost with the last.
 */
function discardInBuild(core: StoreCore, letter: FoundLetter, replaced: ReplacedVersions["versions"]): void {
  const { views: { lineage, writers, settings, remotes: { dead } }, records } = core, { collection, key, row, version } = letter
  const compareWriters = (a: number, b: number): number => writers.compare(a, b), { type } = settings.of(collection)
  const others = records.versionsOf(row).filter(({ writer, seq }) => !dead.has(writer, seq))
  const restored = replaced.filter((one) => !others.some((other) => supersedes(other, one, lineage, compareWriters)))
  const alone: OperationSide = { parents: [version], isApart: true, type }
  for (const { bytes } of restored) writeStored(core, bytes.length > 0 ? OperationKind.put : OperationKind.delete, letter, bytes, alone)
  const last = restored.at(-1), best = others.length > 0 ? greatest(others, compareWriters) : undefined
  if (best !== undefined && (last === undefined || compareVersions(best, last, compareWriters) > 0)) {
    const parents = [version, best]
    writeStored(core, OperationKind.choice, letter, bytesOf(core, best), { parents, settles: settledBy(parents, lineage), isApart: true })
  } else if (last === undefined) writeInBuild(core, OperationKind.delete, collection, key, undefined, alone)
}

/** A stored value as it is, whatever its collection makes of it. Throws `CorruptValue`. */
function storedValue({ records, decoded }: StoreCore, row: number, { chunk, valueAt, valueBytes }: OpenLetter["version"]): unknown {
  const bytes = records.arena.chunks[chunk]!, end = valueAt + valueBytes
  decoded.check(bytes, valueAt, end, row)
  return decodeValue(bytes, valueAt, end)
}

const bytesOf = ({ records }: StoreCore, { chunk, valueAt, valueBytes }: OpenLetter["version"]): Uint8Array =>
  records.arena.chunks[chunk]!.subarray(valueAt, valueAt + valueBytes)

/** Stages an operation with a value that is encoded already, and adds it to the frame at hand. */
function writeStored(
  { staging, author }: StoreCore,
  kind: OperationKind,
  { collection, key }: FoundLetter,
  bytes: Uint8Array,
  side: OperationSide,
): void {
  const { keys, values } = staging, keyStart = keys.place, valueStart = values.place
  staging.add(key, undefined, false)
  values.out.bytes(bytes, 0, bytes.length)
  author.addOperation({ kind, collection, keyStart, keyEnd: keys.place, valueStart, valueEnd: values.place, expected: undefined, side })
}
