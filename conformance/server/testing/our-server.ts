/** Our own server for tests of the suite: in this process, with a token for everybody, and with a fault in front of it where one is asked for. */
import { randomBytes } from "node:crypto"
import type { Adapter, Awaitable } from "../../../kernel/ports/log-storage.ts"
import { nativePlatform } from "../../../kernel/ports/native-platform.ts"
import type { Platform } from "../../../kernel/ports/platform.ts"
import type { Authenticate, GivenRights } from "../../../protocol/server/identity.ts"
import type { ServerLimits } from "../../../protocol/server/limits.ts"
import { listen, type Listener } from "../../../protocol/server/listen.ts"
import { createSyncServer } from "../../../protocol/server/server.ts"
import { tokens } from "../../../protocol/server/tokens.ts"
import type { ServerSubject, ServerTokens } from "../subject.ts"
import { startFront } from "./front.ts"

/** Answers a request. */
export type Answer = (request: Request) => Promise<Response>

export interface OurServer {
  readonly subject: ServerSubject
  stop(): Promise<void>
}

export interface OurServerOptions {
  /** An adapter over the place where the stores are, for each start another one. */
  readonly storage: () => Adapter
  /** Empties the place. With it there is a second server beside the first one, and both can be restarted. */
  readonly wipe?: (() => Awaitable<void>) | undefined
  /** What answers in place of the server, which it may ask. */
  readonly change?: ((server: Answer) => Answer) | undefined
  /** What becomes of bytes on their way to it, a character each. Default: nothing stands there. */
  readonly wire?: ((text: string) => string) | undefined
  /** Bounds that differ from the server's own. */
  readonly limits?: Partial<ServerLimits> | undefined
  /** Time of the server. Default: the runtime's. */
  readonly platform?: Platform | undefined
  readonly minuteMillis?: number | undefined
}

const ALL: GivenRights = { read: true, write: true, relay: true }
const NAMESPACE = "conformance"

/** Starts it on a free port of this machine. */
export const startOurServer = async (options: OurServerOptions): Promise<OurServer> => {
  const { storage, wipe, change = (server) => server, wire, limits, platform, minuteMillis } = options
  const tokensByPerson = drawTokens()
  const expiring = new Map<string, number>()
  const start = async (port: number): Promise<Listener> => {
    const server = createSyncServer({
      storage: storage(),
      authenticate: authenticateBy(tokensByPerson, expiring),
      // The cases make more stores and writers than anybody does in a day.
      limits: { newWritersPerDayMax: 10_000_000, storesMax: 1_000_000, ...limits },
      platform,
    })
    return await listen({ ...server, fetch: change(server.fetch) }, { port, graceMillis: 1000 })
  }
  let listeners = [await start(0), ...wipe === undefined ? [] : [await start(0)]]
  const [first, beside] = listeners
  const front = wire === undefined ? undefined : await startFront(first!.port, wire)
  const stopAll = async (): Promise<void> => void await Promise.all(listeners.map((listener) => listener.stop()))
  const restart = async (between: () => Awaitable<void> = () => undefined): Promise<void> => {
    await stopAll()
    await between()
    listeners = await Promise.all(listeners.map(({ port }) => start(port)))
  }
  return {
    subject: {
      url: front === undefined ? first!.url : `http://127.0.0.1:${front.port}`,
      tokens: tokensByPerson,
      minuteMillis,
      expiringToken: (lifeMillis) => {
        const token = randomBytes(16).toString("hex")
        expiring.set(token, Date.now() + lifeMillis)
        return token
      },
      ...wipe === undefined ? {} : { beside: beside?.url, restart: () => restart(), wipe: () => restart(wipe) },
    },
    stop: async () => {
      await front?.stop()
      await stopAll()
    },
  }
}

const drawTokens = (): Required<ServerTokens> => {
  const draw = (person: string): string => `${person}-${randomBytes(16).toString("hex")}`
  return {
    owner: draw("owner"),
    neighbour: draw("neighbour"),
    author: draw("author"),
    reader: draw("reader"),
    stranger: draw("stranger"),
    nobody: draw("nobody"),
  }
}

/** `expiring`: tokens of the owner and when they end. */
const authenticateBy = (
  { owner, neighbour, author, reader, stranger, nobody }: Required<ServerTokens>,
  expiring: ReadonlyMap<string, number>,
): Authenticate => {
  const grant = (token: string | undefined, rights: GivenRights = ALL) => ({ token, stores: ["*"], namespace: NAMESPACE, rights })
  const known = tokens({
    owner: grant(owner),
    neighbour: grant(neighbour),
    author: grant(author, { ...ALL, relay: false }),
    reader: grant(reader, { read: true }),
    stranger: { ...grant(stranger), namespace: "elsewhere" },
    nobody: { ...grant(nobody), stores: ["of-nobody"] },
  })
  return (request) => {
    const expiresMillis = expiring.get(request.headers.get("authorization")?.replace(/^Bearer /, "") ?? "")
    return expiresMillis === undefined ? known(request) : { principal: "owner", namespace: NAMESPACE, rights: ALL, expiresMillis }
  }
}

/** Time that goes by so fast that a minute lasts `minuteMillis`, but for clocks, which tell what they tell. */
export const hastyPlatform = (minuteMillis: number): Platform => ({
  ...nativePlatform,
  startTimer: (callback, delayMillis) => {
    const timer = setTimeout(callback, delayMillis * minuteMillis / 60_000)
    return () => clearTimeout(timer)
  },
})
