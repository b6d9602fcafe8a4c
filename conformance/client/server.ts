/**
 * The misbehaving server: the server of this package over memory, behind a door that keeps every request and does with any of them what a case says.
 *
 *   client ──▶ Door ──▶ seen ──▶ the misdeed of this request ──▶ the server, or not ──▶ an answer, or none
 *   other devices ─────────────────────────────────────────────▶ the server
 */
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import type { Adapter, Bytes } from "../../kernel/ports/log-storage.ts"
import { silentLogger } from "../../kernel/ports/logger.ts"
import { nativePlatform } from "../../kernel/ports/native-platform.ts"
import type { RouteName } from "../../protocol/routes.ts"
import type { Identity } from "../../protocol/server/identity.ts"
import type { ServerLimits } from "../../protocol/server/limits.ts"
import type { SyncServer, SyncServerOptions } from "../../protocol/server/mod.ts"
import { Door, type HttpReply, type Incoming } from "./door.ts"
import { type SeenRequest, seeRequest } from "./seen-request.ts"

/** One request and what the server would do with it. */
export interface Exchange {
  readonly seen: SeenRequest
  /** Asks the server; an answer as it would be sent. */
  serve(): Promise<HttpReply>
}

/** What is done with a request in place of serving it; undefined: the connection is cut. */
export type Misdeed = (exchange: Exchange) => Promise<HttpReply | undefined>

/** Logs as they once were. */
export interface Backup {
  readonly frames: ReadonlyMap<string, readonly Bytes[]>
}

/** What a case counts on: requests of one kind, or of any. */
export type RouteFilter = RouteName | "any"

type CreateSyncServer = (options: SyncServerOptions) => SyncServer

interface Rule {
  readonly route: RouteFilter
  readonly misdeed: Misdeed
  left: number
}

/** Of a connection, and so nothing that a server which is asked directly may have. */
const HOP_HEADERS = ["host", "connection", "content-length", "transfer-encoding", "expect", "keep-alive", "upgrade", "te"]
const NAMESPACE = "conformance"

export class MisbehavingServer {
  /** Every request since it was started, oldest first. */
  readonly requests: SeenRequest[] = []
  /** What a misdeed failed with: the case's own fault, or its judgement. */
  readonly errors: unknown[] = []
  /** Who asks, by token. */
  readonly accounts: Map<string, Identity> = new Map()
  /** How far its clock is ahead of that of this machine, in milliseconds. */
  clockMillis: number = 0
  #limits: Partial<ServerLimits> = {}
  #adapter: Adapter = memoryAdapter()
  readonly #create: CreateSyncServer
  #server: SyncServer
  readonly #door: Door
  #port: number
  readonly #rules: Rule[] = []
  readonly #listeners = new Set<() => void>()
  #isBusy: Promise<void> = Promise.resolve()

  private constructor(door: Door, create: CreateSyncServer) {
    this.#door = door
    this.#create = create
    this.#port = door.port
    this.#server = this.#make()
  }

