/** Goal: list() and count() answer what a sorted array would. Method: random records and queries against that array. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { InvalidOption } from "../errors.ts"
import { faultyAdapter, hold } from "../testing/faulty-storage.ts"
import { Gate, turn } from "../testing/gate.ts"
import type { RangeQuery } from "./key-range.ts"
import { openStore, type Store } from "./store.ts"
import type { ListQuery } from "./types.ts"

const encoder = new TextEncoder()

/** Orders strings by their UTF-8 bytes, in the plainest way. */
function compareUtf8(a: string, b: string): number {
  const left = encoder.encode(a), right = encoder.encode(b)
  for (let at = 0; at < Math.min(left.length, right.length); at++) if (left[at] !== right[at]) return left[at]! - right[at]!
  return left.length - right.length
}

/** What a query must answer, of all keys. */
function expectedOf(keys: Iterable<string>, { prefix, gt, gte, lt, lte, reverse, limit }: ListQuery): string[] {
  const found = [...keys].filter((key) =>
    (prefix === undefined || key.startsWith(prefix)) && (gt === undefined || compareUtf8(key, gt) > 0) &&
    (gte === undefined || compareUtf8(key, gte) >= 0) &&
    (lt === undefined || compareUtf8(key, lt) < 0) && (lte === undefined || compareUtf8(key, lte) <= 0)
  ).sort(compareUtf8)
  if (reverse === true) found.reverse()
  return found.slice(0, limit ?? Infinity)
}

async function listed(store: Store, query?: ListQuery): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of store.records.list(query)) keys.push(key)
  return keys
}

// Letters at the borders of one, two, three and four bytes, so that UTF-16 order would be wrong, and common prefixes.
const letter = fc.constantFrom("a", "b", "\u0000", "\u007f", "\u0080", "\u07ff", "\u0800", "\uffff", "\ufb01", "😀", "\u{10ffff}", "é")
const text = fc.array(letter, { maxLength: 4 }).map((letters) => letters.join(""))
const key = text.filter((text) => text !== "")
const bounds: fc.Arbitrary<RangeQuery> = fc.record({ prefix: text, gt: text, gte: text, lt: text, lte: text }, { requiredKeys: [] })
const query: fc.Arbitrary<ListQuery> = fc.tuple(bounds, fc.record({ reverse: fc.boolean(), limit: fc.nat(8) }, { requiredKeys: [] }))
  .map(([range, rest]) => ({ ...range, ...rest }))

