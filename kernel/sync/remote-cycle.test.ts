import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { RemoteError } from "../errors.ts"
import { BlockColumns } from "../format/block-columns.ts"
import { ByteReader } from "../format/bytes.ts"
import { decodeBlock } from "../format/operation-block.ts"
import type { Adapter, Bytes, ReadLimits } from "../ports/log-storage.ts"
import { silentLogger } from "../ports/logger.ts"
import { webPlatform } from "../ports/platform.ts"
import type { Remote } from "../ports/remote.ts"
import { openStore, type Store } from "../store/store.ts"
import { logRemote } from "./log-remote.ts"
import { RemoteCycle } from "./remote-cycle.ts"

const NEVER = new AbortController().signal

/** Devices around one log. */
class Play {
  readonly server = memoryAdapter()
  readonly #stores: Store[] = []
  readonly #remotes: Remote[] = []

  async device(adapter = memoryAdapter()): Promise<{ store: Store; cycle: RemoteCycle }> {
    const store = await openStore("tasks", adapter), cycle = new RemoteCycle(store.synced, this.remote())
    this.#stores.push(store)
    return { store, cycle }
  }

  remote(): Remote {
    const remote = logRemote(this.server, { store: "tasks", name: "log:server", platform: webPlatform, logger: silentLogger })
    this.#remotes.push(remote)
    return remote
  }

