/**
 * The snapshots of one store, and the trimming that they allow.
 *
 *   slices IS NULL         being written: invisible, its pieces come some at a time, `touched` says when the last ones did
 *   slices = count         whole; the newest two are kept
 *
 * A slice is cut into pieces that a server takes; small ones share a request. Every change is a transaction whose statements carry their
 * own conditions, since nothing can be looked at in the middle of one: a piece goes nowhere without its draft, a draft becomes no snapshot
 * beside a newer one, no frame is dropped unless both snapshots are still there.
 *
 * A process that dies in the middle leaves only rows that nobody sees. They are swept when a snapshot is written, once nothing has touched
 * them for a while. If one is swept all the same (its process slept, a clock jumped), that finds its row gone and gives up.
 */
import { PositionOutOfRange, SnapshotMissing, StorageFailed } from "../../kernel/errors.ts"
import { FRAME_BYTES_MAX } from "../../kernel/limits.ts"
import type { Bytes, Position, SnapshotInfo } from "../../kernel/ports/log-storage.ts"
import type { Row, Statement } from "./database.ts"
import { PIECE_BITS, PIECES_MAX, POSITION_BITS, SLICE_BITS, SLICES_MAX, type Tables } from "./schema.ts"
import type { Session } from "./session.ts"

/** An unfinished snapshot that was not touched for this long belongs to nobody any more. */
const ABANDONED_MILLIS = 60_000
/** Frames that one transaction of `trim` drops: others wait for it. */
const TRIM_FRAMES_MAX = 1024
/** Largest row: what a server is known to take. */
const PIECE_BYTES_MAX = FRAME_BYTES_MAX
/** Pieces are sent together until they reach so many bytes, or are so many. */
const BATCH_BYTES = 1_048_576
const BATCH_PIECES_MAX = 64

interface Whole extends SnapshotInfo {
  readonly id: number
}

/** A snapshot on its way. */
export interface Draft {
  readonly id: number
  readonly at: Position
  slices: number
  bytes: number
  waiting: Statement[]
  waitingBytes: number
}

export class SnapshotTable {
  readonly #session: Session
  readonly #tables: Tables
  readonly #store: number

  constructor(session: Session, tables: Tables, store: number) {
    this.#session = session
    this.#tables = tables
    this.#store = store
  }

