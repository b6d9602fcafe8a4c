/** One server process of a sync race: serves the store of a place on loopback, until its parent is gone or it is killed. */
import process from "node:process"
import { libsqlAdapter } from "@cuitty/persist/adapters/libsql"
import { sqliteAdapter } from "@cuitty/persist/adapters/sqlite"
import { createSyncServer, listen, tokens } from "@cuitty/persist/server"
import { toParent } from "../processes/child.ts"
import type { ServerMessage, ServerOrder } from "./messages.ts"
import { NAMESPACE, STORE } from "./work.ts"

const { place: { adapter, options }, port, tokens: given }: ServerOrder = JSON.parse(process.argv[2]!)
const tell = toParent<ServerMessage>()
const storage = adapter === "sqlite" ? sqliteAdapter({ ...options, path: options["path"]! }) : libsqlAdapter(options)
// Each device is somebody else, so that every receipt and every right is judged for several.
const grants = given.map((token, index) => [`device-${index + 1}`, { token, stores: [STORE], namespace: NAMESPACE }] as const)
const server = createSyncServer({
  storage,
  authenticate: tokens(Object.fromEntries(grants)),
  accessLog: ({ route, status }) => tell({ what: "served", route, status }),
})
const listener = await listen(server, { hostname: "127.0.0.1", port })
tell({ what: "listening", pid: process.pid, port: listener.port })
