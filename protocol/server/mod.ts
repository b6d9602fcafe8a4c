/**
 * `@cuitty/persist/server`: a server that stores sync with, over any adapter, on any runtime.
 *
 *   createSyncServer({ storage, authenticate }) ── app, fetch    in a Hono app, a Worker, a handler of one's own
 *                                               └─ listen()      on a port of Node, Deno or Bun
 */
export type { FeedEnd, HeadFeed, HintEvent } from "./head-feed.ts"
export { allowAnyone, type Authenticate, bearerToken, type GivenRights, type Identity } from "./identity.ts"
export { DEFAULT_SERVER_LIMITS, type ServerLimits } from "./limits.ts"
export { listen, type Listener, type ListenOptions } from "./listen.ts"
export type { RatedRequest, SyncServerOptions } from "./options.ts"
export { createSyncServer, type SyncServer, type SyncServerHealth } from "./server.ts"
export type { CallContext, CallRoute, ServiceAnswer, ServiceFeed, WatchContext } from "./service.ts"
export { type TokenGrant, tokens } from "./tokens.ts"
export type { AccessEntry, AccessLog } from "./visit.ts"
