/**
 * The frames of one store: compare-and-append, and pages of frames.
 *
 *   id = store << 40 | position        low = store << 40        high = low | 2^40 - 1
 *
 * `append` is one statement, and the database decides it:
 *
 *   id is taken                  PRIMARY KEY fails      another frame is at the position
 *   id - 1 is not there          NOT NULL fails         a gap, or the store was destroyed: no store ever gets its id again
 *   position 1, no store         NOT NULL fails         the store was destroyed
 *
 * So that it holds between processes too, and against a handle that slept. The condition stands in VALUES, not in SELECT … WHERE: a
 * SELECT that reads the table it inserts into makes SQLite copy the row through a temporary table (measured: 3 µs of 18).
 */
import { CorruptFrame, FramesTrimmed, PersistError, PositionOutOfRange, StoreNotFound } from "../../kernel/errors.ts"
import type { Bytes, Position, ReadLimits } from "../../kernel/ports/log-storage.ts"
import type { Connection } from "./connection.ts"
import type { Statement } from "./drivers/driver.ts"
import { reasonOf } from "./errors.ts"
import { POSITION_BITS, POSITION_MAX, type Tables } from "./schema.ts"

/** Frames that one transaction of `trim` drops: others wait for it. */
const TRIM_FRAMES_MAX = 1024
/** A trim of another handle can come between measuring a page and reading it; once, not for ever. */
const READ_ATTEMPTS_MAX = 3

/** A frame that cannot be had. */
export interface Damage {
  readonly position: Position
  readonly reason: string
}

export class FrameTable {
  readonly #connection: Connection
  readonly #insert: Statement
  readonly #insertFirst: Statement
  readonly #last: Statement
  readonly #base: Statement
  readonly #setBase: Statement
  readonly #drop: Statement
  readonly #measure: Statement
  readonly #lengths: Statement
  readonly #page: Statement
  /** Frames from here on are not read: they are damaged, and the handle was opened for what comes before. */
  #end: Position = POSITION_MAX + 1

