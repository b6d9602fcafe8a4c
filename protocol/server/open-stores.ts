/**
 * Open stores: the logs that a server has open, at most `openStoresMax`; opened when somebody asks, closed when nobody does.
 *
 *   acquire ──▶ entry ──▶ one opening, shared by all who wait for it ──▶ RemoteLog
 *                │
 *                works    requests under way: such a store stays open
 *                lives    who listens for hints: told to come again when the place is needed
 *                idle     closed after `idleStoreMillis`, or for another store, the one used longest ago first
 *
 * A failed opening is not remembered. A store that is being closed is waited for before it is opened again, since some adapters lock it.
 * Opening, open and closing stores count alike, so the bound is one of handles.
 */
import { PersistError, StoreNotFound } from "../../kernel/errors.ts"
import { kindOf, type Logger, storeLogger } from "../../kernel/ports/logger.ts"
import type { Adapter } from "../../kernel/ports/log-storage.ts"
import { type Platform, startTimer } from "../../kernel/ports/platform.ts"
import type { RemoteLog } from "../../kernel/sync/remote-log.ts"
import { WireError, wireError } from "../errors.ts"
import type { ServerLimits } from "./limits.ts"
import { adapterStoreName } from "./store-names.ts"
import { StoreQuota } from "./store-quota.ts"

const RETRY_AFTER_MILLIS = 1000
/** Errors after which a log is opened anew: this handle will not serve again. */
const FINAL: ReadonlySet<string> = new Set(["flush_failed", "store_closed", "read_only", "corrupt_frame"])

/** A store of a principal: what names it, and where it is kept. */
export interface StorePlace {
  readonly namespace: string
  readonly name: string
  readonly adapter: Adapter
}

export interface OpenStoresOptions {
  readonly limits: ServerLimits
  readonly platform: Platform
  readonly logger: Logger
  /** Opens a log by the name that the adapter knows it by; `create` false: rejects with `StoreNotFound` if it is missing. */
  readonly openLog: (adapter: Adapter, name: string, create: boolean) => Promise<RemoteLog>
}

/** A log that stays open until it is released. */
export interface StoreLease {
  readonly log: RemoteLog
  /** Lets go. Idempotent. */
  release(): void
  /** Lets go of the work, yet listens: `onRetire` is called when the store is about to be closed. Answers what ends it; idempotent. */
  listen(onRetire: () => void): () => void
  /** Tells what an answer failed with; a log that cannot go on, or may be wrong by a defect, is opened anew for the next one who asks. */
  failed(error: unknown): void
}

interface Entry {
  readonly key: string
  readonly opening: Promise<RemoteLog>
  readonly mayCreate: boolean
  isOpen: boolean
  works: number
  readonly lives: Set<() => void>
  cancelIdle: (() => void) | undefined
}

export class OpenStores {
  readonly #options: OpenStoresOptions
  readonly #quota: StoreQuota
  /** In the order of their last use, longest ago first. */
  readonly #entries = new Map<string, Entry>()
  /** Closings under way, by the key of their store; resolve always. */
  readonly #closings = new Map<string, Promise<void>>()
  #handles = 0

  constructor(options: OpenStoresOptions) {
    this.#options = options
    this.#quota = new StoreQuota(options.platform, options.limits.storesMax)
  }

  /** Stores that are opening, open or closing. */
  get size(): number {
    return this.#handles
  }

  /**
   * The log of a store, opened if it is not. A store that is missing is made if `mayCreate`, else the call rejects with `StoreNotFound`.
   *
   * Rejects with `overloaded` while every open store is at work, with `quota_exceeded` where the namespace may have no more stores, and with
   * what opening rejects with.
   */
  async acquire(place: StorePlace, mayCreate: boolean): Promise<StoreLease> {
    const key = adapterStoreName(place.namespace, place.name)
    for (;;) {
      const entry = this.#entries.get(key) ?? await this.#enter(key, place, mayCreate)
      if (entry === undefined) continue
      this.#touch(entry)
      entry.works++
      try {
        return this.#lease(entry, await entry.opening)
      } catch (error) {
        entry.works--
        // Another one, who may not make it, asked first.
        if (mayCreate && !entry.mayCreate && error instanceof StoreNotFound) continue
        throw error
      }
    }
  }

