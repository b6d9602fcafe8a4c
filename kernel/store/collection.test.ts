/** Goal: each method of a collection does what it promises, at the edges of what it takes. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import {
  BatchTooLarge,
  CallbackNotSynchronous,
  InvalidKey,
  InvalidOption,
  InvalidStoreName,
  InvalidValue,
  StoreClosed,
  ValueTooLarge,
  VersionMismatch,
} from "../errors.ts"
import {
  BATCH_BYTES_MAX,
  BATCH_OPERATIONS_MAX,
  COLLECTION_NAME_BYTES_MAX,
  KEY_BYTES_MAX,
  VALUE_BYTES_MAX,
  VALUE_DEPTH_MAX,
} from "../limits.ts"
import { turn } from "../testing/gate.ts"
import { TestPlatform } from "../testing/platform.ts"
import { OPERATION_OVERHEAD_BYTES } from "./frame-author.ts"
import { openStore, type Store } from "./store.ts"
import type { BatchOperation } from "./types.ts"

const open = (): Promise<Store> => openStore("notes", memoryAdapter())

/** Keys and values of everything in a store's default collection. */
async function contentOf(store: Store): Promise<Record<string, unknown>> {
  const content: [string, unknown][] = []
  for await (const { key, value } of store.records.list()) content.push([key, value])
  return Object.fromEntries(content)
}

/** What a hostile or careless caller may pass where a string belongs. */
const NO_STRINGS: readonly unknown[] = [undefined, null, 5, true, {}, [], Symbol("key"), 5n, () => "key", Object.create(null), {
  toString() {
    throw new Error("must not be asked")
  },
}]

