/**
 * What the kernel asks of a backend: a log of opaque frames at dense positions, with compare-and-append at its heart.
 *
 * An adapter knows nothing of operations. Positions are 1, 2, 3 … without gaps; 0 is "before the first". One frame is one
 * atomic unit, so a backend needs no transaction over several rows: a primary key, a conditional put or an exclusive create
 * each give compare-and-append, and with it several processes on one store are safe.
 *
 * Every member may answer at once or with a promise, and may throw or reject: to the kernel these are the same.
 * Failures are errors of `kernel/errors.ts`; anything else is taken as "outcome unknown".
 */

/** Bytes over a plain buffer: what every web API takes. */
export type Bytes = Uint8Array<ArrayBuffer>
/** A value, or a promise of it; synchronous backends cost no turn. */
export type Awaitable<T> = T | Promise<T>
/** Place of a frame in this log, counted from 1; 0 is before the first. An integer of at most 2^53 - 1. */
export type Position = number

/**
 * What an acknowledged write has survived.
 *
 * - `full`: flushed to the device before `append` resolves.
 * - `normal`: handed to the operating system; survives a killed process. The kernel flushes within 1 s.
 * - `relaxed`: as `normal`, without the background flush.
 * - `none`: held by the process alone.
 */
export type Durability = "full" | "normal" | "relaxed" | "none"

/** What an adapter claims to be able to do; the conformance suite checks each claim. */
export interface Capabilities {
  /** Frames outlive the process. Default false. */
  readonly durable: boolean
  /** Durability levels that `open` accepts, the default one first. Default `["none"]`. */
  readonly levels: readonly Durability[]
  /** Several processes may have the same store open at once. Default false. */
  readonly multiProcess: boolean
  /** Two handles in one process may have the same store open at once. Default false. */
  readonly multiHandle: boolean
  /** `watch` reports appends of other handles. Default false. */
  readonly watch: boolean
  /** `snapshots` and `trim` work. Default false. */
  readonly snapshots: boolean
  /** `readSlice` reads one slice without reading its snapshot whole. Default false. */
  readonly sliceReads: boolean
  /** Largest frame, in bytes. Default {@link FRAME_BYTES_MAX}; a store with less cannot sync. */
  readonly maxFrameBytes: number
}

/** How a store is to be opened. */
export interface OpenOptions {
  /** One of the adapter's `capabilities.levels`; the kernel has checked that. */
  readonly durability: Durability
  /**
   * `true`: make the store if it is missing. `false`: reject with `StoreNotFound` if it is missing. `undefined`: make it, but
   * not beside other stores in a database that is already there (`StoreNotFound` then lists their names). That is for backends whose place
   * belongs to somebody, and where a misspelt name would go unnoticed; a process's memory or a folder a store makes it.
   */
  readonly create: boolean | undefined
  /** Gives up opening: rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /**
   * Opens a log with a corrupt frame in the middle for reading the frames before it. Such a handle rejects every `append` with
   * `ReadOnly`, changes nothing on the medium, and names the position in `opened.recovery`. A log without damage is opened whole, without
   * `recovery`; it may refuse writes in the same way. A store that is missing is `StoreNotFound`, whatever `create` says. Default false.
   */
  readonly readPrefix?: boolean | undefined
}

/** What opening found and did. */
export interface Opened {
  /** The store did not exist before. */
  readonly created: boolean
  /** Where it lies, for people: an absolute path or a URL without credentials; undefined for memory. */
  readonly location?: string | undefined
  /** Present if opening had to repair something or reads a prefix only. */
  readonly recovery?: Recovery | undefined
}

/** What was found wrong with the medium at open, and what was done about it. */
export interface Recovery {
  /** `torn_tail`: an incomplete last frame was cut off. `prefix_only`: frames from `position` on are not readable. */
  readonly kind: "torn_tail" | "prefix_only"
  /** Position of the first frame that is gone or unreadable. */
  readonly position: Position
  /** Bytes that were cut off. */
  readonly bytes: number
  /** Where the cut bytes were saved. */
  readonly savedTo?: string | undefined
  /** One sentence for people. */
  readonly reason: string
}

/** Bounds of one `read`; at least one frame is answered if there is one, even if it is larger than `maxBytes`. */
export interface ReadLimits {
  readonly maxFrames: number
  readonly maxBytes: number
}

/** One kept snapshot. */
export interface SnapshotInfo {
  /** The last position that it covers. */
  readonly at: Position
  /** Byte length of each of its slices, in order. */
  readonly sliceBytes: readonly number[]
}

