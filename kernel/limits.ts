/**
 * Every bound of the kernel, each with its unit. Imports nothing of ours, so that every layer may read it.
 *
 * The relations at the end are asserted when the module loads: a bound that is changed without its neighbours fails at once.
 */

/** UTF-8 bytes of a key. */
export const KEY_BYTES_MAX = 1024
/** Bytes of one encoded value (1 MiB). */
export const VALUE_BYTES_MAX = 1_048_576
/** Nesting of arrays and maps in a value; a scalar has depth 0. */
export const VALUE_DEPTH_MAX = 64
/** Scalars, arrays and maps in one value, all levels together. */
export const VALUE_NODES_MAX = 262_144
/** Members of one map in a value. */
export const MAP_MEMBERS_MAX = 65_536

/** UTF-8 bytes of a store's name. */
export const STORE_NAME_BYTES_MAX = 200
/** UTF-8 bytes of a collection's name. */
export const COLLECTION_NAME_BYTES_MAX = 200
/** UTF-8 bytes of the name of a CRDT type. */
export const CRDT_TYPE_BYTES_MAX = 64
/** A state of a CRDT type that grows over this is told to the logger. */
export const CRDT_STATE_BYTES_WARNED = 65_536
/** Collections and event types that one store can name. */
export const COLLECTIONS_MAX = 65_535
/** UTF-8 bytes of a remote's name in a log. */
export const REMOTE_NAME_BYTES_MAX = 1024
/** UTF-8 bytes of a principal in a receipt. */
export const PRINCIPAL_BYTES_MAX = 1024
/** UTF-8 bytes of the code of a refused operation, and of its message for people. */
export const REFUSAL_CODE_BYTES_MAX = 64
export const REFUSAL_MESSAGE_BYTES_MAX = 200
/** UTF-8 bytes of a replica's label. */
export const LABEL_BYTES_MAX = 200

/** A group commit stops taking further writes at this many bytes of keys and values. */
export const COMMIT_BYTES_TARGET = 1_048_576
/** A group commit stops taking further writes at this many operations. */
export const COMMIT_OPERATIONS_TARGET = 1000
/** Bytes of keys and values in one user's batch; what pushes and pages aim at. */
export const BATCH_BYTES_MAX = 3_500_000
/** Operations in one user's batch or push. */
export const BATCH_OPERATIONS_MAX = 65_536
/** Bytes of one frame, with header and checksum. Every adapter that is synced takes frames of this size. */
export const FRAME_BYTES_MAX = 4_000_000

/** Parts of one push or one page. */
export const PARTS_MAX = 4096
/** Bytes of the parts of one push or page at most; a log is cut at frames, and aims at {@link BATCH_BYTES_MAX}. */
export const PARTS_BYTES_MAX = 3_600_000

/**
 * Bytes that a withheld number is counted with in a push or page, beside its block: whoever pulls it tells of each in the frame that takes it,
 * with at most so many.
 */
export const WITHHELD_BYTES = 20
/** Withheld numbers of all writers that one push brings, as the log has them afterwards: the answer tells of each. */
export const PAIRS_WITHHELD_MAX = 131_072

/** Entries of one operation's context. */
export const CONTEXT_ENTRIES_MAX = 1024
/** Links of one writer to the earlier writers of its log. */
export const LINKS_MAX = 64
/** The last number a writer can use; a process that reaches it takes a new writer. */
export const SEQ_MAX = 0x7fff_ffff
/** Largest physical part of a stamp: 48 bits of milliseconds. */
export const STAMP_MILLIS_MAX = 0xffff_ffff_ffff
/** Largest counter of a stamp: 16 bits. */
export const STAMP_COUNTER_MAX = 0xffff
/** A received stamp that is further ahead of the own clock than this does not move it. */
export const CLOCK_DRIFT_MILLIS_MAX = 300_000

/** With durability `normal`, what was handed to the operating system is flushed within this time. */
export const BACKGROUND_FLUSH_MILLIS = 1000
/** A store that another process keeps busy is tried again for this long before `StoreBusy`. */
export const BUSY_RETRY_MILLIS_MAX = 5000
/** Frames that one page of a replay asks for. */
export const REPLAY_PAGE_FRAMES = 4096
/** Bytes that one page of a replay asks for. */
export const REPLAY_PAGE_BYTES = 4_194_304

const holds = (relation: boolean, words: string): void => {
  if (!relation) throw new Error(`limits.ts: ${words}`)
}
holds(VALUE_BYTES_MAX + KEY_BYTES_MAX < BATCH_BYTES_MAX, "one value fits a batch")
holds(COMMIT_BYTES_TARGET + VALUE_BYTES_MAX + KEY_BYTES_MAX < BATCH_BYTES_MAX, "a group commit fits a batch")
holds(BATCH_BYTES_MAX < PARTS_BYTES_MAX && PARTS_BYTES_MAX < FRAME_BYTES_MAX, "a batch fits a push, and a push or page a frame")
holds(COMMIT_OPERATIONS_TARGET <= BATCH_OPERATIONS_MAX, "a group commit has no more operations than a batch may have")