describe("keys", () => {
  const REFUSED: readonly [string, unknown][] = [
    ["empty", ""],
    ["1,025 bytes", "k".repeat(KEY_BYTES_MAX + 1)],
    ["1,026 bytes in 513 characters", "é".repeat(KEY_BYTES_MAX / 2 + 1)],
    ["a lone high surrogate", "a\ud800"],
    ["a lone low surrogate", "\udc00a"],
    ["surrogates the wrong way round", "\udc00\ud800"],
    ...NO_STRINGS.map((key): [string, unknown] => [`no string: ${typeof key}`, key]),
  ]

  it("every call refuses a key that cannot be stored, and stores nothing", async () => {
    const store = await open()
    const { records } = store
    for (const [name, unknown] of REFUSED) {
      const key = unknown as string
      const calls: readonly (() => Promise<unknown>)[] = [
        () => records.put(key, 1),
        () => records.get(key),
        () => records.has(key),
        () => records.getEntry(key),
        () => records.getMany(["good", key]),
        () => records.delete(key),
        () => records.update(key, () => 1),
        () => records.putMany([{ key: "good", value: 1 }, { key, value: 1 }]),
        () => records.batch([{ type: "put", key: "good", value: 1 }, { type: "delete", key }]),
        () => store.batch((tx) => (tx.put("good", 1), tx.put(key, 1))),
        () => store.batch((tx) => (tx.put("good", 1), void tx.delete(key))),
        () => store.batch((tx) => (tx.put("good", 1), void tx.peek(key))),
        () => records.resolve(key, 1),
        () => records.history(key)[Symbol.asyncIterator]().next(),
        async () => records.peek(key),
        async () => records.subscribe(key, () => {}),
      ]
      for (const call of calls) {
        if (call.toString().includes("subscribe") && typeof key === "object" && key !== null) continue // a range
        await assert.rejects(call, InvalidKey, `${name}: ${call}`)
      }
    }
    assert.equal(store.status().head, 0)
    assert.deepEqual(store.status().collections, [""])
  })

  it("a key may have 1 to 1,024 bytes", async () => {
    const store = await open()
    const keys = [
      "k",
      "k".repeat(KEY_BYTES_MAX),
      "é".repeat(KEY_BYTES_MAX / 2),
      "😀".repeat(KEY_BYTES_MAX / 4),
      "\u0000",
      " ",
      "\ufeff",
      "a\u0000b",
    ]
    for (const key of keys) await store.records.put(key, key.length)
    for (const key of keys) assert.equal(await store.records.get(key), key.length)
    assert.equal(await store.records.count(), keys.length)
  })

  it("T18 names that objects inherit are keys and collections like any other", async () => {
    const adapter = memoryAdapter(),
      names = ["__proto__", "constructor", "toString", "hasOwnProperty", "prototype", "then", "valueOf", "__defineGetter__"]
    for (const name of names) {
      const store = await openStore(name, adapter)
      for (const collection of [store.records, store.collection(name)]) {
        assert.equal(await collection.get(name), undefined)
        assert.equal(collection.peek(name), undefined)
        assert.equal(await collection.delete(name), false)
        let changes = 0
        const end = collection.subscribe(name, () => changes++)
        await collection.put(name, { name })
        await collection.update(name, (value) => ({ ...value as object, again: true }))
        assert.deepEqual(await collection.get(name), { name, again: true })
        assert.equal(changes, 2)
        end()
        const listed: string[] = []
        for await (const { key } of collection.list()) listed.push(key)
        assert.deepEqual(listed, [name])
      }
      assert.deepEqual(store.status().collections, ["", name])
      await store.close()
      const again = await openStore(name, adapter)
      assert.deepEqual(await again.collection(name).get(name), { name, again: true })
      assert.equal(await again.collection(name).delete(name), true)
    }
    assert.deepEqual([...await adapter.list()].sort(), [...names].sort())
    assert.equal(Object.keys(Object.prototype).length, 0)
  })

  it("T17 a value's own member __proto__ is refused, other names of objects are data", async () => {
    const store = await open()
    await assert.rejects(store.records.put("a", JSON.parse(`{"deep":{"__proto__":{"polluted":true}}}`)), (error: unknown) => {
      assert.ok(error instanceof InvalidValue)
      assert.match(error.details.path, /deep/)
      return true
    })
    const value = JSON.parse(`{"constructor":1,"prototype":{"x":1},"toString":"text","hasOwnProperty":null}`)
    await store.records.put("a", value)
    assert.deepEqual(await store.records.get("a"), value)
    assert.equal(Object.getPrototypeOf(await store.records.get("a")), Object.prototype)
    assert.equal("polluted" in {}, false)
  })
})