/** Saved states of the kernel's views: opaque slices under a position. */
export interface SnapshotStorage {
  /** The kept snapshots, newest first; at most two. */
  list(): Awaitable<readonly SnapshotInfo[]>
  /**
   * Writes a snapshot. It appears whole or not at all: one that was not finished is gone at the next open, and a rejected call
   * leaves nothing. The newest two are kept. A snapshot at the same position replaces the one there.
   *
   * `at` is at most the head and above the position of the newest snapshot, or equal to it: else `PositionOutOfRange`. What `slices`
   * throws is what the call rejects with, as it was thrown. Slices may be empty; a snapshot may have none. A slice is the source's
   * again once the next one was asked for, so an adapter copies what it keeps.
   */
  write(at: Position, slices: AsyncIterable<Bytes> | Iterable<Bytes>): Awaitable<void>
  /** Reads one slice. Rejects with `SnapshotMissing` if there is no such snapshot or slice. */
  readSlice(at: Position, index: number): Awaitable<Bytes>
}

/**
 * One open log. After `close` every call on it rejects with `StoreClosed`, but `close`, and those that the adapter does not claim
 * (`trim`, `snapshots`, `watch`), which may answer that there is nothing.
 */
export interface LogStorage {
  /** What opening found. Constant. */
  readonly opened: Opened
  /** Position of the last frame, 0 for an empty log; after `trim`, still of the last frame. Sees other handles' appends. */
  head(): Awaitable<Position>
  /**
   * Stores `frame` at `position` if and only if the head is `position - 1`. Readers see all of it or nothing.
   *
   * Resolves only once the durability of this handle is reached. `frame` has 1 to `maxFrameBytes` bytes; it is the caller's
   * again once the call has settled, so an adapter copies what it keeps. An empty frame is `InvalidOption`: it could not be told from none.
   *
   * Rejects with `PositionTaken` (head is not `position - 1`), `FrameTooLarge` or any error whose `storedNothing` is true, and
   * the log is unchanged; after any other failure the outcome is unknown until the position is read back.
   */
  append(position: Position, frame: Bytes): Awaitable<void>
  /**
   * Frames after `after`, in order: the first is at `after + 1`. Empty if and only if `after` is the head.
   *
   * The kernel does not change them and the adapter must not either. Rejects with `FramesTrimmed` if `after` is below the base,
   * `PositionOutOfRange` if it is above the head, `CorruptFrame` if the medium's own check fails.
   */
  read(after: Position, limits: ReadLimits): Awaitable<readonly Bytes[]>
  /**
   * Drops frames up to `through`, as far as the older kept snapshot covers them, never more; answers the new base, the last
   * position dropped. With fewer than two snapshots it drops nothing. No crash can make it drop more.
   */
  trim(through: Position): Awaitable<Position>
  readonly snapshots: SnapshotStorage
  /**
   * Calls `listener` soon after another handle appended, where `capabilities.watch` says so; spurious calls are allowed. Answers
   * a function that stops it. A listener that throws does not stop others. What it throws goes nowhere: a listener that can fail
   * reports that itself.
   */
  watch(listener: () => void): () => void
  /** Resolves when everything that was appended by this handle is on the device. A failure is `FlushFailed`, and final. */
  flush(): Awaitable<void>
  /** Settles what is under way, flushes unless the level is `relaxed` or `none`, and frees everything. Idempotent. */
  close(): Awaitable<void>
}

/** A backend: where stores are kept. */
export interface Adapter {
  /** One lower-case word, as in error messages and `status()`. */
  readonly name: string
  /** Claims that differ from {@link DEFAULT_CAPABILITIES}. */
  readonly capabilities: Partial<Capabilities>
  /**
   * Opens the log of a store. Rejects with `StoreNotFound`, `StoreLocked`, `StoreBusy`, `NotAStore`, `FormatTooNew`,
   * `PermissionDenied`, `PathNotFound`, `CorruptFrame`, `StorageFull` or `StorageFailed`; then nothing was changed but folders made.
   */
  open(storeName: string, options: OpenOptions): Awaitable<LogStorage>
  /** Names of the stores that are here, byte for byte as they were created, in any order. Never creates anything. */
  list(): Awaitable<readonly string[]>
  /** Removes a store with everything that belongs to it. A missing one is `StoreNotFound`, an open one `StoreLocked`. */
  destroy(storeName: string): Awaitable<void>
}

/** What an adapter is taken to be unless it says otherwise. */
export const DEFAULT_CAPABILITIES: Capabilities = {
  durable: false,
  levels: ["none"],
  multiProcess: false,
  multiHandle: false,
  watch: false,
  snapshots: false,
  sliceReads: false,
  maxFrameBytes: 4_000_000,
}

/** All capabilities of an adapter, defaults filled in. */
export const capabilitiesOf = (adapter: Adapter): Capabilities => ({ ...DEFAULT_CAPABILITIES, ...adapter.capabilities })
