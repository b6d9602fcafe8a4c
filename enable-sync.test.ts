import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { describe, it } from "node:test"
import { fileURLToPath, pathToFileURL } from "node:url"
import { fileAdapter } from "./adapters/file/mod.ts"
import { memoryAdapter } from "./adapters/memory/mod.ts"
import { silentLogger } from "./kernel/ports/logger.ts"
import { AlreadySyncing, createStore, enableSync, InvalidOption, NotSyncable, QueueFull, type Store, SyncStopped } from "./mod.ts"
import { allowAnyone, createSyncServer, listen, type Listener } from "./protocol/server/mod.ts"
import { httpRemote, logRemote } from "./remotes.ts"

/** A server in this process, at a port, over memory. */
const serve = (): Promise<Listener> =>
  listen(createSyncServer({ storage: memoryAdapter(), authenticate: allowAnyone(), logger: silentLogger }), {})

const open = (name = "tasks"): Promise<Store> => createStore(name, { adapter: "memory" })
/** Resolves when a record is there; keeps the process alive, which nothing of syncing does. */
const seen = async (store: Store, key: string): Promise<void> => {
  const hold = setInterval(() => {}, 1000)
  try {
    await new Promise<void>((resolve, reject) => {
      const stop = store.records.subscribe(key, () => {
        stop()
        resolve()
      })
      store.records.has(key).then((has) => has && resolve(), reject)
    })
  } finally {
    clearInterval(hold)
  }
}
const close = async (listener: Listener | undefined, ...stores: readonly Store[]): Promise<void> => {
  for (const store of stores) await store.close()
  await listener?.stop()
}

/** A program that does not close what it has opened. */
const HINTED = `
import process from "node:process"
import { createStore, enableSync } from "@cuitty/persist"
const store = await createStore("tasks", { adapter: "memory" })
const sync = await enableSync(store, { remote: process.argv[2] })
console.log((await sync.waitFor(({ state }) => state === "live")).state)
`

