/**
 * Goal: records of a CRDT type join by themselves, on every device alike, and nothing else is taken for one.
 * Method: a small type of this test's own, real stores that sync through one log, in step.
 */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { CallbackNotSynchronous, CorruptValue, CrdtTooLarge, InvalidOption, VersionMismatch, WrongCollectionType } from "../errors.ts"
import type { CrdtEditor, CrdtSite, CrdtType } from "../ports/crdt-type.ts"
import { ask, type Device, openDevices, syncAll } from "../testing/devices.ts"
import { ForeignWriter } from "../testing/foreign-frame.ts"
import { RecordingLogger } from "../testing/recording-logger.ts"
import type { CrdtCollection } from "./crdt-collection.ts"
import { openStore } from "./store.ts"

interface Words extends CrdtEditor<ReadonlySet<string>> {
  add(word: string): void
}

/** A set that only grows. */
const words: CrdtType<readonly string[], Words, ReadonlySet<string>> = {
  name: "words",
  empty: () => new Set(),
  join: (a, b) => new Set([...a, ...b]),
  encode: (state) => [...state].sort(),
  decode: (value) => {
    if (!Array.isArray(value) || !value.every((word) => typeof word === "string")) throw new TypeError("no list of words")
    return new Set(value)
  },
  view: (state) => [...state].sort(),
  edit: (state) => {
    const edited = new Set(state)
    return { state: edited, add: (word) => void edited.add(word) }
  },
}

type WordsCollection = CrdtCollection<readonly string[], Words>
const wordsOf = ({ store }: Device): WordsCollection => store.collection("words", { type: words })
const heads = (devices: readonly Device[]): number[] => devices.map(({ store }) => store.status().head)

async function withWords(count: number): Promise<Device[]> {
  const devices = await openDevices(count, memoryAdapter)
  for (const device of devices) await wordsOf(device).update("a", (c) => c.add(device.store.status().label!))
  await syncAll(devices)
  return devices
}

