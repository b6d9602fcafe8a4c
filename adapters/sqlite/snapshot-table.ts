/**
 * The snapshots of one store.
 *
 *   slices IS NULL         being written: invisible, its slices come one transaction each, `touched` says when the last one did
 *   slices = count         whole; the newest two are kept
 *
 * So a snapshot of any size blocks other writers for one slice at a time, and a process that dies in the middle leaves only rows that
 * nobody sees. They are swept when the store is opened or a snapshot written, once nothing has touched them for a while: another process
 * may still be at work. If it is swept all the same (it slept, a clock jumped), it finds its row gone and gives up.
 */
import { PositionOutOfRange, SnapshotMissing, StorageFailed } from "../../kernel/errors.ts"
import type { Bytes, Position, SnapshotInfo } from "../../kernel/ports/log-storage.ts"
import type { Connection } from "./connection.ts"
import type { Statement } from "./drivers/driver.ts"
import { SLICE_INDEX_BITS, SLICES_MAX, type Tables } from "./schema.ts"

interface Whole extends SnapshotInfo {
  readonly id: number
}

/** An unfinished snapshot that was not touched for this long belongs to nobody any more. */
const ABANDONED_MILLIS = 60_000

/** A snapshot on its way. */
export interface Draft {
  readonly id: number
  readonly at: Position
  slices: number
}

export class SnapshotTable {
  readonly #connection: Connection
  readonly #newest: Statement
  readonly #begin: Statement
  readonly #lastId: Statement
  readonly #touch: Statement
  readonly #isThere: Statement
  readonly #insertSlice: Statement
  readonly #finish: Statement
  readonly #finished: Statement
  readonly #abandoned: Statement
  readonly #every: Statement
  readonly #delete: Statement
  readonly #deleteSlices: Statement
  readonly #lengths: Statement
  readonly #slice: Statement

