/**
 * Goal: a store that is opened anew is the store that was left, in everything that it shows; both are what a plain map would be.
 * Method: random calls of the public API over two handles and several opens, compared with a map and with a replay of the log.
 */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import type { Adapter } from "../ports/log-storage.ts"
import { dotOf, ForeignWriter } from "../testing/foreign-frame.ts"
import { turn } from "../testing/gate.ts"
import { TestPlatform } from "../testing/platform.ts"
import type { Collection } from "./collection.ts"
import { openStore, type Store } from "./store.ts"

const COLLECTIONS = ["", "users", "__proto__"] as const
const KEYS = ["a", "b", "c", "é", "__proto__", "z".repeat(300)] as const

type Step =
  | { readonly type: "put" | "delete" | "update" | "other"; readonly in: number; readonly key: number; readonly value: unknown }
  | { readonly type: "batch" | "transaction"; readonly in: number; readonly writes: readonly (readonly [number, unknown])[] }
  | { readonly type: "clear"; readonly in: number }
  | { readonly type: "wait" | "reopen" | "refresh" | "check" }

const collection = fc.nat(COLLECTIONS.length - 1), key = fc.nat(KEYS.length - 1)
const value = fc.oneof(
  fc.constant(null),
  fc.integer(),
  fc.string({ maxLength: 20 }),
  fc.uint8Array({ maxLength: 8 }),
  fc.array(fc.integer(), { maxLength: 3 }),
  fc.record({ text: fc.string({ maxLength: 5 }), done: fc.boolean() }, { noNullPrototype: true }),
)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ type: fc.constantFrom("put", "put", "delete", "update", "other"), in: collection, key, value }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constantFrom("batch", "transaction"),
      in: collection,
      writes: fc.array(fc.tuple(key, fc.option(value, { nil: undefined })), { maxLength: 6 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("clear"), in: collection }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constantFrom("wait", "reopen", "refresh", "check") }) },
)

/** Everything that a collection shows. */
async function sightOf(records: Collection<unknown>): Promise<unknown> {
  const entries: unknown[] = [], backwards: string[] = [], histories: unknown[] = []
  for await (const { key, value } of records.list()) {
    const entry = (await records.getEntry(key))!
    assert.deepEqual(entry.value, value)
    assert.deepEqual(await records.get(key), value)
    assert.deepEqual(records.peek(key), value)
    assert.equal(await records.has(key), true)
    entries.push(entry)
  }
  for await (const { key } of records.list({ reverse: true })) backwards.push(key)
  for (const key of KEYS) for await (const version of records.history(key)) histories.push([key, version])
  assert.equal(await records.count(), entries.length)
  return { entries, backwards, histories, conflicts: await records.conflicts({ settled: true }), many: await records.getMany(KEYS) }
}

async function sightOfStore(store: Store): Promise<unknown> {
  const collections: unknown[] = []
  for (const name of COLLECTIONS) collections.push(await sightOf(store.collection(name)))
  const { head, records, replica } = store.status()
  return { collections, head, records, replica, digest: await store.digest() }
}

async function run(steps: readonly Step[]): Promise<void> {
  const adapter = memoryAdapter(), platform = new TestPlatform(steps.length + 1)
  platform.stepMillis = 1
  const open = (): Promise<Store> => openStore("notes", adapter, { platform })
  const model = new Map<string, unknown>()
  const [inModel, other] = [(at: { readonly in: number; readonly key: number }) => `${at.in} ${KEYS[at.key]}`, await open()]
  let store = await open()
  const ends: Promise<unknown>[] = []
  const check = async (): Promise<void> => {
    await Promise.all(ends.splice(0))
    await store.refresh()
    const again = await open()
    assert.deepEqual(await sightOfStore(again), await sightOfStore(store))
    for (const [at, name] of COLLECTIONS.entries()) {
      for (const [index, key] of KEYS.entries()) {
        assert.deepEqual(await again.collection(name).get(key), model.get(inModel({ in: at, key: index })), `${name} ${key}`)
      }
    }
    await again.close()
  }
  for (const step of steps) {
    const records = store.collection("in" in step ? COLLECTIONS[step.in]! : "")
    switch (step.type) {
      case "put":
        ends.push(records.put(KEYS[step.key]!, step.value))
        model.set(inModel(step), step.value)
        break
      case "delete": {
        const existed = model.delete(inModel(step))
        ends.push(records.delete(KEYS[step.key]!).then((did) => assert.equal(did, existed)))
        break
      }
      case "update": {
        const before = model.get(inModel(step)), after = [step.value, before ?? null].slice(0, 2)
        if (JSON.stringify(after).length > 500) break
        ends.push(records.update(KEYS[step.key]!, (value) => [step.value, value ?? null]))
        model.set(inModel(step), after)
        break
      }
      case "other": // another handle: what it writes is only in order with what has ended
        await Promise.all(ends.splice(0))
        await other.collection(COLLECTIONS[step.in]!).put(KEYS[step.key]!, step.value)
        model.set(inModel(step), step.value)
        await store.refresh()
        break
      case "batch":
        ends.push(
          records.batch(
            step.writes.map(([key, value]) =>
              value === undefined ? { type: "delete", key: KEYS[key]! } : { type: "put", key: KEYS[key]!, value }
            ),
          ),
        )
        for (const [key, value] of step.writes) {
          if (value === undefined) model.delete(inModel({ in: step.in, key }))
          else model.set(inModel({ in: step.in, key }), value)
        }
        break
      case "transaction": {
        const expected = step.writes.map(([key, value]) => {
          const name = inModel({ in: step.in, key }), before = model.get(name)
          if (value === undefined) model.delete(name)
          else model.set(name, value)
          return before
        })
        ends.push(store.batch((tx) => {
          const inside = tx.collection(COLLECTIONS[step.in]!)
          for (const [at, [key, value]] of step.writes.entries()) {
            assert.deepEqual(inside.peek(KEYS[key]!), expected[at], "a transaction sees what was called before and its own writes")
            if (value === undefined) assert.equal(inside.delete(KEYS[key]!), expected[at] !== undefined)
            else inside.put(KEYS[key]!, value)
          }
        }))
        break
      }
      case "clear": {
        await Promise.all(ends.splice(0))
        const keys = [...model.keys()].filter((name) => name.startsWith(`${step.in} `))
        assert.equal(await records.clear(), keys.length)
        for (const name of keys) model.delete(name)
        break
      }
      case "wait":
        await Promise.all(ends.splice(0))
        break
      case "refresh":
        await store.refresh()
        break
      case "reopen":
        await store.close() // ends what was called
        store = await open()
        break
      case "check":
        await check()
    }
  }
  await check()
}

