/** Goal: who may bring what never costs a write: other logins on one device, devices that may not relay. Whole: stores, the engine, a server over HTTP. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "./adapters/memory/mod.ts"
import type { Adapter } from "./kernel/ports/log-storage.ts"
import { silentLogger } from "./kernel/ports/logger.ts"
import { createStore, enableSync, type EnableSyncOptions, type Store, type SyncHandle } from "./mod.ts"
import { createSyncServer, listen, type Listener, tokens } from "./protocol/server/mod.ts"
import { logRemote } from "./remotes.ts"

const ALICE = "token-of-alice-0001", BOB = "token-of-bob-000001", CARL = "token-of-carl-00001", RELAY = "token-of-relay-0001"
const OWN_ONLY = { read: true, write: true, relay: false }
const authenticate = tokens({
  alice: { token: ALICE, stores: ["*"], namespace: "team" },
  bob: { token: BOB, stores: ["*"], namespace: "team" },
  carl: { token: CARL, stores: ["*"], namespace: "team", rights: OWN_ONLY },
  relay: { token: RELAY, stores: ["*"], namespace: "team" },
})

/** A server, and devices with their logins. */
class Play {
  readonly #listeners: Listener[] = []
  readonly #stores: Store[] = []
  readonly #expired = new Set<string>()
  url: string = ""

  static async begin(): Promise<Play> {
    const play = new Play()
    await play.serve(0)
    return play
  }

  /** A server with nothing in it, at the port of the one before it, which is gone. */
  async serve(port: number): Promise<void> {
    await this.#listeners.at(-1)?.stop()
    const server = createSyncServer({
      storage: memoryAdapter(),
      authenticate: (request) => this.#expired.has(request.headers.get("authorization") ?? "") ? undefined : authenticate(request),
      logger: silentLogger,
    })
    const listener = await listen(server, { port })
    this.#listeners.push(listener)
    this.url = listener.url
  }

  /** A token is taken no more. */
  expire(token: string): void {
    this.#expired.add(`Bearer ${token}`)
  }

  wipe(): Promise<void> {
    return this.serve(Number(new URL(this.url).port))
  }

  async open(adapter: Adapter = memoryAdapter()): Promise<Store> {
    const store = await createStore("tasks", { adapter })
    this.#stores.push(store)
    return store
  }

  /** Nothing happens but what is called for. */
  async sync(store: Store, token: EnableSyncOptions["token"]): Promise<SyncHandle> {
    const handle = await enableSync(store, { remote: this.url, token, live: false, interval: 86_400_000, stopMillis: 0 })
    handle.pause()
    return handle
  }

  /** A device that comes anew. */
  async reader(): Promise<Store> {
    const store = await this.open(), handle = await this.sync(store, RELAY)
    await handle.sync()
    return store
  }

  async end(): Promise<void> {
    for (const store of this.#stores) await store.close()
    await this.#listeners.at(-1)?.stop()
  }
}

/** All records with what they show. */
async function recordsOf({ records }: Store): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {}
  for await (const { key, value } of records.list()) found[key] = value
  return found
}

/** All show the same, and nobody has anything to answer or to send. */
async function assertAlike(expected: Record<string, unknown>, stores: readonly Store[], handles: readonly SyncHandle[]): Promise<void> {
  const digests = new Set<string>()
  for (const store of stores) {
    assert.deepEqual(await recordsOf(store), expected)
    digests.add(await store.digest())
  }
  assert.equal(digests.size, 1)
  for (const handle of handles) {
    const { deadLetters, pendingOperations, conflicts, upstreamLoss, lastError } = handle.status()
    const left = { deadLetters, pendingOperations, conflicts, upstreamLoss, lastError }
    assert.deepEqual(left, { deadLetters: 0, pendingOperations: 0, conflicts: 0, upstreamLoss: undefined, lastError: undefined })
  }
}