  constructor(connection: Connection, { snapshots, slices }: Tables, store: number) {
    this.#connection = connection
    const prepare = (sql: string): Statement => connection.prepare(sql)
    const ofStore = `store = ${store}`
    const sliceId = (index: string): string => `((?1 << ${SLICE_INDEX_BITS}) | ${index})`
    const slicesOf = `id BETWEEN ${sliceId("0")} AND ${sliceId(String(SLICES_MAX - 1))}`
    this.#newest = prepare(`SELECT id, at, slices FROM ${snapshots} WHERE ${ofStore} AND slices IS NOT NULL ORDER BY at DESC, id DESC`)
    this.#begin = prepare(`INSERT INTO ${snapshots} (store, at, touched) VALUES (${store}, CAST(?1 AS INTEGER), CAST(?2 AS INTEGER))`)
    this.#lastId = prepare("SELECT last_insert_rowid() AS id")
    this.#touch = prepare(`UPDATE ${snapshots} SET touched = CAST(?2 AS INTEGER) WHERE id = ?1`)
    this.#isThere = prepare(`SELECT 1 FROM ${snapshots} WHERE id = ?1 AND slices IS NULL`)
    this.#insertSlice = prepare(`INSERT INTO ${slices} (id, bytes) VALUES (${sliceId("?2")}, ?3)`)
    this.#finish = prepare(`UPDATE ${snapshots} SET slices = CAST(?2 AS INTEGER) WHERE id = ?1`)
    this.#finished = prepare(`SELECT id FROM ${snapshots} WHERE ${ofStore} AND slices IS NOT NULL`)
    this.#abandoned = prepare(`SELECT id FROM ${snapshots} WHERE ${ofStore} AND slices IS NULL AND abs(touched - ?1) > ${ABANDONED_MILLIS}`)
    this.#every = prepare(`SELECT id FROM ${snapshots} WHERE ${ofStore}`)
    this.#delete = prepare(`DELETE FROM ${snapshots} WHERE id = ?1`)
    this.#deleteSlices = prepare(`DELETE FROM ${slices} WHERE ${slicesOf}`)
    this.#lengths = prepare(
      `SELECT id & ${
        SLICES_MAX - 1
      } AS "index", typeof(bytes) AS type, length(bytes) AS length FROM ${slices} WHERE ${slicesOf} ORDER BY id`,
    )
    this.#slice = prepare(`SELECT bytes FROM ${slices} WHERE id = ${sliceId("?2")}`)
  }

  /** The kept snapshots, newest first. One with a missing or damaged row is none. In a transaction. */
  list(): readonly SnapshotInfo[] {
    return this.#whole().map(({ at, sliceBytes }) => ({ at, sliceBytes }))
  }

  /** The kept ones, newest first. */
  #whole(): readonly Whole[] {
    const newest = this.#newestWhole(() => true)
    const older = newest && this.#newestWhole((at) => at < newest.at)
    return [newest, older].filter((snapshot) => snapshot !== undefined)
  }

  #newestWhole(isMeant: (at: Position) => boolean): Whole | undefined {
    for (const { id, at, slices } of this.#newest.all()) {
      if (!Number.isSafeInteger(at) || !isMeant(at as Position)) continue
      const rows = this.#lengths.all(id as number)
      const isWhole = rows.length === slices && rows.every(({ index, type }, place) => index === place && type === "blob")
      if (isWhole) return { id: id as number, at: at as Position, sliceBytes: rows.map(({ length }) => length as number) }
    }
    return undefined
  }

  readSlice(at: Position, index: number): Bytes {
    const snapshot = this.#newest.all().find((row) => row.at === at)
    const isIndex = Number.isInteger(index) && index >= 0 && index < SLICES_MAX
    const bytes = snapshot !== undefined && isIndex ? this.#slice.get(snapshot.id as number, index)?.bytes : undefined
    if (!(bytes instanceof Uint8Array)) throw new SnapshotMissing({ at, index })
    return bytes as Bytes
  }

  /** Begins a snapshot; throws `PositionOutOfRange` if `at` cannot be the position of one. In a transaction. */
  begin(at: Position, head: Position): Draft {
    this.#check(at, head)
    this.sweep()
    this.#begin.run(at, Date.now())
    return { id: this.#lastId.get()!.id as number, at, slices: 0 }
  }

  /** Adds the next slice. In a transaction. */
  add(draft: Draft, slice: Bytes): void {
    this.#requireDraft(draft)
    if (draft.slices === SLICES_MAX) throw this.#gaveUp(`it has more than ${SLICES_MAX} slices`)
    this.#insertSlice.run(draft.id, draft.slices, slice)
    this.#touch.run(draft.id, Date.now())
  }

  /** Makes it visible and drops what is no longer kept. In a transaction. */
  finish(draft: Draft, head: Position): void {
    // Again: another handle may have written a newer one meanwhile.
    this.#check(draft.at, head)
    this.#requireDraft(draft)
    this.#finish.run(draft.id, draft.slices)
    const older = this.#newestWhole((at) => at < draft.at)
    for (const { id } of this.#finished.all()) {
      if (id !== draft.id && id !== older?.id) this.discard(id as number)
    }
  }

  /** Drops a snapshot with its slices; nothing if it is not there. In a transaction. */
  discard(id: number): void {
    this.#deleteSlices.run(id)
    this.#delete.run(id)
  }

  /** Drops what dead processes have left unfinished. In a transaction. */
  sweep(): void {
    for (const { id } of this.#abandoned.all(Date.now())) this.discard(id as number)
  }

  hasAbandoned(): boolean {
    return this.#abandoned.get(Date.now()) !== undefined
  }

  /** Drops all of them. In a transaction. */
  dropAll(): void {
    for (const { id } of this.#every.all()) this.discard(id as number)
  }

  /** The last position that may be trimmed: what the older kept snapshot covers, 0 if there is none. */
  trimmableThrough(): Position {
    return this.#whole()[1]?.at ?? 0
  }

  #check(at: Position, head: Position): void {
    const newest = this.#whole()[0]?.at ?? 0
    if (!Number.isSafeInteger(at) || at < newest || at > head) throw new PositionOutOfRange({ position: at, head })
  }

  #requireDraft({ id }: Draft): void {
    if (this.#isThere.get(id) === undefined) throw this.#gaveUp("another process took it for abandoned")
  }

  #gaveUp(reason: string): StorageFailed {
    return new StorageFailed({ location: this.#connection.subject.location, call: "write the snapshot to", reason })
  }
}
