/**
 * Goal: bad input gets an error of ours, with code and hint, before anything is stored.
 * Method: a table of calls at the public face, each on a store of one record, which must be the same afterwards.
 */
import assert from "node:assert/strict"
import { mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { type Adapter, createStore, type CreateStoreOptions, deleteStore, listStores, PersistError, type Store } from "../../mod.ts"

type Call = (store: Store, adapter: Adapter) => unknown
type Row = readonly [what: string, code: string, call: Call]

/** What type checkers refuse and callers pass all the same. */
// deno-lint-ignore no-explicit-any -- this is what the table is about
const wrong = (value: unknown): any => value
const folder = await mkdtemp(join(tmpdir(), "persist-bad-input-"))
after(() => rm(folder, { recursive: true }))

/** Opens a store with wrong options, over a memory adapter of its own unless they say otherwise. */
const open = (options: unknown, name: unknown = "notes"): Promise<Store> =>
  createStore(wrong(name), { adapter: memoryAdapter(), ...options as CreateStoreOptions })

const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)])
const cycle: { self?: unknown } = {}
cycle.self = cycle
const first = async (iterable: AsyncIterable<unknown>): Promise<unknown> => await iterable[Symbol.asyncIterator]().next()

const BAD_KEYS: readonly (readonly [string, unknown])[] = [
  ["empty", ""],
  ["of 1,025 bytes", "k".repeat(1025)],
  ["of 1,026 bytes in 513 letters", "é".repeat(513)],
  ["with half of a surrogate pair", "a\ud83d"],
  ["that is a number", 1],
  ["that is null", null],
  ["that is an array", ["a"]],
]

const BAD_VALUES: readonly (readonly [string, unknown, RegExp])[] = [
  ["undefined", undefined, /^$/],
  ["a function", { f: () => 1 }, /f/],
  ["a symbol", { list: [1, Symbol("s")] }, /list.*1/],
  ["a Map", { deep: { map: new Map() } }, /deep.*map/],
  ["a Set", [new Set()], /0/],
  ["an instance of a class", { url: new URL("https://example.com") }, /url/],
  ["a typed array other than Uint8Array", { floats: new Float64Array(1) }, /floats/],
  ["an ArrayBuffer", { buffer: new ArrayBuffer(1) }, /buffer/],
  ["a bigint over 64 bits", { big: 2n ** 64n }, /big/],
  ["an invalid date", { at: new Date(NaN) }, /at/],
  ["half of a surrogate pair", { text: "\udc00" }, /text/],
  ["a member __proto__", JSON.parse('{"x":{"__proto__":1}}'), /x/],
  ["a cycle", { cycle }, /cycle/],
  ["65 levels", nested(65), /./],
  ["an error", { error: new Error("e") }, /error/],
  ["a promise", Promise.resolve(1), /^$/],
]

