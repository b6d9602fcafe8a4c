/** What a store says about itself: plain data, taken at one moment. */
import type { LogState } from "../log/log-condition.ts"
import type { Durability, Recovery } from "../ports/log-storage.ts"

export interface StoreStatus {
  readonly name: string
  readonly adapter: string
  /** Where it lies: an absolute path or a URL without credentials; undefined for memory. */
  readonly location: string | undefined
  /** What an acknowledged write has survived. */
  readonly durability: Durability
  /** Opening made the store. */
  readonly created: boolean
  /**
   * `open`; `uncertain`: the outcome of an append is not known yet, writes reject until it is; `poisoned`: a flush failed or the log is
   * damaged, writes reject until the store is opened again; `closed`.
   */
  readonly state: LogState
  /** Opened with `readPrefix`: writes reject with `ReadOnly`. */
  readonly readOnly: boolean
  /** What opening found wrong and did about it. */
  readonly recovery: Recovery | undefined
  /** Position of the last frame that the views hold. */
  readonly head: number
  /** Live records of all collections. */
  readonly records: number
  /** Writes that a remote does not take and that nobody has answered; see `deadLetters`. Counted without syncing, too. */
  readonly deadLetters: number
  /** Names of the collections that the log or this handle has used; "" is the default one. */
  readonly collections: readonly string[]
  /** Writes that were called and have not ended. */
  readonly pendingWrites: number
  /** This copy of the store: 16 hex digits; undefined before its first write. */
  readonly replica: string | undefined
  readonly label: string | undefined
  /** Bytes of memory that records take: keys, values and their index. */
  readonly memoryBytes: number
}
