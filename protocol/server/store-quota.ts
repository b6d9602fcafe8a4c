/**
 * Store quota: how many stores a namespace has, before it gets another one. Counted by the names at the adapter, remembered for a minute and
 * corrected by what this server makes itself. With several servers over one adapter it may be passed by what they make within that minute.
 */
import type { Adapter } from "../../kernel/ports/log-storage.ts"
import { type Platform, startTimer } from "../../kernel/ports/platform.ts"
import { wireError } from "../errors.ts"
import { namespacePrefix } from "./store-names.ts"

const REMEMBERED_MILLIS = 60_000
const REMEMBERED_MAX = 1000
const RETRY_AFTER_MILLIS = 60_000

export class StoreQuota {
  readonly #platform: Platform
  readonly #storesMax: number
  /** By namespace; counting is a promise, so that whoever comes meanwhile waits for the same answer. */
  readonly #counts = new Map<string, Promise<{ stores: number }>>()

  constructor(platform: Platform, storesMax: number) {
    this.#platform = platform
    this.#storesMax = storesMax
  }

  /**
   * Counts one more store of `namespace` at `adapter`. Throws `quota_exceeded` if it has as many as it may.
   * Answers a function that takes it back, for a store that could not be made after all.
   */
  async admit(namespace: string, adapter: Adapter): Promise<() => void> {
    const count = await this.#count(namespace, adapter)
    if (count.stores >= this.#storesMax) {
      throw wireError("quota_exceeded", `there are ${count.stores} stores, at most ${this.#storesMax} are allowed`, {
        retry: "after_action",
        retryAfterMillis: RETRY_AFTER_MILLIS,
        details: { storesMax: this.#storesMax },
      })
    }
    count.stores++
    return () => void count.stores--
  }

  async #count(namespace: string, adapter: Adapter): Promise<{ stores: number }> {
    const known = this.#counts.get(namespace)
    if (known !== undefined) return known
    const counting = (async () => {
      const prefix = namespacePrefix(namespace)
      return { stores: (await adapter.list()).reduce((stores, name) => stores + (name.startsWith(prefix) ? 1 : 0), 0) }
    })()
    // The oldest goes: it is merely counted again.
    if (this.#counts.size >= REMEMBERED_MAX) this.#forget(this.#counts.keys().next().value)
    this.#counts.set(namespace, counting)
    const forget = (): void => {
      if (this.#counts.get(namespace) === counting) this.#forget(namespace)
    }
    counting.then(() => startTimer(this.#platform, forget, REMEMBERED_MILLIS, true), forget)
    return await counting
  }

  #forget(namespace: string | undefined): void {
    if (namespace !== undefined) this.#counts.delete(namespace)
  }
}
