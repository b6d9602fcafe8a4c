/** Goal: with write-through a write ends when the required servers have it. Whole: a store, the engine, servers over HTTP. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "./adapters/memory/mod.ts"
import { silentLogger } from "./kernel/ports/logger.ts"
import type { Remote } from "./kernel/ports/remote.ts"
import { webPlatform } from "./kernel/ports/platform.ts"
import { openStore } from "./kernel/store/store.ts"
import { startStoreSync } from "./enable-sync.ts"
import {
  createStore,
  enableSync,
  type EnableSyncOptions,
  InvalidOption,
  NotConfirmed,
  type NotConfirmedDetails,
  type Store,
} from "./mod.ts"
import {
  allowAnyone,
  createSyncServer,
  listen,
  type Listener,
  type SyncServer,
  type SyncServerOptions,
  tokens,
} from "./protocol/server/mod.ts"
import { httpRemote } from "./remotes.ts"

const makeServer = (more: Partial<SyncServerOptions> = {}): SyncServer =>
  createSyncServer({ storage: memoryAdapter(), authenticate: allowAnyone(), logger: silentLogger, ...more })
const serve = (more?: Partial<SyncServerOptions>): Promise<Listener> => listen(makeServer(more), {})
const open = (): Promise<Store> => createStore("tasks", { adapter: "memory" })
/** Nobody listens there. */
const NOWHERE = "http://127.0.0.1:9"
const WRITE_THROUGH: Pick<EnableSyncOptions, "mode"> = { mode: "write-through" }

/** What a server has, read by somebody who comes anew. */
async function readFrom(url: string, key: string): Promise<unknown> {
  const store = await open(), sync = await enableSync(store, { remote: url })
  await sync.pull()
  const value = await store.records.get(key)
  await store.close()
  return value
}

async function detailsOf(write: Promise<unknown>): Promise<NotConfirmedDetails> {
  const error = await write.then(() => "it ended well", (error) => error)
  assert.ok(error instanceof NotConfirmed, `${error}`)
  return error.details
}

