/**
 * Settings: what a log notes of how its records are shown; local, never handed on. The content of a part of a frame, one setting each.
 *
 *   0  collection      nil or str   the collection's name; nil: of all that have no setting of their own
 *   1  strategy        uint         0 last-write-wins, 1 merge, 2 manual, 3 crdt
 *   2  deleteConflict  uint         0 keep-update, 1 last-write-wins, 2 manual
 *   3  type            nil or str   name of the CRDT type, 1 to 64 bytes; with strategy 3 alone, and always there
 *
 * Numbers that are not known close the log: a release that took them for something else would cover versions that somebody wanted to keep.
 */
import { FormatTooNew } from "../errors.ts"
import { COLLECTION_NAME_BYTES_MAX, CRDT_TYPE_BYTES_MAX } from "../limits.ts"
import { DELETE_CONFLICTS, type Setting, STRATEGIES } from "../model/strategy.ts"
import type { Bytes } from "../ports/log-storage.ts"
import { type ByteReader, ByteWriter } from "./bytes.ts"

/** A setting, and what it is of; undefined: of every collection without one. */
export interface CollectionSetting extends Setting {
  readonly collection: string | undefined
}

const ELEMENTS = 4

/** The content of a part. */
export function encodeSetting({ collection, strategy, deleteConflict, type }: CollectionSetting): Bytes {
  const out = new ByteWriter(64)
  out.msgArray(ELEMENTS)
  writeText(out, collection)
  out.msgUint(STRATEGIES.indexOf(strategy))
  out.msgUint(DELETE_CONFLICTS.indexOf(deleteConflict))
  writeText(out, type)
  return out.buffer.slice(0, out.length)
}

function writeText(out: ByteWriter, text: string | undefined): void {
  if (text === undefined) out.msgNil()
  else out.msgStr(text)
}

/** Reads what `reader` points at, to its end. Throws `CorruptBytes`, or `FormatTooNew` for a strategy that is not known. */
export function decodeSetting(reader: ByteReader): CollectionSetting {
  if (reader.msgArray() !== ELEMENTS) reader.refuse(`a setting does not have ${ELEMENTS} elements`)
  const collection = reader.takeNil() ? undefined : reader.msgStr(COLLECTION_NAME_BYTES_MAX)
  const strategy = readWord(reader, STRATEGIES, "a setting's strategy"), deleteConflict = readWord(reader, DELETE_CONFLICTS, "a setting")
  const type = reader.takeNil() ? undefined : reader.msgStr(CRDT_TYPE_BYTES_MAX)
  if ((strategy === "crdt") !== (type !== undefined)) reader.refuse("a setting names a type, and its strategy is no type's, or the reverse")
  if (type === "" || strategy === "crdt" && collection === undefined) reader.refuse("a type is named by an empty text, or of no collection")
  reader.expectEnd()
  return { collection, strategy, deleteConflict, type }
}

function readWord<Word>(reader: ByteReader, words: readonly Word[], location: string): Word {
  const found = reader.msgUint(), word = words[found]
  if (word === undefined) throw new FormatTooNew({ location, found, known: words.length - 1 })
  return word
}