describe("enableSync()", () => {
  it("resolves without a network, and says why nothing is sent and when it is tried again", async () => {
    const store = await open()
    await store.records.put("task:1", { title: "Draft while offline" })
    const sync = await enableSync(store, { remote: "http://127.0.0.1:9" })
    const { state, lastError, nextAttemptAt } = await sync.waitFor(({ state }) => state === "offline")
    assert.deepEqual({ state, code: lastError?.code, waits: nextAttemptAt !== undefined }, {
      state: "offline",
      code: "remote_unreachable",
      waits: true,
    })
    assert.equal(sync.status().pendingOperations, 1)
    await close(undefined, store)
    assert.equal(sync.status().state, "stopped")
    await assert.rejects(sync.sync(), SyncStopped)
  })

  it("brings what one device writes to another by itself, in both directions", async () => {
    const listener = await serve(), a = await open(), b = await open()
    await enableSync(a, { remote: listener.url })
    const sync = await enableSync(b, { remote: new URL(listener.url) })
    await a.records.put("task:1", { title: "of A" })
    await seen(b, "task:1")
    await b.records.put("task:2", { title: "of B" })
    await seen(a, "task:2")
    assert.deepEqual(await a.records.get("task:2"), { title: "of B" })
    await sync.waitFor(({ isSynced }) => isSynced)
    assert.equal(await a.digest(), await b.digest())
    await close(listener, a, b)
  })

  it("sends what is left when the store is closed", async () => {
    const listener = await serve(), a = await open(), b = await open()
    const sync = await enableSync(a, { remote: listener.url, live: false })
    await sync.sync()
    await a.records.put("last", "words")
    await a.close()
    const other = await enableSync(b, { remote: listener.url })
    await other.sync()
    assert.equal(await b.records.get("last"), "words")
    await close(listener, b)
  })

  it("carries what one server has to the other, and goes on with the one that can be reached", async () => {
    const first = await serve(), second = await serve(), a = await open(), relay = await open(), b = await open()
    const ofA = await enableSync(a, { remote: first.url })
    await a.records.put("k", "of A")
    await ofA.sync()
    const both = await enableSync(relay, { remote: [first.url, second.url] })
    await both.sync()
    await both.sync()
    const ofB = await enableSync(b, { remote: second.url })
    await ofB.sync()
    assert.equal(await b.records.get("k"), "of A")
    await first.stop()
    await b.records.put("k", "of B")
    await ofB.sync()
    await assert.rejects(both.sync())
    assert.equal(await relay.records.get("k"), "of B")
    await close(second, a, relay, b)
  })

  it("syncs through a log without a server, one remote by its name", async () => {
    const shared = memoryAdapter(), a = await open(), b = await open()
    const remotes = [logRemote(shared, { store: "tasks" }), logRemote(shared, { store: "tasks" })]
    const [first, second] = [await enableSync(a, { remote: remotes[0]! }), await enableSync(b, { remote: remotes[1]! })]
    await a.records.put("k", 1)
    await first.sync()
    await second.sync()
    assert.equal(await b.records.get("k"), 1)
    await close(undefined, a, b)
    for (const remote of remotes) await remote.close()
  })

  it("uses the store of another name that a remote was made for, and a fetch of one's own", async () => {
    const server = createSyncServer({ storage: memoryAdapter(), authenticate: allowAnyone(), logger: silentLogger })
    const remoteFor = () =>
      httpRemote("https://sync.example.com", { store: "elsewhere", fetch: (url, init) => server.fetch(new Request(url, init)) })
    const a = await open("one"), b = await open("two"), remotes = [remoteFor(), remoteFor()]
    await (await enableSync(a, { remote: remotes[0]! })).pull() // makes the store there
    await a.records.put("k", 1)
    await (await enableSync(b, { remote: remotes[1]! })).pull()
    await seen(b, "k")
    assert.equal(await b.records.get("k"), 1)
    await close(undefined, a, b)
    for (const remote of remotes) await remote.close()
    await server.close()
  })

  it("holds no process, not even with a stream of hints open", async () => {
    const listener = await serve(), build = fileURLToPath(new URL("build", import.meta.url))
    await mkdir(build, { recursive: true })
    const folder = await mkdtemp(join(build, "program-")), program = join(folder, "program.ts")
    await writeFile(program, HINTED)
    const args = [..."Deno" in globalThis ? ["run", "-A", "--no-check"] : [], program, listener.url]
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, NODE_TEST_CONTEXT: "" } })
    let output = ""
    child.stdout.on("data", (text) => output += text)
    const deadline = setTimeout(() => child.kill("SIGKILL"), 20_000)
    const end = await new Promise((resolve) => child.on("close", (code, signal) => resolve(signal ?? code)))
    clearTimeout(deadline)
    assert.deepEqual({ end, output: output.trim() }, { end: 0, output: "live" })
    await listener.stop()
    await rm(folder, { recursive: true })
  })

  it("refuses the same remote twice, whoever asks, until the first is stopped", async () => {
    const listener = await serve(), store = await open()
    const first = await enableSync(store, { remote: listener.url })
    await assert.rejects(enableSync(store, { remote: listener.url }), AlreadySyncing)
    await assert.rejects(enableSync(await open(), { remote: [listener.url, listener.url] }), AlreadySyncing)
    await first.stop()
    await (await enableSync(store, { remote: listener.url })).sync()
    await close(listener, store)
  })

  it("refuses by name what cannot be synced: schemes, strategies, stores for reading, adapters with small frames", async () => {
    const store = await open()
    await assert.rejects(enableSync(store, { remote: "ftp://example.com" }), /https:, http: or libsql:/)
    await assert.rejects(enableSync(store, { remote: "sync.example.com" }), InvalidOption)
    await assert.rejects(enableSync(store, { remote: "http://sync.example.com" }), /https/)
    await assert.rejects(enableSync(store, { remote: "https://a:b@sync.example.com" }), InvalidOption)
    await assert.rejects(enableSync(store, { remote: "https://x.example", strategy: "newest" as "last-write-wins" }), /last-write-wins/)
    await assert.rejects(enableSync({} as Store, { remote: "https://x.example" }), InvalidOption)
    await store.close()
    const memory = memoryAdapter()
    const small = await createStore("small", {
      adapter: { ...memory, name: "small", capabilities: { ...memory.capabilities, maxFrameBytes: 1_000_000 } },
    })
    await assert.rejects(enableSync(small, { remote: "https://x.example" }), (error) => {
      assert.ok(error instanceof NotSyncable)
      assert.match(error.message, /small/)
      return true
    })
    await small.close()
    const folder = await mkdtemp(join(tmpdir(), "persist-sync-"))
    await (await createStore("read", { adapter: fileAdapter({ path: folder }) })).close()
    const reading = await createStore("read", { adapter: fileAdapter({ path: folder }), readPrefix: true })
    await assert.rejects(enableSync(reading, { remote: "https://x.example" }), NotSyncable)
    await reading.close()
    await rm(folder, { recursive: true })
  })
})

