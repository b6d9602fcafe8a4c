/** A log of one's own as a remote, without a server in between: for devices that trust each other with all of it. */
import type { Adapter } from "../ports/log-storage.ts"
import { PersistError, RemoteUnreachable } from "../errors.ts"
import { kindOf, silentLogger } from "../ports/logger.ts"
import { nativePlatform } from "../ports/native-platform.ts"
import type { CallOptions, Cursor, Handshake, PullAnswer, PullRequest, PushAnswer, PushRequest, Remote } from "../ports/remote.ts"
import type { Caller, RemoteLog, RemoteLogOptions } from "./remote-log.ts"
import { openRemoteLog } from "./served-log.ts"

const OWNER: Caller = { principal: "", rights: { read: true, write: true, relay: true, admin: true } }

export interface LogRemoteOptions extends Partial<RemoteLogOptions> {
  /** Name of the store in the adapter. */
  readonly store: string
  /** Names the remote in this device's log, in status and in errors. Default: the adapter's name and the store's. */
  readonly name?: string | undefined
}

/** Errors of a storage that may be gone the next time: from here it is a remote that cannot be reached. */
const PASSING: ReadonlySet<string> = new Set([
  "storage_failed",
  "store_busy",
  "store_locked",
  "outcome_unknown",
  "store_uncertain",
  "flush_failed",
])

/**
 * Syncs with a store of an adapter. It is opened by the first call, and again after one that failed. Calls reject with `RemoteUnreachable` where
 * the storage fails in a way that may pass, and with the storage's own error otherwise.
 */
export function logRemote(adapter: Adapter, options: LogRemoteOptions): Remote {
  const { platform = nativePlatform, logger = silentLogger, store, name = `${adapter.name}:${store}` } = options
  let opening: Promise<RemoteLog> | undefined
  const opened = (): Promise<RemoteLog> =>
    opening ??= openRemoteLog(adapter, store, { ...options, platform, logger }).catch((error) => {
      opening = undefined
      throw error
    })
  const close = async (): Promise<void> => {
    const closing = opening
    opening = undefined
    await (await closing?.catch(() => undefined))?.close()
  }
  /** Asks the log; one that failed is closed, so that the next call opens it anew. */
  const ask = async <T>(call: string, { signal }: CallOptions, work: (log: RemoteLog) => Promise<T>): Promise<T> => {
    try {
      return await endless(signal, opened().then(work))
    } catch (error) {
      if (!(error instanceof PersistError) || !PASSING.has(error.code)) throw error
      await close().catch((closing) => logger.warn("a log could not be closed", { error: kindOf(closing) }))
      throw new RemoteUnreachable({ remote: name, call, reason: error.message }, { cause: error })
    }
  }
  return {
    name,
    handshake: (options: CallOptions): Promise<Handshake> => ask("handshake", options, (log) => log.handshake(OWNER)),
    push: (request: PushRequest, options: CallOptions): Promise<PushAnswer> => ask("push", options, (log) => log.push(request, OWNER)),
    pull: (request: PullRequest, options: CallOptions): Promise<PullAnswer> => ask("pull", options, (log) => log.pull(request, OWNER)),
    async watch(onHead: (head: Cursor) => void, { signal }: CallOptions): Promise<void> {
      const log = await opened()
      if (signal.aborted) return
      await new Promise<void>((resolve) => {
        const stop = log.onHead(onHead)
        signal.addEventListener("abort", () => {
          stop()
          resolve()
        }, { once: true })
        onHead(log.head)
      })
    },
    close,
  }
}

/** The answer, unless the caller gives up first: the log then goes on by itself, which any remote may. */
function endless<T>(signal: AbortSignal, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(signal.reason)
    if (signal.aborted) giveUp()
    signal.addEventListener("abort", giveUp, { once: true })
    answer.then(resolve, reject).finally(() => signal.removeEventListener("abort", giveUp))
  })
}
