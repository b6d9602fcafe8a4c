/** A remote whose traffic is counted and, where that is asked for, held back. What goes through is not changed but in its size. */
import type {
  CallOptions,
  Cursor,
  Handshake,
  Part,
  PullAnswer,
  PullRequest,
  PushAnswer,
  PushRequest,
  Remote,
} from "../../ports/remote.ts"
import type { Throttle } from "./throttle.ts"

const bytesOf = (parts: readonly Part[]): number => parts.reduce((bytes, { content }) => bytes + content.length, 0)

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

  /** `onTraffic` is called whenever a count has changed. */
  constructor(remote: Remote, throttle: Throttle | undefined, onTraffic: () => void) {
    this.name = remote.name
    this.#remote = remote
    this.#throttle = throttle
    this.#onTraffic = onTraffic
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

  #count(): void {
    this.requests++
    this.#onTraffic()
  }
}
