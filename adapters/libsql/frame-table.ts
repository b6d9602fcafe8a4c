/**
 * The frames of one store: compare-and-append, and pages of frames.
 *
 *   id = store << 40 | position        low = store << 40        high = low | 2^40 - 1
 *
 * `append` is one statement, and the database decides it, wherever it lies:
 *
 *   id is taken                  PRIMARY KEY fails      another frame is at the position
 *   id - 1 is not there          NOT NULL fails         a gap, or the store was destroyed: no store ever gets its id again
 *   position 1, no store         NOT NULL fails         the store was destroyed
 *
 * A page is one transaction of two statements, one request to a server: what the store has now, and the frames.
 */
import { CorruptFrame, FramesTrimmed, PositionOutOfRange, StoreNotFound } from "../../kernel/errors.ts"
import type { Bytes, Position, ReadLimits } from "../../kernel/ports/log-storage.ts"
import type { Access, Row, Statement } from "./database.ts"
import { POSITION_BITS, POSITION_MAX, type Tables } from "./schema.ts"
import type { Session } from "./session.ts"

/** Bytes of one page, whatever is asked for: a server answers at most 10 MB at once. */
const PAGE_BYTES_MAX = 4_194_304
const PAGE_FRAMES_MAX = 65_536

/** A frame that cannot be had. */
export interface Damage {
  readonly position: Position
  readonly reason: string
}

/** What a store has. */
export interface Extent {
  /** The last position that was dropped. */
  readonly base: Position
  readonly head: Position
}