  async end(): Promise<void> {
    for (const remote of this.#remotes) await remote.close()
    for (const store of this.#stores) await store.close()
  }
}

/** How many operations a block lists. */
const countOf = (content: Uint8Array): number => {
  const reader = new ByteReader("a block of a test"), block = new BlockColumns()
  reader.point(content as Bytes, 0, content.length)
  decodeBlock(reader, block)
  return block.count
}

const methodsOf = (remote: Remote): Remote => ({
  name: remote.name,
  handshake: (call) => remote.handshake(call),
  push: (request, call) => remote.push(request, call),
  pull: (request, call) => remote.pull(request, call),
  watch: (onHead, call) => remote.watch(onHead, call),
  close: () => remote.close(),
})

const sync = async (cycle: RemoteCycle): Promise<void> => {
  await cycle.pull(NEVER)
  await cycle.push(NEVER)
  await cycle.pull(NEVER)
}

describe("RemoteCycle", () => {
  it("push() and pull() bring two devices that were apart to the same data", async () => {
    const play = new Play(), a = await play.device(), b = await play.device()
    await a.store.records.put("task:1", { title: "of A" })
    await b.store.records.put("task:2", { title: "of B" })
    await b.store.collection("other").put("x", [1, 2, 3])
    for (const { cycle } of [a, b, a]) await sync(cycle)
    assert.deepEqual(await a.store.records.get("task:2"), { title: "of B" })
    assert.deepEqual(await b.store.records.get("task:1"), { title: "of A" })
    assert.deepEqual(await a.store.collection("other").get("x"), [1, 2, 3])
    assert.equal(await a.store.digest(), await b.store.digest())
    assert.equal(a.cycle.hasPending, false)
    assert.equal(a.cycle.status().pendingOperations, 0)
    await play.end()
  })

  it("push() sends the last of several writes of a record, and counts what it spared", async () => {
    const play = new Play(), a = await play.device(), b = await play.device()
    await a.cycle.pull(NEVER)
    for (let n = 1; n <= 5; n++) await a.store.records.put("task:1", { n })
    const pushed = await a.cycle.push(NEVER)
    assert.equal(pushed.operations, 1)
    assert.equal(pushed.coalesced, 4)
    await sync(b.cycle)
    assert.deepEqual(await b.store.records.get("task:1"), { n: 5 })
    await play.end()
  })

  it("push() puts many small blocks into one", async () => {
    const play = new Play(), a = await play.device(), b = await play.device()
    await a.cycle.pull(NEVER)
    for (let n = 0; n < 500; n++) await a.store.records.put(`task:${n}`, { n })
    const { requests, operations } = await a.cycle.push(NEVER)
    assert.deepEqual({ requests, operations }, { requests: 1, operations: 500 })
    const { parts } = await b.cycle.pull(NEVER)
    assert.equal(parts, 1)
    assert.equal(await b.store.digest(), await a.store.digest())
    await play.end()
  })

  it("concurrent writes stay as siblings, and show the same on both devices", async () => {
    const play = new Play(), a = await play.device(), b = await play.device()
    await a.store.records.put("k", "A")
    await b.store.records.put("k", "B")
    for (const { cycle } of [a, b, a]) await sync(cycle)
    assert.equal(await a.store.records.get("k"), await b.store.records.get("k"))
    assert.equal(await a.store.digest(), await b.store.digest())
    await a.store.records.put("k", "C")
    await sync(a.cycle)
    await sync(b.cycle)
    assert.equal(await b.store.records.get("k"), "C")
    assert.equal(await a.store.digest(), await b.store.digest())
    await play.end()
  })

  it("push() of much goes in several requests, each planned while the one before is on its way, and flushes once", async () => {
    const play = new Play(), a = await play.device(), b = await play.device()
    await a.cycle.pull(NEVER)
    let flushes = 0
    const { synced } = a.store,
      cycle = new RemoteCycle({
        ...synced,
        get views() {
          return synced.views
        },
        get head() {
          return synced.head
        },
        flush: () => (flushes++, synced.flush()),
      }, play.remote())
    const text = "x".repeat(100_000)
    for (let n = 0; n < 100; n++) await a.store.records.put(`task:${n % 90}`, { n, text })
    const { requests, operations, coalesced, stoppedBy } = await cycle.push(NEVER)
    assert.ok(requests >= 3, `${requests} requests`)
    assert.equal(operations + coalesced, 100)
    assert.deepEqual({ flushes, stoppedBy }, { flushes: 1, stoppedBy: "done" })
    assert.equal(cycle.hasPending, false)
    await sync(b.cycle)
    assert.equal(await b.store.digest(), await a.store.digest())
    await play.end()
  })

  it("pull() of what this device pushed itself brings ranges alone, and reads no frame of the remote", async () => {
    const server = memoryAdapter()
    let reads = 0
    const counting: Adapter = {
      ...server,
      async open(name, options) {
        const storage = await server.open(name, options), read = storage.read.bind(storage)
        return Object.assign(storage, { read: (after: number, limits: ReadLimits) => (reads++, read(after, limits)) })
      },
    }
    const store = await openStore("tasks", memoryAdapter()), remote = logRemote(counting, { store: "tasks" })
    const cycle = new RemoteCycle(store.synced, remote)
    await cycle.pull(NEVER)
    for (let n = 0; n < 3; n++) {
      await store.records.put(`k${n}`, n)
      await cycle.push(NEVER)
    }
    reads = 0
    const { parts, bytes } = await cycle.pull(NEVER)
    assert.deepEqual({ parts, bytes, reads }, { parts: 0, bytes: 0, reads: 0 })
    assert.equal(cycle.status().cursor.position, 3)
    assert.equal(cycle.hasPending, false)
    await store.close()
    await remote.close()
  })

  for (const code of ["batch_too_large", "body_too_large"]) {
    it(`W-62 push() sends half of what is answered ${code}, remembers that until the next handshake, and cuts no frame`, async () => {
      const play = new Play(), remote = play.remote(), sizes: number[] = []
      let operationsMax = 2
      const push: Remote["push"] = async (request, call) => {
        const size = request.parts.reduce((sum, { content }) => sum + countOf(content), 0)
        sizes.push(size)
        if (size <= operationsMax) return await remote.push(request, call)
        throw new RemoteError({ remote: remote.name, call: "push", remoteCode: code, reason: "too much", retry: "after_action" })
      }
      const store = await openStore("tasks", memoryAdapter()), cycle = new RemoteCycle(store.synced, { ...methodsOf(remote), push })
      await cycle.pull(NEVER)
      for (let n = 0; n < 12; n++) await store.records.put(`task:${n}`, "x".repeat(200))
      assert.equal((await cycle.push(NEVER)).operations, 12)
      assert.equal(sizes.filter((size) => size > 2).length <= 4, true, `${sizes}`)
      assert.equal(cycle.hasPending, false)

      sizes.length = 0
      for (let n = 0; n < 4; n++) await store.records.put(`more:${n}`, "x".repeat(200))
      await cycle.push(NEVER)
      assert.equal(Math.max(...sizes) <= 2, true, `it is remembered: ${sizes}`)

      cycle.forget()
      sizes.length = 0
      operationsMax = 100
      for (let n = 0; n < 8; n++) await store.records.put(`later:${n}`, "x".repeat(200))
      await cycle.push(NEVER)
      assert.deepEqual(sizes, [8], "a handshake says what is right from then on")

      operationsMax = 0
      await store.records.put("one", 1)
      await assert.rejects(cycle.push(NEVER), RemoteError, "one frame is never cut")
      assert.equal(cycle.status().pendingOperations, 1)
      await store.close()
      await play.end()
    })
  }

  it("push() of nothing reads no frame and asks nobody", async () => {
    const play = new Play(), a = await play.device()
    await a.store.records.put("k", 1)
    await sync(a.cycle)
    const { requests } = await a.cycle.push(NEVER)
    assert.equal(requests, 0)
    await play.end()
  })

  it("P109: push() ends although something new is written while each of its requests runs", async () => {
    const play = new Play(), store = await openStore("tasks", memoryAdapter()), remote = play.remote()
    let writes = 0
    const cycle = new RemoteCycle(store.synced, {
      ...remote,
      name: remote.name,
      handshake: (options) => remote.handshake(options),
      pull: (request, options) => remote.pull(request, options),
      push: async (request, options) => {
        if (writes < 50) await store.records.put(`more:${writes++}`, true)
        return await remote.push(request, options)
      },
    })
    await cycle.pull(NEVER)
    for (let n = 0; n < 10; n++) await store.records.put(`task:${n}`, { n })
    const { requests, operations, stoppedBy } = await cycle.push(NEVER)
    assert.deepEqual({ requests, operations, stoppedBy }, { requests: 1, operations: 10, stoppedBy: "done" })
    assert.equal(cycle.hasPending, true)
    await store.close()
    await play.end()
  })

  it("status() counts what was taken of a push that failed in the end", async () => {
    const play = new Play(), store = await openStore("tasks", memoryAdapter()), remote = play.remote()
    let pushes = 0
    const cycle = new RemoteCycle(store.synced, {
      ...remote,
      handshake: async (options) => {
        const handshake = await remote.handshake(options)
        return { ...handshake, limits: { ...handshake.limits, operationsMax: 2 } }
      },
      push: async (request, options) => {
        if (++pushes > 2) throw new Error("no more")
        return await remote.push(request, options)
      },
    })
    await cycle.pull(NEVER)
    for (let n = 0; n < 6; n++) await store.records.put(`task:${n}`, { n })
    await store.records.put("task:1", { n: "again" })
    await assert.rejects(cycle.push(NEVER), /no more/)
    const { totals, pendingOperations } = cycle.status()
    assert.deepEqual([totals.operations, pendingOperations], [4, 3])
    await store.close()
    await play.end()
  })

  it("status() tells by how much the remote's clock differs, either way, from a minute on", async () => {
    const play = new Play(), store = await openStore("tasks", memoryAdapter()), remote = play.remote()
    let ahead = 0
    const cycle = new RemoteCycle(store.synced, {
      ...remote,
      handshake: async (options) => ({ ...await remote.handshake(options), serverTimeMillis: Date.now() + ahead }),
      pull: async (request, options) => ({ ...await remote.pull(request, options), serverTimeMillis: Date.now() + ahead }),
    })
    assert.equal(cycle.status().clockOffsetMillis, 0)
    for (ahead of [31_536_000_000, -31_536_000_000, 50_000, -50_000]) {
      cycle.forget()
      await cycle.connect(NEVER)
      const { clockOffsetMillis } = cycle.status(), expected = Math.abs(ahead) < 60_000 ? 0 : ahead
      assert.ok(Math.abs(clockOffsetMillis - expected) < 30_000, `${clockOffsetMillis} where ${expected} is so`)
    }
    ahead = -31_536_000_000
    await cycle.pull(NEVER)
    assert.ok(cycle.status().clockOffsetMillis < -31_535_000_000, "a page tells it too")
    await store.close()
    await play.end()
  })
})
