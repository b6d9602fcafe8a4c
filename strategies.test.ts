/**
 * Goal: what the guide says of conflicts holds for programs: stores that sync over HTTP with a server, by the options of `enableSync`.
 * Method: two devices and a server in this process; calls of `sync()` in step, no timers.
 */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "./adapters/memory/mod.ts"
import { createStore, enableSync, type EnableSyncOptions, InvalidOption, type Store, type SyncHandle } from "./mod.ts"
import { allowAnyone, createSyncServer, listen } from "./protocol/server/mod.ts"

interface Pair {
  readonly stores: readonly [Store, Store]
  readonly syncs: readonly [SyncHandle, SyncHandle]
  /** Twice, so that both have what both had. */
  sync(): Promise<void>
}

/** Two devices that were apart when each wrote, over one server, until `work` has ended. */
async function withPair(
  options: Omit<EnableSyncOptions, "remote">,
  write: (store: Store) => Promise<unknown>,
  work: (pair: Pair) => Promise<void>,
): Promise<void> {
  const logger = { warn() {}, error() {} }
  const server = await listen(createSyncServer({ storage: memoryAdapter(), authenticate: allowAnyone(), logger }), {})
  const open = (label: string): Promise<Store> => createStore("notes", { adapter: "memory", label })
  const stores = [await open("phone"), await open("laptop")] as const
  try {
    for (const store of stores) await write(store)
    const syncs = await Promise.all(stores.map((store) => enableSync(store, { ...options, remote: server.url, live: false }))) as [
      SyncHandle,
      SyncHandle,
    ]
    const sync = async (): Promise<void> => {
      for (let round = 0; round < 2; round++) for (const one of syncs) await one.sync()
    }
    await sync()
    await work({ stores, syncs, sync })
  } finally {
    for (const store of stores) await store.close()
    await server.stop()
  }
}

const label = (store: Store): string => store.status().label!

describe("enableSync() with a strategy", () => {
  it("merge runs the documented function verbatim, on both devices alike", () =>
    withPair(
      {
        strategy: "merge",
        merge: (local, remote) => ({
          ...remote.value,
          tags: [...new Set([...local.value.tags, ...remote.value.tags])],
          updatedAt: Math.max(local.updatedAt, remote.updatedAt),
        }),
      },
      (store) => store.records.put("task:1", { tags: [label(store)] }),
      async ({ stores, syncs }) => {
        const [one, other] = await Promise.all(stores.map((store) => store.records.get("task:1")))
        assert.deepEqual(one, other)
        assert.deepEqual(one.tags.toSorted(), ["laptop", "phone"])
        assert.equal(syncs[0].status().conflicts, 0)
      },
    ))

  it("manual runs the documented program verbatim; until then status() counts what is open", () =>
    withPair({ strategy: "manual" }, (store) => store.records.put("task:1", label(store)), async ({ stores, syncs, sync }) => {
      const [store] = stores
      assert.deepEqual(syncs.map((one) => one.status().conflicts), [1, 1])
      for (const c of await store.records.conflicts()) await store.records.resolve(c.key, c.remote)
      await sync()
      assert.deepEqual(await Promise.all(stores.map((one) => one.records.get("task:1"))), ["laptop", "laptop"])
      assert.deepEqual(syncs.map((one) => one.status().conflicts), [0, 0])
    }))

  it("last-write-wins shows the later write; its choice can be seen and undone, and the undoing travels", () =>
    withPair(
      { strategy: "last-write-wins" },
      (store) => store.records.put("task:1", label(store)),
      async ({ stores: [store, other], sync }) => {
        const entry = (await store.records.getEntry("task:1"))!
        assert.deepEqual([entry.conflicted, entry.settledBy, entry.versions?.length], [false, "last-write-wins", 2])
        const passedOver = entry.versions!.find(({ value }) => value !== entry.value)!
        await store.records.resolve("task:1", passedOver)
        await sync()
        assert.equal(await other.records.get("task:1"), passedOver.value)
      },
    ))

  it("a strategy of a collection comes before that of enableSync(), and a call without one leaves what was set", () =>
    withPair(
      { strategy: "manual" },
      async (store) => {
        await store.collection("settings", { strategy: "last-write-wins" }).put("theme", label(store))
        await store.records.put("task:1", label(store))
      },
      async ({ stores: [store], syncs: [sync] }) => {
        assert.deepEqual(await store.collection("settings").conflicts(), [])
        await sync.stop()
        await enableSync(store, { remote: "http://127.0.0.1:9" })
        assert.equal((await store.records.conflicts()).length, 1)
      },
    ))

  it("refuses what makes no sense, starts nothing and sets nothing", async () => {
    const store = await createStore("notes", { adapter: "memory" }), remote = "http://127.0.0.1:9"
    for (
      const options of [{ strategy: "merge" }, { strategy: "newest" }, { merge: () => 1 }, { strategy: "manual", merge: () => 1 }, {
        strategy: "crdt",
      }]
    ) {
      await assert.rejects(enableSync(store, { remote, ...options } as never), InvalidOption)
    }
    assert.equal(store.status().head, 0)
    await enableSync(store, { remote }).then((sync) => sync.stop())
    await store.close()
  })
})
