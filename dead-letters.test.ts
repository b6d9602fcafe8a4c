/** Goal: what a server refuses is answered, once, by whoever has it. Whole: stores on disks, the engine, servers over HTTP, processes. */
import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import process from "node:process"
import { after, describe, it } from "node:test"
import { fileURLToPath } from "node:url"
import { memoryAdapter } from "./adapters/memory/mod.ts"
import { silentLogger } from "./kernel/ports/logger.ts"
import { createStore, type DeadLetter, enableSync, InvalidOption, NotConfirmed, type Store, type SyncHandle } from "./mod.ts"
import { allowAnyone, createSyncServer, listen, type Listener, type SyncServerOptions } from "./protocol/server/mod.ts"

interface Price {
  readonly price: number
}

const BUILD = fileURLToPath(new URL("build", import.meta.url))
const cheap: SyncServerOptions["refuse"] = ({ kind, key, value }) =>
  kind === "delete" && key.startsWith("kept") ? "it is kept" : Object(value()).price > 1000 ? "too dear" : undefined
const serve = (refuse: SyncServerOptions["refuse"] = cheap): Promise<Listener> =>
  listen(createSyncServer({ storage: memoryAdapter(), authenticate: allowAnyone(), logger: silentLogger, refuse }), {})

const folders: string[] = []
async function folder(): Promise<string> {
  await mkdir(BUILD, { recursive: true })
  const path = await mkdtemp(join(BUILD, "letters-"))
  folders.push(path)
  return path
}
after(async () => {
  for (const path of folders) await rm(path, { recursive: true, force: true })
})

const open = async (path?: string): Promise<Store<Price>> =>
  await createStore<Price>("shop", path === undefined ? { adapter: "memory" } : { adapter: "sqlite", path })
/** Syncs when it is asked to, and not by itself. */
async function syncWith(store: Store<Price>, ...remote: readonly Listener[]): Promise<SyncHandle> {
  const sync = await enableSync(store, { remote: remote.map(({ url }) => url) })
  sync.pause()
  return sync
}
async function letterOf(store: Store<Price>, key: string): Promise<DeadLetter<Price>> {
  const letter = (await store.deadLetters.list()).find((one) => one.key === key)
  assert.ok(letter !== undefined, `${key} has no letter`)
  return letter
}

/** Answers all letters that it finds in a database, while another process does the same. */
const ANSWERING = `
import process from "node:process"
import { createStore } from "@cuitty/persist"
const store = await createStore("shop", { adapter: "sqlite", path: process.argv[2] })
const letters = await store.deadLetters.list()
console.log("ready")
await new Promise((resolve) => process.stdin.once("data", resolve))
const answered = []
for (const [at, letter] of letters.entries()) {
  const answer = at % 2 === 0 ? store.deadLetters.retry(letter, () => ({ price: 1 })) : store.deadLetters.discard(letter)
  await answer.then(() => answered.push(letter.key), (error) => error.code === "invalid_option" || Promise.reject(error))
}
await store.close()
console.log(JSON.stringify(answered))
process.exit(0)
`

