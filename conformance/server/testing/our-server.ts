/** Our own server for tests of the suite: in this process, with a token for everybody, and with a fault in front of it where one is asked for. */
import { randomBytes } from "node:crypto"
import type { Adapter } from "../../../kernel/ports/log-storage.ts"
import { nativePlatform } from "../../../kernel/ports/native-platform.ts"
import type { Platform } from "../../../kernel/ports/platform.ts"
import type { GivenRights } from "../../../protocol/server/identity.ts"
import { listen } from "../../../protocol/server/listen.ts"
import { createSyncServer } from "../../../protocol/server/server.ts"
import { tokens } from "../../../protocol/server/tokens.ts"
import type { ServerSubject, ServerTokens } from "../trial.ts"
import { startFront } from "./front.ts"

/** Answers a request. */
export type Answer = (request: Request) => Promise<Response>

export interface OurServer {
  readonly subject: ServerSubject
  stop(): Promise<void>
}

export interface OurServerOptions {
  readonly storage: Adapter
  /** What answers in place of the server, which it may ask. */
  readonly change?: ((server: Answer) => Answer) | undefined
  /** What becomes of bytes on their way to it, a character each. Default: nothing stands there. */
  readonly wire?: ((text: string) => string) | undefined
  /** Time of the server. Default: the runtime's. */
  readonly platform?: Platform | undefined
  readonly minuteMillis?: number | undefined
}

const ALL: GivenRights = { read: true, write: true, relay: true }
const NAMESPACE = "conformance"

/** Starts it on a free port of this machine. */
export const startOurServer = async (options: OurServerOptions): Promise<OurServer> => {
  const { storage, change = (server) => server, wire, platform, minuteMillis } = options
  const draw = (person: string): string => `${person}-${randomBytes(16).toString("hex")}`
  const drawn = {
    owner: draw("owner"),
    neighbour: draw("neighbour"),
    author: draw("author"),
    reader: draw("reader"),
    stranger: draw("stranger"),
    nobody: draw("nobody"),
  } satisfies Required<ServerTokens>
  const grant = (token: string, rights: GivenRights = ALL) => ({ token, stores: ["*"], namespace: NAMESPACE, rights })
  const server = createSyncServer({
    storage,
    authenticate: tokens({
      owner: grant(drawn.owner),
      neighbour: grant(drawn.neighbour),
      author: grant(drawn.author, { ...ALL, relay: false }),
      reader: grant(drawn.reader, { read: true }),
      stranger: { ...grant(drawn.stranger), namespace: "elsewhere" },
      nobody: { ...grant(drawn.nobody), stores: ["of-nobody"] },
    }),
    // The cases make more stores and writers than anybody does in a day.
    limits: { newWritersPerDayMax: 10_000_000, storesMax: 1_000_000 },
    platform,
  })
  const listener = await listen({ ...server, fetch: change(server.fetch) }, { graceMillis: 1000 })
  const front = wire === undefined ? undefined : await startFront(listener.port, wire)
  const url = front === undefined ? listener.url : `http://127.0.0.1:${front.port}`
  return {
    subject: { url, tokens: drawn, minuteMillis },
    stop: async () => {
      await front?.stop()
      await listener.stop()
    },
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