describe("another login on the same device (writer_not_owned)", () => {
  it("S35 writes anew, under a new writer, what was not sent when the login changed between two opens", async () => {
    const play = await Play.begin(), adapter = memoryAdapter(), first = await play.open(adapter)
    const alice = await play.sync(first, ALICE)
    await first.records.put("a", 1)
    await alice.sync()
    await first.records.putMany([{ key: "a", value: 2 }, { key: "b", value: 2 }])
    for (let n = 0; n < 5; n++) await first.records.put("often", n)
    await first.records.delete("b")
    await first.close()
    const second = await play.open(adapter)
    await second.records.put("c", 3) // its writer links to Alice's, of which the server lacks the last numbers
    await second.records.put("a", 4)
    const bob = await play.sync(second, BOB)
    await bob.sync()
    await assertAlike({ a: 4, c: 3, often: 4 }, [second, await play.reader()], [bob])
    await second.records.put("d", 5)
    const { counters: { requests } } = bob.status()
    await bob.sync()
    assert.equal(bob.status().counters.requests - requests, 2, "one push and one pull: nothing is refused any more")
    await assertAlike({ a: 4, c: 3, often: 4, d: 5 }, [second, await play.reader()], [bob])
    await play.end()
  })

  it("S35 retires the present writer when the login changes while the process runs, so that it is refused once", async () => {
    const play = await Play.begin(), store = await play.open()
    const alice = await play.sync(store, ALICE)
    await store.records.put("a", 1)
    await alice.sync()
    await alice.stop()
    const bob = await play.sync(store, BOB)
    await store.records.put("b", 1)
    await bob.sync()
    assert.equal(bob.status().remotes[0]?.refusedOperations, 1)
    await store.records.put("c", 1)
    await store.records.update("a", (n) => Number(n) + 1)
    await bob.sync()
    assert.equal(bob.status().remotes[0]?.refusedOperations, 1)
    await assertAlike({ a: 2, b: 1, c: 1 }, [store, await play.reader()], [bob])
    await play.end()
  })

  it("S35 takes a token that changes under a handle that runs for what it is: another login", async () => {
    const play = await Play.begin(), store = await play.open()
    let token = ALICE
    const handle = await play.sync(store, () => token) // asked again only where the server does not take the last one
    await store.records.put("a", 1)
    await handle.sync()
    play.expire(ALICE)
    token = BOB
    await store.records.put("a", 2)
    await handle.sync()
    assert.equal(handle.status().remotes[0]?.refusedOperations, 1)
    await assertAlike({ a: 2 }, [store, await play.reader()], [handle])
    await play.end()
  })

  it("S35 loses nothing where two logins take turns, and comes to rest each time", async () => {
    const play = await Play.begin(), adapter = memoryAdapter(), expected: Record<string, unknown> = {}
    for (let turn = 0; turn < 8; turn++) {
      const store = await play.open(adapter)
      await store.records.put("shared", turn) // before it is known who is logged in
      await store.records.put(`k${turn}`, turn)
      const handle = await play.sync(store, turn % 2 === 0 ? ALICE : BOB)
      await handle.sync()
      await store.records.put(`last ${turn}`, turn) // for the next one to bring
      Object.assign(expected, { shared: turn, [`k${turn}`]: turn })
      const { counters: { requests } } = handle.status()
      assert.ok(requests <= 8, `turn ${turn}: ${requests} requests`)
      await assertAlike({ ...expected }, [await play.reader()], [])
      expected[`last ${turn}`] = turn
      assert.deepEqual(await recordsOf(store), expected)
      await store.close()
    }
    await play.end()
  })

  it("S35 two handles of one database with a login each bring what either writes, whoever pushes it", async () => {
    const play = await Play.begin(), adapter = memoryAdapter(), stores = [await play.open(adapter), await play.open(adapter)] as const
    const handles = [await play.sync(stores[0], ALICE), await play.sync(stores[1], BOB)] as const
    const expected: Record<string, unknown> = {}
    for (let round = 0; round < 6; round++) {
      for (const [at, store] of stores.entries()) {
        await store.records.put(`${at} ${round}`, round)
        await store.records.put("both", `${at} ${round}`)
        Object.assign(expected, { [`${at} ${round}`]: round, both: `${at} ${round}` })
      }
      const first = round % 2, second = 1 - first
      await handles[first]?.sync()
      await handles[second]?.sync()
    }
    for (const handle of [...handles, ...handles]) await handle.sync()
    await assertAlike(expected, [...stores, await play.reader()], handles)
    await play.end()
  })

  it("S35 both at once, each by itself: it comes to rest with everything there", async () => {
    const play = await Play.begin(), adapter = memoryAdapter(), stores = [await play.open(adapter), await play.open(adapter)] as const
    const handles = await Promise.all(
      [ALICE, BOB].map((token, at) => enableSync(stores[at === 0 ? 0 : 1], { remote: play.url, token, interval: 100 })),
    )
    const expected: Record<string, unknown> = {}
    for (let n = 0; n < 40; n++) {
      await stores[n % 2 === 0 ? 0 : 1].records.put(`k${n % 7}`, n)
      expected[`k${n % 7}`] = n
    }
    for (const handle of [...handles, ...handles]) await handle.sync()
    for (const handle of handles) await handle.waitFor(({ isSynced, lastError }) => isSynced && lastError === undefined)
    const requests = handles.map((handle) => handle.status().counters.requests)
    assert.ok(requests.every((count) => count < 400), `${requests}`)
    await assertAlike(expected, [...stores, await play.reader()], [])
    assert.deepEqual(handles.map((handle) => handle.status().deadLetters), [0, 0])
    await play.end()
  })

  it("S20 a copy of the device with the old login still brings what was written anew elsewhere: it shows once", async () => {
    const play = await Play.begin(), shared = memoryAdapter(), other = memoryAdapter()
    const device = await play.open(shared), alice = await play.sync(device, ALICE)
    await device.records.put("a", 1)
    await alice.sync()
    await device.records.put("b", 1)
    await device.close()
    await copyLog(shared, other)
    const bobs = await play.open(shared), alices = await play.open(other)
    const bob = await play.sync(bobs, BOB), again = await play.sync(alices, ALICE)
    await bob.sync()
    await alices.records.put("c", 1)
    await again.sync()
    await bob.sync()
    await again.sync()
    await assertAlike({ a: 1, b: 1, c: 1 }, [bobs, alices, await play.reader()], [bob, again])
    await play.end()
  })
})

