/** Programs that a user of the package could have written, as text: they are put into an empty folder, compiled, bundled and run there. */

/** Stores on every medium; a server is not to be had without Hono. Ends with an exception if anything is wrong. */
export const STORE_PROGRAM = `
import { createStore } from "@cuitty/persist"
import { memoryAdapter } from "@cuitty/persist/adapters/memory"
import { addWinsSet, counter } from "@cuitty/persist/crdt"
import assert from "node:assert/strict"
assert.equal(memoryAdapter().name, "memory")
for (const [adapter, path] of [["memory"], ["file", "./notes"], ["sqlite", "./notes.db"]]) {
  const options = path === undefined ? { adapter } : { adapter, path }
  let store = await createStore("notes", options)
  await store.records.put("note:1", { text: "Draft while offline", at: new Date(0), bytes: new Uint8Array([1, 2, 3]), big: 2n ** 60n })
  await store.collection("votes", { type: counter() }).delete("note:1")
  await store.collection("votes", { type: counter() }).update("note:1", (votes) => votes.increment(2))
  await store.collection("tags", { type: addWinsSet() }).update("note:1", (tags) => tags.add("b", "a"))
  if (path !== undefined) {
    await store.close()
    store = await createStore("notes", options)
  }
  const note = await store.records.get("note:1")
  assert.deepEqual({ ...note, bytes: [...note.bytes] }, { text: "Draft while offline", at: new Date(0), bytes: [1, 2, 3], big: 2n ** 60n })
  assert.equal(await store.collection("votes", { type: counter() }).get("note:1"), 2)
  assert.deepEqual(await store.collection("tags", { type: addWinsSet() }).get("note:1"), ["a", "b"])
  await store.close()
  console.log(adapter + " ok")
}
await assert.rejects(import("@cuitty/persist/server"), /hono/)
`

/**
 * Two stores that meet at a server: in the process by its `fetch`, zipped; and at a port, over SQLite, where the second also hears by itself what
 * the first writes. Needs Hono, and on Node @hono/node-server.
 */
export const SYNC_PROGRAM = `
import { createStore, enableSync } from "@cuitty/persist"
import { memoryAdapter } from "@cuitty/persist/adapters/memory"
import { sqliteAdapter } from "@cuitty/persist/adapters/sqlite"
import { httpRemote } from "@cuitty/persist/remotes"
import { createSyncServer, listen, tokens } from "@cuitty/persist/server"
import assert from "node:assert/strict"

const token = "alice-4kf9s0dk3j2hf7"
const authenticate = tokens({ alice: { token, stores: ["*"] } })

const meet = async (options) => {
  const here = await createStore("notes", { adapter: "memory" })
  const there = await createStore("notes", { adapter: "memory" })
  await here.records.put("note:1", { text: "Draft while offline", bytes: new Uint8Array(2000), big: 2n ** 60n })
  const syncHere = await enableSync(here, options())
  await syncHere.sync()
  const syncThere = await enableSync(there, options())
  await syncThere.sync()
  assert.equal((await there.records.get("note:1")).big, 2n ** 60n)

  const arrived = new Promise((resolve) => there.records.subscribe({ prefix: "note:2" }, resolve))
  await here.records.put("note:2", { text: "Sent by itself" })
  await arrived
  assert.equal((await there.records.get("note:2")).text, "Sent by itself")
  await there.records.delete("note:1")
  await syncThere.sync()
  await syncHere.sync()
  assert.equal(await here.records.has("note:1"), false)
  assert.equal(await here.digest(), await there.digest())
  assert.equal(syncHere.status().pendingOperations, 0)
  await here.close()
  await there.close()
}

const local = createSyncServer({ storage: memoryAdapter(), authenticate })
await meet(() => ({
  remote: httpRemote("https://sync.example.com", {
    store: "notes",
    token,
    compress: "always",
    fetch: (url, init) => local.fetch(new Request(url, init)),
  }),
}))
await local.close()
console.log("in the process ok")

const server = createSyncServer({ storage: sqliteAdapter({ path: "./server.db" }), authenticate })
const listener = await listen(server)
await meet(() => ({ remote: listener.url, token }))
await listener.stop()
console.log("at a port ok")
`

/** Compiles strictly if the types of the main entry point are what they should be. */
export const STORE_TYPES = `
import { createStore } from "@cuitty/persist"
import { counter, registerMap } from "@cuitty/persist/crdt"
const store = await createStore("notes", { adapter: "memory" })
await store.records.put("note:1", { text: "Draft while offline" })
const note = await store.records.get("note:1")
export const text: string = note.text
interface User { readonly name: string }
const users = store.collection<User>("users")
await users.put("user:1", { name: "Ada" })
// @ts-expect-error a value of another type
await users.put("user:2", { nam: "Ada" })
const votes = store.collection("votes", { type: counter() })
await votes.update("post:1", (c) => c.increment(1))
export const sum: number | undefined = await votes.get("post:1")
// @ts-expect-error a counter is not written whole
await votes.put("post:1", 1)
// @ts-expect-error a register of another type
await store.collection("profiles", { type: registerMap<string>() }).update("ann", (profile) => profile.set("age", 5))
`

