/**
 * What this handle knows of one remote, beside the view in its log: answers to pushes, which count until a pull has brought back what they said.
 *
 *   acks        writer → seq, from the last answers      last       the frame that the last `ok` named: part of the next basis (rule S14)
 *   forbidden   writers that may not be brought there    readFrom   nothing is lacking in the frames up to here
 *
 * known(w) = acks[w], else what the remote's vector says or implies (section 1 of the sync model).
 */
import type { Position } from "../ports/log-storage.ts"
import type { Cursor } from "../ports/remote.ts"
import type { RemoteView } from "../views/remotes.ts"
import type { StoreViews } from "../views/store-views.ts"

export class Known {
  readonly remote: string
  #views: StoreViews | undefined
  #generation = -1
  readonly #acks = new Map<number, number>()
  #forbidden: Set<number> | undefined
  last: Cursor | undefined
  readFrom: Position = 0

  constructor(remote: string) {
    this.remote = remote
  }

  /** Takes the views as they are now. What was learnt of another log, or before a restart, counts no more. */
  follow(views: StoreViews): RemoteView {
    const view = views.remotes.of(this.remote)
    if (views !== this.#views || view.generation !== this.#generation) {
      if (views !== this.#views) this.#forbidden = undefined
      this.#views = views
      this.#generation = view.generation
      this.#forgetAll()
    }
    return view
  }

  #forgetAll(): void {
    this.#acks.clear()
    this.last = undefined
    this.readFrom = 0
  }

  /** The last number of a writer that the remote is known to have. */
  of(writer: number, views: StoreViews): number {
    const acked = this.#acks.get(writer)
    if (acked !== undefined) return acked
    let { seq } = views.remotes.of(this.remote).vector.pairOf(writer)
    for (const [other, last] of this.#acks) if (last > 0) seq = Math.max(seq, views.lineage.impliedSeq(other, writer))
    return seq
  }

  /** The remote's own word on what it has: believed upwards and downwards, and then frames that were done with are looked at again. */
  ack(writer: number, seq: number): void {
    if (this.#views !== undefined && seq < this.of(writer, this.#views)) this.readFrom = 0
    this.#acks.set(writer, seq)
  }

  /** A page showed that the remote has this. */
  raise(writer: number, seq: number): void {
    const acked = this.#acks.get(writer)
    if (acked !== undefined && seq > acked) this.#acks.set(writer, seq)
  }

  /** A pull has reached the remote's head: from here on counts what it brought back. */
  settle(views: StoreViews): void {
    const { vector } = this.follow(views)
    for (const [writer, seq] of this.#acks) if (vector.pairOf(writer).seq < seq) this.readFrom = 0
    this.#acks.clear()
    this.last = undefined
  }

  /** The remote takes no operations of these writers from here (rule S35). */
  forbid(writers: Iterable<number>): void {
    this.#forbidden ??= new Set()
    for (const writer of writers) this.#forbidden.add(writer)
  }

  /** A handshake: rights may be others now. */
  allow(): void {
    if (this.#forbidden === undefined) return
    this.#forbidden = undefined
    this.readFrom = 0
  }

  /** The remote does not take everything from here. */
  get isRestricted(): boolean {
    return this.#forbidden !== undefined
  }

  /** Is the remote to get a writer's operations from here? */
  takes(writer: number, views: StoreViews): boolean {
    return this.#forbidden === undefined || (views.own.has(writer) && !this.#forbidden.has(writer))
  }

  /** Writers of which the remote lacks something. It shows in the entries; where some may not go there, in the own writers too. */
  lacking(views: StoreViews): number[] {
    const { entries } = views.vector
    const shown = this.#forbidden === undefined ? entries.keys() : new Set([...entries.keys(), ...views.own])
    const lacking: number[] = []
    for (const writer of shown) {
      const seq = entries.get(writer)?.seq ?? views.vector.pairOf(writer).seq
      if (this.takes(writer, views) && seq > this.of(writer, views)) lacking.push(writer)
    }
    return lacking
  }
}
