/** The server process of the sync rows: one store in SQLite, everybody may do everything; tells how much memory it has. */
import process from "node:process"
import { sqliteAdapter } from "@cuitty/persist/adapters/sqlite"
import { allowAnyone, createSyncServer, listen } from "@cuitty/persist/server"
import { toParent } from "../../conformance/processes/child.ts"
import { countedAdapter, noCounts } from "./counted-adapter.ts"
import type { ServerMessage, ServerOrder } from "./messages.ts"
import { usage } from "./usage.ts"

const MEMORY_MILLIS = 100

const { path }: ServerOrder = JSON.parse(process.argv[2]!)
const storage = noCounts(), requests: Record<string, number> = {}
const tell = toParent<ServerMessage>(() => tell({ what: "done", counts: { storage, requests, ...usage() } }))
const server = createSyncServer({
  storage: countedAdapter(sqliteAdapter({ path }), storage),
  authenticate: allowAnyone(),
  accessLog: ({ route }) => requests[route] = (requests[route] ?? 0) + 1,
})
const listener = await listen(server, { hostname: "127.0.0.1", port: 0 })
tell({ what: "listening", pid: process.pid, port: listener.port })
setInterval(() => tell({ what: "memory", rssBytes: usage().rssBytes }), MEMORY_MILLIS)
