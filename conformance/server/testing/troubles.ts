/**
 * Troubles of our own server for tests of the suite, each by a means that an operator meets, too.
 *
 *   failing      the owner's rule about operations throws
 *   full         the adapter has no room left
 *   limited      the owner's rate limit says to wait
 *   overloaded   requests whose askers cannot be found out take every place
 */
import { StorageFull } from "../../../kernel/errors.ts"
import type { Adapter, LogStorage } from "../../../kernel/ports/log-storage.ts"
import type { SyncServerOptions } from "../../../protocol/server/options.ts"
import type { SyncServer } from "../../../protocol/server/server.ts"
import type { BringTrouble, ServerTroubles } from "../subject.ts"

const LIMITED_MILLIS = 1500
/** Whoever comes with it is looked up for as long as the trouble lasts. */
const STUCK_TOKEN = "Bearer stuck"

type OwnersCode = Required<Pick<SyncServerOptions, "storage" | "authenticate" | "refuse" | "rateLimit" | "logger">>

/** The troubles of all servers over one place. */
export class Troubles {
  readonly #requestsMax: number
  #isFailing = false
  #isFull = false
  #isLimited = false
  #release: () => void = () => undefined
  #stuck: Promise<undefined> = Promise.resolve(undefined)

  /** `requestsMax`: that of the server. */
  constructor(requestsMax: number) {
    this.#requestsMax = requestsMax
  }

  /** The owner's part of a server, into which troubles can come. */
  around(storage: Adapter, authenticate: SyncServerOptions["authenticate"]): OwnersCode {
    return {
      storage: this.#bounded(storage),
      authenticate: (request) => request.headers.get("authorization") === STUCK_TOKEN ? this.#stuck : authenticate(request),
      refuse: ({ key }) => {
        if (this.#isFailing) throw new TypeError(`the rule about "${key}" is broken`)
        return undefined
      },
      // What goes wrong on purpose is told to nobody.
      logger: {
        warn: (message, details) => this.#isFull || console.warn(message, details),
        error: (message, details) => this.#isFailing || console.error(message, details),
      },
      rateLimit: ({ principal }) => this.#isLimited && principal === "owner" ? LIMITED_MILLIS : 0,
    }
  }

  /** What brings them about; `servers`: those that run now. */
  of(servers: () => readonly SyncServer[]): Omit<ServerTroubles, "draining"> {
    const flag = (set: (isOn: boolean) => void): BringTrouble => () => {
      set(true)
      return () => set(false)
    }
    return {
      failing: flag((isOn) => this.#isFailing = isOn),
      full: flag((isOn) => this.#isFull = isOn),
      limited: flag((isOn) => this.#isLimited = isOn),
      overloaded: () => {
        this.#stuck = new Promise((resolve) => this.#release = () => resolve(undefined))
        const headers = { authorization: STUCK_TOKEN }
        const waiting = servers().flatMap((server) =>
          Array.from(
            { length: this.#requestsMax },
            () => server.fetch(new Request("http://server/v1/handshake", { method: "POST", headers, body: "x" })),
          )
        )
        return async () => {
          this.#release()
          await Promise.all(waiting.map(async (answer) => (await answer).arrayBuffer()))
        }
      },
    }
  }

  #bounded(adapter: Adapter): Adapter {
    const bounded = (log: LogStorage): LogStorage => ({
      opened: log.opened,
      head: () => log.head(),
      append: (position, frame) => {
        if (this.#isFull) throw new StorageFull({ location: adapter.name, neededBytes: frame.length, reason: "the test says so" })
        return log.append(position, frame)
      },
      read: (after, options) => log.read(after, options),
      trim: (position) => log.trim(position),
      snapshots: log.snapshots,
      watch: (listener) => log.watch(listener),
      flush: () => log.flush(),
      close: () => log.close(),
    })
    return {
      name: adapter.name,
      capabilities: adapter.capabilities,
      open: async (name, options) => bounded(await adapter.open(name, options)),
      list: () => adapter.list(),
      destroy: (name) => adapter.destroy(name),
    }
  }
}