  constructor(connection: Connection, { stores, frames }: Tables, store: number) {
    this.#connection = connection
    const prepare = (sql: string): Statement => connection.prepare(sql)
    // A decimal literal of our own making, since a driver would round it as a parameter. Parameters are cast: some drivers bind reals.
    const low = (BigInt(store) << BigInt(POSITION_BITS)).toString()
    const high = `(${low} | ${POSITION_MAX})`
    const id = (parameter: string): string => `(${low} | ${parameter})`
    const after = (parameter: string): string => `id > ${id(parameter)} AND id <= ${high}`
    const between = (first: string, last: string): string => `id BETWEEN ${id(first)} AND ${id(last)}`
    const insertIf = (condition: string): string =>
      `INSERT INTO ${frames} (id, bytes) VALUES (${id("?1")}, CASE WHEN EXISTS (${condition}) THEN ?2 END)`
    this.#insert = prepare(insertIf(`SELECT 1 FROM ${frames} WHERE id = ${id("?1")} - 1`))
    this.#insertFirst = prepare(insertIf(`SELECT 1 FROM ${stores} WHERE id = ${store} AND base = 0`))
    this.#last = prepare(`SELECT id & ${POSITION_MAX} AS position FROM ${frames} WHERE ${after("0")} ORDER BY id DESC LIMIT 1`)
    this.#base = prepare(`SELECT base FROM ${stores} WHERE id = ${store}`)
    this.#setBase = prepare(`UPDATE ${stores} SET base = CAST(?1 AS INTEGER) WHERE id = ${store}`)
    this.#drop = prepare(`DELETE FROM ${frames} WHERE ${between("?1", "?2")}`)
    this.#measure = prepare(
      `SELECT count(*) AS frames, max(id) & ${POSITION_MAX} AS last, total(length) AS bytes FROM ` +
        `(SELECT id, length(bytes) AS length FROM ${frames} WHERE ${after("?1")} ORDER BY id LIMIT CAST(?2 AS INTEGER))`,
    )
    this.#lengths = prepare(`SELECT length(bytes) AS length FROM ${frames} WHERE ${between("?1", "?2")} ORDER BY id`)
    this.#page = prepare(`SELECT bytes FROM ${frames} WHERE ${between("?1", "?2")} ORDER BY id`)
  }

  /** Throws what SQLite throws; a failed constraint says that the head is not `position - 1`. `position` is at least 1. */
  append(position: Position, frame: Bytes): void {
    if (position === 1) this.#insertFirst.run(position, frame)
    else this.#insert.run(position, frame)
  }

  head(): Position {
    const position = this.#last.get()?.position
    if (typeof position === "number") return Math.min(position, this.#end - 1)
    const base = this.base()
    // Trimming never drops the last frame.
    if (base > 0) throw this.#corrupt(base + 1, "it is missing")
    return 0
  }

  /** The last position that was dropped. Throws `StoreNotFound` if the store was destroyed meanwhile. */
  base(): Position {
    const row = this.#base.get()
    const { store, location } = this.#connection.subject
    if (row === undefined) throw new StoreNotFound({ store, location, stores: [] })
    if (!Number.isSafeInteger(row.base) || (row.base as number) < 0) throw this.#corrupt(1, "the base of the store is no position")
    return row.base as number
  }

  /** A page, as the port asks for it. */
  read(after: Position, limits: ReadLimits): readonly Bytes[] {
    try {
      return this.#readPage(after, limits)
    } catch (cause) {
      if (cause instanceof PersistError || this.#connection.meaningOf(cause) !== "damaged") throw cause
      return this.#readBeforeDamage(after, limits)
    }
  }

  #readPage(after: Position, limits: ReadLimits): readonly Bytes[] {
    const { maxFrames, maxBytes } = limits
    for (let attempt = 1; attempt <= READ_ATTEMPTS_MAX; attempt++) {
      const room = Math.min(maxFrames, this.#end - 1 - after)
      const { frames, last, bytes } = this.#measure.get(after, Math.max(0, room))! as { frames: number; last: number; bytes: number }
      if (frames === 0) return this.#readNothing(after)
      if (last !== after + frames) break
      const count = bytes <= maxBytes ? frames : this.#countWithin(after, last, maxBytes)
      const rows = this.#page.all(after + 1, after + count)
      // Fewer: trimmed since they were measured.
      if (rows.length !== count) continue
      const page: Bytes[] = []
      for (const { bytes } of rows) {
        if (!isFrame(bytes)) {
          if (page.length > 0) break
          throw this.#corrupt(after + 1, "it is no BLOB of at least 1 byte")
        }
        page.push(bytes)
      }
      return page
    }
    const base = this.base()
    if (after < base) throw new FramesTrimmed({ after, base })
    // A frame is missing; those before it can still be had.
    return this.#readOneByOne(after, limits)
  }

  #countWithin(after: Position, last: Position, maxBytes: number): number {
    let total = 0
    let count = 0
    for (const { length } of this.#lengths.all(after + 1, last)) {
      total += Number(length)
      if (total > maxBytes) break
      count++
    }
    return Math.max(1, count)
  }

  #readNothing(after: Position): readonly Bytes[] {
    const head = this.head()
    if (after > head) throw new PositionOutOfRange({ position: after, head })
    return []
  }

  /** The way through a damaged part: as far as it is whole; throws only if the very first frame is not. */
  #readOneByOne(after: Position, { maxFrames, maxBytes }: ReadLimits): readonly Bytes[] {
    const page: Bytes[] = []
    let total = 0
    for (let position = after + 1; page.length < maxFrames && position < this.#end; position++) {
      const reason = this.#damageAt(position, (frame) => {
        total += frame.length
        if (page.length === 0 || total <= maxBytes) page.push(frame)
      })
      if (reason !== undefined && page.length === 0) throw this.#corrupt(position, reason)
      if (reason !== undefined || total > maxBytes) break
    }
    return page
  }

  #readBeforeDamage(after: Position, limits: ReadLimits): readonly Bytes[] {
    const page = this.#readOneByOne(after, limits)
    if (page.length === 0) throw this.#corrupt(after + 1, "the database is damaged around it")
    return page
  }

  /** Why the frame at `position` cannot be had; undefined after giving it to `take`. */
  #damageAt(position: Position, take: (frame: Bytes) => void): string | undefined {
    try {
      const row = this.#page.get(position, position)
      if (row === undefined) return "it is missing"
      if (!isFrame(row.bytes)) return "it is no BLOB of at least 1 byte"
      take(row.bytes)
      return undefined
    } catch (cause) {
      if (this.#connection.meaningOf(cause) !== "damaged") throw cause
      return reasonOf(cause, undefined)
    }
  }

  /** Looks at every frame. The first that is damaged, and how; undefined if all are whole. */
  firstDamage(): Damage | undefined {
    const nothing = (): void => {}
    const last = this.#orDamage(() => Number(this.#last.get()?.position ?? 0), POSITION_MAX)
    const base = this.#orDamage(() => this.base(), 0)
    for (let position = base + 1; position <= Math.max(last, base); position++) {
      const reason = this.#damageAt(position, nothing)
      if (reason !== undefined) return { position, reason }
    }
    return base > 0 && last === 0 ? { position: base + 1, reason: "it is missing" } : undefined
  }

  /** From now on this is the end: no frame from `position` on is read. */
  endBefore(position: Position): void {
    this.#end = position
  }

  /** What `look` answers; `unknown` if it meets damage. */
  #orDamage(look: () => Position, unknown: Position): Position {
    try {
      return look()
    } catch (cause) {
      if (!(cause instanceof CorruptFrame) && this.#connection.meaningOf(cause) !== "damaged") throw cause
      return unknown
    }
  }

  /** Drops the next frames up to `through`, some at a time, in a transaction that is open. Answers the new base. */
  dropSome(base: Position, through: Position): Position {
    const last = Math.min(through, base + TRIM_FRAMES_MAX)
    this.#drop.run(base + 1, last)
    this.#setBase.run(last)
    return last
  }

  /** Drops all of it, in a transaction that is open. */
  dropAll(): void {
    this.#drop.run(0, POSITION_MAX)
  }

  #corrupt(position: Position, reason: string): CorruptFrame {
    return new CorruptFrame({ location: this.#connection.subject.location, position, reason })
  }
}

const isFrame = (value: unknown): value is Bytes => value instanceof Uint8Array && value.length > 0
