/**
 * `@cuitty/persist/remotes`: remotes as objects, for what `enableSync` cannot be told by a URL: another name of the store there, a `fetch` of
 * one's own, a log without a server.
 *
 * @module
 */
export type { Bytes, Position } from "./kernel/ports/log-storage.ts"
export type {
  CallOptions,
  Cursor,
  Handshake,
  Part,
  PassedRange,
  PullAnswer,
  PullRequest,
  PushAnswer,
  PushRequest,
  Refusal,
  RefusalCode,
  Remote,
  RemoteLimits,
  Rights,
  WriterPair,
} from "./kernel/ports/remote.ts"
export { logRemote, type LogRemoteOptions } from "./kernel/sync/log-remote.ts"
export { type HttpRemote, httpRemote, type HttpRemoteOptions } from "./protocol/client/http-remote.ts"