describe("a write that a server refuses", () => {
  it("is shown here and nowhere else, and holds up nothing, on two devices", async () => {
    const listener = await serve(), a = await open(), b = await open()
    const syncA = await syncWith(a, listener), syncB = await syncWith(b, listener)
    await a.records.put("lamp", { price: 40 })
    await syncA.sync()
    await a.records.put("lamp", { price: 4000 })
    await a.records.put("chair", { price: 9000 })
    await a.records.put("table", { price: 90 })
    await syncA.sync()
    await syncB.sync()
    assert.deepEqual([await a.records.get("lamp"), (await a.records.getEntry("lamp"))?.refused?.message], [{ price: 4000 }, "too dear"])
    assert.deepEqual(await b.records.getMany(["lamp", "chair", "table"]), [{ price: 40 }, undefined, { price: 90 }])
    assert.deepEqual([syncA.status().deadLetters, a.status().deadLetters, b.status().deadLetters], [2, 2, 0])
    assert.equal(syncA.status().isSynced, true)
    await a.records.put("chair", { price: 8000 })
    await a.records.put("lamp", { price: 50 })
    await syncA.sync()
    await syncB.sync()
    assert.deepEqual(await b.records.getMany(["lamp", "chair"]), [{ price: 50 }, undefined])
    assert.deepEqual((await a.deadLetters.list()).map(({ key, value }) => [key, value]), [["chair", { price: 8000 }]])
    assert.equal(await a.digest(), await b.digest(), "the letter's record is no part of it")
    for (const store of [a, b]) await store.close()
    await listener.stop()
  })

  it("is answered after a restart, without a network, and the answer arrives later", async () => {
    const listener = await serve(), path = join(await folder(), "shop.db"), b = await open(), syncB = await syncWith(b, listener)
    let a = await open(path), syncA = await syncWith(a, listener)
    await a.records.put("lamp", { price: 40 })
    await a.records.put("kept", { price: 1 })
    await syncA.sync()
    await a.records.put("lamp", { price: 4000 })
    await a.records.put("chair", { price: 9000 })
    await a.records.put("sofa", { price: 7000 })
    await a.records.delete("kept")
    await syncA.sync()
    await a.close()
    a = await open(path)
    assert.deepEqual((await a.deadLetters.list()).map(({ key, deleted }) => [key, deleted]), [
      ["chair", false],
      ["kept", true],
      ["lamp", false],
      ["sofa", false],
    ])
    await a.deadLetters.discard(await letterOf(a, "lamp"))
    await a.deadLetters.discard(await letterOf(a, "chair"))
    await a.deadLetters.discard(await letterOf(a, "kept"))
    await a.deadLetters.retry<Price>(await letterOf(a, "sofa"), ({ price }) => ({ price: price / 10 }))
    await a.close()
    a = await open(path)
    assert.equal(a.status().deadLetters, 0)
    syncA = await syncWith(a, listener)
    await syncA.sync()
    await syncB.sync()
    for (const { records } of [a, b]) {
      assert.deepEqual(await records.getMany(["lamp", "chair", "sofa", "kept"]), [{ price: 40 }, undefined, { price: 700 }, { price: 1 }])
    }
    assert.equal(await a.digest(), await b.digest())
    for (const store of [a, b]) await store.close()
    await listener.stop()
  })

  it("is a new letter if it is tried again unchanged, and the engine does not go on about it", async () => {
    const listener = await serve(), store = await open(), sync = await enableSync(store, { remote: listener.url })
    let came: (letter: DeadLetter<Price>) => void = () => {}
    store.deadLetters.subscribe(([letter]) => letter !== undefined && came(letter))
    const nextLetter = (): Promise<DeadLetter<Price>> => new Promise((resolve) => came = resolve)
    let coming = nextLetter()
    await store.records.put("lamp", { price: 4000 })
    const hold = setInterval(() => {}, 1000)
    let letter = await coming
    for (let time = 0; time < 3; time++) {
      coming = nextLetter()
      const { version } = await store.deadLetters.retry(letter)
      letter = await coming
      assert.equal(letter.version, version)
    }
    clearInterval(hold)
    await sync.sync()
    const { head } = store.status()
    await sync.sync()
    await sync.sync()
    assert.deepEqual([store.status().deadLetters, store.status().head, sync.status().isSynced], [1, head, true])
    assert.equal(sync.status().remotes[0]?.refusedOperations, 4)
    await store.close()
    await listener.stop()
  })

  it("with write-through rejects, as does an answer that is refused again; one that is taken resolves when the server has it", async () => {
    const listener = await serve(), store = await open(), sync = await enableSync(store, { remote: listener.url, mode: "write-through" })
    const isRefused = (error: unknown): boolean => error instanceof NotConfirmed && error.details.reason === "refused"
    await store.records.put("lamp", { price: 40 })
    await assert.rejects(store.records.put("lamp", { price: 4000 }), isRefused)
    const letter = await letterOf(store, "lamp")
    await assert.rejects(store.deadLetters.retry(letter), isRefused)
    await store.deadLetters.discard(await letterOf(store, "lamp"))
    assert.deepEqual([await store.records.get("lamp"), sync.status().pendingOperations], [{ price: 40 }, 0])
    await store.close()
    await listener.stop()
  })

  it("with two servers, of which one takes it, goes there, and is answered at both", async () => {
    const strict = await serve(), mild = await serve(() => undefined), a = await open(), b = await open(), c = await open()
    const syncs = [await syncWith(a, strict, mild), await syncWith(b, mild), await syncWith(c, strict)]
    await a.records.put("lamp", { price: 40 })
    for (const sync of syncs) await sync.sync()
    await a.records.put("lamp", { price: 4000 })
    for (const sync of syncs) await sync.sync()
    assert.deepEqual([await b.records.get("lamp"), await c.records.get("lamp")], [{ price: 4000 }, { price: 40 }])
    assert.deepEqual((await letterOf(a, "lamp")).remotes.map(({ remote }) => remote.includes(new URL(strict.url).host)), [true])
    await a.deadLetters.discard(await letterOf(a, "lamp"))
    for (const sync of [...syncs, ...syncs]) await sync.sync()
    for (const { records } of [a, b, c]) assert.deepEqual(await records.get("lamp"), { price: 40 })
    assert.deepEqual(new Set(await Promise.all([a, b, c].map((store) => store.digest()))).size, 1)
    for (const store of [a, b, c]) await store.close()
    for (const listener of [strict, mild]) await listener.stop()
  })

  it("that a neighbour brought is a letter there too; the first answer ends both, and the other device's is refused", async () => {
    const strict = await serve(), mild = await serve(() => undefined), author = await open(), other = await open()
    const [authorMild, authorStrict] = [await syncWith(author, mild), await syncWith(author, strict)]
    const [otherMild, otherStrict] = [await syncWith(other, mild), await syncWith(other, strict)]
    await author.records.put("lamp", { price: 40 })
    for (const sync of [authorMild, authorStrict, otherMild, otherStrict]) await sync.sync()
    await author.records.put("lamp", { price: 4000 })
    for (const sync of [authorMild, otherMild, authorStrict, otherStrict]) await sync.sync()
    const mine = await letterOf(author, "lamp"), theirs = await letterOf(other, "lamp")
    assert.deepEqual([mine.version, mine.own, theirs.own], [theirs.version, true, false])
    await other.deadLetters.retry<Price>(theirs, ({ price }) => ({ price: price / 100 }))
    for (const sync of [otherStrict, otherMild, authorStrict, authorMild]) await sync.sync()
    await assert.rejects(author.deadLetters.discard(mine), InvalidOption)
    await assert.rejects(author.deadLetters.retry(mine), InvalidOption)
    for (const { records } of [author, other]) assert.deepEqual(await records.get("lamp"), { price: 40 })
    assert.equal(await author.digest(), await other.digest())
    for (const store of [author, other]) await store.close()
    for (const listener of [strict, mild]) await listener.stop()
  })

  it("is answered once by two processes on one database", async () => {
    const COUNT = 30, listener = await serve(), place = await folder(), path = join(place, "shop.db")
    const store = await open(path), sync = await syncWith(store, listener)
    for (let n = 0; n < COUNT; n++) await store.records.put(`k${String(n).padStart(2, "0")}`, { price: 2000 + n })
    await sync.sync()
    const letters = await store.deadLetters.list(), program = join(place, "answering.ts")
    assert.equal(letters.length, COUNT)
    await writeFile(program, ANSWERING)
    const args = [..."Deno" in globalThis ? ["run", "-A", "--no-check"] : [], program, path]
    const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, NODE_TEST_CONTEXT: "" } })
    let output = "", isReady = (): void => {}
    const ready = new Promise<void>((resolve) => isReady = resolve)
    child.stdout.on("data", (text) => (output += text) && isReady())
    const ended = new Promise((resolve) => child.on("close", (code, signal) => resolve(signal ?? code)))
    const deadline = setTimeout(() => child.kill("SIGKILL"), 30_000)
    await ready
    child.stdin.write("go\n")
    const answered: string[] = []
    for (const letter of letters.toReversed()) {
      await store.deadLetters.retry(letter, () => ({ price: 2 })).then(() => answered.push(letter.key), (error) => {
        if (!(error instanceof InvalidOption)) throw error
      })
    }
    assert.equal(await ended, 0)
    clearTimeout(deadline)
    const theirs: string[] = JSON.parse(output.trim().split("\n").at(-1) ?? "[]")
    assert.deepEqual([...answered, ...theirs].sort(), letters.map(({ key }) => key), "each of them once")
    await store.refresh()
    assert.equal(store.status().deadLetters, 0)
    for (const key of answered) assert.deepEqual(await store.records.get(key), { price: 2 })
    await sync.sync()
    const other = await open()
    await (await syncWith(other, listener)).sync()
    assert.equal(await other.digest(), await store.digest())
    for (const one of [store, other]) await one.close()
    await listener.stop()
  })
})