  /** Starts one on a free port of this machine. Rejects where the package `hono` is missing, which our server needs. */
  static async start(): Promise<MisbehavingServer> {
    // Loaded here: who checks anything but a client does without that package.
    const { createSyncServer } = await import("../../protocol/server/server.ts")
    let server: MisbehavingServer | undefined
    const door = await Door.open((incoming) => server === undefined ? Promise.resolve(undefined) : server.#answer(incoming))
    return server = new MisbehavingServer(door, createSyncServer)
  }

  /** Its base; the same as long as it runs. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** Lets in who has this token, with all rights unless told otherwise. */
  admit(token: string, principal: string = "owner", rights: Identity["rights"] = { read: true, write: true, relay: true }): void {
    this.accounts.set(token, { principal, namespace: NAMESPACE, rights })
  }

  /**
   * Does `misdeed` with the next `times` requests of `route` in place of serving them; what was said last counts first. Answers the function that ends
   * it.
   */
  on(route: RouteFilter, misdeed: Misdeed, times: number = Infinity): () => void {
    const rule: Rule = { route, misdeed, left: times }
    this.#rules.unshift(rule)
    return () => rule.left = 0
  }

  /** Serves all requests from now on. */
  behave(): void {
    this.#rules.length = 0
  }

  /** Requests of a route, oldest first. */
  of(route: RouteName): readonly SeenRequest[] {
    return this.requests.filter((seen) => seen.route === route)
  }

  /** Answers a request of another device, well. */
  readonly fetch = async (url: string | URL | Request, init?: RequestInit): Promise<Response> => {
    await this.#isBusy
    return await this.#server.fetch(new Request(url, init))
  }

  /** Resolves when `holds` does, which is asked after every request and answer. Rejects after `millis`. */
  async until(what: string, holds: () => boolean, millis: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined, listener = (): void => {}
    try {
      await new Promise<void>((resolve, reject) => {
        listener = () => {
          if (holds()) resolve()
        }
        this.#listeners.add(listener)
        timer = setTimeout(() => reject(new Error(`${what} did not come within ${millis} ms`)), millis)
        listener()
      })
    } finally {
      clearTimeout(timer)
      this.#listeners.delete(listener)
    }
  }

  /** From now on it is one with these bounds; its logs stay. */
  async limit(limits: Partial<ServerLimits>): Promise<void> {
    this.#limits = limits
    await this.#replace(() => this.#adapter)
  }

  /** Empties it, as somebody who deletes its files does. */
  async wipe(): Promise<void> {
    await this.#replace(memoryAdapter)
  }

  /** Its logs as they are. */
  async backup(): Promise<Backup> {
    const frames = new Map<string, Bytes[]>()
    for (const store of await this.#adapter.list()) {
      const storage = await this.#adapter.open(store, { create: true, durability: "none" })
      const kept: Bytes[] = []
      for (let from = 0, more = true; more;) {
        const read = await storage.read(from, { maxFrames: 1000, maxBytes: 16_777_216 })
        kept.push(...read.map((frame) => frame.slice()))
        from += read.length
        more = read.length > 0
      }
      frames.set(store, kept)
      await storage.close()
    }
    return { frames }
  }

  /** Its logs are what they were at that time. */
  async restore({ frames }: Backup): Promise<void> {
    const adapter = memoryAdapter()
    for (const [store, kept] of frames) {
      const storage = await adapter.open(store, { create: true, durability: "none" })
      for (const [index, frame] of kept.entries()) await storage.append(index + 1, frame.slice())
      await storage.close()
    }
    await this.#replace(() => adapter)
  }

  /** Nobody gets in until {@link appear}. */
  async vanish(): Promise<void> {
    await this.#door.shut()
  }

  /** It is there again, at the same place. */
  async appear(): Promise<void> {
    await this.#door.reopen(this.#port)
  }

  async stop(): Promise<void> {
    await this.#door.shut()
    await this.#server.close({ graceMillis: 100 })
  }

  async #replace(adapter: () => Adapter): Promise<void> {
    const replacing = async (): Promise<void> => {
      await this.#server.close({ graceMillis: 100 })
      this.#adapter = adapter()
      this.#server = this.#make()
    }
    await (this.#isBusy = replacing())
  }

  #make(): SyncServer {
    return this.#create({
      storage: this.#adapter,
      authenticate: (request) => this.accounts.get(request.headers.get("authorization")?.replace(/^bearer /i, "") ?? ""),
      limits: { newWritersPerDayMax: 10_000_000, ...this.#limits },
      platform: { ...nativePlatform, now: () => Date.now() + this.clockMillis },
      logger: silentLogger,
    })
  }

  async #answer(incoming: Incoming): Promise<HttpReply | undefined> {
    const seen = seeRequest(this.requests.length + 1, incoming, performance.now())
    this.requests.push(seen)
    const ended = (): void => {
      seen.endedMillis ??= performance.now()
      this.#tell()
    }
    incoming.signal.addEventListener("abort", ended)
    this.#tell()
    const rule = this.#rules.find(({ route, left }) => left > 0 && (route === "any" || route === seen.route))
    if (rule !== undefined) rule.left -= 1
    const exchange: Exchange = { seen, serve: () => this.#serve(seen) }
    try {
      return seen.reply = rule === undefined ? await exchange.serve() : await rule.misdeed(exchange)
    } catch (error) {
      this.errors.push(error)
      return undefined
    } finally {
      if (!(seen.reply !== undefined && !(seen.reply.body instanceof Uint8Array))) ended()
    }
  }

  async #serve({ incoming: { method, target, headers, body, signal } }: SeenRequest): Promise<HttpReply> {
    await this.#isBusy
    const kept = new Headers([...headers].filter(([name]) => !HOP_HEADERS.includes(name)))
    const isEmpty = method === "GET" || method === "HEAD"
    const request = new Request(new URL(target, this.url), { method, headers: kept, signal, ...isEmpty ? {} : { body } })
    const response = await this.#server.fetch(request)
    const rest = Object.fromEntries([...response.headers].filter(([name]) => !HOP_HEADERS.includes(name)))
    const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") === true && response.body !== null
    return {
      status: response.status,
      headers: rest,
      body: isStream ? piecesOf(response.body) : new Uint8Array(await response.arrayBuffer()),
    }
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}

async function* piecesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}