describe("maxQueueBytes", () => {
  const VALUE = "x".repeat(1000)

  it("rejects writes before anything is stored, lets deletes pass, and takes writes again when something was sent", async () => {
    const listener = await serve(), store = await open()
    const sync = await enableSync(store, { remote: listener.url, maxQueueBytes: 3000 })
    await sync.sync()
    sync.pause()
    for (const key of ["a", "b", "c"]) await store.records.put(key, VALUE)
    await assert.rejects(store.records.put("d", VALUE), QueueFull)
    await assert.rejects(store.records.putMany([{ key: "d", value: VALUE }]), QueueFull)
    await assert.rejects(store.records.update("a", () => VALUE), QueueFull)
    await assert.rejects(store.batch((tx) => tx.put("d", VALUE)), QueueFull)
    assert.equal(store.status().records, 3)
    assert.equal(await store.records.delete("a"), true)
    await store.records.put("d", VALUE) // the delete made room: only what would be sent counts
    await assert.rejects(store.records.put("e", VALUE), QueueFull)
    await sync.sync()
    await store.records.put("e", VALUE)
    await close(listener, store)
  })

  it("counts five writes of one record once", async () => {
    const listener = await serve(), store = await open()
    const sync = await enableSync(store, { remote: listener.url, maxQueueBytes: 3000 })
    await sync.sync()
    sync.pause()
    for (let n = 0; n < 20; n++) await store.records.put("a", VALUE)
    assert.equal(sync.status().pendingBytes, 1004) // key, marker of the text and its length
    await close(listener, store)
  })

  it("waits with onFull: wait, keeps what was given at the call, and rejects what waits when syncing stops", async () => {
    const listener = await serve(), store = await open()
    const sync = await enableSync(store, { remote: listener.url, maxQueueBytes: 1000, onFull: "wait" })
    await sync.sync()
    sync.pause()
    await store.records.put("a", VALUE)
    const value = { text: "as it was" }, waiting = store.records.put("b", value)
    value.text = "changed since"
    await store.flush()
    assert.equal(store.status().records, 1)
    await sync.sync()
    await waiting
    assert.deepEqual(await store.records.get("b"), { text: "as it was" })
    await store.records.put("c", VALUE)
    const left = store.records.put("d", VALUE)
    await Promise.all([assert.rejects(left, SyncStopped), sync.stop()])
    await store.records.put("d", VALUE) // no bound any more
    await close(listener, store)
  })
})

describe("the programs of the product", () => {
  /** Runs the text of a program as a module of the package, in an empty folder. */
  const run = async (program: string, work: () => Promise<void>): Promise<void> => {
    const build = fileURLToPath(new URL("build", import.meta.url)), before = process.cwd()
    await mkdir(build, { recursive: true })
    const folder = await mkdtemp(join(build, "program-"))
    try {
      await writeFile(join(folder, "program.ts"), program)
      process.chdir(folder)
      await import(pathToFileURL(join(folder, "program.ts")).href)
      await work()
    } finally {
      process.chdir(before)
      await rm(folder, { recursive: true })
    }
  }

  it("offline notes: written without a network, there at once", async () => {
    const program = await readFile(new URL("examples/offline-notes.ts", import.meta.url), "utf8")
    await run(`${program}\nglobalThis.note = note\nawait store.close()\n`, async () => {
      assert.deepEqual(Reflect.get(globalThis, "note"), { text: "Draft while offline" })
    })
  })

  it("tasks: enableSync with last-write-wins and an interval of 5,000, verbatim but for the URL", async () => {
    const listener = await serve(), other = await open(), sync = await enableSync(other, { remote: listener.url })
    const program = await readFile(new URL("examples/synced-tasks.ts", import.meta.url), "utf8")
    assert.match(program, /"https:\/\/sync\.example\.org"/)
    await run(`${program.replace("https://sync.example.org", listener.url)}\nglobalThis.store = store\n`, async () => {
      await sync.pull()
      await seen(other, "task:1")
      assert.deepEqual(await other.records.get("task:1"), { title: "Draft while offline" })
      await Reflect.get(globalThis, "store").close()
    })
    await close(listener, other)
  })
})