const TABLE: readonly Row[] = [
  ...BAD_KEYS.flatMap(([what, key]): Row[] => [
    [`put() with a key ${what}`, "invalid_key", ({ records }) => records.put(wrong(key), 1)],
    [`get() with a key ${what}`, "invalid_key", ({ records }) => records.get(wrong(key))],
    [
      `putMany() with a key ${what}`,
      "invalid_key",
      ({ records }) => records.putMany([{ key: "b", value: 1 }, { key: wrong(key), value: 1 }]),
    ],
    [`batch() with a key ${what}`, "invalid_key", (store) => store.batch((tx) => (tx.put("b", 1), tx.put(wrong(key), 1)))],
  ]),
  ...BAD_VALUES.flatMap(([what, value]): Row[] => [
    [`put() of ${what}`, "invalid_value", ({ records }) => records.put("a", value)],
    [`update() to ${what}`, "invalid_value", ({ records }) => records.update("a", () => value === undefined ? value : [value])],
    [`batch() with ${what}`, "invalid_value", (store) => store.batch((tx) => (tx.put("b", 1), tx.put("a", value)))],
  ]),

  ["put() of more than 1 MiB", "value_too_large", ({ records }) => records.put("a", "x".repeat(1_048_576))],
  [
    "a batch of more than 65,536 operations",
    "batch_too_large",
    ({ records }) => records.batch(Array.from({ length: 65_537 }, (_, index) => ({ type: "delete", key: String(index) }))),
  ],
  [
    "a batch of more than 3,500,000 bytes",
    "batch_too_large",
    ({ records }) => records.putMany(["b", "c", "d", "e"].map((key) => ({ key, value: "x".repeat(900_000) }))),
  ],
  [
    "a transaction of more than 3,500,000 bytes",
    "batch_too_large",
    (store) => store.batch((tx) => ["b", "c", "d", "e"].forEach((key) => tx.put(key, "x".repeat(900_000)))),
  ],

  ["a misspelt option of put()", "invalid_option", ({ records }) => records.put("a", 2, wrong({ ifversion: "x" }))],
  ["options of put() that are none", "invalid_option", ({ records }) => records.put("a", 2, wrong("x"))],
  ["null as options of put()", "invalid_option", ({ records }) => records.put("a", 2, wrong(null))],
  ["a misspelt option of delete()", "invalid_option", ({ records }) => records.delete("a", wrong({ version: "x" }))],
  ["an ifVersion that is a number", "invalid_option", ({ records }) => records.put("a", 2, { ifVersion: wrong(1) })],
  [
    "an ifVersion in a batch that is a number",
    "invalid_option",
    ({ records }) => records.batch([{ type: "put", key: "a", value: 2, ifVersion: wrong(1) }]),
  ],
  ["a stale ifVersion", "version_mismatch", ({ records }) => records.put("a", 2, { ifVersion: "stale" })],
  ["an ifVersion of null where a record is", "version_mismatch", ({ records }) => records.delete("a", { ifVersion: null })],
  [
    "a stale ifVersion in a batch",
    "version_mismatch",
    ({ records }) => records.batch([{ type: "put", key: "b", value: 2 }, { type: "delete", key: "a", ifVersion: null }]),
  ],

  ["an unknown type of operation", "invalid_option", ({ records }) => records.batch([wrong({ type: "upsert", key: "a", value: 2 })])],
  ["an operation without a type", "invalid_option", ({ records }) => records.batch([wrong({ key: "a", value: 2 })])],
  ["an operation that is null", "invalid_option", ({ records }) => records.batch([wrong(null)])],
  ["a batch that is no iterable", "invalid_option", ({ records }) => records.batch(wrong({ key: "a" }))],
  ["records that are undefined", "invalid_option", ({ records }) => records.putMany(wrong(undefined))],
  ["keys that are no array", "invalid_option", ({ records }) => records.getMany(wrong("abc"))],
  ["update() without a function", "invalid_option", ({ records }) => records.update("a", wrong(2))],
  [
    "update() with a promise",
    "callback_not_synchronous",
    ({ records }) => records.update("a", wrong(async () => await Promise.resolve(2))),
  ],
  ["batch() of the store without a function", "invalid_option", (store) => store.batch(wrong([]))],
  [
    "batch() of the store with a promise",
    "callback_not_synchronous",
    (store) => store.batch(async (tx) => await Promise.resolve(tx.put("a", 2))),
  ],
  ["a transaction that is used when it has ended", "store_closed", async (store) => {
    let late = (): void => {}
    await store.batch((tx) => void (late = () => tx.put("a", 2)))
    late()
  }],
  ["subscribe() without a callback", "invalid_option", ({ records }) => records.subscribe("a", wrong(undefined))],
  ["subscribe() to no query", "invalid_key", ({ records }) => records.subscribe(wrong(undefined), () => {})],
  ["subscribe() to an unknown member", "invalid_option", ({ records }) => records.subscribe(wrong({ start: "a" }), () => {})],
  ["watch() of a bound that is no string", "invalid_option", ({ records }) => records.watch({ gt: wrong(1) })],
  ["watch() with an unknown option", "invalid_option", ({ records }) => records.watch("a", wrong({ limit: 1 }))],
  ["watch() with a signal that is none", "invalid_option", ({ records }) => records.watch("a", { signal: wrong({}) })],
  ["history() with an unknown option", "invalid_option", ({ records }) => first(records.history("a", wrong({ limit: 1 })))],
  ["resolve() to a value that cannot be stored", "invalid_value", ({ records }) => records.resolve("a", new Map())],

  ...[-1, 0.5, NaN, Infinity, "1", null].map((
    limit,
  ): Row => [`a limit of ${limit}`, "invalid_option", ({ records }) => first(records.list({ limit: wrong(limit) }))]),
  ...["prefix", "gt", "gte", "lt", "lte"].flatMap((member): Row[] => [
    [`a ${member} that is a number`, "invalid_option", ({ records }) => first(records.list({ [member]: 1 }))],
    [`a ${member} that is null`, "invalid_option", ({ records }) => records.count(wrong({ [member]: null }))],
    [`a ${member} with half of a surrogate pair`, "invalid_option", ({ records }) => records.count({ [member]: "\ud800" })],
  ]),
  ["a query that is a string", "invalid_option", ({ records }) => first(records.list(wrong("a")))],
  ["a query that is null", "invalid_option", ({ records }) => first(records.list(wrong(null)))],
  ["a misspelt member of a query", "invalid_option", ({ records }) => first(records.list(wrong({ limt: 1 })))],
  ["reverse that is a string", "invalid_option", ({ records }) => first(records.list({ reverse: wrong("yes") }))],
  ["a signal that is none", "invalid_option", ({ records }) => first(records.list({ signal: wrong({ aborted: true }) }))],
  ["count() with a limit", "invalid_option", ({ records }) => records.count(wrong({ limit: 1 }))],
  ["a collection's name of 201 bytes", "invalid_store_name", (store) => store.collection("n".repeat(201))],
  ["a collection's name with half of a surrogate pair", "invalid_store_name", (store) => store.collection("\ud800")],
  ["a collection's name that is no string", "invalid_store_name", (store) => store.collection(wrong(5))],
  [
    "a transaction's collection that has no name",
    "invalid_store_name",
    (store) => store.batch((tx) => (tx.put("b", 1), tx.collection(wrong(undefined)).put("a", 1))),
  ],

  ...["", "n".repeat(201), "é".repeat(101), "\ud800", 5, null, {}].map((name): Row => [
    `a store's name ${JSON.stringify(name)?.slice(0, 20)}`,
    "invalid_store_name",
    () => open({}, name),
  ]),
  ["an unknown adapter", "unknown_adapter", () => open({ adapter: "redis" })],
  ["an adapter named after a member of objects", "unknown_adapter", () => open({ adapter: "constructor" })],
  ["an adapter that is a number", "invalid_option", () => open({ adapter: 5 })],
  ["an adapter that is null", "invalid_option", () => open({ adapter: null })],
  ["an adapter without methods", "invalid_option", () => open({ adapter: {} })],
  ["an unknown option", "invalid_option", () => open({ adaptor: "file" })],
  ["options that are no object", "invalid_option", () => createStore("notes", wrong("memory"))],
  ["options that are null", "invalid_option", () => createStore("notes", wrong(null))],
  ["a level that the adapter lacks", "unsupported_durability", () => open({ durability: "full" })],
  ["a level that nobody has", "unsupported_durability", () => open({ durability: "strict" })],
  ["a label of 201 bytes", "invalid_option", () => open({ label: "l".repeat(201) })],
  ["a label with half of a surrogate pair", "invalid_option", () => open({ label: "\ud800" })],
  ["a label that is no string", "invalid_option", () => open({ label: 5 })],
  ["create that is a string", "invalid_option", () => open({ create: "no" })],
  ["readPrefix that is a number", "invalid_option", () => open({ readPrefix: 1 })],
  ["a logger without methods", "invalid_option", () => open({ logger: {} })],
  ["a logger that is a function", "invalid_option", () => open({ logger: () => {} })],
  ["a signal of opening that is none", "invalid_option", () => open({ signal: {} })],
  ["a platform without a clock", "invalid_option", () => open({ platform: {} })],
  ["a store that is missing and not to be made", "store_not_found", () => open({ create: false })],
  ...["sqlite", "file"].flatMap((adapter): Row[] => [
    [`an empty path for ${adapter}`, "invalid_option", () => open({ adapter, path: "" })],
    [`a path that is no string for ${adapter}`, "invalid_option", () => open({ adapter, path: 5 })],
    [`a path with NUL for ${adapter}`, "invalid_option", () => open({ adapter, path: join(folder, "a\0b") })],
    [`an unsupported level for ${adapter}`, "unsupported_durability", () => open({ adapter, path: join(folder, "n"), durability: "none" })],
    [
      `createFolders that is a string for ${adapter}`,
      "invalid_option",
      () => open({ adapter, path: join(folder, "n"), createFolders: "no" }),
    ],
  ]),
  ...[5, "", "1a", "a-b", "x".repeat(1000)].map((tablePrefix): Row => [
    `a table prefix ${String(tablePrefix).slice(0, 9)}`,
    "invalid_option",
    () => open({ adapter: "sqlite", path: join(folder, "n"), tablePrefix }),
  ]),

  ["listStores() of an unknown adapter", "unknown_adapter", () => listStores({ adapter: wrong("redis") })],
  ["listStores() without a place", "invalid_option", () => listStores({})],
  ["listStores() without options", "invalid_option", () => listStores(wrong(undefined))],
  ["listStores() with an option of createStore()", "invalid_option", () => listStores(wrong({ adapter: "memory", durability: "none" }))],
  ["deleteStore() of a missing store", "store_not_found", () => deleteStore("none", { adapter: memoryAdapter() })],
  ["deleteStore() of an open store", "store_locked", (_, adapter) => deleteStore("notes", { adapter })],
  ["deleteStore() with an unknown option", "invalid_option", () => deleteStore("notes", wrong({ adaptor: "memory" }))],
  ["deleteStore() with an empty name", "invalid_store_name", () => deleteStore("", { path: join(folder, "n") })],
  ["deleteStore() with an empty name, of an adapter of the caller's", "invalid_store_name", (_, adapter) => deleteStore("", { adapter })],
  ["deleteStore() with a name of another type", "invalid_store_name", (_, adapter) => deleteStore(wrong(5), { adapter })],
]