/** Appends blocks of foreign writers: of each writer in order, cut into frames as told. */
async function appendForeign(adapter: Adapter, cuts: readonly number[], turns: readonly boolean[]): Promise<void> {
  const storage = await adapter.open("notes", { durability: "none", create: undefined })
  const writers = [new ForeignWriter(1, 1000), new ForeignWriter(2, 1500)], left = [0, 0]
  for (let at = 0; left[0]! + left[1]! < 24; at++) {
    const which = left[0]! === 12 ? 1 : left[1]! === 12 ? 0 : turns[at % turns.length] ? 1 : 0, writer = writers[which]!
    const count = Math.min(1 + cuts[at % cuts.length]!, 12 - left[which]!)
    for (let n = 0; n < count; n++, left[which]!++) {
      // Each write has seen the writer's own one of the same key, and none of the other's.
      const number = left[which]!, name = `key ${number % 4}`
      const context = number < 4 ? [] : [{ writer: writer.id, seq: number - 3 }]
      if (number % 5 === 4) writer.delete(name, { context })
      else writer.put(name, { number, which }, { context, collection: number % 2 === 0 ? "" : "odd" })
    }
    await writer.append(storage)
  }
  await storage.close()
}

describe("replay", () => {
  it("shows what the live store showed, and what a map would hold", async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 40 }), run), { numRuns: 100 })
  })

  it("digest() is the same however the same operations are cut into frames and in whatever order writers come", async () => {
    const digests = new Set<string>()
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(11), { minLength: 1, maxLength: 6 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 8 }),
        async (cuts, turns) => {
          const adapter = memoryAdapter()
          await appendForeign(adapter, cuts, turns)
          const store = await openStore("notes", adapter)
          digests.add(await store.digest())
          assert.equal(await store.digest(), await store.digest())
          assert.equal(digests.size, 1)
        },
      ),
      { numRuns: 100 },
    )
    assert.match([...digests][0]!, /^[0-9a-f]{64}$/)
  })

  it("digest() changes with every record, and comes back to that of no records", async () => {
    const store = await openStore("notes", memoryAdapter()), digests = new Set<string>()
    const empty = await store.digest()
    digests.add(empty)
    const works = [
      () => store.records.put("a", 1),
      () => store.records.put("a", 2),
      () => store.records.put("b", 1),
      () => store.collection("other").put("a", 1),
      () => store.records.delete("b"),
    ]
    for (const work of works) {
      await work()
      digests.add(await store.digest())
    }
    assert.equal(digests.size, works.length + 1)
    await store.records.clear()
    await store.collection("other").clear()
    assert.equal(await store.digest(), empty, "what was deleted leaves no trace in it")
    assert.equal(await (await openStore("others", memoryAdapter())).digest(), empty)
  })

  it("digest() is that of one moment, whatever is written while it is made", async () => {
    const platform = new TestPlatform(), store = await openStore("notes", memoryAdapter(), { platform })
    for (const key of "abcdefghijkl") await store.records.put(key, new Uint8Array(600_000))
    for (let delay = 0; delay < 3; delay++) {
      const before = await store.digest()
      platform.stepMillis = 60 // every second look lets others come
      const digest = store.digest()
      for (let count = 0; count < delay; count++) await (count % 3 === 2 ? turn() : undefined)
      // One that was gone over, and one that was not: together they are one change.
      await store.records.putMany(["a", "l"].map((key) => ({ key, value: new Uint8Array(600_000).fill(delay) })))
      const meanwhile = await digest
      platform.stepMillis = 0
      assert.ok([before, await store.digest()].includes(meanwhile), `after ${delay} waits`)
    }
  })

  it("links and contexts of foreign operations hold over opens", async () => {
    const adapter = memoryAdapter(), store = await openStore("notes", adapter)
    const { version } = await store.records.put("a", "ours")
    const storage = await adapter.open("notes", { durability: "none", create: undefined })
    await new ForeignWriter(3, Date.now() + 1000).put("a", "seen", { context: [dotOf(version)] }).append(storage)
    await store.refresh()
    assert.deepEqual([await store.records.get("a"), (await store.records.conflicts({ settled: true })).length], ["seen", 0])
    const again = await openStore("notes", adapter)
    await again.records.update("a", (value) => `${value}, and again`)
    assert.deepEqual(await again.records.conflicts({ settled: true }), [])
    assert.equal(await (await openStore("notes", adapter)).records.get("a"), "seen, and again")
  })
})
