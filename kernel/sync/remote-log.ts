/**
 * A log as a remote: judges pushes and answers pulls, over the frames and nothing else.
 */
import { BATCH_OPERATIONS_MAX, PARTS_BYTES_MAX, PARTS_MAX } from "../limits.ts"
import type { Logger } from "../ports/logger.ts"
import type { Platform } from "../ports/platform.ts"
import type { Cursor, Handshake, PullAnswer, PullRequest, PushAnswer, PushRequest, RemoteLimits, Rights } from "../ports/remote.ts"

/** Who is asking, as far as the log has to know: the principal that its receipts name, and what it may do. */
export interface Caller {
  readonly principal: string
  readonly rights: Rights
}

/** An operation that a push brings and that the log has not seen, before it is stored. */
export interface ArrivingOperation {
  readonly kind: "put" | "delete" | "choice" | "event" | "forget"
  readonly collection: string
  readonly key: string
  /** The decoded value; undefined where the kind carries none. */
  value(): unknown
}

export interface RemoteLogOptions {
  readonly platform: Platform
  readonly logger: Logger
  readonly limits?: Partial<RemoteLimits> | undefined
  /** Own stamps that are further ahead of the platform's clock are refused. Default 5 minutes. */
  readonly clockAheadMillisMax?: number | undefined
  /** Refuses an operation with a message for people; undefined takes it. Has to be a pure function of the operation. */
  readonly refuse?: ((operation: ArrivingOperation) => string | undefined) | undefined
  /** Opens without making a store that is missing. */
  readonly create?: boolean | undefined
}

export interface RemoteLog {
  readonly durability: "durable" | "buffered"
  readonly limits: RemoteLimits
  /** Last frame that this handle knows. */
  readonly head: Cursor
  handshake(caller: Caller): Promise<Handshake>
  push(request: PushRequest, caller: Caller): Promise<PushAnswer>
  pull(request: PullRequest, caller: Caller): Promise<PullAnswer>
  /** Calls `listener` with every new head, also one that another process made where the adapter can watch. */
  onHead(listener: (head: Cursor) => void): () => void
  close(): Promise<void>
}

/** What a log takes and gives at once unless it is told otherwise. */
export const DEFAULT_REMOTE_LIMITS: RemoteLimits = {
  partsBytesMax: PARTS_BYTES_MAX,
  operationsMax: BATCH_OPERATIONS_MAX,
  partsMax: PARTS_MAX,
}