describe("list()", () => {
  it("answers ranges in the order of UTF-8 bytes, as a sorted array would; count() as many", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(key, fc.boolean()), { maxLength: 60 }),
        fc.array(query, { minLength: 1, maxLength: 6 }),
        async (writes, queries) => {
          const store = await openStore("notes", memoryAdapter()), live = new Set<string>()
          for (const [index, [key, remove]] of writes.entries()) {
            void (remove ? store.records.delete(key) : store.records.put(key, index))
            if (remove) live.delete(key)
            else live.add(key)
            // Sorted in several steps, since an index that was made once is merged with what came later.
            if (index % 20 === 10) await listed(store, { limit: 1 })
          }
          for (const query of queries) {
            assert.deepEqual(await listed(store, query), expectedOf(live, query))
            const { limit: _, reverse: __, ...range } = query
            assert.equal(await store.records.count(range), expectedOf(live, range).length)
          }
          assert.equal(await store.records.count(), live.size)
        },
      ),
      { numRuns: 150 },
    )
  })

  // Goal: whatever is written meanwhile, no key comes twice, the order holds, and what was there all along comes.
  it("gives each key at most once, in order, while others write", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(key, fc.boolean()), { maxLength: 40 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 300 }),
        async (writes, reverse, every) => {
          const store = await openStore("notes", memoryAdapter())
          const fixed = Array.from({ length: 700 }, (_, index) => `fixed ${String(index).padStart(3, "0")}`)
          await store.records.putMany(fixed.map((key) => ({ key, value: 0 })))
          const seen: string[] = []
          for await (const { key } of store.records.list({ reverse })) {
            seen.push(key)
            if (seen.length % every !== 0) continue
            const [write] = writes.splice(0, 1)
            if (write !== undefined) await (write[1] ? store.records.delete(write[0]) : store.records.put(write[0], 1))
          }
          const sorted = [...new Set(seen)].sort(compareUtf8)
          assert.deepEqual(seen, reverse ? sorted.reverse() : sorted)
          assert.deepEqual(seen.filter((key) => key.startsWith("fixed")).length, 700)
        },
      ),
      { numRuns: 15 },
    )
  })

  it("goes over pages of every size: 0, 1, 255, 256, 257, 512, 513 records", async () => {
    for (const count of [0, 1, 255, 256, 257, 512, 513]) {
      const store = await openStore("notes", memoryAdapter())
      const keys = Array.from({ length: count }, (_, index) => String(index).padStart(4, "0"))
      await store.records.putMany(keys.map((key) => ({ key, value: key })))
      assert.deepEqual(await listed(store), keys)
      assert.deepEqual(await listed(store, { reverse: true }), [...keys].reverse())
      assert.deepEqual(await listed(store, { limit: 256 }), keys.slice(0, 256))
    }
  })

  it("holds about a mebibyte of large values at a time, and misses none", async () => {
    const store = await openStore("notes", memoryAdapter()), keys = Array.from({ length: 9 }, (_, index) => `key ${index}`)
    for (const key of keys) await store.records.put(key, new Uint8Array(600_000))
    assert.deepEqual(await listed(store), keys)
    assert.deepEqual(await listed(store, { reverse: true }), [...keys].reverse())
    assert.deepEqual(await listed(store, { limit: 4, gt: "key 1" }), keys.slice(2, 6))
    const seen: string[] = []
    for await (const { key } of store.records.list()) {
      seen.push(key)
      if (key === "key 0") await store.records.batch(["key 1", "key 2"].map((key) => ({ type: "delete", key })))
    }
    assert.deepEqual(seen, keys.filter((key) => key !== "key 2"), "the first page has two records, the second was read later")
  })

  it("finds prefixes that end with the greatest byte sequences, and nothing where bounds cross", async () => {
    const store = await openStore("notes", memoryAdapter())
    for (const key of ["a", "\u{10ffff}", "\u{10ffff}\u{10ffff}", "\u{10ffff}a", "b"]) await store.records.put(key, 1)
    assert.deepEqual(await listed(store, { prefix: "\u{10ffff}" }), ["\u{10ffff}", "\u{10ffff}a", "\u{10ffff}\u{10ffff}"])
    assert.deepEqual(await listed(store, { prefix: "" }), ["a", "b", "\u{10ffff}", "\u{10ffff}a", "\u{10ffff}\u{10ffff}"])
    assert.deepEqual(await listed(store, { gt: "b", lt: "a" }), [])
    assert.deepEqual(await listed(store, { gte: "b", lt: "b" }), [])
    assert.equal(await store.records.count({ gte: "z", lte: "a" }), 0)
  })

  it("takes bounds longer than any key, and refuses what is no bound", async () => {
    const store = await openStore("notes", memoryAdapter())
    await store.records.put("a", 1)
    assert.deepEqual(await listed(store, { gte: "a", lte: "a".repeat(5000) }), ["a"])
    for (const option of ["prefix", "gt", "gte", "lt", "lte"]) {
      for (const found of [5, null, {}, "\ud800"]) {
        await assert.rejects(listed(store, { [option]: found }), InvalidOption)
        await assert.rejects(store.records.count({ [option]: found }), InvalidOption)
        assert.throws(() => store.records.subscribe({ [option]: found as string }, () => {}), InvalidOption)
      }
    }
    for (const limit of [-1, 0.5, NaN, Infinity, "5", null, Object.create(null)]) {
      await assert.rejects(listed(store, { limit: limit as number }), InvalidOption)
    }
  })

  it("ends with the signal's reason, before it begins and in the middle", async () => {
    const store = await openStore("notes", memoryAdapter())
    await store.records.putMany(Array.from({ length: 600 }, (_, index) => ({ key: `key ${index}`, value: index })))
    const reason = new Error("enough")
    await assert.rejects(listed(store, { signal: AbortSignal.abort(reason) }), reason)
    const controller = new AbortController()
    let items = 0
    const read = async (): Promise<void> => {
      for await (const _ of store.records.list({ signal: controller.signal })) if (++items === 300) controller.abort(reason)
    }
    await assert.rejects(read(), reason)
    assert.equal(items, 300)
  })

  it("ends with the signal's reason while it waits for writes that were called before, and history() while it reads", async () => {
    const adapter = faultyAdapter(memoryAdapter()), store = await openStore("notes", adapter)
    await store.records.put("a", 0)
    const gate = new Gate(), reason = new Error("enough")
    adapter.last.next("append", hold(gate))
    const write = store.records.put("a", 1)
    await gate.reached
    const waiting = [
      (signal: AbortSignal) => listed(store, { signal }),
      async (signal: AbortSignal) => void await store.records.history("a", { signal })[Symbol.asyncIterator]().next(),
    ]
    for (const wait of waiting) {
      const controller = new AbortController(), ended = wait(controller.signal)
      await turn()
      controller.abort(reason)
      await assert.rejects(ended, reason)
      await assert.rejects(wait(AbortSignal.abort(reason)), reason)
    }
    gate.open()
    await write
    const reading = new Gate()
    adapter.last.next("read", hold(reading))
    const controller = new AbortController(), ended = waiting[1]!(controller.signal)
    await reading.reached
    controller.abort(reason)
    await assert.rejects(ended, reason)
    reading.open()
    const versions: unknown[] = []
    for await (const { value } of store.records.history("a", { signal: new AbortController().signal })) versions.push(value)
    assert.deepEqual(versions, [0, 1])
  })

  it("can be left early, and iterated again", async () => {
    const store = await openStore("notes", memoryAdapter())
    await store.records.putMany([{ key: "a", value: 1 }, { key: "b", value: 2 }])
    for await (const { key } of store.records.list()) {
      assert.equal(key, "a")
      break
    }
    await turn()
    assert.deepEqual(await listed(store), ["a", "b"])
  })

  it("rejects when the store is closed in the middle", async () => {
    const store = await openStore("notes", memoryAdapter())
    await store.records.putMany(Array.from({ length: 600 }, (_, index) => ({ key: `key ${index}`, value: index })))
    const read = async (): Promise<void> => {
      for await (const _ of store.records.list()) await store.close()
    }
    await assert.rejects(read(), { code: "store_closed" })
  })
})