/** The same for what a device needs to sync. */
export const SYNC_TYPES = `
import { createStore, enableSync, type SyncHandle, type SyncStatus } from "@cuitty/persist"
import { httpRemote, logRemote, type Remote } from "@cuitty/persist/remotes"
import { memoryAdapter } from "@cuitty/persist/adapters/memory"
const store = await createStore("notes", { adapter: "memory" })
const remote: Remote = httpRemote("https://sync.example.com", {
  store: "notes",
  token: async () => "secret",
  fetch: (url, init) => fetch(url, init),
})
const sync: SyncHandle = await enableSync(store, { remote: [remote, logRemote(memoryAdapter(), { store: "notes" })], interval: 5000 })
await sync.sync({ signal: new AbortController().signal })
const status: SyncStatus = await sync.waitFor(({ isSynced }) => isSynced)
export const state: "offline" | undefined = status.state === "offline" ? status.state : undefined
for await (const { pendingOperations } of sync) console.log(pendingOperations.toFixed())
// @ts-expect-error a strategy that is none
await enableSync(store, { remote, strategy: "first-write-wins" })
`

/** The same for a server; needs the types of Hono. */
export const SERVER_TYPES = `
import { createSyncServer, listen, type SyncServer, tokens } from "@cuitty/persist/server"
import { memoryAdapter } from "@cuitty/persist/adapters/memory"
import { Hono } from "hono"
const server: SyncServer = createSyncServer({
  storage: (namespace) => memoryAdapter(),
  authenticate: tokens({ alice: { token: "alice-4kf9s0dk3j2hf7", stores: ["*"] } }),
  accessLog: ({ route, status }) => console.log(route, status),
})
export const app = new Hono().route("/sync", server.app)
export const response: Response = await server.fetch(new Request("http://localhost/v1/health"))
const { port, stop }: { port: number; stop(): Promise<void> } = await listen(server, { port: 0 })
console.log(port.toFixed())
await stop()
// @ts-expect-error nobody says who asks
createSyncServer({ storage: memoryAdapter() })
`

/** A page that keeps a store in memory. */
export const STORE_PAGE = `import { createStore } from "@cuitty/persist"
globalThis.store = await createStore("notes", { adapter: "memory" })
`

/** A page that also syncs it over HTTP. */
export const SYNC_PAGE = `import { createStore, enableSync } from "@cuitty/persist"
globalThis.store = await createStore("notes", { adapter: "memory" })
globalThis.sync = await enableSync(globalThis.store, { remote: "https://sync.example.com" })
`

/** Prints how many milliseconds the import took, and how many the first `enableSync`, which loads the rest. */
export const IMPORT_PROGRAM = `
const started = performance.now()
const { createStore, enableSync } = await import("@cuitty/persist")
const imported = performance.now()
const store = await createStore("notes", { adapter: "memory" })
const opened = performance.now()
await enableSync(store, { remote: "http://127.0.0.1:1", live: false, stopMillis: 0 })
console.log(JSON.stringify([imported - started, performance.now() - opened]))
await store.close()
`

/** Files that authors check with `persist conformance`, by name: an adapter that conforms, one that stores nothing, and a CRDT type. */
export const AUTHORS_FILES: Readonly<Record<string, string>> = {
  "my-adapter.mjs": `import { sqliteAdapter } from "@cuitty/persist/adapters/sqlite"
import { inFolder } from "@cuitty/persist/conformance"
export const openAdapter = (folder) => sqliteAdapter({ path: folder + "/stores.db" })
// The shared memory of the log holds no data, and the driver of Node 20 leaves it behind.
export const makeAdapter = inFolder(openAdapter, { module: import.meta.url, isLock: (path) => path.endsWith("-shm") })
`,
  "wrong-adapter.mjs": `import { memoryAdapter } from "@cuitty/persist/adapters/memory"
export const makeAdapter = () => {
  const adapter = memoryAdapter()
  return { ...adapter, open: async (...args) => ({ ...await adapter.open(...args), append: () => Promise.resolve() }) }
}
`,
  "my-type.mjs": `import { counter } from "@cuitty/persist/crdt"
export const type = counter()
export const edit = (votes, random) => votes.increment(random() < 0.5 ? 1 : 2)
`,
}