describe("a collection of a CRDT type", () => {
  it("joins what devices wrote apart; nothing is written for that, and nothing is in conflict", async () => {
    for (const count of [2, 3, 5]) {
      const devices = await withWords(count), expected = devices.map(({ store }) => store.status().label)
      for (const value of await ask(devices, (store) => store.collection("words", { type: words }).get("a"))) {
        assert.deepEqual(value, expected)
      }
      const before = heads(devices)
      await syncAll(devices)
      assert.deepEqual(heads(devices), before)
      const notes = wordsOf(devices[0]!), entry = await notes.getEntry("a")
      assert.deepEqual([entry?.conflicted, entry?.settledBy, entry?.versions?.length], [false, "crdt", count])
      assert.deepEqual(await notes.conflicts(), [])
    }
  })

  it("update() builds on the join and covers it, also twice in a frame", async () => {
    const devices = await withWords(2), notes = wordsOf(devices[0]!)
    await Promise.all([notes.update("a", (c) => c.add("x")), notes.update("a", (c) => c.add("y")), notes.update("b", (c) => c.add("z"))])
    await syncAll(devices)
    for (const device of devices) {
      assert.deepEqual(await wordsOf(device).get("a"), ["device 1", "device 2", "x", "y"])
      assert.equal((await wordsOf(device).getEntry("a"))?.versions, undefined)
      assert.deepEqual(wordsOf(device).peek("b"), ["z"])
    }
    assert.equal(new Set(await ask(devices, (store) => store.digest())).size, 1)
  })

  it("each update has a site that no other has", async () => {
    const devices = await openDevices(2, memoryAdapter), sites: CrdtSite[] = []
    const type: typeof words = {
      ...words,
      edit: (state, site) => {
        sites.push(site)
        return words.edit(state, site)
      },
    }
    for (const { store } of devices) {
      const notes = store.collection("words", { type })
      await Promise.all(["a", "b", "a"].map((key) => notes.update(key, (c) => c.add("x"))))
      await notes.update("a", (c) => c.add("y"))
    }
    assert.equal(new Set(sites.map(({ writer, seq }) => `${writer} ${seq}`)).size, 8)
    assert.ok(sites.every(({ writer, millis }) => /^[0-9a-f]{32}$/.test(writer) && millis >= Date.UTC(2026, 0, 1, 12)))
  })

  it("delete ends what it has seen; an update that was written apart from it goes on", async () => {
    const devices = await withWords(2), [first, second] = devices as [Device, Device]
    assert.equal(await wordsOf(first).delete("a"), true)
    await wordsOf(second).update("a", (c) => c.add("late"))
    assert.equal(await wordsOf(first).get("a"), undefined)
    await syncAll(devices)
    for (const device of devices) assert.deepEqual(await wordsOf(device).get("a"), ["device 1", "device 2", "late"])
    assert.equal(await wordsOf(first).clear(), 1)
    await syncAll(devices)
    assert.equal(await wordsOf(second).count(), 0)
    await wordsOf(second).update("a", (c) => c.add("anew"))
    assert.deepEqual(await wordsOf(second).get("a"), ["anew"])
  })

  it("list, watch, history and transactions show the view", async () => {
    const [device] = await withWords(2) as [Device], notes = wordsOf(device), seen: unknown[] = []
    notes.subscribe("a", (changes) => seen.push(changes[0]?.value))
    await notes.update("a", (c) => c.add("x"))
    const expected = ["device 1", "device 2", "x"]
    assert.deepEqual(seen, [expected])
    assert.deepEqual(await Array.fromAsync(notes.list()), [{ key: "a", value: expected }])
    assert.deepEqual((await Array.fromAsync(notes.history("a"))).map(({ value }) => value), [["device 1"], ["device 2"], expected])
    await device.store.batch((tx) => void assert.deepEqual(tx.collection("words").peek("a"), expected))
  })

  it("the type stands in the log: without it records are read and written by nobody, and no other type is taken", async () => {
    const [{ adapter, store }] = await withWords(1) as [Device]
    await store.close()
    const again = await openStore("notes", adapter), plain = again.collection("words"), { head } = again.status()
    await assert.rejects(plain.get("a"), WrongCollectionType)
    assert.throws(() => plain.peek("a"), WrongCollectionType)
    await assert.rejects(plain.getEntry("a"), WrongCollectionType)
    await assert.rejects(Array.fromAsync(plain.list()), WrongCollectionType)
    for (
      const write of [
        plain.put("a", 1),
        plain.put("new", 1),
        plain.putMany([{ key: "new", value: 1 }]),
        plain.update("new", () => 1),
        plain.resolve("a", 1),
        again.batch((tx) => tx.collection("words").put("new", 1)),
      ]
    ) await assert.rejects(write, WrongCollectionType)
    assert.throws(() => again.collection("words", { type: { ...words, name: "others" } }), WrongCollectionType)
    assert.throws(() => again.collection("words", { strategy: "manual" }), WrongCollectionType)
    assert.equal(again.status().head, head)
    assert.deepEqual(await again.collection("words", { type: words }).get("a"), ["device 1"])
    assert.equal(await plain.delete("a"), true, "a delete needs no type")
  })

  it("a copy that pulled states before it gave the type takes it then, since settings do not travel", async () => {
    const devices = await openDevices(2, memoryAdapter) as [Device, Device], [author, reader] = devices
    await wordsOf(author).update("a", (c) => c.add("x"))
    await syncAll(devices)
    assert.throws(
      () => reader.store.collection("words", { type: { ...words, decode: () => assert.fail("no state of it") } }),
      WrongCollectionType,
    )
    const seen: unknown[] = []
    reader.store.collection("words").subscribe("a", (changes) => seen.push(...changes.map(({ value }) => value)))
    assert.deepEqual(await wordsOf(reader).get("a"), ["x"])
    assert.deepEqual(seen, [["x"]], "who watches is told that it is shown in another way")
    await wordsOf(reader).update("a", (c) => c.add("y"))
    await syncAll(devices)
    assert.deepEqual(await ask(devices, (store) => store.collection("words", { type: words }).get("a")), [["x", "y"], ["x", "y"]])
  })

  it("a collection that holds plain values takes no type", async () => {
    const store = await openStore("notes", memoryAdapter())
    await store.collection("plain").put("a", 1)
    assert.throws(() => store.collection("plain", { type: words }), WrongCollectionType)
    assert.throws(() => store.collection("other", { type: words, strategy: "manual" } as never), InvalidOption)
    assert.throws(() => store.collection("other", { type: { ...words, name: "" } }), InvalidOption)
    assert.equal(await store.collection("plain").get("a"), 1)
  })

  it("update() stores nothing if the function throws, answers a promise, or the state grows too large; the logger hears of 64 KiB", async () => {
    const logger = new RecordingLogger(), [device] = await openDevices(1, memoryAdapter, { logger }) as [Device], notes = wordsOf(device)
    await notes.update("a", (c) => c.add("x"))
    const { head } = device.store.status()
    await assert.rejects(
      notes.update("a", (c) => {
        c.add("y")
        throw new RangeError("no")
      }),
      RangeError,
    )
    await assert.rejects(notes.update("a", async (c) => await Promise.resolve(c.add("y"))), CallbackNotSynchronous)
    await assert.rejects(notes.update("a", (c) => c.add("x".repeat(1_100_000))), (error) => {
      assert.ok(error instanceof CrdtTooLarge && error.storedNothing)
      assert.deepEqual([error.details.collection, error.details.key, error.details.bytesMax], ["words", "a", 1_048_576])
      return true
    })
    await assert.rejects(notes.delete("a", { ifVersion: "another" }), VersionMismatch)
    assert.equal(device.store.status().head, head)
    assert.deepEqual(await notes.get("a"), ["x"])
    for (const word of ["y", "z"]) await notes.update("a", (c) => c.add(word.repeat(40_000)))
    await notes.update("a", (c) => c.add("and no second time"))
    assert.deepEqual(logger.entries.map(({ message }) => message), ["a CRDT state has grown large: each update stores it whole"])
  })

  it("T44 a version that is no state of the type leaves the record in conflict beside the others, and CorruptValue alone", async () => {
    const [device] = await withWords(1) as [Device], notes = wordsOf(device)
    const storage = await device.adapter.open("notes", { durability: "none", create: true })
    const foreign = new ForeignWriter(7, Date.UTC(2026, 0, 2)).put("a", { no: "words" }, { collection: "words" })
    await foreign.put("b", 7, { collection: "words" }).put("c", ["fine"], { collection: "words" }).append(storage)
    await device.store.refresh()
    const entry = await notes.getEntry("a")
    assert.deepEqual([entry?.value, entry?.conflicted], [["device 1"], true])
    await assert.rejects(notes.get("b"), CorruptValue)
    await assert.rejects(notes.update("b", (c) => c.add("x")), CorruptValue)
    assert.deepEqual(await notes.get("c"), ["fine"])
    await notes.update("a", (c) => c.add("goes on"))
    assert.deepEqual(await notes.get("a"), ["device 1", "goes on"])
    assert.equal((await notes.getEntry("a"))?.conflicted, true, "what it could not read is still there")
    await notes.delete("b")
    await notes.update("b", (c) => c.add("anew"))
    assert.deepEqual(await notes.get("b"), ["anew"])
  })
})