describe("values", () => {
  it("everything of the value domain comes back as it was put", async () => {
    const store = await open()
    const values: readonly unknown[] = [
      null,
      true,
      false,
      0,
      "",
      "text 😀",
      [],
      {},
      new Date(0),
      new Date(-1),
      new Date(8.64e15),
      new Uint8Array(0),
      Uint8Array.of(0, 255),
      [null, [[]], { a: [{}] }],
      { "": 1, "a b": 2 },
    ]
    for (const [index, value] of values.entries()) await store.records.put(`key ${index}`, value)
    for (const [index, value] of values.entries()) {
      assert.deepEqual(await store.records.get(`key ${index}`), value)
      assert.deepEqual(store.records.peek(`key ${index}`), value)
    }
    assert.equal(await store.records.count(), values.length, "null and false are records")
    assert.equal(await store.records.has("key 0"), true)
  })

  it("T10 numbers come back exactly, or are refused", async () => {
    const store = await open()
    const kept = [
      ...[
        Number.MAX_SAFE_INTEGER,
        Number.MIN_SAFE_INTEGER,
        2 ** 53 + 2,
        2 ** 31,
        -(2 ** 31) - 1,
        2 ** 32,
        0.1,
        5e-324,
        1.7976931348623157e308,
      ],
      ...[NaN, Infinity, -Infinity],
      ...[0n, 1n, -1n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)],
    ]
    for (const value of kept) {
      const [put] = await Promise.allSettled([store.records.put("a", value)])
      // What the profile does not take must be refused, never changed.
      if (put.status === "fulfilled") assert.deepEqual(await store.records.get("a"), value)
      else assert.ok(put.reason instanceof InvalidValue, String(value))
    }
    await store.records.put("a", -0)
    assert.ok(Object.is(await store.records.get("a"), 0))
    for (const value of [2n ** 64n, -(2n ** 63n) - 1n]) await assert.rejects(store.records.put("a", value), InvalidValue)
  })

  it("refuses what is outside the domain, with the path inside the value, and stores nothing", async () => {
    const store = await open()
    class Point {
      x = 1
    }
    const outside: readonly unknown[] = [
      undefined,
      () => {},
      Symbol("s"),
      new Map(),
      new Set(),
      new Point(),
      new Float64Array(1),
      new DataView(new ArrayBuffer(1)),
      new ArrayBuffer(1),
      new Date(NaN),
      /x/,
      new Error("x"),
      Promise.resolve(1),
      "\ud800",
    ]
    for (const value of outside) {
      await assert.rejects(store.records.put("a", value), InvalidValue, String(Object.prototype.toString.call(value)))
      if (value === undefined) continue
      await assert.rejects(store.records.put("a", { list: [1, { deep: value }] }), (error: unknown) => {
        assert.ok(error instanceof InvalidValue)
        assert.equal(error.details.path, "list[1].deep")
        assert.equal(error.storedNothing, true)
        return true
      })
    }
    const throwing = {
      get member() {
        throw new Error("mine")
      },
    }
    await assert.rejects(
      store.records.put("a", throwing),
      (error: unknown) => error instanceof InvalidValue && /mine/.test(String(error.cause)),
    )
    await store.records.put("a", { gone: undefined, kept: 1 })
    assert.deepEqual(await store.records.get("a"), { kept: 1 })
    assert.equal(store.status().head, 1)
  })

  it("T1 a value is as deep as 64 levels, and no deeper, however it nests", async () => {
    const store = await open()
    const shapes: readonly ((inside: unknown) => unknown)[] = [
      (inside) => [inside],
      (inside) => ({ a: inside }),
      (inside) => [{ a: inside }],
    ]
    for (const [index, wrap] of shapes.entries()) {
      const levels = index === 2 ? 2 : 1
      const nested = (depth: number): unknown => {
        let value: unknown = 1
        for (let level = 0; level < depth; level += levels) value = wrap(value)
        return value
      }
      await store.records.put("a", nested(VALUE_DEPTH_MAX))
      assert.deepEqual(await store.records.get("a"), nested(VALUE_DEPTH_MAX))
      for (const depth of [VALUE_DEPTH_MAX + levels, 70, 1000, 100_000]) {
        await assert.rejects(store.records.put("a", nested(depth)), InvalidValue)
      }
    }
  })

  it("T7 a cycle is refused; a part that stands twice is stored twice", async () => {
    const store = await open()
    const ring: Record<string, unknown> = { name: "ring" }
    ring["self"] = ring
    const list: unknown[] = []
    list.push([list])
    await assert.rejects(store.records.put("a", ring), InvalidValue)
    await assert.rejects(store.records.put("a", list), InvalidValue)
    const part = { x: 1 }
    await store.records.put("a", { left: part, right: part })
    const value = await store.records.get("a") as { left: object; right: object }
    assert.deepEqual(value, { left: part, right: part })
    assert.notEqual(value.left, value.right)
    // 2^30 nodes if it were walked as a tree of copies.
    let wide: unknown = 1
    for (let level = 0; level < 30; level++) wide = [wide, wide]
    await assert.rejects(store.records.put("a", wide), (error: unknown) => error instanceof InvalidValue || error instanceof ValueTooLarge)
  })

  it("a value has at most 1 MiB encoded", async () => {
    const store = await open()
    const header = 5
    await store.records.put("a", new Uint8Array(VALUE_BYTES_MAX - header))
    await store.records.put("b", "x".repeat(VALUE_BYTES_MAX - header))
    for (
      const value of [new Uint8Array(VALUE_BYTES_MAX - header + 1), "x".repeat(VALUE_BYTES_MAX - header + 1), "é".repeat(VALUE_BYTES_MAX)]
    ) {
      await assert.rejects(store.records.put("c", value), ValueTooLarge)
      await assert.rejects(store.records.putMany([{ key: "d", value: 1 }, { key: "c", value }]), ValueTooLarge)
    }
    assert.deepEqual((await store.records.get("a") as Uint8Array).length, VALUE_BYTES_MAX - header)
    assert.equal(await store.records.count(), 2)
  })

  it("a value that writes to the store while it is read cannot harm what is stored", async () => {
    const store = await open()
    const inner: Promise<unknown>[] = []
    const writes = [
      (): unknown => store.records.put("inner", "inner value"),
      (): unknown => store.records.putMany([{ key: "inner", value: 1 }]),
      (): unknown => store.batch((tx) => tx.put("inner batch", 1)),
      (): unknown => store.records.update("inner update", () => 1),
      (): unknown => store.records.delete("inner"),
      (): unknown => store.records.get("outer"),
    ]
    for (const write of writes) {
      const nosy = {
        before: "x".repeat(100),
        get member() {
          inner.push(Promise.resolve(write()).catch(() => {}))
          return "seen"
        },
        after: 1,
      }
      await store.records.put("outer", nosy).catch(() => {})
      await store.records.putMany([{ key: "outer", value: nosy }, { key: "second", value: 2 }]).catch(() => {})
      const operation = {
        type: "put" as const,
        key: "third",
        get value() {
          inner.push(Promise.resolve(write()).catch(() => {}))
          return 3
        },
      }
      await store.records.batch([{ type: "put", key: "second", value: 2 }, operation]).catch(() => {})
      const failing = {
        type: "put" as const,
        key: "fourth",
        get value() {
          inner.push(Promise.resolve(write()).catch(() => {}))
          return undefined
        },
      }
      const failed = store.records.batch([{ type: "put", key: "fifth", value: 5 }, failing])
      const over = store.records.put("over", "o".repeat(100)) // takes the place of what the failed batch gives back
      await assert.rejects(failed)
      await Promise.all([...inner, over])
      const content = await contentOf(store)
      for (const [key, value] of Object.entries(content)) {
        assert.deepEqual(
          value,
          {
            outer: { before: "x".repeat(100), member: "seen", after: 1 },
            second: 2,
            third: 3,
            over: "o".repeat(100),
            inner: typeof content["inner"] === "number" ? 1 : "inner value",
            "inner batch": 1,
            "inner update": 1,
          }[key],
          `${key} after ${write}`,
        )
      }
      await store.records.clear()
    }
  })
})