  /** Closes every store, also those at work; resolves when all are. Who listens is told. */
  async close(): Promise<void> {
    for (const entry of [...this.#entries.values()]) this.#retire(entry)
    await Promise.all(this.#closings.values())
  }

  /** Begins to open a store; undefined: something changed while a place for it was found, so look again. */
  async #enter(key: string, place: StorePlace, mayCreate: boolean): Promise<Entry | undefined> {
    const closing = this.#closings.get(key)
    if (closing !== undefined) return void await closing
    if (this.#handles >= this.#options.limits.openStoresMax) return void await this.#makeRoom()
    this.#handles++
    const opening = this.#open(key, place, mayCreate)
    const entry: Entry = { key, opening, mayCreate, isOpen: false, works: 0, lives: new Set(), cancelIdle: undefined }
    this.#entries.set(key, entry)
    opening.then(() => entry.isOpen = true, () => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key)
      this.#handles--
    })
    return entry
  }

  async #open(key: string, { namespace, adapter }: StorePlace, mayCreate: boolean): Promise<RemoteLog> {
    const { openLog } = this.#options
    try {
      return await openLog(adapter, key, false)
    } catch (error) {
      if (!mayCreate || !(error instanceof StoreNotFound)) throw error
    }
    const takeBack = await this.#quota.admit(namespace, adapter)
    try {
      return await openLog(adapter, key, true)
    } catch (error) {
      takeBack()
      throw error
    }
  }

  /** Closes the store used longest ago that nobody works with, or waits for one that is being closed. Rejects with `overloaded`. */
  async #makeRoom(): Promise<void> {
    for (const entry of this.#entries.values()) {
      if (entry.isOpen && entry.works === 0) return await this.#retire(entry)
    }
    const [closing] = this.#closings.values()
    if (closing !== undefined) return await closing
    throw wireError("overloaded", "every store that the server may have open is at work", { retryAfterMillis: RETRY_AFTER_MILLIS })
  }

  #touch(entry: Entry): void {
    this.#stopIdling(entry)
    if (this.#entries.get(entry.key) !== entry) return
    this.#entries.delete(entry.key)
    this.#entries.set(entry.key, entry)
  }

  #lease(entry: Entry, log: RemoteLog): StoreLease {
    let isReleased = false
    const release = (): void => {
      if (isReleased) return
      isReleased = true
      entry.works--
      this.#rest(entry)
    }
    return {
      log,
      release,
      listen: (onRetire) => {
        entry.lives.add(onRetire)
        release()
        return () => {
          if (entry.lives.delete(onRetire)) this.#rest(entry)
        }
      },
      failed: (error) => {
        if (error instanceof WireError) return
        if (!(error instanceof PersistError) || FINAL.has(error.code)) this.#retire(entry)
      },
    }
  }

  /** Somebody let go: a store that is nobody's any more is closed after a while; one that was given up, at once. */
  #rest(entry: Entry): void {
    if (entry.works > 0 || entry.lives.size > 0 || this.#entries.get(entry.key) !== entry) return
    const { platform, limits } = this.#options
    this.#stopIdling(entry)
    entry.cancelIdle = startTimer(platform, () => void this.#retire(entry), limits.idleStoreMillis, true)
  }

  #stopIdling(entry: Entry): void {
    entry.cancelIdle?.()
    entry.cancelIdle = undefined
  }

  /** Takes a store out, so that nobody finds it any more, tells who listens, and closes it. Resolves when it is closed; never rejects. */
  #retire(entry: Entry): Promise<void> {
    if (this.#entries.get(entry.key) !== entry) return this.#closings.get(entry.key) ?? Promise.resolve()
    this.#stopIdling(entry)
    this.#entries.delete(entry.key)
    const listening = [...entry.lives]
    entry.lives.clear()
    for (const onRetire of listening) onRetire()
    const closing = this.#close(entry).finally(() => {
      if (this.#closings.get(entry.key) === closing) this.#closings.delete(entry.key)
    })
    this.#closings.set(entry.key, closing)
    return closing
  }

  async #close(entry: Entry): Promise<void> {
    const log = await entry.opening.catch(() => undefined)
    // One that could not be opened holds nothing, and has been counted off.
    if (log === undefined) return
    try {
      await log.close()
    } catch (error) {
      storeLogger(this.#options.logger, entry.key).error("a store could not be closed", { code: kindOf(error) })
    }
    this.#handles--
  }
}
