/** Sync server: puts options, service and app together. The published entry point is `mod.ts`. */
import type { Hono } from "hono"
import { UnsupportedDurability } from "../../kernel/errors.ts"
import { type Adapter, type Bytes, capabilitiesOf, type Durability } from "../../kernel/ports/log-storage.ts"
import type { Logger } from "../../kernel/ports/logger.ts"
import type { RemoteLog, RemoteLogOptions } from "../../kernel/sync/remote-log.ts"
import { openRemoteLog } from "../../kernel/sync/served-log.ts"
import { createApp } from "./app.ts"
import { toWireError } from "./failures.ts"
import type { Identity } from "./identity.ts"
import { resolveOptions, type SyncServerOptions } from "./options.ts"
import { type CallContext, type CallRoute, type ServiceAnswer, type ServiceFeed, SyncService, type WatchContext } from "./service.ts"

const GRACE_MILLIS = 10_000

/** What a server is doing. */
export interface SyncServerHealth {
  /** `draining` once `close()` was called. */
  readonly status: "ok" | "draining"
  /** Stores that are opening, open or closing. */
  readonly stores: number
  /** HTTP requests under way, streams and waits left out. */
  readonly requests: number
  /** Streams and waits for hints. */
  readonly live: number
  /** Bytes of bodies and answers held in memory. */
  readonly heldBytes: number
}

export interface SyncServer {
  /** The Hono app, to be mounted in another one: `app.route("/sync", server.app)`. */
  readonly app: Hono
  /** Answers a request, on whatever runtime. Never rejects. */
  readonly fetch: (request: Request) => Promise<Response>
  /** Answers a message without HTTP, from somebody who is known already. Never rejects. */
  readonly handle: (route: CallRoute, body: Bytes, identity: Identity, context?: CallContext) => Promise<ServiceAnswer>
  /** Opens a stream of hints without HTTP. Never rejects. */
  readonly watch: (body: Bytes, identity: Identity, context?: WatchContext) => Promise<ServiceFeed | ServiceAnswer>
  health(): SyncServerHealth
  /**
   * Stops the server: new requests are answered `draining`, streams and waits are ended, requests under way are waited for, then all stores
   * are closed. Resolves when that is done, or after twice `graceMillis` (default 10 s) whatever is left. Idempotent. Whoever listens on a
   * port is stopped after that.
   */
  close(options?: { readonly graceMillis?: number }): Promise<void>
}

/** Opens a log for being served: `openRemoteLog`, or a double of it. */
export type OpenLog = (adapter: Adapter, name: string, options: RemoteLogOptions) => Promise<RemoteLog>

/**
 * A server over stores that others sync with; it listens nowhere by itself: see `listen()`, or mount its `app`.
 *
 * It keeps no state but open logs, so that several servers may be over one place, where its adapter takes several processes. Throws
 * `InvalidOption`.
 */
export const createSyncServer = (options: SyncServerOptions): SyncServer => assembleServer(options, openRemoteLog)

/** A server whose logs are opened by `openLog`. Throws `InvalidOption`. */
export function assembleServer(given: SyncServerOptions, openLog: OpenLog): SyncServer {
  const options = resolveOptions(given)
  const { platform, logger, limits, storage, clockAheadMillisMax, durability } = options
  // One adapter for all is known now: what it cannot do is said now.
  if (typeof given.storage !== "function") atDurability(given.storage, durability)
  const refuse = guard(options.refuse, logger)
  const service = new SyncService({
    platform,
    logger,
    limits,
    storage,
    openLog: (adapter, name, create) =>
      openLog(atDurability(adapter, durability), name, { platform, logger, limits, clockAheadMillisMax, refuse, create }),
  })
  const http = createApp(service, options)
  return {
    app: http.app,
    fetch: async (request) => await http.app.fetch(request),
    handle: (route, body, identity, context) => service.handle(route, body, identity, context),
    watch: (body, identity, context) => service.watch(body, identity, context),
    health: () => {
      const { stores, live } = service.load
      return { status: service.isDraining ? "draining" : "ok", stores, live, ...http.load }
    },
    close: ({ graceMillis = GRACE_MILLIS } = {}) => service.close(graceMillis),
  }
}

/** The adapter, offering one durability alone, so that every store is opened with it. */
function atDurability(adapter: Adapter, durability: Durability | undefined): Adapter {
  if (durability === undefined) return adapter
  const { levels } = capabilitiesOf(adapter)
  if (!levels.includes(durability)) throw new UnsupportedDurability({ adapter: adapter.name, durability, levels })
  return {
    name: adapter.name,
    capabilities: { ...adapter.capabilities, levels: [durability] },
    open: (name, options) => adapter.open(name, options),
    list: () => adapter.list(),
    destroy: (name) => adapter.destroy(name),
  }
}

/** What the owner's `refuse` throws fails the push, and nothing beyond it. */
function guard(refuse: SyncServerOptions["refuse"], logger: Logger): SyncServerOptions["refuse"] {
  if (refuse === undefined) return undefined
  return (operation) => {
    try {
      return refuse(operation)
    } catch (error) {
      throw toWireError(error, logger, { route: "push", callback: "refuse" })
    }
  }
}