describe('enableSync({ mode: "write-through" })', () => {
  it("resolves each kind of write when the server has it", async () => {
    const listener = await serve(), store = await open(), { records } = store
    const sync = await enableSync(store, { remote: listener.url, ...WRITE_THROUGH })
    const writes: readonly (() => Promise<unknown>)[] = [
      () => records.put("a", 1),
      () => records.putMany([{ key: "b", value: 1 }, { key: "c", value: 1 }]),
      () => records.update("a", () => 2),
      () => records.batch([{ type: "put", key: "d", value: 1 }, { type: "delete", key: "b" }]),
      () => records.delete("c"),
      () => store.batch((tx) => tx.put("e", 1)),
      () => records.resolve("e", 2),
      () => records.clear(),
    ]
    for (const write of writes) {
      await write()
      assert.equal(sync.status().pendingOperations, 0, `${write}`)
    }
    await records.put("a", "last")
    assert.equal(await readFrom(listener.url, "a"), "last")
    await store.close()
    await listener.stop()
  })

  it("sends a thousand writes that are called together with few requests, and each of them arrives", async () => {
    const listener = await serve(), store = await open(), sync = await enableSync(store, { remote: listener.url, ...WRITE_THROUGH })
    await sync.sync()
    const before = sync.status().counters.requests
    await Promise.all(Array.from({ length: 1000 }, (_, n) => store.records.put(`k${n}`, n)))
    const requests = sync.status().counters.requests - before
    assert.ok(requests <= 12, `${requests} requests`)
    assert.equal(sync.status().pendingOperations, 0)
    assert.equal(await readFrom(listener.url, "k999"), 999)
    await store.close()
    await listener.stop()
  })

  it("does not hold back writes that are waited for one after another", async () => {
    const listener = await serve(), store = await open(), sync = await enableSync(store, { remote: listener.url, ...WRITE_THROUGH })
    await sync.sync()
    const before = sync.status().counters.requests
    for (let n = 0; n < 50; n++) await store.records.put("k", n)
    assert.ok(sync.status().counters.requests - before <= 150)
    assert.equal(await readFrom(listener.url, "k"), 49)
    await store.close()
    await listener.stop()
  })

  it("rejects at the deadline where a required remote is dead; the write is stored, shown and sent later", async () => {
    const listener = await serve(), store = await open(), remote = [listener.url, NOWHERE]
    const sync = await enableSync(store, { remote, ...WRITE_THROUGH, deadlineMillis: 300 })
    const startedAt = performance.now(), { operation, ...details } = await detailsOf(store.records.put("k", 1))
    assert.ok(performance.now() - startedAt >= 290)
    assert.deepEqual(details, {
      store: "tasks",
      confirmed: [listener.url],
      missing: [NOWHERE],
      reason: "deadline",
      refusedCode: undefined,
    })
    assert.equal(operation, (await store.records.getEntry("k"))?.version)
    assert.equal(sync.status().pendingOperations, 1)
    assert.equal(await readFrom(listener.url, "k"), 1)
    await store.close()
    await listener.stop()
  })

  it("does not wait for a dead remote that is not required, named by its place, its object or its name", async () => {
    const listener = await serve(), byHttp = httpRemote(`${listener.url}/`, { store: "tasks" })
    const places: readonly (readonly [Remote | string | URL, Remote | string | URL])[] = [
      [listener.url, listener.url],
      [new URL(listener.url), new URL(listener.url)],
      [new URL(listener.url), listener.url],
      [byHttp, byHttp],
      [byHttp, byHttp.name],
    ]
    for (const [place, required] of places) {
      const store = await open()
      await enableSync(store, { remote: [NOWHERE, place], ...WRITE_THROUGH, required, stopMillis: 0 })
      await store.records.put("k", 1)
      await store.close()
    }
    await byHttp.close()
    await listener.stop()
  })

  it("refuses to wait for a remote that is none of its own", async () => {
    const store = await open()
    const options: EnableSyncOptions = { remote: NOWHERE, ...WRITE_THROUGH, required: "http://127.0.0.1:10" }
    await assert.rejects(enableSync(store, options), (error) => error instanceof InvalidOption && error.details.option === "required")
    await store.records.put("k", 1) // nothing of it stays
    await (await enableSync(store, { remote: NOWHERE })).stop()
    await store.close()
  })

  it("rejects at once what the server refuses for good; what it takes then resolves", async () => {
    const listener = await serve({ refuse: ({ value }) => (Object(value()).bad === true ? "it is bad" : undefined) })
    const store = await open(), sync = await enableSync(store, { remote: listener.url, ...WRITE_THROUGH, deadlineMillis: 60_000 })
    const { reason, refusedCode, missing } = await detailsOf(store.records.put("k", { bad: true }))
    assert.deepEqual({ reason, refusedCode, missing }, { reason: "refused", refusedCode: "op_invalid", missing: [listener.url] })
    assert.equal(sync.status().deadLetters, 1)
    await store.records.put("k", { bad: false })
    assert.equal(sync.status().deadLetters, 0)
    assert.deepEqual(await readFrom(listener.url, "k"), { bad: false })
    await store.close()
    await listener.stop()
  })

  it("S19 resolves when what was refused for its stamp was written anew, and that arrived", async () => {
    const listener = await serve(), platform = { ...webPlatform, now: () => Date.now() + 31_536_000_000 }
    const store = await openStore("tasks", memoryAdapter(), { platform, logger: silentLogger })
    const sync = await startStoreSync(store, { remote: listener.url, ...WRITE_THROUGH })
    await store.records.put("k", 1)
    assert.deepEqual({ dead: sync.status().deadLetters, pending: sync.status().pendingOperations }, { dead: 0, pending: 0 })
    assert.equal(await readFrom(listener.url, "k"), 1)
    await store.close()
    await listener.stop()
  })

  it("S35 resolves when what belonged to another login was written anew, and that arrived", async () => {
    const TOKENS = ["token-of-alice-0001", "token-of-bob-000001"] as const, stores = ["*"]
    const authenticate = tokens({
      alice: { token: TOKENS[0], stores, namespace: "team" },
      bob: { token: TOKENS[1], stores, namespace: "team" },
    })
    const listener = await serve({ authenticate }), store = await open()
    for (const [n, token] of [...TOKENS, ...TOKENS].entries()) {
      const sync = await enableSync(store, { remote: listener.url, token, ...WRITE_THROUGH })
      await store.records.put("k", n)
      assert.deepEqual({ dead: sync.status().deadLetters, pending: sync.status().pendingOperations }, { dead: 0, pending: 0 })
      await sync.stop()
    }
    await store.close()
    await listener.stop()
  })

  it("rejects while it is paused at the deadline, and no sooner; afterwards it goes on", async () => {
    const listener = await serve(), store = await open()
    const sync = await enableSync(store, { remote: listener.url, ...WRITE_THROUGH, deadlineMillis: 200 })
    await sync.sync()
    sync.pause()
    const startedAt = performance.now()
    assert.equal((await detailsOf(store.records.put("k", 1))).reason, "deadline")
    assert.ok(performance.now() - startedAt >= 190)
    sync.resume()
    await store.records.put("l", 2)
    assert.equal(await readFrom(listener.url, "k"), 1)
    await store.close()
    await listener.stop()
  })

  it("rejects what waits when syncing stops; later writes wait for nobody", async () => {
    const store = await open(), sync = await enableSync(store, { remote: NOWHERE, ...WRITE_THROUGH, deadlineMillis: 60_000 })
    const write = detailsOf(store.records.put("k", 1))
    await store.flush()
    const [{ reason }] = await Promise.all([write, sync.stop()])
    assert.equal(reason, "stopped")
    await store.records.put("k", 2)
    const again = await enableSync(store, { remote: NOWHERE, ...WRITE_THROUGH, deadlineMillis: 60_000 })
    const last = detailsOf(store.records.put("k", 3))
    await store.flush()
    await store.close()
    assert.equal((await last).reason, "stopped")
    assert.equal(again.status().state, "stopped")
  })

  it("asks the remotes of each call of enableSync for itself", async () => {
    const first = await serve(), second = await serve(), store = await open()
    await enableSync(store, { remote: first.url, ...WRITE_THROUGH })
    const other = await enableSync(store, { remote: second.url, ...WRITE_THROUGH, deadlineMillis: 200 })
    await store.records.put("k", 1)
    assert.deepEqual([await readFrom(first.url, "k"), await readFrom(second.url, "k")], [1, 1])
    other.pause()
    assert.deepEqual((await detailsOf(store.records.put("k", 2))).missing, [second.url])
    await other.stop()
    await store.records.put("k", 3)
    assert.equal(await readFrom(first.url, "k"), 3)
    await store.close()
    await Promise.all([first.stop(), second.stop()])
  })
})