describe("put(), get(), delete() and their like", () => {
  it("put() resolves to the version that getEntry() shows", async () => {
    const platform = new TestPlatform()
    const store = await openStore<unknown>("notes", memoryAdapter(), { platform, label: "a label" })
    const { version } = await store.records.put("a", 1)
    assert.deepEqual(await store.records.getEntry("a"), {
      key: "a",
      value: 1,
      version,
      updatedAt: platform.millis,
      replica: store.status().replica,
      label: "a label",
      conflicted: false,
    })
    assert.equal(await store.records.getEntry("b"), undefined)
    assert.notEqual((await store.records.put("a", 1)).version, version, "every write is a version")
  })

  it("put() with ifVersion writes only at that version, null only where no record is", async () => {
    const { records } = await open()
    const first = await records.put("a", 1, { ifVersion: null })
    await assert.rejects(records.put("a", 2, { ifVersion: null }), (error: unknown) => {
      assert.ok(error instanceof VersionMismatch)
      assert.deepEqual(error.details, { key: "a", expected: null, found: first.version })
      return true
    })
    const second = await records.put("a", 2, { ifVersion: first.version })
    await assert.rejects(records.put("a", 3, { ifVersion: first.version }), VersionMismatch)
    await assert.rejects(records.put("b", 3, { ifVersion: first.version }), VersionMismatch)
    await assert.rejects(records.put("b", 3, { ifVersion: "no version" }), VersionMismatch)
    await assert.rejects(records.delete("a", { ifVersion: first.version }), VersionMismatch)
    await records.put("a", 3, { ifVersion: undefined })
    assert.equal(await records.delete("a", { ifVersion: (await records.getEntry("a"))!.version }), true)
    await records.put("a", 4, { ifVersion: null })
    assert.equal(await records.get("a"), 4)
    assert.notEqual(second.version, first.version)
    for (const odd of [5, true, {}, () => ""]) {
      await assert.rejects(records.put("a", 5, { ifVersion: odd as unknown as string }), InvalidOption) // plain JavaScript may pass anything
    }
  })

  it("delete() tells whether there was a record", async () => {
    const { records } = await open()
    assert.equal(await records.delete("a"), false)
    await records.put("a", 1)
    assert.deepEqual(await Promise.all([records.delete("a"), records.delete("a"), records.put("a", 2), records.delete("a")]), [
      true,
      false,
      { version: (await records.history("a")[Symbol.asyncIterator]().next(), (await lastVersions(records, "a"))[2]) },
      true,
    ])
    assert.equal(await records.get("a"), undefined)
  })

  it("getMany() answers in the order of the keys, missing and doubled ones too", async () => {
    const { records } = await open()
    await records.put("a", 1)
    await records.put("b", 2)
    assert.deepEqual(await records.getMany(["b", "none", "a", "b"]), [2, undefined, 1, 2])
    assert.deepEqual(await records.getMany([]), [])
  })

  it("clear() deletes what is there, in its collection alone, and tells how many", async () => {
    const store = await open()
    const records = Array.from({ length: 2500 }, (_, index) => ({ key: `key ${index}`, value: index }))
    await store.records.putMany(records)
    await store.collection("other").putMany(records)
    await store.records.delete("key 7")
    const before = store.status().head
    assert.equal(await store.records.clear(), 2499)
    assert.equal(store.status().head - before, 3, "a thousand a frame")
    assert.equal(await store.records.count(), 0)
    assert.equal(await store.collection("other").count(), 2500)
    assert.equal(await store.records.clear(), 0)
    await store.records.put("key 7", 1)
    assert.equal(await store.records.count(), 1)
  })

  it("clear() takes its place among the calls: what was called before goes, what is called later stays", async () => {
    for (const isStored of [true, false]) {
      const { records } = await open()
      const before = records.putMany([{ key: "a", value: 1 }, { key: "b", value: 1 }])
      if (isStored) await before
      const cleared = records.clear()
      const later = [records.put("a", 2), records.update("b", (value) => value ?? "none"), records.put("c", 2)], seen = records.get("b")
      assert.equal(await cleared, 2)
      await Promise.all(later)
      assert.deepEqual(await records.getMany(["a", "b", "c"]), [2, "none", 2])
      assert.equal(await seen, "none")
    }
  })

  it("clear() of many leaves what is written between its frames", async () => {
    const { records } = await open()
    await records.putMany(Array.from({ length: 2500 }, (_, index) => ({ key: `key ${index}`, value: index })))
    const cleared = records.clear(), later = [records.put("key 2499", "new"), records.put("another", "new")]
    await Promise.all(later)
    assert.equal(await cleared, 2499)
    assert.equal(await records.count(), 2)
    assert.deepEqual(await records.getMany(["key 2499", "another"]), ["new", "new"])
  })

  it("history() shows every version, oldest first, over several opens", async () => {
    const adapter = memoryAdapter()
    const first = await openStore("notes", adapter, { label: "one" })
    const versions = [(await first.records.put("a", 1)).version, (await first.records.put("a", 2)).version]
    await first.records.put("b", 1)
    await first.collection("other").put("a", "other")
    await first.records.delete("a")
    await first.close()
    const store = await openStore("notes", adapter)
    versions.push((await store.records.put("a", 3)).version)
    const shown: unknown[] = [], found: string[] = [], positions: number[] = []
    for await (const entry of store.records.history("a")) {
      shown.push(entry.deleted ? "deleted" : entry.value)
      found.push(entry.version)
      positions.push(entry.position)
      assert.equal(entry.label, "one")
    }
    assert.deepEqual(shown, [1, 2, "deleted", 3])
    assert.deepEqual([found[0], found[1], found[3]], versions)
    assert.deepEqual(positions, [1, 2, 5, 6])
    for await (const entry of store.records.history("none")) assert.fail(JSON.stringify(entry))
  })
})

