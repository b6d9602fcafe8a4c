/** A remote on the web: the protocol of this package over `fetch`. */
import { InvalidStoreName } from "../../kernel/errors.ts"
import { utf8Length } from "../../kernel/format/utf8.ts"
import { STORE_NAME_BYTES_MAX } from "../../kernel/limits.ts"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { webPlatform } from "../../kernel/ports/platform.ts"
import type { Remote } from "../../kernel/ports/remote.ts"
import { textOf } from "../../kernel/text.ts"
import { SESSION_BYTES } from "../limits.ts"
import { HttpExchange, type Traffic } from "./http-exchange.ts"
import type { HttpExchangeOptions } from "./http-options.ts"
import { wireRemote } from "./wire-remote.ts"

export interface HttpRemoteOptions extends HttpExchangeOptions {
  /** Name of the store at the remote; which one that is depends on who is logged in. At most 200 bytes. */
  readonly store: string
  /** The 8 bytes of the copy that syncs, where they are known; for tracing at the remote. */
  readonly replica?: Bytes | undefined
  /**
   * Names the remote in the log, in status and in errors. Default: the URL. Two stores at one URL that one store syncs with need names of their own,
   * since what the log knows of a remote is kept under its name.
   */
  readonly name?: string | undefined
}

export interface HttpRemote extends Remote {
  /** What this remote has moved so far. */
  readonly traffic: Traffic
}

/**
 * A remote at `url`, whose routes are below it (`https://sync.example.com/v1/push`). Sends nothing by itself.
 *
 * Requests carry the token in a header and nothing else of it anywhere; they are made over https, or http on this machine; redirects are errors;
 * an answer is read up to its limits and trusted in nothing.
 *
 * Throws `InvalidOption` or `InvalidStoreName`. Calls reject with `RemoteUnreachable`, `RemoteError`, `Unauthenticated`, `UnsupportedVersion`,
 * `ProtocolViolation`, or the signal's reason.
 */
export const httpRemote = (url: string, options: HttpRemoteOptions): HttpRemote => {
  const { store, replica, name, platform = webPlatform } = options
  checkStoreName(store)
  const exchange = new HttpExchange(url, options)
  const remote = wireRemote({ exchange, store, session: platform.randomBytes(SESSION_BYTES), replica, name })
  return {
    name: remote.name,
    get traffic(): Traffic {
      return exchange.traffic
    },
    handshake: (call) => remote.handshake(call),
    push: (request, call) => remote.push(request, call),
    pull: (request, call) => remote.pull(request, call),
    watch: (onHead, call) => remote.watch(onHead, call),
    close: () => remote.close(),
  }
}

const checkStoreName = (store: unknown): void => {
  const bytes = typeof store === "string" ? utf8Length(store) : -1
  if (bytes > 0 && bytes <= STORE_NAME_BYTES_MAX && !String(store).includes("\0")) return
  const reason = `it is no well-formed string of 1 to ${STORE_NAME_BYTES_MAX} bytes in UTF-8 without the character U+0000`
  throw new InvalidStoreName({ name: textOf(store), reason })
}
