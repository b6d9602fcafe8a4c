/** Goal: a transaction is one unit over all collections: it sees itself, and leaves everything or nothing. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { CallbackNotSynchronous, InvalidKey, InvalidValue, StoreClosed } from "../errors.ts"
import { turn } from "../testing/gate.ts"
import { openStore, type Store } from "./store.ts"
import type { Transaction } from "./transaction.ts"

const open = (): Promise<Store> => openStore("notes", memoryAdapter())

async function contentOf(store: Store, collection: string = ""): Promise<Record<string, unknown>> {
  const content: Record<string, unknown> = {}
  for await (const { key, value } of store.collection(collection).list()) content[key] = value
  return content
}

describe("batch() of a store", () => {
  it("sees what is stored and its own writes, in all collections", async () => {
    const store = await open()
    await store.records.put("a", 1)
    await store.collection("users").put("ada", { name: "Ada" })
    const written = await store.batch((tx) => {
      const users = tx.collection<{ name: string }>("users")
      assert.equal(tx.peek("a"), 1)
      assert.deepEqual(users.peek("ada"), { name: "Ada" })
      assert.equal(users.peek("a"), undefined)
      tx.put("a", 2)
      tx.put("a", tx.peek("a") + 1)
      assert.equal(tx.peek("a"), 3)
      assert.equal(tx.delete("a"), true)
      assert.equal(tx.peek("a"), undefined)
      assert.equal(tx.delete("a"), false, "it is gone")
      assert.equal(tx.delete("none"), false)
      tx.update("a", (value) => [value ?? "new"])
      assert.deepEqual(tx.peek("a"), ["new"])
      users.put("bob", { name: "Bob" })
      users.update("bob", (bob) => ({ name: `${bob!.name}by` }))
      assert.equal(tx.collection<{ name: string }>("users").peek("bob")!.name, "Bobby", "a collection asked for twice is the same")
    })
    assert.equal(store.status().head, 3, "one frame")
    assert.ok(written.operations >= 6)
    assert.deepEqual(await contentOf(store), { a: ["new"] })
    assert.deepEqual(await contentOf(store, "users"), { ada: { name: "Ada" }, bob: { name: "Bobby" } })
  })

  it("a throw anywhere stores nothing, of no collection, and the next call is not harmed", async () => {
    const store = await open()
    await store.records.put("a", 1)
    const before = await store.digest(), thrown = new Error("mine")
    const works: readonly ((tx: Transaction<unknown>) => void)[] = [
      (tx) => {
        tx.put("a", 2)
        tx.collection("users").put("a", 2)
        throw thrown
      },
      (tx) => {
        tx.delete("a")
        tx.update("a", () => {
          throw thrown
        })
      },
      (tx) => {
        tx.put("a", "x".repeat(1000))
        tx.put("b", {
          get text(): string {
            throw thrown
          },
        })
      },
    ]
    for (const work of works) {
      const behind = [store.batch(work), store.records.update("count", (count) => (count ?? 0) + 1)]
      await assert.rejects(behind[0]!, (error: unknown) => error === thrown || Object(error).cause === thrown)
      await behind[1]
    }
    assert.deepEqual(await contentOf(store), { a: 1, count: works.length })
    await store.records.delete("count")
    assert.equal(await store.digest(), before)
    assert.deepEqual(await contentOf(store, "users"), {})
  })

  it("what it catches itself is not stored, what it wrote otherwise is", async () => {
    const store = await open()
    await store.batch((tx) => {
      tx.put("a", 1)
      assert.throws(() => tx.put("", 1), InvalidKey)
      assert.throws(() => tx.put("b", () => 1), InvalidValue)
      assert.throws(() => tx.update("c", () => undefined), InvalidValue)
      assert.throws(() => tx.update("c", () => Promise.resolve(1)), CallbackNotSynchronous)
      assert.throws(() => tx.collection("\ud800"))
      tx.put("d", 4)
    })
    assert.deepEqual(await contentOf(store), { a: 1, d: 4 })
  })

  it("what it peeks at is frozen, what update() is given may be changed, and what was put may be changed afterwards", async () => {
    const store = await open()
    await store.records.put("a", { list: [1] })
    await store.batch((tx) => {
      for (let round = 0; round < 2; round++) {
        const seen = tx.peek("a")
        assert.throws(() => seen.list.push(2), TypeError)
        const own = { list: [5] }
        tx.put("b", own)
        own.list.push(6)
        assert.deepEqual(tx.peek("b"), { list: [5] })
        tx.update("a", (value) => {
          value.list.push(9)
          return value
        })
      }
    })
    assert.deepEqual(await contentOf(store), { a: { list: [1, 9, 9] }, b: { list: [5] } })
  })

  it("a promise is refused, nothing is stored, and what its function does later is refused too", async () => {
    const store = await open()
    let late: Promise<unknown> | undefined
    await assert.rejects(
      store.batch(async (tx) => {
        tx.put("a", 1)
        late = turn().then(() => tx.put("b", 2))
        await late
      }),
      CallbackNotSynchronous,
    )
    await assert.rejects(late!, StoreClosed)
    assert.deepEqual(await contentOf(store), {})
    assert.equal(store.status().head, 0)
  })

  it("one that writes nothing stores nothing, and sees what was called before it", async () => {
    const store = await open()
    void store.records.put("a", 1)
    let seen: unknown
    assert.deepEqual(await store.batch((tx) => void (seen = tx.peek("a"))), { operations: 0 })
    assert.equal(seen, 1)
    assert.deepEqual(await store.batch((tx) => void tx.delete("none")), { operations: 0 })
    assert.equal(store.status().head, 1)
  })
})

describe("batch() of a collection", () => {
  it("an ifVersion is judged where it stands: against what the batch wrote before it, too", async () => {
    const { records, ...store } = await open().then((store) => ({ records: store.records, status: () => store.status() }))
    const { version } = await records.put("a", 1)
    await records.batch([
      { type: "put", key: "a", value: 2, ifVersion: version },
      { type: "put", key: "b", value: 1, ifVersion: null },
      { type: "delete", key: "none", ifVersion: null },
    ])
    const { head } = store.status()
    const refused = [
      [{ type: "put", key: "c", value: 1 }, { type: "put", key: "a", value: 3, ifVersion: version }],
      [{ type: "put", key: "c", value: 1, ifVersion: null }, { type: "put", key: "c", value: 2, ifVersion: null }],
      [{ type: "delete", key: "a", ifVersion: version }, { type: "put", key: "c", value: 1 }],
    ] as const
    for (const operations of refused) await assert.rejects(records.batch(operations), { code: "version_mismatch" })
    assert.equal(store.status().head, head)
    assert.deepEqual(await records.getMany(["a", "b", "c"]), [2, 1, undefined])
    // Two in one frame that expect the same: the first wins, the second rejects alone, and so does nothing else.
    const { version: now } = (await records.getEntry("a"))!
    const ends = await Promise.allSettled([
      records.batch([{ type: "put", key: "a", value: "first", ifVersion: now }]),
      records.batch([{ type: "put", key: "a", value: "second", ifVersion: now }]),
      records.put("c", 1),
    ])
    assert.deepEqual(ends.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"])
    assert.equal(await records.get("a"), "first")
    assert.equal(store.status().head, head + 1)
  })
})
