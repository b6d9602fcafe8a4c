/** A remote that counts what it holds, and does whatever a test wants in place of an honest answer. */
import type { Bytes } from "../../../ports/log-storage.ts"
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
} from "../../../ports/remote.ts"
import type { SimulatedTime } from "./simulated-time.ts"

export const cursorAt = (position: number, mark: number = 0): Cursor => {
  const id: Bytes = new Uint8Array(16)
  id[0] = mark
  return { position, id }
}

/** A part of so many bytes. */
export const partOf = (bytes: number): Part => ({ type: 1, content: new Uint8Array(bytes) })

interface Watch {
  readonly onHead: (head: Cursor) => void
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

export class DoubleRemote implements Remote {
  readonly name: string
  /** Position of its last frame. */
  head: number = 0
  live: boolean = true
  /** Bytes of the part of each page that has something. */
  pageBytes: number = 100
  /** Milliseconds until it answers. */
  delayMillis: number = 0
  isClosed: boolean = false
  /** What it was asked, with the milliseconds that had passed. */
  readonly asked: { readonly verb: string; readonly at: number; readonly signal: AbortSignal }[] = []
  /** In place of an honest answer; `undefined` stands for the honest one. */
  onHandshake: (() => Handshake | undefined) | undefined
  onPush: ((request: PushRequest) => PushAnswer | undefined) | undefined
  onPull: ((request: PullRequest) => PullAnswer | undefined) | undefined
  onWatch: (() => void) | undefined
  readonly watches: Watch[] = []
  readonly #time: SimulatedTime

  constructor(time: SimulatedTime, name: string = "https://remote.example") {
    this.#time = time
    this.name = name
  }

  count(verb: string): number {
    return this.asked.filter((asked) => asked.verb === verb).length
  }

  /** What it was asked from here on, as words. */
  get order(): string {
    return this.asked.map(({ verb }) => verb).join(" ")
  }

  async handshake({ signal }: CallOptions): Promise<Handshake> {
    await this.#ask("handshake", signal)
    return this.onHandshake?.() ?? {
      head: cursorAt(this.head),
      serverTimeMillis: this.#time.millis,
      limits: { partsBytesMax: 3_500_000, operationsMax: 65_536, partsMax: 4096 },
      rights: { read: true, write: true, relay: true, admin: false },
      durability: "durable",
      live: this.live,
    }
  }

  async push(request: PushRequest, { signal }: CallOptions): Promise<PushAnswer> {
    await this.#ask("push", signal)
    const answer = this.onPush?.(request)
    if (answer !== undefined) return answer
    this.head++
    return { kind: "ok", pairs: [], last: cursorAt(this.head), durability: "durable", serverTimeMillis: this.#time.millis }
  }

  async pull(request: PullRequest, { signal }: CallOptions): Promise<PullAnswer> {
    await this.#ask("pull", signal)
    return this.onPull?.(request) ?? this.page(request)
  }

  /** Everything behind the cursor. */
  page({ cursor }: PullRequest): PullAnswer {
    const { head, pageBytes } = this
    const parts = head > cursor.position ? [partOf(pageBytes)] : []
    return { kind: "page", parts, ranges: [], next: cursorAt(head), upToDate: true, head, serverTimeMillis: this.#time.millis }
  }

  async watch(onHead: (head: Cursor) => void, { signal }: CallOptions): Promise<void> {
    await this.#ask("watch", signal)
    this.onWatch?.()
    await new Promise<void>((resolve, reject) => {
      this.watches.push({ onHead, resolve, reject })
      signal.addEventListener("abort", () => reject(signal.reason))
    })
  }

  close(): Promise<void> {
    this.isClosed = true
    return Promise.resolve()
  }

  /** Tells whoever watches of a head, by default its own. */
  tell(head: Cursor = cursorAt(this.head)): void {
    this.watches.at(-1)?.onHead(head)
  }

  /** Somebody else pushes: the head moves, and whoever watches is told. */
  grow(): void {
    this.head++
    this.tell()
  }

  /** Ends the present watch, as remotes do from time to time, or breaks it. */
  endWatch(error?: unknown): void {
    const watch = this.watches.at(-1)
    if (error === undefined) watch?.resolve()
    else watch?.reject(error)
  }

  async #ask(verb: string, signal: AbortSignal): Promise<void> {
    this.asked.push({ verb, at: this.#time.elapsedMillis, signal })
    if (this.delayMillis > 0) await new Promise<void>((resolve) => this.#time.startTimer(resolve, this.delayMillis, true))
    signal.throwIfAborted()
  }
}