describe("update()", () => {
  it("gives a copy of the value and writes what the function answers", async () => {
    const { records } = await open()
    await records.update("a", (value) => {
      assert.equal(value, undefined)
      return { list: [1] }
    })
    await records.update("a", (value) => {
      value.list.push(2)
      return value
    })
    const { version } = await records.update("a", (value) => ({ ...value, more: null }))
    assert.deepEqual(await records.get("a"), { list: [1, 2], more: null })
    assert.equal((await records.getEntry("a"))!.version, version)
  })

  it("a function that throws rejects with what it threw, whatever that is, and stores nothing", async () => {
    const store = await open()
    await store.records.put("a", 1)
    for (const thrown of [new Error("mine"), "text", undefined, null, 0, false]) {
      const seen = await store.records.update("a", () => {
        throw thrown
      }).then(() => "stored", (error: unknown) => [error])
      assert.deepEqual(seen, [thrown])
      const batch = await store.batch((tx) => {
        tx.put("a", 2)
        throw thrown
      }).then(() => "stored", (error: unknown) => [error])
      assert.deepEqual(batch, [thrown])
    }
    assert.equal(await store.records.get("a"), 1)
    assert.equal(store.status().head, 1)
  })

  it("a function that answers undefined, a promise or no value is refused", async () => {
    const store = await open()
    await assert.rejects(store.records.update("a", () => undefined), InvalidValue)
    await assert.rejects(store.records.update("a", () => Promise.resolve(1)), CallbackNotSynchronous)
    await assert.rejects(store.records.update("a", async () => await Promise.reject(new Error("late"))), CallbackNotSynchronous)
    await assert.rejects(store.records.update("a", () => ({ then: () => {} })), CallbackNotSynchronous)
    await assert.rejects(store.records.update("a", () => new Map()), InvalidValue)
    await assert.rejects(store.records.update("a", undefined as unknown as () => unknown), InvalidOption)
    await turn() // an unhandled rejection would fail this test
    assert.equal(store.status().head, 0)
  })

  it("may call other methods of the store from inside", async () => {
    const store = await open()
    let inner: Promise<unknown> | undefined
    await store.records.update("a", () => {
      inner = store.records.put("b", "from inside")
      assert.equal(store.records.peek("b"), undefined)
      return "a value"
    })
    await inner
    assert.deepEqual(await contentOf(store), { a: "a value", b: "from inside" })
  })
})

