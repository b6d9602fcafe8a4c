/**
 * Subscriptions: who is told of which changes. Each is called once a frame, in the order of the frames, after the views took it.
 *
 * Subscriptions to one key are found by the hash of its bytes, so that a record which nobody watches costs no text of its key; those to ranges are
 * asked one by one. A fold notes what may be watched, and without subscriptions nothing.
 */
import { CorruptBytes } from "../errors.ts"
import { ByteWriter } from "../format/byte-writer.ts"
import { writeUtf8 } from "../format/utf8.ts"
import { kindOf, type Logger } from "../ports/logger.ts"
import { isInRange, type KeyRange, toKeyRange } from "./key-range.ts"
import type { DecodedValues } from "../views/decoded-values.ts"
import { hashKey } from "../views/key-table.ts"
import type { StoreViews } from "../views/store-views.ts"
import type { Change, Watched } from "./types.ts"

/** Where the changed records are read. */
export interface ChangeSource {
  readonly views: StoreViews
  readonly decoded: DecodedValues
}

/** What it answers is a promise if it is asynchronous. */
type Callback = (changes: readonly Change<unknown>[]) => unknown

interface Subscription {
  readonly collection: number
  /** A key, or the bounds of keys. */
  readonly watched: string | KeyRange
  readonly callback: Callback
}

export class Subscriptions {
  readonly #source: ChangeSource
  readonly #logger: Logger
  /** Those to one key, by the hash of collection and key. */
  readonly #byHash = new Map<number, Set<Subscription>>()
  readonly #ranges = new Set<Subscription>()
  #changed = new Set<number>()

  constructor(source: ChangeSource, logger: Logger) {
    this.#source = source
    this.#logger = logger
  }

  /** Adds a subscription; answers the function that ends it. */
  add(collection: number, watched: Watched, callback: Callback): () => void {
    const subscription: Subscription = { collection, watched: typeof watched === "string" ? watched : toKeyRange(watched), callback }
    if (typeof subscription.watched !== "string") {
      this.#ranges.add(subscription)
      return () => void this.#ranges.delete(subscription)
    }
    const hash = hashOfKey(collection, subscription.watched), others = this.#byHash.get(hash) ?? new Set()
    this.#byHash.set(hash, others.add(subscription))
    return () => {
      // Called again, it must not touch what others have subscribed to since.
      if (others.delete(subscription) && others.size === 0) this.#byHash.delete(hash)
    }
  }

  /** Ends all. */
  clear(): void {
    this.#byHash.clear()
    this.#ranges.clear()
  }

  /** Notes that a fold changed a row. */
  note(row: number): void {
    if (this.#ranges.size > 0 || this.#byHash.size > 0 && this.#byHash.has(this.#hashOf(row))) this.#changed.add(row)
  }

  /** Notes that other records are shown than before: all of them, and none of those that were noted. */
  noteAll(): void {
    this.#changed = new Set()
    for (let row = 0; row < this.#source.views.records.rows.count; row++) this.note(row)
  }

  /** Is somebody subscribed to this row? */
  isWatched(row: number): boolean {
    return (this.#byHash.size > 0 || this.#ranges.size > 0) && this.#subscribersOf(row).length > 0
  }

  /** Tells of what changed since the last time. */
  deliver(): void {
    if (this.#changed.size === 0) return
    const changed = this.#changed
    this.#changed = new Set()
    const calls = new Map<Subscription, Change<unknown>[]>()
    for (const row of changed) {
      const subscribers = this.#subscribersOf(row)
      const change = subscribers.length === 0 ? undefined : this.#changeOf(row)
      if (change === undefined) continue
      for (const subscription of subscribers) {
        const changes = calls.get(subscription)
        if (changes === undefined) calls.set(subscription, [change])
        else changes.push(change)
      }
    }
    for (const [subscription, changes] of calls) {
      if (!this.#isActive(subscription)) continue // one that was called before ended it
      try {
        const answer = subscription.callback(changes)
        if (answer instanceof Promise) answer.catch((error) => this.#tellOf(error))
      } catch (error) {
        this.#tellOf(error)
      }
    }
  }

  #tellOf(error: unknown): void {
    this.#logger.error("a subscriber threw", { error: kindOf(error) })
  }

  #isActive(subscription: Subscription): boolean {
    const { collection, watched } = subscription
    return typeof watched === "string"
      ? this.#byHash.get(hashOfKey(collection, watched))?.has(subscription) === true
      : this.#ranges.has(subscription)
  }

  #subscribersOf(row: number): Subscription[] {
    const { records } = this.#source.views, { rows } = records
    const collection = rows.collectionOf(row)
    const byHash = this.#byHash.size === 0 ? undefined : this.#byHash.get(this.#hashOf(row))
    const found = byHash === undefined ? [] : this.#subscribersByKey(byHash, collection, row)
    const chunk = records.arena.chunks[rows.chunkOf(row)]!, at = rows.keyAt(row)
    for (const subscription of this.#ranges) {
      const { watched } = subscription
      if (subscription.collection === collection && typeof watched !== "string" && isInRange(watched, chunk, at, at + rows.keyBytes(row))) {
        found.push(subscription)
      }
    }
    return found
  }

  /** Nobody can have subscribed to a key that is no text: such bytes come from a log that was tampered with. */
  #subscribersByKey(byHash: ReadonlySet<Subscription>, collection: number, row: number): Subscription[] {
    try {
      const key = this.#source.decoded.keyOf(row)
      return [...byHash].filter((subscription) => subscription.collection === collection && subscription.watched === key)
    } catch (error) {
      if (error instanceof CorruptBytes) return []
      throw error
    }
  }

  #hashOf(row: number): number {
    const { rows, arena } = this.#source.views.records, at = rows.keyAt(row)
    return hashKey(arena.chunks[rows.chunkOf(row)]!, at, at + rows.keyBytes(row), rows.collectionOf(row), 0)
  }

  /** A value that cannot be decoded is told to the logger here, and to whoever reads it. */
  #changeOf(row: number): Change<unknown> | undefined {
    const { decoded, views } = this.#source, { records } = views, deleted = records.isDeleted(row)
    try {
      return { key: decoded.keyOf(row), value: deleted ? undefined : decoded.shared(row), deleted, version: views.versionOf(row) }
    } catch (error) {
      this.#logger.error("a changed record cannot be read", { error: kindOf(error) })
      return undefined
    }
  }
}

function hashOfKey(collection: number, key: string): number {
  const bytes = new ByteWriter(key.length * 3)
  bytes.length = writeUtf8(key, bytes.buffer, 0)
  return hashKey(bytes.buffer, 0, bytes.length, collection, 0)
}
