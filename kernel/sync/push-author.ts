/** Writes pushes into a log, one frame each, and folds its frames into the views that a served log keeps. */
import { readBlockHead } from "../format/block-head.ts"
import { ByteReader, type ByteWriter } from "../format/bytes.ts"
import type { Checksum } from "../format/checksum.ts"
import { beginFrame, endFrame, type FrameHead, FrameReader, PartType, writePart } from "../format/frame.ts"
import type { Author, QueuedWrite } from "../log/author.ts"
import type { Platform } from "../ports/platform.ts"
import type { Cursor, PushAnswer, PushRequest, WriterPair } from "../ports/remote.ts"
import { LogViews } from "../views/log-views.ts"
import { type Admission, judge, type Verdict } from "./judge.ts"
import type { Caller } from "./remote-log.ts"

/** A push that waits in the log's queue. */
export interface QueuedPush extends QueuedWrite {
  readonly request: PushRequest
  readonly caller: Caller
  end(answer: PushAnswer): void
}

export interface PushAuthorOptions {
  readonly platform: Platform
  readonly checksum: Checksum
  readonly admission: Admission
  readonly durability: "durable" | "buffered"
  /** Does the log contain these frames? */
  readonly containsAll: (basis: readonly Cursor[]) => Promise<boolean>
  /** Last frame of the log. */
  readonly head: () => Cursor
  /** A frame was folded. */
  readonly onFrame: (frame: FrameReader) => void
  /** The log was replaced by another copy. */
  readonly onReplaced: () => void
}

export class PushAuthor implements Author<QueuedPush> {
  views: LogViews = new LogViews()
  #next: LogViews | undefined
  readonly #options: PushAuthorOptions
  readonly #frame: FrameReader
  #isBasisHeld = false
  #verdict: Verdict | undefined
  #failure: { readonly error: unknown } | undefined
  /** The frame of the last build, which the reader holds, waits to be folded. */
  #built = false

  constructor(options: PushAuthorOptions) {
    this.#options = options
    this.#frame = new FrameReader(options.checksum)
  }

  async prepare([push]: readonly QueuedPush[]): Promise<void> {
    this.#isBasisHeld = await this.#options.containsAll(push!.request.basis)
  }

  build([push]: readonly QueuedPush[], out: ByteWriter, head: FrameHead): number {
    const { platform, checksum, admission } = this.#options, { request, caller } = push!
    this.#failure = this.#verdict = undefined
    this.#built = false
    const { writers } = this.views, known = writers.size
    try {
      const now = platform.now()
      this.#verdict = this.#isBasisHeld ? judge(request, caller, this.views, admission, now) : { kind: "unknown" }
      if (this.#verdict.kind !== "taken" || this.#verdict.parts.length === 0) {
        writers.truncate(known) // or refused pushes would fill the table
        return 1
      }
      const { parts, own } = this.#verdict
      beginFrame(out, { ...head, flags: 0 }, parts.length)
      for (const { type, content } of parts) writePart(out, type, content)
      endFrame(out, checksum, undefined, { principal: caller.principal, millis: Math.max(0, Math.floor(now)), own })
      this.#frame.read(out.buffer.subarray(0, out.length)) // before it is stored: what cannot be read back would close the log
      this.#built = true
    } catch (error) {
      this.#failure = { error }
      writers.truncate(known)
      out.reset()
    }
    return 1
  }

  foldBuilt(): void {
    if (!this.#built) return
    this.#built = false
    this.fold(this.#frame)
  }

  fold(frame: FrameReader): void {
    if (this.#next !== undefined) return this.#next.foldFrame(frame)
    this.views.foldFrame(frame)
    this.#options.onFrame(frame)
  }

  settle([push]: readonly QueuedPush[], taken: number): void {
    if (taken === 0) return
    const { platform, durability, head } = this.#options, verdict = this.#verdict
    if (this.#failure !== undefined) return push!.fail(this.#failure.error)
    if (verdict === undefined) return
    if (verdict.kind !== "taken") return push!.end(verdict)
    push!.end({ kind: "ok", pairs: this.#pairsOf(push!.request), last: head(), durability, serverTimeMillis: platform.now() })
  }

  /** The log's own pairs of the writers that a push names. */
  #pairsOf({ parts }: PushRequest): WriterPair[] {
    const { writers, vector } = this.views, reader = new ByteReader("a push")
    const named = new Set(
      parts.filter(({ type }) => type === PartType.block).map(({ content }) => {
        reader.point(content, 0, content.length)
        return writers.indexOf(readBlockHead(reader).writer)
      }),
    )
    return [...named].map((writer) => ({ writer: writers.idOf(writer), ...vector.pairOf(writer) }))
  }

  foldAnew(): void {
    this.#next = new LogViews()
  }

  endFoldAnew(): void {
    this.views = this.#next ?? this.views
    this.#next = undefined
    this.#options.onReplaced()
  }

  idle(): void {}
}