/** Everything that a store shows and says of itself. */
async function sightOf(store: Store): Promise<unknown> {
  const records: unknown[] = []
  for await (const record of store.records.list()) records.push(record)
  const { head, records: count, pendingWrites, state } = store.status()
  return { records, head, count, pendingWrites, state, digest: await store.digest() }
}

async function assertRefused(work: () => unknown, code: string, what: string): Promise<PersistError> {
  const refused = await (async () => await work())().then(() => assert.fail(`${what}: was accepted`), (error: unknown) => error)
  assert.ok(refused instanceof PersistError, `${what}: ${refused}`)
  assert.equal(refused.code, code, `${what}: ${refused}`)
  assert.ok(refused.hint !== undefined && refused.hint !== "", `${what}: a hint`)
  assert.equal(refused.storedNothing, true, what)
  assert.doesNotMatch(refused.message, /\[object Object|at ""|NaN bytes|\.$/, what)
  return refused
}

describe("bad input", () => {
  it("gets an error with code and hint, and nothing is stored", async () => {
    const adapter = memoryAdapter(), store = await createStore("notes", { adapter })
    await store.records.put("a", { text: "there" })
    for (const [what, code, call] of TABLE) {
      const before = await sightOf(store)
      await assertRefused(() => call(store, adapter), code, what)
      assert.deepEqual(await sightOf(store), before, what)
    }
    assert.deepEqual(await readdir(folder), [], "no file or folder was made")
    await store.close()
    const again = await createStore("notes", { adapter })
    assert.deepEqual(await again.records.get("a"), { text: "there" })
  })

  it("names the path inside of a value", async () => {
    const store = await open({})
    for (const [what, value, path] of BAD_VALUES) {
      const { details } = await assertRefused(() => store.records.put("a", value), "invalid_value", what)
      assert.match((details as { readonly path: string }).path, path, what)
    }
  })

  it("never throws where a promise is due: every method that answers one rejects", async () => {
    const { records, ...store } = await (async () => {
      const store = await open({})
      return { records: store.records, batch: store.batch.bind(store) }
    })()
    const calls: readonly (() => Promise<unknown>)[] = [
      () => records.get(wrong(5)),
      () => records.has(wrong(5)),
      () => records.getEntry(wrong(5)),
      () => records.getMany(wrong(5)),
      () => records.put(wrong(5), 1),
      () => records.putMany(wrong(5)),
      () => records.delete(wrong(5)),
      () => records.batch(wrong(5)),
      () => records.update(wrong(5), () => 1),
      () => records.update("a", wrong(5)),
      () => records.count(wrong(5)),
      () => records.resolve(wrong(5), 1),
      () => store.batch(wrong(5)),
      () => createStore(wrong(5), wrong(5)),
      () => listStores(wrong(5)),
      () => deleteStore(wrong(5), wrong(5)),
    ]
    for (const call of calls) {
      const promise = call()
      assert.ok(promise instanceof Promise)
      await assert.rejects(promise, PersistError, String(call))
    }
  })
})
