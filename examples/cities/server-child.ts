/**
 * The process that serves: stores in an SQLite database, for whoever has the token, at a port of this machine that is free. Tells its parent where,
 * and ends when its parent goes.
 */
import process from "node:process"
import { sqliteAdapter } from "@cuitty/persist/adapters/sqlite"
import { createSyncServer, listen, tokens } from "@cuitty/persist/server"

const { path, token } = JSON.parse(process.argv[2]!)
const server = createSyncServer({
  storage: sqliteAdapter({ path, createFolders: true }),
  authenticate: tokens({ cities: { token, stores: ["cities"], rights: { read: true, write: true, relay: true } } }),
})
const listener = await listen(server)
console.log(listener.url)
process.stdin.resume().once("close", async () => {
  await listener.stop()
  process.exit(0)
})