describe("batches of a collection", () => {
  it("take effect in their order, whole, as one frame", async () => {
    const store = await open()
    await store.records.put("c", 0)
    const operations: BatchOperation<unknown>[] = [
      { type: "put", key: "a", value: 1 },
      { type: "put", key: "a", value: 2 },
      { type: "delete", key: "c" },
      { type: "delete", key: "none" },
      { type: "put", key: "b", value: 1 },
      { type: "delete", key: "b" },
      { type: "put", key: "c", value: 3 },
    ]
    assert.deepEqual(await store.records.batch(operations), { operations: 6 })
    assert.deepEqual(await contentOf(store), { a: 2, c: 3 })
    assert.equal(store.status().head, 2)
    const given = new Map([["x", 1], ["y", 2]])
    const records = function* (): Generator<{ key: string; value: number }> {
      for (const [key, value] of given) yield { key, value }
    }
    assert.deepEqual(await store.records.putMany(records()), { operations: 2 })
  })

  it("one bad operation in the middle refuses all of them, and leaves writes around them alone", async () => {
    const store = await open()
    const bad: readonly unknown[] = [
      { type: "put", key: "x", value: undefined },
      { type: "put", key: "x", value: new Map() },
      { type: "put", key: "", value: 1 },
      { type: "delete", key: "" },
      { type: "upsert", key: "x", value: 1 },
      { type: Object.create(null), key: "x", value: 1 },
      {},
    ]
    const ends: Promise<unknown>[] = []
    for (const [index, operation] of bad.entries()) {
      ends.push(store.records.put(`before ${index}`, "b".repeat(index)))
      const batch = [{ type: "put", key: `good ${index}`, value: "g" }, operation, {
        type: "put",
        key: `late ${index}`,
        value: "l",
      }] as BatchOperation<unknown>[]
      ends.push(
        assert.rejects(
          store.records.batch(batch),
          (error: unknown) => error instanceof InvalidValue || error instanceof InvalidKey || error instanceof InvalidOption,
        ),
      )
      ends.push(store.records.put(`after ${index}`, "a".repeat(index)))
    }
    await Promise.all(ends)
    const content = await contentOf(store)
    assert.equal(Object.keys(content).length, bad.length * 2)
    for (let index = 0; index < bad.length; index++) {
      assert.equal(content[`before ${index}`], "b".repeat(index))
      assert.equal(content[`after ${index}`], "a".repeat(index))
    }
  })

  it("an iterable that throws, or is none, rejects and stores nothing", async () => {
    const store = await open()
    const broken = function* (): Generator<{ key: string; value: unknown }> {
      yield { key: "a", value: 1 }
      throw new Error("broken")
    }
    await assert.rejects(store.records.putMany(broken()), /broken/)
    await assert.rejects(store.records.putMany(undefined as unknown as []), InvalidOption)
    await assert.rejects(store.records.batch([null as unknown as BatchOperation<unknown>]), InvalidOption)
    const nested = function* (): Generator<{ key: string; value: unknown }> {
      yield { key: "a", value: 1 }
      void store.records.put("inner", 1)
      yield { key: "b", value: 1 }
    }
    await store.records.putMany(nested())
    assert.deepEqual(await contentOf(store), { a: 1, b: 1, inner: 1 })
  })

  it("are refused over 3,500,000 bytes, and taken at exactly that", async () => {
    const store = await open()
    const header = 5, parts = 4
    const sized = (bytes: number): { key: string; value: Uint8Array }[] =>
      Array.from({ length: parts }, (_, index) => {
        const share = Math.floor(bytes / parts) + (index < bytes % parts ? 1 : 0)
        return { key: String(index), value: new Uint8Array(share - OPERATION_OVERHEAD_BYTES - 1 - header) }
      })
    for (const bytes of [BATCH_BYTES_MAX - 1, BATCH_BYTES_MAX]) {
      assert.deepEqual(await store.records.putMany(sized(bytes)), { operations: parts })
    }
    const before = store.status().head
    await assert.rejects(store.records.putMany(sized(BATCH_BYTES_MAX + 1)), (error: unknown) => {
      assert.ok(error instanceof BatchTooLarge)
      assert.equal(error.details.bytes, BATCH_BYTES_MAX + 1)
      return true
    })
    assert.equal(store.status().head, before)
    await store.batch((tx) => {
      for (const { key, value } of sized(BATCH_BYTES_MAX)) tx.put(key, value)
    })
    await assert.rejects(
      store.batch((tx) => {
        for (const { key, value } of sized(BATCH_BYTES_MAX + 1)) tx.put(key, value)
      }),
      BatchTooLarge,
    )
    await store.records.put("a", 1)
  })

  it("are refused over 65,536 operations, and taken at exactly that", async () => {
    const store = await open()
    const of = (count: number): BatchOperation<unknown>[] =>
      Array.from({ length: count }, (_, index) => ({ type: "put", key: String(index), value: index }))
    assert.deepEqual(await store.records.batch(of(BATCH_OPERATIONS_MAX)), { operations: BATCH_OPERATIONS_MAX })
    await assert.rejects(store.records.batch(of(BATCH_OPERATIONS_MAX + 1)), BatchTooLarge)
    assert.equal(await store.records.count(), BATCH_OPERATIONS_MAX)
    assert.equal(store.status().head, 1)
  })
})

