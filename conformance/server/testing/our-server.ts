/** Our own server for tests of the suite: in this process, with a token for everybody, and with a fault in front of it where one is asked for. */
import { randomBytes } from "node:crypto"
import type { Adapter, Awaitable } from "../../../kernel/ports/log-storage.ts"
import { nativePlatform } from "../../../kernel/ports/native-platform.ts"
import type { Platform } from "../../../kernel/ports/platform.ts"
import type { Authenticate, GivenRights } from "../../../protocol/server/identity.ts"
import { DEFAULT_SERVER_LIMITS, type ServerLimits } from "../../../protocol/server/limits.ts"
import { listen, type Listener } from "../../../protocol/server/listen.ts"
import { createSyncServer, type SyncServer } from "../../../protocol/server/server.ts"
import { tokens } from "../../../protocol/server/tokens.ts"
import type { ServerSubject, ServerTokens } from "../subject.ts"
import { startFront } from "./front.ts"
import { Troubles } from "./troubles.ts"

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
  /** Copies the place, of which no server is; what it answers puts the copy in its place. */
  readonly backUp?: (() => Awaitable<() => Awaitable<void>>) | undefined
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
  const { storage, wipe, backUp, change = (server) => server, wire, limits, platform, minuteMillis } = options
  const tokensByPerson = drawTokens()
  const expiring = new Map<string, number>()
  const authenticate = authenticateBy(tokensByPerson, expiring)
  const troubles = new Troubles(limits?.requestsMax ?? DEFAULT_SERVER_LIMITS.requestsMax)
  const start = async (port: number): Promise<Running> => {
    const server = createSyncServer({
      ...troubles.around(storage(), authenticate),
      // The cases make more stores and writers than anybody does in a day.
      limits: { newWritersPerDayMax: 10_000_000, storesMax: 1_000_000, ...limits },
      platform,
    })
    return { server, listener: await listen({ ...server, fetch: change(server.fetch) }, { port, graceMillis: 1000 }) }
  }
  const running = [await start(0), ...wipe === undefined ? [] : [await start(0)]]
  const [first, beside] = running
  const front = wire === undefined ? undefined : await startFront(first!.listener.port, wire)
  const startAgain = async (at: number): Promise<void> => void (running[at] = await start(running[at]!.listener.port))
  const stopAll = async (): Promise<void> => void await Promise.all(running.map(({ listener }) => listener.stop()))
  const restart = async <T>(between: () => Awaitable<T>): Promise<T> => {
    await stopAll()
    const done = await between()
    await Promise.all(running.map((_, at) => startAgain(at)))
    return done
  }
  const nothing = (): void => undefined
  const roll = async (): Promise<void> => {
    for (const at of running.keys()) {
      await running[at]!.listener.stop()
      await startAgain(at)
    }
  }
  return {
    subject: {
      url: front === undefined ? first!.listener.url : `http://127.0.0.1:${front.port}`,
      tokens: tokensByPerson,
      minuteMillis,
      expiringToken: (lifeMillis) => {
        const token = randomBytes(16).toString("hex")
        expiring.set(token, Date.now() + lifeMillis)
        return token
      },
      ...troubles.of(() => running.map(({ server }) => server)),
      draining: () => {
        for (const { server } of running) void server.close({ graceMillis: 1000 })
        return () => restart(nothing)
      },
      ...wipe === undefined ? {} : { beside: beside?.listener.url, restart: () => restart(nothing), roll, wipe: () => restart(wipe) },
      ...backUp === undefined ? {} : {
        backUp: async () => {
          const restore = await restart(backUp)
          return () => restart(restore)
        },
      },
    },
    stop: async () => {
      await front?.stop()
      await stopAll()
    },
  }
}

/** One server, and where it listens. */
interface Running {
  readonly server: SyncServer
  readonly listener: Listener
}

const drawTokens = (): Required<ServerTokens> => {
  const draw = (person: string): string => `${person}-${randomBytes(16).toString("hex")}`
  return {
    owner: draw("owner"),
    neighbour: draw("neighbour"),
    author: draw("author"),
    reader: draw("reader"),
    sender: draw("sender"),
    stranger: draw("stranger"),
    nobody: draw("nobody"),
  }
}

/** `expiring`: tokens of the owner and when they end. */
const authenticateBy = (
  { owner, neighbour, author, reader, sender, stranger, nobody }: Required<ServerTokens>,
  expiring: ReadonlyMap<string, number>,
): Authenticate => {
  const grant = (token: string | undefined, rights: GivenRights = ALL) => ({ token, stores: ["*"], namespace: NAMESPACE, rights })
  const known = tokens({
    owner: grant(owner),
    neighbour: grant(neighbour),
    author: grant(author, { ...ALL, relay: false }),
    reader: grant(reader, { read: true }),
    sender: grant(sender, { write: true, relay: false }),
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