  /** The kept snapshots, newest first. One with a missing or damaged row is none. */
  async list(): Promise<readonly SnapshotInfo[]> {
    return (await this.#whole()).map(({ at, sliceBytes }) => ({ at, sliceBytes }))
  }

  /** The kept ones, newest first. */
  async #whole(): Promise<readonly Whole[]> {
    const { snapshots, pieces } = this.#tables
    const ofStore = `store = ${this.#store} AND slices IS NOT NULL`
    const bits = SLICE_BITS + PIECE_BITS
    const [heads = [], slices = []] = await this.#session.batch("known", [
      { sql: `SELECT id, at, slices, bytes FROM ${snapshots} WHERE ${ofStore} ORDER BY at DESC, id DESC` },
      {
        sql: `SELECT s.id AS snapshot, (p.id >> ${PIECE_BITS}) & ${SLICES_MAX - 1} AS slice, count(*) AS pieces, ` +
          `max(p.id & ${PIECES_MAX - 1}) AS highest, sum(length(p.bytes)) AS size, min(typeof(p.bytes) = 'blob') AS blobs ` +
          `FROM ${snapshots} AS s JOIN ${pieces} AS p ON p.id BETWEEN s.id << ${bits} AND (s.id << ${bits} | ${2 ** bits - 1}) ` +
          `WHERE ${ofStore} GROUP BY 1, 2 ORDER BY 1, 2`,
      },
    ])
    const kept: Whole[] = []
    for (const head of heads) {
      const newest = kept[0]
      if (newest !== undefined && (head.at as number) >= newest.at) continue
      const whole = wholeOf(head, slices.filter(({ snapshot }) => snapshot === head.id))
      if (whole !== undefined) kept.push(whole)
      if (kept.length === 2) break
    }
    return kept
  }

  async readSlice(at: Position, index: number): Promise<Bytes> {
    const { snapshots, pieces } = this.#tables
    if (!Number.isSafeInteger(at) || !Number.isInteger(index) || index < 0 || index >= SLICES_MAX) throw new SnapshotMissing({ at, index })
    const first = `((s.id << ${SLICE_BITS} | CAST(?2 AS INTEGER)) << ${PIECE_BITS} | CAST(?3 AS INTEGER))`
    const found: Bytes[] = []
    // One piece a request: two of them could be more than a server answers at once.
    for (;;) {
      const [row] = await this.#session.execute("stored", {
        sql: `SELECT p.bytes AS bytes, EXISTS (SELECT 1 FROM ${pieces} WHERE id = ${first} + 1 AND (id & ${PIECES_MAX - 1}) > 0) AS more ` +
          `FROM (SELECT id FROM ${snapshots} WHERE store = ${this.#store} AND at = CAST(?1 AS INTEGER) AND slices > CAST(?2 AS INTEGER) ` +
          `ORDER BY id DESC LIMIT 1) AS s JOIN ${pieces} AS p ON p.id = ${first}`,
        values: [at, index, found.length],
      })
      if (!(row?.bytes instanceof Uint8Array)) throw new SnapshotMissing({ at, index })
      found.push(row.bytes as Bytes)
      if (row.more !== 1) return found.length === 1 ? found[0]! : joined(found)
    }
  }

  /** Begins a snapshot; rejects with `PositionOutOfRange` if `at` cannot be the position of one. */
  async begin(at: Position, head: Position): Promise<Draft> {
    const newest = (await this.#whole())[0]?.at ?? 0
    if (!Number.isSafeInteger(at) || at < newest || at > head) throw new PositionOutOfRange({ position: at, head })
    const { snapshots } = this.#tables
    const abandoned = `store = ${this.#store} AND slices IS NULL AND abs(touched - CAST(?1 AS INTEGER)) > ${ABANDONED_MILLIS}`
    const answers = await this.#session.batch("write", [
      { sql: this.#deletePieces(abandoned), values: [Date.now()] },
      { sql: `DELETE FROM ${snapshots} WHERE ${abandoned}`, values: [Date.now()] },
      {
        sql: `INSERT INTO ${snapshots} (store, at, touched) VALUES (${this.#store}, CAST(?1 AS INTEGER), CAST(?2 AS INTEGER)) RETURNING id`,
        values: [at, Date.now()],
      },
    ])
    return { id: Number(answers[2]?.[0]?.id), at, slices: 0, bytes: 0, waiting: [], waitingBytes: 0 }
  }

  /** Adds the next slice, at the latest with {@link finish}; it is the caller's again when the call has settled. */
  async add(draft: Draft, slice: Bytes): Promise<void> {
    if (draft.slices === SLICES_MAX) throw this.#gaveUp(`it has more than ${SLICES_MAX} slices`)
    const count = Math.max(1, Math.ceil(slice.length / PIECE_BYTES_MAX))
    if (count > PIECES_MAX) throw this.#gaveUp(`a slice has more than ${PIECES_MAX} pieces of ${PIECE_BYTES_MAX} bytes`)
    for (let piece = 0; piece < count; piece++) {
      const bytes = slice.slice(piece * PIECE_BYTES_MAX, (piece + 1) * PIECE_BYTES_MAX)
      if (draft.waitingBytes + bytes.length > BATCH_BYTES || draft.waiting.length === BATCH_PIECES_MAX) await this.#send(draft)
      draft.waiting.push(this.#insertPiece(draft, piece, bytes))
      draft.waitingBytes += bytes.length
    }
    draft.slices++
    draft.bytes += slice.length
  }

  #insertPiece({ id, slices }: Draft, piece: number, bytes: Bytes): Statement {
    const { snapshots, pieces } = this.#tables
    const pieceId = (BigInt(id) << BigInt(SLICE_BITS + PIECE_BITS)) | BigInt(slices * PIECES_MAX + piece)
    return {
      // No draft, no piece: the BLOB is NULL then.
      sql: `INSERT INTO ${pieces} (id, bytes) VALUES (CAST(?1 AS INTEGER), ` +
        `CASE WHEN EXISTS (SELECT 1 FROM ${snapshots} WHERE id = ${id} AND slices IS NULL) THEN ?2 END)`,
      values: [pieceId.toString(), bytes],
    }
  }

  async #send(draft: Draft): Promise<void> {
    const { waiting } = draft
    if (waiting.length === 0) return
    draft.waiting = []
    draft.waitingBytes = 0
    const touch = { sql: `UPDATE ${this.#tables.snapshots} SET touched = CAST(?1 AS INTEGER) WHERE id = ${draft.id}`, values: [Date.now()] }
    try {
      await this.#session.batch("write", [...waiting, touch])
    } catch (cause) {
      throw this.#session.meaningOf(cause) === "constraint" ? this.#gaveUp("another process took it for abandoned", { cause }) : cause
    }
  }

  /** Makes it visible and drops what is no longer kept. */
  async finish(draft: Draft, head: Position): Promise<void> {
    await this.#send(draft)
    const { snapshots } = this.#tables
    const older = (await this.#whole()).find(({ at }) => at < draft.at)
    const ofStore = `store = ${this.#store} AND slices IS NOT NULL`
    const isDone = `EXISTS (SELECT 1 FROM ${snapshots} WHERE id = ${draft.id} AND slices IS NOT NULL)`
    const dropped = `${ofStore} AND at <= ${draft.at} AND id NOT IN (${draft.id}, ${older?.id ?? draft.id}) AND ${isDone}`
    const answers = await this.#session.batch("write", [
      {
        // Another handle may have written a newer one meanwhile.
        sql:
          `UPDATE ${snapshots} SET slices = ${draft.slices}, bytes = ${draft.bytes} WHERE id = ${draft.id} AND slices IS NULL AND NOT EXISTS ` +
          `(SELECT 1 FROM ${snapshots} WHERE ${ofStore} AND at > ${draft.at}) RETURNING id`,
      },
      { sql: this.#deletePieces(dropped) },
      { sql: `DELETE FROM ${snapshots} WHERE ${dropped}` },
      { sql: `SELECT 1 AS there FROM ${snapshots} WHERE id = ${draft.id}` },
    ])
    if (answers[0]?.length === 1) return
    throw answers[3]?.length === 1
      ? new PositionOutOfRange({ position: draft.at, head })
      : this.#gaveUp("another process took it for abandoned")
  }

  /** Drops an unfinished snapshot with its pieces; nothing if it is not there, or whole. */
  async discard({ id }: Draft): Promise<void> {
    const unfinished = `id = ${id} AND slices IS NULL`
    await this.#session.batch("write", [
      { sql: this.#deletePieces(unfinished) },
      { sql: `DELETE FROM ${this.#tables.snapshots} WHERE ${unfinished}` },
    ])
  }

  /**
   * Drops the next frames after `base` that the older snapshot covers, up to `through`, as many as one transaction may. Answers the new
   * base and whether that was all.
   */
  async trimSome(base: Position, through: Position): Promise<{ readonly base: Position; readonly isDone: boolean }> {
    const { stores, frames, snapshots } = this.#tables
    const [newest, older] = await this.#whole()
    const end = Math.min(through, older?.at ?? 0)
    if (newest === undefined || older === undefined || end <= base) return { base, isDone: true }
    const last = Math.min(end, base + TRIM_FRAMES_MAX)
    const low = BigInt(this.#store) << BigInt(POSITION_BITS)
    const areThere = `(SELECT count(*) FROM ${snapshots} WHERE id IN (${newest.id}, ${older.id}) AND slices IS NOT NULL) = 2`
    const answers = await this.#session.batch("write", [
      { sql: `DELETE FROM ${frames} WHERE id BETWEEN ${low} AND ${low | BigInt(last)} AND ${areThere}` },
      { sql: `UPDATE ${stores} SET base = max(base, ${last}) WHERE id = ${this.#store} AND ${areThere} RETURNING base` },
    ])
    const moved = answers[1]?.[0]?.base
    // Newer snapshots have come meanwhile: the caller goes on with those.
    if (typeof moved !== "number") return { base, isDone: false }
    return { base: moved, isDone: moved >= end }
  }

  #deletePieces(which: string): string {
    const { snapshots, pieces } = this.#tables
    return `DELETE FROM ${pieces} WHERE id >> ${SLICE_BITS + PIECE_BITS} IN (SELECT id FROM ${snapshots} WHERE ${which})`
  }

  #gaveUp(reason: string, options?: ErrorOptions): StorageFailed {
    return new StorageFailed({ location: this.#session.subject.location, call: "write the snapshot to", reason }, options)
  }
}

/** The snapshot, if every row of it is there and as it was written. */
const wholeOf = ({ id, at, slices, bytes }: Row, rows: readonly Row[]): Whole | undefined => {
  const isWhole = Number.isSafeInteger(at) && rows.length === slices &&
    rows.every(({ slice, pieces, highest, blobs }, index) => slice === index && highest === Number(pieces) - 1 && blobs === 1)
  const sliceBytes = rows.map(({ size }) => Number(size))
  if (!isWhole || sliceBytes.reduce((sum, length) => sum + length, 0) !== bytes) return undefined
  return { id: Number(id), at: at as Position, sliceBytes }
}

const joined = (pieces: readonly Bytes[]): Bytes => {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let end = 0
  for (const piece of pieces) {
    bytes.set(piece, end)
    end += piece.length
  }
  return bytes
}