describe("collection()", () => {
  it("is the same object for the same name, and keeps records apart", async () => {
    const store = await open()
    const users = store.collection("users")
    assert.equal(store.collection("users"), users)
    assert.notEqual(store.collection("Users"), users)
    assert.equal(users.name, "users")
    assert.equal(store.collection("").name, store.records.name)
    await users.put("a", 1)
    await store.records.put("a", 2)
    await store.collection("Users").put("a", 3)
    assert.deepEqual([await users.get("a"), await store.records.get("a"), await store.collection("Users").get("a")], [1, 2, 3])
  })

  it("takes every well-formed name of up to 200 bytes", async () => {
    const adapter = memoryAdapter(), store = await openStore("notes", adapter)
    const names = [
      "a",
      "n".repeat(COLLECTION_NAME_BYTES_MAX),
      "é".repeat(COLLECTION_NAME_BYTES_MAX / 2),
      "../../x",
      "a b",
      "0",
      "\u0000",
      " ",
    ]
    for (const name of names) await store.collection(name).put("a", name)
    await store.close()
    const again = await openStore("notes", adapter)
    for (const name of names) assert.equal(await again.collection(name).get("a"), name)
    assert.deepEqual(again.status().collections, ["", ...names])
    for (
      const name of ["n".repeat(COLLECTION_NAME_BYTES_MAX + 1), "é".repeat(COLLECTION_NAME_BYTES_MAX / 2 + 1), "\ud800", ...NO_STRINGS]
    ) {
      assert.throws(() => again.collection(name as string), InvalidStoreName)
    }
  })
})