export class FrameTable {
  readonly #session: Session
  readonly #store: number
  readonly #sql: {
    readonly insert: string
    readonly insertFirst: string
    readonly extent: string
    readonly page: string
    readonly one: string
  }
  /** Frames from here on are not read: they are damaged, and the handle was opened for what comes before. */
  #end: Position = POSITION_MAX + 1

  constructor(session: Session, { stores, frames }: Tables, store: number) {
    this.#session = session
    this.#store = store
    // A decimal literal of our own making, since a client would round it as a parameter. `|` makes integers of its operands.
    const low = (BigInt(store) << BigInt(POSITION_BITS)).toString()
    const high = `(${low} | ${POSITION_MAX})`
    const id = (position: string): string => `(${low} | ${position})`
    const insertIf = (condition: string): string =>
      `INSERT INTO ${frames} (id, bytes) VALUES (${id("?1")}, CASE WHEN EXISTS (${condition}) THEN ?2 END)`
    const lengths = `SELECT id, length(bytes) AS length FROM ${frames} WHERE id > ${id("?1")} AND id <= ${high} ` +
      "ORDER BY id LIMIT CAST(?2 AS INTEGER)"
    const totals = `SELECT id, sum(length) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING) AS total FROM (${lengths})`
    this.#sql = {
      insert: insertIf(`SELECT 1 FROM ${frames} WHERE id = ${id("?1")} - 1`),
      insertFirst: insertIf(`SELECT 1 FROM ${stores} WHERE id = ${store} AND base = 0`),
      extent:
        `SELECT base, (SELECT id & ${POSITION_MAX} FROM ${frames} WHERE id > ${low} AND id <= ${high} ORDER BY id DESC LIMIT 1) AS newest ` +
        `FROM ${stores} WHERE id = ${store}`,
      page: `SELECT id & ${POSITION_MAX} AS position, bytes FROM ${frames} WHERE id > ${id("?1")} AND id <= ` +
        `(SELECT max(id) FROM (${totals}) WHERE total <= ?3 OR id = ${id("?1")} + 1) ORDER BY id`,
      one: `SELECT bytes FROM ${frames} WHERE id = ${id("?1")}`,
    }
  }

  /** Rejects with a `DatabaseError`; a failed constraint says that the head is not `position - 1`. `position` is at least 1. */
  async append(position: Position, frame: Bytes): Promise<void> {
    const { insert, insertFirst } = this.#sql
    await this.#session.execute("write", { sql: position === 1 ? insertFirst : insert, values: [position, frame] })
  }

  /** Rejects with `StoreNotFound` if the store was destroyed meanwhile. */
  async extent(access: Access): Promise<Extent> {
    const [row] = await this.#session.execute(access, { sql: this.#sql.extent })
    return this.#extentOf(row)
  }

  /** What the store has, and the frame at `position`. */
  async extentAndFrame(position: Position): Promise<Extent & { readonly frame: unknown }> {
    const [extent, frame] = await this.#session.batch("read", [{ sql: this.#sql.extent }, { sql: this.#sql.one, values: [position] }])
    return { ...this.#extentOf(extent?.[0]), frame: frame?.[0]?.bytes }
  }

  #extentOf(row: Row | undefined): Extent {
    const { store, location } = this.#session.subject
    if (row === undefined) throw new StoreNotFound({ store, location, stores: [] })
    const { base, newest } = row
    if (!Number.isSafeInteger(base) || (base as number) < 0) throw this.#corrupt(1, "the base of the store is no position")
    if (typeof newest === "number") return { base: base as number, head: Math.min(newest, this.#end - 1) }
    // Trimming never drops the last frame.
    if (base !== 0) throw this.#corrupt(base as number + 1, "it is missing")
    return { base: 0, head: 0 }
  }

  /** A page, as the port asks for it. */
  async read(after: Position, limits: ReadLimits): Promise<readonly Bytes[]> {
    let answers: readonly (readonly Row[])[]
    try {
      answers = await this.#session.batch("stored", [{ sql: this.#sql.extent }, this.#pageOf(after, limits)])
    } catch (cause) {
      if (this.#session.meaningOf(cause) !== "damaged") throw cause
      return await this.#readBeforeDamage(after, limits)
    }
    const { base, head } = this.#extentOf(answers[0]?.[0])
    if (after < base) throw new FramesTrimmed({ after, base })
    if (after > head) throw new PositionOutOfRange({ position: after, head })
    const page: Bytes[] = []
    for (const { position, bytes } of answers[1] ?? []) {
      if (after + page.length >= head) break
      const reason = position !== after + page.length + 1 ? "it is missing" : isFrame(bytes) ? undefined : NO_FRAME
      // What comes before is whole.
      if (reason !== undefined && page.length > 0) break
      if (reason !== undefined) throw this.#corrupt(after + 1, reason)
      page.push(bytes as Bytes)
    }
    return page
  }

  #pageOf(after: Position, { maxFrames, maxBytes }: ReadLimits): Statement {
    const room = this.#end - 1 - after
    return {
      sql: this.#sql.page,
      values: [after, Math.max(0, Math.min(maxFrames, PAGE_FRAMES_MAX, room)), Math.min(maxBytes, PAGE_BYTES_MAX)],
    }
  }

  /** The way through a damaged part: as far as it is whole; rejects only if the very first frame is not. */
  async #readBeforeDamage(after: Position, { maxFrames, maxBytes }: ReadLimits): Promise<readonly Bytes[]> {
    const page: Bytes[] = []
    let total = 0
    for (let position = after + 1; page.length < maxFrames && position < this.#end; position++) {
      const found = await this.#lookAt(position)
      if (typeof found === "string") {
        if (page.length === 0) throw this.#corrupt(position, found)
        break
      }
      total += found.length
      if (page.length > 0 && total > maxBytes) break
      page.push(found)
    }
    return page
  }

  /** The frame at `position`, or why it cannot be had. */
  async #lookAt(position: Position): Promise<Bytes | string> {
    try {
      const [row] = await this.#session.execute("read", { sql: this.#sql.one, values: [position] })
      return row === undefined ? "it is missing" : isFrame(row.bytes) ? row.bytes : NO_FRAME
    } catch (cause) {
      if (this.#session.meaningOf(cause) !== "damaged") throw cause
      return cause instanceof Error ? cause.message : String(cause)
    }
  }

  /** Looks at every frame. The first that is damaged, and how; undefined if all are whole. */
  async firstDamage(): Promise<Damage | undefined> {
    let extent: Extent
    try {
      extent = await this.extent("read")
    } catch (cause) {
      if (cause instanceof CorruptFrame) return cause.details
      if (this.#session.meaningOf(cause) !== "damaged") throw cause
      // Neither end can be had: look from the first position on, until one is missing.
      extent = { base: 0, head: POSITION_MAX }
    }
    for (let position = extent.base + 1; position <= extent.head; position++) {
      const found = await this.#lookAt(position)
      if (typeof found === "string") return { position, reason: found }
    }
    return undefined
  }

  /** From now on this is the end: no frame from `position` on is read. */
  endBefore(position: Position): void {
    this.#end = position
  }

  corruptBecause(position: Position, cause: unknown): CorruptFrame {
    return this.#corrupt(position, cause instanceof Error ? cause.message : String(cause), { cause })
  }

  #corrupt(position: Position, reason: string, options?: ErrorOptions): CorruptFrame {
    return new CorruptFrame({ location: this.#session.subject.location, position, reason }, options)
  }

  get store(): number {
    return this.#store
  }
}

const NO_FRAME = "it is no BLOB of at least 1 byte"
const isFrame = (value: unknown): value is Bytes => value instanceof Uint8Array && value.length > 0
