/**
 * What a log knows of the remotes it is synced with: a fold of the changes in its frames, as of every other view.
 *
 *   cursor     how far pulling has come              vector    how far the remote has each writer, as pages and states told
 *   caught up  a pull has reached the head           refused   operations that it does not take, with code and message
 *   offset     how far this clock was ahead of it    generation  counts restarts: answers of before count no more
 */
import type { RefusedDot, RemoteChange, WriterDot } from "../format/change.ts"
import { FRAME_ID_BYTES, type WriterTable } from "../model/identifiers.ts"
import type { Lineage } from "../model/lineage.ts"
import { Vector } from "../model/vector.ts"
import type { Cursor } from "../ports/remote.ts"
import { DotMap } from "./dot-map.ts"

/** Before the first frame of any log. */
export const CURSOR_START: Cursor = { position: 0, id: new Uint8Array(FRAME_ID_BYTES) }

/** Why an operation was refused. */
export type RefusalReason = Pick<RefusedDot, "code" | "message">

export interface RemoteView {
  readonly cursor: Cursor
  readonly vector: Vector
  readonly caughtUp: boolean
  readonly refused: DotMap<RefusalReason>
  /** Not positive. */
  readonly clockOffsetMillis: number
  readonly generation: number
}

export class RemotesView {
  readonly #lineage: Lineage
  readonly #writers: WriterTable
  readonly #remotes = new Map<string, RemoteView>()
  /** Dots of dead letters, whatever remote refused them. */
  readonly dead: DotMap<RefusalReason> = new DotMap()
  /** The least offset of all remotes: what stamps are corrected by. */
  clockOffsetMillis: number = 0

  constructor(lineage: Lineage, writers: WriterTable) {
    this.#lineage = lineage
    this.#writers = writers
  }

  /** Names of all remotes that the log tells of. */
  get names(): readonly string[] {
    return [...this.#remotes.keys()]
  }

  /** What is known of a remote; of one that the log does not tell of: nothing. */
  of(name: string): RemoteView {
    return this.#remotes.get(name) ??
      {
        cursor: CURSOR_START,
        vector: new Vector(this.#lineage),
        caughtUp: false,
        refused: new DotMap(),
        clockOffsetMillis: 0,
        generation: 0,
      }
  }

  /** Folds a change; `brought` are the ranges of the blocks of its frame. Answers whether it tells of a clock. */
  fold(change: RemoteChange, brought: readonly WriterRange[]): boolean {
    const before = this.of(change.remote)
    const vector = change.restart ? new Vector(this.#lineage) : before.vector
    if (change.cursor !== undefined && !change.restart) { for (const { writer, to } of brought) raise(vector, writer, to) }
    for (const { writer, seq } of change.ranges) raise(vector, this.#writers.indexOf(writer), seq)
    for (const { writer, seq, code, message } of change.refused) before.refused.set(this.#writers.indexOf(writer), seq, { code, message })
    for (const dot of change.dead) this.#bury(dot, before.refused)
    this.#remotes.set(change.remote, {
      cursor: change.cursor ?? before.cursor,
      vector,
      caughtUp: change.caughtUp || (before.caughtUp && !change.restart),
      refused: before.refused,
      clockOffsetMillis: change.clockOffsetMillis ?? before.clockOffsetMillis,
      generation: before.generation + (change.restart ? 1 : 0),
    })
    if (change.clockOffsetMillis === undefined) return false
    this.clockOffsetMillis = Math.min(0, ...[...this.#remotes.values()].map((remote) => remote.clockOffsetMillis))
    return true
  }

  #bury({ writer, seq }: WriterDot, refused: DotMap<RefusalReason>): void {
    const index = this.#writers.indexOf(writer)
    this.dead.set(index, seq, refused.get(index, seq) ?? { code: "refused", message: "" })
  }
}

/** A writer's numbers up to `to`, by its index. */
export interface WriterRange {
  readonly writer: number
  readonly to: number
}

function raise(vector: Vector, writer: number, to: number): void {
  const known = vector.entries.get(writer)
  if (known !== undefined && to <= known.seq) return
  if (to <= vector.pairOf(writer).seq) return
  vector.raise(writer, to)
  if (known === undefined) vector.prune(writer)
}