describe("after close()", () => {
  it("every method rejects with StoreClosed, and says which", async () => {
    const store = await open()
    const { records } = store
    await records.put("a", 1)
    let transaction: { put(key: string, value: unknown): void } | undefined
    await store.batch((tx) => void (transaction = tx))
    await store.close()
    const calls: Readonly<Record<string, () => unknown>> = {
      get: () => records.get("a"),
      peek: () => records.peek("a"),
      has: () => records.has("a"),
      getEntry: () => records.getEntry("a"),
      getMany: () => records.getMany(["a"]),
      put: () => records.put("a", 2),
      putMany: () => records.putMany([{ key: "a", value: 2 }]),
      delete: () => records.delete("a"),
      clear: () => records.clear(),
      list: () => records.list()[Symbol.asyncIterator]().next(),
      count: () => records.count(),
      batch: () => records.batch([]),
      update: () => records.update("a", () => 2),
      subscribe: () => records.subscribe("a", () => {}),
      watch: () => records.watch("a")[Symbol.asyncIterator]().next(),
      history: () => records.history("a")[Symbol.asyncIterator]().next(),
      conflicts: () => records.conflicts({ settled: true }),
      resolve: () => records.resolve("a", 2),
      flush: () => store.flush(),
      refresh: () => store.refresh(),
      digest: () => store.digest(),
      "batch of the store": () => store.batch(() => {}),
      transaction: () => transaction!.put("a", 2),
    }
    for (const [name, call] of Object.entries(calls)) {
      await assert.rejects(async () => await call(), (error: unknown) => {
        assert.ok(error instanceof StoreClosed, `${name}: ${error}`)
        if (!name.includes(" ") && name !== "transaction") assert.equal(error.details.call, name)
        return true
      }, name)
    }
    assert.equal(store.status().state, "closed")
    await store.close()
  })
})

async function lastVersions(records: Store["records"], key: string): Promise<string[]> {
  const versions: string[] = []
  for await (const { version } of records.history(key)) versions.push(version)
  return versions
}
