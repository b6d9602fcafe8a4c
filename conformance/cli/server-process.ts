/** The server that remotes are checked at, in a process of its own: a SQLite file on loopback, until its parent is gone or it is killed. */
import process from "node:process"
import { sqliteAdapter } from "@cuitty/persist/adapters/sqlite"
import { createSyncServer, listen, tokens } from "@cuitty/persist/server"
import { toParent } from "../processes/child.ts"
import { NAMESPACE, RIGHTS, type ServerMessage, type ServerOrder } from "./server-order.ts"

const { path, port, origin, tokensByPerson }: ServerOrder = JSON.parse(process.argv[2]!)
const tell = toParent<ServerMessage>()
const grants = Object.entries(tokensByPerson).map(([person, token]) =>
  [person, { token, stores: ["*"], namespace: NAMESPACE, rights: RIGHTS[person as keyof typeof RIGHTS] }] as const
)
const server = createSyncServer({
  storage: sqliteAdapter({ path }),
  authenticate: tokens(Object.fromEntries(grants)),
  allowedOrigins: origin === undefined ? [] : [origin],
  // The cases bring more writers than anybody does in a day.
  limits: { newWritersPerDayMax: 10_000_000 },
})
const listener = await listen(server, { hostname: "127.0.0.1", port })
tell({ what: "listening", pid: process.pid, port: listener.port })
