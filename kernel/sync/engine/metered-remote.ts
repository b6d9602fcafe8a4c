/**
 * A remote whose traffic is counted and, where that is asked for, held back. What goes through is not changed but in its size; one answer does not
 * always go through: a remote may make a pull begin anew so often, and then once an hour, unless somebody calls (P51).
 */
import { NoProgress } from "../../errors.ts"
import type { Platform } from "../../ports/platform.ts"
import type { CallOptions, Cursor, Handshake, Part, PullAnswer, PullRequest, PushAnswer, PushRequest, Remote } from "../../ports/remote.ts"
import type { Throttle } from "./throttle.ts"
import { TokenBucket } from "./token-bucket.ts"

/** New beginnings at once; afterwards one an hour. */
export const RESTARTS_MAX = 4
const HOUR_MILLIS = 3_600_000

const bytesOf = (parts: readonly Part[]): number => parts.reduce((bytes, { content }) => bytes + content.length, 0)

export interface MeteredRemoteOptions {
  readonly remote: Remote
  readonly platform: Platform
  readonly throttle: Throttle | undefined
  /** Called whenever a count has changed. */
  readonly onTraffic: () => void
}

export class MeteredRemote implements Remote {
  readonly name: string
  /** Calls of every kind, answered or not. */
  requests: number = 0
  /** Bytes of parts that were sent and taken. */
  sentBytes: number = 0
  /** Bytes of parts that came. */
  receivedBytes: number = 0
  readonly #remote: Remote
  readonly #throttle: Throttle | undefined
  readonly #onTraffic: () => void
  readonly #restarts: TokenBucket

  constructor({ remote, platform, throttle, onTraffic }: MeteredRemoteOptions) {
    this.name = remote.name
    this.#remote = remote
    this.#throttle = throttle
    this.#onTraffic = onTraffic
    this.#restarts = new TokenBucket(platform.now, RESTARTS_MAX, 1 / HOUR_MILLIS)
  }

  /** Somebody calls: new beginnings are allowed again. */
  allowRestarts(): void {
    this.#restarts.fill()
  }

  async handshake(options: CallOptions): Promise<Handshake> {
    this.#count()
    const answer = await this.#remote.handshake(options)
    if (this.#throttle === undefined) return answer
    const { limits } = answer
    return { ...answer, limits: { ...limits, partsBytesMax: Math.min(limits.partsBytesMax, this.#throttle.pieceBytesMax) } }
  }

  async push(request: PushRequest, options: CallOptions): Promise<PushAnswer> {
    const bytes = bytesOf(request.parts)
    await this.#throttle?.pass(options.signal)
    this.#throttle?.count(bytes)
    this.#count()
    const answer = await this.#remote.push(request, options)
    if (answer.kind === "ok") this.sentBytes += bytes
    this.#onTraffic()
    return answer
  }

  async pull(request: PullRequest, options: CallOptions): Promise<PullAnswer> {
    const throttle = this.#throttle
    await throttle?.pass(options.signal)
    this.#count()
    const answer = await this.#remote.pull(
      throttle === undefined ? request : { ...request, partsBytesMax: Math.min(request.partsBytesMax, throttle.pieceBytesMax) },
      options,
    )
    if (answer.kind === "restart") this.#restart()
    const bytes = answer.kind === "page" ? bytesOf(answer.parts) : 0
    throttle?.count(bytes)
    this.receivedBytes += bytes
    this.#onTraffic()
    return answer
  }

  watch(onHead: (head: Cursor) => void, options: CallOptions): Promise<void> {
    this.#count()
    return this.#remote.watch(onHead, options)
  }

  close(): Promise<void> {
    return this.#remote.close()
  }

  /** Takes note of a new beginning. Throws `NoProgress` if there were too many. */
  #restart(): void {
    const retryAfterMillis = this.#restarts.waitMillis
    if (retryAfterMillis > 0) {
      throw new NoProgress({ remote: this.name, call: "pull", reason: "it asks for a new beginning, again and again", retryAfterMillis })
    }
    this.#restarts.take(1)
  }

  #count(): void {
    this.requests++
    this.#onTraffic()
  }
}