/** The disk of a device, copied to another one. */
async function copyLog(from: Adapter, to: Adapter): Promise<void> {
  const [source, target] = [from, to].map((adapter) => adapter.open("tasks", { durability: "none", create: true }))
  const read = await source, write = await target
  if (read === undefined || write === undefined) throw new Error("a log is missing")
  let position = 0
  for (const frame of await read.read(0, { maxFrames: 10_000, maxBytes: 1e8 })) await write.append(++position, frame)
  await read.close()
  await write.close()
}

describe("status().upstreamLoss", () => {
  it("S36 names what a device that may not relay holds and the server lacks, until somebody brings it", async () => {
    const play = await Play.begin(), author = await play.open(), neighbour = await play.open(), log = memoryAdapter()
    const shared = [logRemote(log, { store: "tasks" }), logRemote(log, { store: "tasks" }), logRemote(log, { store: "tasks" })] as const
    const near = (store: Store, at: 0 | 1 | 2): Promise<SyncHandle> => enableSync(store, { remote: shared[at], live: false, stopMillis: 0 })
    const ofAuthor = await near(author, 0), ofNeighbour = await near(neighbour, 1)
    await author.records.put("of the author", 1)
    await author.collection("drafts").put("x", 1)
    await author.records.put("replaced", 1)
    await author.records.put("gone", 1)
    await author.records.delete("gone")
    await ofAuthor.sync()
    await ofNeighbour.sync()
    await neighbour.records.put("own", 1)
    await neighbour.records.put("replaced", 2)

    const carl = await play.sync(neighbour, CARL)
    await carl.sync()
    const { upstreamLoss, pendingOperations, pendingBytes, isForbidden, deadLetters } = { ...carl.status(), ...carl.status().remotes[0] }
    assert.deepEqual({ pendingOperations, pendingBytes, isForbidden, deadLetters }, {
      pendingOperations: 0,
      pendingBytes: 0,
      isForbidden: true,
      deadLetters: 0,
    })
    assert.deepEqual(upstreamLoss, {
      operations: 3,
      records: [{ collection: "", key: "of the author" }, { collection: "drafts", key: "x" }, { collection: "", key: "gone" }],
    })
    assert.deepEqual(carl.status().upstreamLoss, upstreamLoss)
    const read = await play.reader()
    assert.deepEqual(await recordsOf(read), { own: 1, replaced: 2 }, "its own work does not wait for an author who may never come")

    await ofAuthor.stop()
    await author.close() // its author is gone
    const relay = await play.open(), ofRelay = await near(relay, 2), brings = await play.sync(relay, RELAY)
    await ofNeighbour.sync()
    await ofRelay.sync()
    await brings.sync()
    await carl.sync()
    assert.equal(carl.status().upstreamLoss, undefined)
    await assertAlike({ "of the author": 1, own: 1, replaced: 2 }, [neighbour, relay, await play.reader()], [carl, brings])
    await play.end()
    for (const remote of shared) await remote.close()
  })

  it("S36 after a wiped server: own blocks come back, the rest is named, and who may relay heals it", async () => {
    const play = await Play.begin(), author = await play.open(), neighbour = await play.open(), late = await play.open()
    const alice = await play.sync(author, ALICE)
    for (let n = 0; n < 150; n++) await author.records.put(`k${n}`, n)
    await alice.sync()
    const relay = await play.sync(late, RELAY)
    await relay.sync()
    const carl = await play.sync(neighbour, CARL)
    await carl.sync()
    assert.equal(carl.status().upstreamLoss, undefined, "the server has all of it")
    await neighbour.records.put("k0", "of Carl")
    await neighbour.records.put("own", 1)
    await carl.sync()
    await author.close()

    await play.wipe()
    await carl.sync().catch(() => {}) // the connection of before is gone
    await carl.pull() // what the server lacks by now shows in a pull
    await carl.sync()
    const { upstreamLoss } = carl.status()
    assert.equal(upstreamLoss?.operations, 149)
    assert.equal(upstreamLoss?.records.length, 100)
    assert.deepEqual(upstreamLoss?.records.slice(0, 2), [{ collection: "", key: "k1" }, { collection: "", key: "k2" }])
    assert.deepEqual(await recordsOf(await play.reader()), { k0: "of Carl", own: 1 })

    await relay.sync().catch(() => {})
    await relay.pull()
    await relay.sync()
    await carl.sync()
    assert.equal(carl.status().upstreamLoss, undefined)
    const expected = Object.fromEntries(Array.from({ length: 150 }, (_, n) => [`k${n}`, n === 0 ? "of Carl" : n]))
    await assertAlike({ ...expected, own: 1 }, [neighbour, late, await play.reader()], [carl, relay])
    await play.end()
  })

  it("of several remotes the status tells of the one that lacks most", async () => {
    const play = await Play.begin(), author = await play.open(), neighbour = await play.open(), log = memoryAdapter()
    const shared = [logRemote(log, { store: "tasks" }), logRemote(log, { store: "tasks" })] as const
    const ofAuthor = await enableSync(author, { remote: shared[0], live: false, stopMillis: 0 })
    await author.records.put("a", 1)
    await ofAuthor.sync()
    const both = await enableSync(neighbour, { remote: [play.url, shared[1]], token: CARL, live: false, stopMillis: 0 })
    await both.sync()
    await both.sync()
    const { upstreamLoss, remotes } = both.status()
    assert.deepEqual(remotes.map((remote) => remote.upstreamLoss?.operations), [1, undefined])
    assert.equal(upstreamLoss, remotes[0]?.upstreamLoss)
    await play.end()
    for (const remote of shared) await remote.close()
  })
})
