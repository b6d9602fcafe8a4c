/** A log of one's own as a remote, without a server in between: for devices that trust each other with all of it. */
import type { Adapter } from "../ports/log-storage.ts"
import { silentLogger } from "../ports/logger.ts"
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

/** Syncs with a store of an adapter. It is opened by the first call, and again after one that failed to open it. */
export function logRemote(adapter: Adapter, options: LogRemoteOptions): Remote {
  const { platform = nativePlatform, logger = silentLogger, store, name = `${adapter.name}:${store}` } = options
  let opening: Promise<RemoteLog> | undefined
  const opened = (): Promise<RemoteLog> =>
    opening ??= openRemoteLog(adapter, store, { ...options, platform, logger }).catch((error) => {
      opening = undefined
      throw error
    })
  return {
    name,
    handshake: async ({ signal }: CallOptions): Promise<Handshake> => await endless(signal, (await opened()).handshake(OWNER)),
    push: async (request: PushRequest, { signal }: CallOptions): Promise<PushAnswer> =>
      await endless(signal, (await opened()).push(request, OWNER)),
    pull: async (request: PullRequest, { signal }: CallOptions): Promise<PullAnswer> =>
      await endless(signal, (await opened()).pull(request, OWNER)),
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
    async close(): Promise<void> {
      const closing = opening
      opening = undefined
      await (await closing?.catch(() => undefined))?.close()
    },
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
