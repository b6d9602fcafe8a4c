/** Goal: what a read shows, and what it waits for, while writes are under way. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { faultyAdapter, type FaultyStorage, hold } from "../testing/faulty-storage.ts"
import { Gate } from "../testing/gate.ts"
import { openStore, type Store } from "./store.ts"

interface Task {
  text: string
  done?: boolean
  tags?: string[]
  at?: Date
  blob?: Uint8Array
}

async function open(): Promise<{ readonly store: Store<Task>; readonly storage: FaultyStorage }> {
  const adapter = faultyAdapter(memoryAdapter())
  const store = await openStore<Task>("notes", adapter)
  return { store, storage: adapter.last }
}

describe("reads and writes of one handle", () => {
  it("every asynchronous read sees a write that was called before it in the same turn", async () => {
    for (const slow of [false, true]) {
      const { store, storage } = await open()
      if (slow) storage.always("append", async (call) => await new Promise((resolve) => setTimeout(() => resolve(call()), 1)))
      const { records } = store
      void records.put("a", { text: "one" })
      assert.deepEqual(await records.get("a"), { text: "one" })
      void records.put("a", { text: "two" })
      assert.deepEqual((await records.getEntry("a"))!.value, { text: "two" })
      void records.put("a", { text: "three" })
      assert.deepEqual(await records.getMany(["b", "a"]), [undefined, { text: "three" }])
      void records.put("b", { text: "b" })
      assert.equal(await records.has("b"), true)
      void records.delete("b")
      assert.equal(await records.has("b"), false)
      void records.put("c", { text: "c" })
      assert.equal(await records.count(), 2)
      void records.delete("c")
      assert.deepEqual(await keysOf(store), ["a"])
      void records.update("d", () => ({ text: "d" }))
      assert.deepEqual(await records.get("d"), { text: "d" })
      void store.batch((tx) => tx.put("e", { text: "e" }))
      assert.deepEqual(await records.get("e"), { text: "e" })
      void records.putMany([{ key: "f", value: { text: "f" } }])
      assert.deepEqual(await records.get("f"), { text: "f" })
      void records.clear()
      await store.digest()
      await records.clear()
      assert.equal(await records.count(), 0)
    }
  })

  it("get() of another key does not wait for a slow append, get() of the written one does", async () => {
    const { store, storage } = await open()
    await store.records.put("a", { text: "old" })
    await store.records.put("b", { text: "other" })
    const gate = new Gate()
    storage.next("append", hold(gate))
    const write = store.records.put("a", { text: "new" })
    const batch = store.records.putMany([{ key: "ab", value: { text: "ab" } }, { key: "c", value: { text: "c" } }])
    await gate.reached
    assert.deepEqual(await store.records.get("b"), { text: "other" })
    assert.deepEqual((await store.records.getEntry("b"))?.value, { text: "other" })
    assert.equal(await store.records.get("abc"), undefined)
    assert.equal(await store.collection("other").get("a"), undefined, "the same key of another collection is another key")
    let answered = false
    const reads = [store.records.get("a"), store.records.get("c")].map((read) =>
      read.then((value) => {
        answered = true
        return value
      })
    )
    await Promise.resolve()
    assert.equal(answered, false)
    assert.deepEqual(store.records.peek("a"), { text: "old" }, "peek() shows the last stored state")
    assert.equal(store.records.peek("c"), undefined)
    gate.open()
    assert.deepEqual(await Promise.all(reads), [{ text: "new" }, { text: "c" }])
    assert.deepEqual(store.records.peek("a"), { text: "new" })
    await Promise.all([write, batch])
  })

  it("get() sees what was called before it, behind a long queue too", async () => {
    const { store, storage } = await open()
    const gate = new Gate()
    storage.next("append", hold(gate))
    const writes = Array.from({ length: 3000 }, (_, index) => store.records.put(`key ${index}`, { text: String(index) }))
    const read = store.records.get("key 2999")
    gate.open()
    assert.deepEqual(await read, { text: "2999" })
    await Promise.all(writes)
  })

  it("update() and batch() take effect in the order of the calls, between the puts around them", async () => {
    const { store } = await open()
    const { records } = store
    const append = (text: string) => (value: Task | undefined): Task => ({ text: `${value?.text ?? ""}${text}` })
    const calls = [
      records.update("a", append("1")),
      records.put("a", { text: "put " }),
      records.update("a", append("2")),
      store.batch((tx) => tx.update("a", append("3"))),
      records.update("a", append("4")),
      records.delete("a"),
      records.update("a", append("5")),
    ]
    await Promise.all(calls)
    assert.deepEqual(await records.get("a"), { text: "5" })
    const shown: unknown[] = []
    for await (const { value } of records.history("a")) shown.push(value?.text)
    assert.deepEqual(shown, ["1", "put ", "put 2", "put 23", "put 234", undefined, "5"])
    assert.equal(store.status().head, 1)
  })
})

describe("get() and peek()", () => {
  it("get() answers a fresh value each time, which may be changed", async () => {
    const { store } = await open()
    await store.records.put("a", { text: "text", tags: ["x"], at: new Date(5), blob: Uint8Array.of(1) })
    const first = (await store.records.get("a"))!, second = (await store.records.get("a"))!
    assert.notEqual(first, second)
    first.tags!.push("y")
    first.at!.setTime(9)
    first.blob![0] = 9
    assert.deepEqual(second, { text: "text", tags: ["x"], at: new Date(5), blob: Uint8Array.of(1) })
    assert.deepEqual(await store.records.get("a"), second)
    assert.deepEqual(store.records.peek("a"), second)
    for await (const item of store.records.list()) item.value.tags!.push("z")
    assert.deepEqual(store.records.peek("a"), second)
  })

  it("peek() is frozen through and through, and the same reference until the record changes", async () => {
    const { store } = await open()
    await store.records.put("a", { text: "one", tags: ["x"] })
    await store.records.put("b", { text: "b" })
    const seen = store.records.peek("a")!
    assert.ok(Object.isFrozen(seen) && Object.isFrozen(seen.tags))
    await store.records.put("b", { text: "changed" })
    await store.refresh()
    assert.equal(store.records.peek("a"), seen)
    await store.records.put("a", { text: "one", tags: ["x"] })
    assert.notEqual(store.records.peek("a"), seen)
    await store.records.delete("a")
    assert.equal(store.records.peek("a"), undefined)
  })

  it("peek() keeps the reference of what somebody subscribes to, whatever else is peeked at", async () => {
    const { store } = await open()
    await store.records.put("watched", { text: "one" })
    const end = store.records.subscribe("watched", () => {})
    const seen = store.records.peek("watched")
    const large = "x".repeat(500_000)
    for (let index = 0; index < 50; index++) {
      await store.records.put(`large ${index}`, { text: large })
      store.records.peek(`large ${index}`)
    }
    assert.equal(store.records.peek("watched"), seen)
    end()
  })

  it("a subscription to everything costs a fold no look at all other records", async () => {
    const { store } = await open()
    let changes = 0
    store.records.subscribe({}, (changed) => changes += changed.length)
    const started = performance.now()
    const written: Promise<unknown>[] = []
    for (let index = 0; index < 60_000; index++) written.push(store.records.put(`key ${index}`, { text: "some text of a task" }))
    await Promise.all(written)
    assert.equal(changes, 60_000)
    assert.ok(performance.now() - started < 20_000, `${performance.now() - started} ms`)
  })

  it("T21 a value with a member `then` is data: await does not call it, and functions are refused", async () => {
    const { store } = await open()
    const records = store.collection<unknown>("odd")
    await records.put("a", { then: "next week", toJSON: 1 })
    const data = { then: "next week", toJSON: 1 }
    assert.deepEqual(await records.get("a"), data)
    assert.deepEqual(records.peek("a"), data)
    assert.deepEqual(await records.getMany(["a"]), [data])
    assert.deepEqual((await records.getEntry("a"))!.value, data)
    for await (const { value } of records.list()) assert.deepEqual(value, data)
    for await (const { value } of records.history("a")) assert.deepEqual(value, data)
    await store.batch((tx) => assert.deepEqual(tx.collection("odd").peek("a"), data))
    await records.update("a", (value) => value)
    assert.deepEqual(await records.get("a"), data)
    await assert.rejects(records.put("b", { then: (resolve: (value: unknown) => void) => resolve(1) }), { code: "invalid_value" })
    await assert.rejects(records.put("b", { toJSON: () => "other" }), { code: "invalid_value" })
    let reads = 0
    await records.put("c", {
      get text() {
        return `read ${++reads}`
      },
    })
    assert.deepEqual(await records.get("c"), { text: "read 1" }, "a getter is read once, and its answer stored")
    assert.equal(await records.get("b"), undefined)
  })
})

async function keysOf(store: Store<Task>): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of store.records.list()) keys.push(key)
  return keys
}
