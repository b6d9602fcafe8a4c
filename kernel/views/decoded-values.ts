/**
 * Values as objects: decoded from a row, fresh for `get`, kept and frozen for `peek`.
 *
 * Stored bytes are checked against the profile before they are decoded for the first time, so a hostile file cannot hurt a reader.
 * What is kept is bounded; a row that somebody subscribes to stays, so that it shows the same object until it changes.
 */
import { CorruptBytes, CorruptValue } from "../errors.ts"
import { checkValue, decodeValue, freezeDeep } from "../format/msgpack.ts"
import { readUtf8 } from "../format/utf8.ts"
import type { NameTable } from "./name-table.ts"
import type { RecordsView } from "./records.ts"
import { RowFlag } from "./record-rows.ts"

/** Encoded bytes of the values that are kept decoded. */
const KEPT_BYTES_MAX = 8_388_608
/** Objects cost more than their bytes; each is counted with this much more. */
const KEPT_OVERHEAD_BYTES = 256

/** A value that is made of a record's versions. */
export interface MadeValue {
  readonly value: unknown
}

/** Makes values of several versions, or of a type's states. */
export interface MadeValues {
  /** Some collection has such values. */
  readonly isNeeded: boolean
  /** A fresh one; undefined: the row's own value is shown. */
  of(row: number): MadeValue | undefined
  /** A row changed. */
  forget(row: number): void
}

export class DecodedValues {
  /** Is somebody subscribed to a row? */
  isWatched: (row: number) => boolean = () => false
  readonly #records: RecordsView
  readonly #names: NameTable
  readonly #made: MadeValues | undefined
  readonly #kept = new Map<number, unknown>()
  #keptBytes = 0
  /** Where room is made: twice what could not be dropped the last time, so that much that is watched is not gone through each time. */
  #roomBytes = KEPT_BYTES_MAX

  constructor(records: RecordsView, names: NameTable, made?: MadeValues) {
    this.#records = records
    this.#names = names
    this.#made = made
  }

  /** The key of a row. */
  keyOf(row: number): string {
    const { rows, arena } = this.#records, at = rows.keyAt(row)
    return readUtf8(arena.chunks[rows.chunkOf(row)]!, at, at + rows.keyBytes(row))
  }

  /** A fresh value of a row that is not deleted. Throws `CorruptValue`. */
  fresh(row: number): unknown {
    const made = this.#made?.isNeeded === true ? this.#made.of(row) : undefined
    if (made !== undefined) return made.value
    const { rows, arena } = this.#records, at = rows.valueAt(row), end = at + rows.valueBytes(row)
    const chunk = arena.chunks[rows.chunkOf(row)]!
    if ((rows.flagsOf(row) & RowFlag.checked) === 0) {
      this.check(chunk, at, end, row)
      rows.addFlag(row, RowFlag.checked)
    }
    return decodeValue(chunk, at, end)
  }

  /** The value of a row, frozen, the same object until the row changes or the space is needed. Throws `CorruptValue`. */
  shared(row: number): unknown {
    const kept = this.#kept.get(row)
    if (kept !== undefined) return kept
    const value = freezeDeep(this.fresh(row))
    this.#keptBytes += this.#cost(row)
    this.#kept.set(row, value)
    if (this.#keptBytes > this.#roomBytes) this.#makeRoom()
    return value
  }

  /** A row changed: what is kept of it is old. To be called before the row's value length is read again. */
  forget(row: number): void {
    if (this.#kept.size > 0) this.#kept.delete(row)
    this.#made?.forget(row)
  }

  /** Nothing that is kept counts any more. */
  clear(): void {
    this.#kept.clear()
    this.#keptBytes = 0
  }

  /** Checks stored bytes of a value; `row` names the record in the error. */
  check(bytes: Uint8Array, start: number, end: number, row: number): void {
    try {
      checkValue(bytes, start, end)
    } catch (error) {
      if (!(error instanceof CorruptBytes)) throw error
      const collection = this.#names.names[this.#records.rows.collectionOf(row)]!
      throw new CorruptValue({ collection, key: this.keyOf(row), reason: error.message }, { cause: error })
    }
  }

  #cost(row: number): number {
    return this.#records.rows.valueBytes(row) + KEPT_OVERHEAD_BYTES
  }

  /**
   * Drops the oldest half, but not what is watched, and nothing if most of what was counted has been forgotten since. Sums up what is
   * left, since rows change their lengths.
   */
  #makeRoom(): void {
    let kept = 0
    for (const row of this.#kept.keys()) kept += this.#cost(row)
    if (kept > this.#roomBytes / 2) {
      let drop = this.#kept.size >> 1
      for (const row of this.#kept.keys()) {
        if (drop-- === 0) break
        if (this.isWatched(row)) continue
        kept -= this.#cost(row)
        this.#kept.delete(row)
      }
    }
    this.#keptBytes = kept
    this.#roomBytes = Math.max(KEPT_BYTES_MAX, kept * 2)
  }
}
