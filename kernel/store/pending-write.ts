/**
 * One call of a user that changes something, from the call until its frame is stored.
 *
 *   single     one operation, its fields in the write itself, since most calls are of this kind
 *   batch      several operations, all or nothing
 *   callback   operations that a function of the user's decides on in the build; it may run again
 *   commit     a frame of a sync: what came from a remote, and what is known of it
 */
import type { QueuedWrite } from "../log/author.ts"
import type { Dots, OperationKind } from "../model/operation.ts"
import type { SyncCommit } from "../sync/synced-log.ts"
import type { StoredVersion } from "../views/stored-version.ts"

/** One staged operation. Ranges are places of the staging. */
export interface StagedOperation {
  readonly kind: OperationKind
  readonly collection: number
  readonly keyStart: number
  readonly keyEnd: number
  readonly valueStart: number
  readonly valueEnd: number
  /** The version that must be there: a version, `null` for none, `undefined` for whatever. */
  readonly expected: string | null | undefined
  /** What few operations have. */
  readonly side: OperationSide | undefined
}

/** What is special about an operation. */
export interface OperationSide {
  /** What a choice settles. */
  readonly settles?: Dots | undefined
  /** The versions of the record that it covers; the others stay. Undefined: as the collection's strategy says. */
  readonly parents?: readonly StoredVersion[] | undefined
  /** It covers nothing that was written before it in its frame, which has to end with its call. */
  readonly isApart?: boolean | undefined
  /** Its value is a state of this CRDT type. */
  readonly type?: string | undefined
}

/** What a call resolves to. */
export type Answer = "version" | "existed" | "operations"

/** Decides on operations in the build, through what it is given. */
export type BuildCallback = () => void

export class PendingWrite implements QueuedWrite, StagedOperation {
  readonly kind: OperationKind
  readonly collection: number
  readonly keyStart: number
  readonly keyEnd: number
  readonly valueStart: number
  readonly valueEnd: number
  readonly expected: string | null | undefined
  side: OperationSide | undefined = undefined
  readonly bytes: number
  operations: number = 1
  readonly answer: Answer
  /** The operations of a batch. */
  list: readonly StagedOperation[] | undefined = undefined
  /** Runs in the build. */
  callback: BuildCallback | undefined = undefined
  /** What a sync puts into the log, in a frame of its own. */
  commit: SyncCommit | undefined = undefined
  /** It has to find all that was called before in the views, none of it in the frame at hand. Reads that are called later wait for it. */
  startsFrame: boolean = false
  /** What is called later goes into the next frame. */
  endsFrame: boolean = false
  /** Set by the build: why this call fails alone. A callback may throw anything, even undefined. */
  failure: { readonly error: unknown } | undefined = undefined
  /** Set by the build: seq of the last operation, and whether the record of a delete existed. */
  seq: number = 0
  existed: boolean = false
  /** Set by the build: how many operations it became. */
  written: number = 0
  readonly #resolve: (answer: unknown) => void
  readonly #reject: (error: unknown) => void

  constructor(
    kind: OperationKind,
    collection: number,
    keyStart: number,
    keyEnd: number,
    valueStart: number,
    valueEnd: number,
    expected: string | null | undefined,
    answer: Answer,
    resolve: (answer: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    this.kind = kind
    this.collection = collection
    this.keyStart = keyStart
    this.keyEnd = keyEnd
    this.valueStart = valueStart
    this.valueEnd = valueEnd
    this.expected = expected
    this.bytes = keyEnd - keyStart + valueEnd - valueStart
    this.answer = answer
    this.#resolve = resolve
    this.#reject = reject
  }

  end(answer: unknown): void {
    this.#resolve(answer)
  }

  fail(error: unknown): void {
    this.#reject(error)
  }
}
