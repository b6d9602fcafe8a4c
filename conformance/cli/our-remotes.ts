/** How each remote of this package is checked; what it needs is started when it is asked for, and ended with the run. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { memoryAdapter } from "@cuitty/persist/adapters/memory"
import { sqliteAdapter } from "@cuitty/persist/adapters/sqlite"
import { httpRemote, logRemote } from "@cuitty/persist/remotes"
import type { Remote } from "../../kernel/ports/remote.ts"
import type { RemoteSubject } from "../mod.ts"
import { copyLogs } from "../server/testing/memory-place.ts"
import { ServedPlace } from "./served-place.ts"

/** Where the remotes of one run are. */
export interface RemotePlace {
  /** A subject over a store of its own. */
  subject(): RemoteSubject
  /** Frees everything. */
  end(): Promise<void>
}

/** Places by name; `url` is what was given for them, if anything was. */
export type RemotePlaces = Readonly<Record<string, (url?: string) => Promise<RemotePlace>>>

export const ourRemotes: RemotePlaces = {
  http: (url) => url === undefined ? ServedPlace.start() : Promise.resolve(placeAt(url)),
  log: startLogs,
}

/** A server that runs elsewhere. The token is taken from the environment, since arguments can be read by everybody on the machine. */
const placeAt = (url: string): RemotePlace => {
  const run = crypto.randomUUID()
  let stores = 0
  return {
    subject(): RemoteSubject {
      const store = `conformance-${run}-${stores += 1}`
      const open = (name: string): Remote => httpRemote(url, { store: name, token: process.env["PERSIST_TOKEN"], allowInsecure: true })
      return { open: () => open(store), openOther: () => open(`${store}-other`) }
    },
    end: () => Promise.resolve(),
  }
}

/** Logs in a SQLite file of this process, over two adapters that share nothing but the file. */
async function startLogs(): Promise<RemotePlace> {
  const folder = await mkdtemp(join(tmpdir(), "persist-logs-"))
  const adapters = [sqliteAdapter({ path: join(folder, "stores.db") }), sqliteAdapter({ path: join(folder, "stores.db") })] as const
  let stores = 0
  return {
    subject(): RemoteSubject {
      const store = `case-${stores += 1}`
      const remotes: Remote[] = []
      const open = (adapter: typeof adapters[number], name: string): Remote => {
        const remote = logRemote(adapter, { store: name })
        remotes.push(remote)
        return remote
      }
      // A log remote that is closed opens its log anew with its next call.
      const closeAll = async (): Promise<void> => void await Promise.all(remotes.map((remote) => remote.close()))
      return {
        open: () => open(adapters[0], store),
        openOther: () => open(adapters[0], `${store}-other`),
        openBeside: () => open(adapters[1], store),
        restart: closeAll,
        roll: async () => {
          for (const remote of [...remotes]) await remote.close()
        },
        wipe: async () => {
          await closeAll()
          await adapters[0].destroy(store)
        },
        backUp: async () => {
          const copy = memoryAdapter()
          await copyLogs(adapters[0], copy, [store])
          return async () => {
            await closeAll()
            await adapters[0].destroy(store)
            await copyLogs(copy, adapters[0], [store])
          }
        },
      }
    },
    end: () => rm(folder, { recursive: true, force: true, maxRetries: 3 }),
  }
}
