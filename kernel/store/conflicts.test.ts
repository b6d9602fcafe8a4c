/**
 * Goal: versions that did not know of each other are all kept and shown, until somebody ends the conflict.
 * Method: frames of another copy's writers in the log of a store, as a sync would bring them.
 */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { CorruptValue, InvalidKey, InvalidOption, InvalidValue, VersionMismatch } from "../errors.ts"
import type { Adapter, LogStorage } from "../ports/log-storage.ts"
import { dotOf, ForeignWriter } from "../testing/foreign-frame.ts"
import { TestPlatform } from "../testing/platform.ts"
import type { Change } from "./types.ts"
import { RecordVersion } from "./record-version.ts"
import { openStore, type Store } from "./store.ts"

const NOON = Date.UTC(2026, 0, 1, 12)

interface Opened {
  readonly adapter: Adapter
  readonly store: Store
  readonly storage: LogStorage
}

/** A store whose clock stands at noon, and its log. */
async function open(): Promise<Opened> {
  const adapter = memoryAdapter()
  const store = await openStore("notes", adapter, { platform: new TestPlatform(1, NOON), label: "here" })
  return { adapter, store, storage: await adapter.open("notes", { durability: "none", create: true }) }
}

const before = NOON - 60_000, later = NOON + 60_000

/** A record with a version of this copy at noon, and one of another copy. */
async function openInConflict(millis: number = later): Promise<Opened> {
  const opened = await open()
  await opened.store.records.put("a", "ours")
  await new ForeignWriter(7, millis).put("a", "theirs").append(opened.storage)
  await opened.store.refresh()
  return opened
}

const shown = ({ value, deleted, replica }: RecordVersion<unknown>): unknown[] => [deleted ? "deleted" : value, replica]

describe("conflicts()", () => {
  it("shows the versions of each record in conflict, in key order, the own one and the greatest other", async () => {
    for (const millis of [before, later]) {
      const { store, storage } = await openInConflict(millis)
      await new ForeignWriter(8, NOON - 1).put("a", "of a third").append(storage)
      await new ForeignWriter(9, NOON).put("0", 1).put("b", 1).append(storage)
      await new ForeignWriter(10, NOON + 1).put("0", 2).append(storage)
      await store.refresh()
      const own = store.status().replica!, conflicts = await store.records.conflicts({ settled: true })
      assert.deepEqual(conflicts.map(({ key }) => key), ["0", "a"])
      const [foreign, mixed] = [conflicts[0]!, conflicts[1]!]
      assert.deepEqual(shown(mixed.local), ["ours", own])
      assert.deepEqual(shown(mixed.remote), millis === later ? ["theirs", "07".repeat(8)] : ["of a third", "08".repeat(8)])
      assert.deepEqual(
        mixed.versions.map(({ value }) => value),
        millis === later ? ["of a third", "ours", "theirs"] : ["theirs", "of a third", "ours"],
      )
      assert.deepEqual([shown(foreign.local), shown(foreign.remote)], [[2, "0a".repeat(8)], [1, "09".repeat(8)]])
      for (const version of mixed.versions) assert.ok(version instanceof RecordVersion)
      assert.deepEqual(mixed.versions.map(({ updatedAt }) => updatedAt), [...mixed.versions.map(({ updatedAt }) => updatedAt)].sort())
      assert.deepEqual(await store.collection("other").conflicts({ settled: true }), [])
    }
  })

  it("get() shows the greatest stamp, getEntry() says that there are others, and its version names them all", async () => {
    for (const [millis, value] of [[before, "ours"], [later, "theirs"]] as const) {
      const { store } = await openInConflict(millis)
      const entry = (await store.records.getEntry("a"))!
      assert.deepEqual([entry.value, store.records.peek("a"), await store.records.get("a")], [value, value, value])
      assert.deepEqual([entry.conflicted, entry.settledBy, entry.versions?.length], [false, "last-write-wins", 2])
      assert.match(entry.version, /\+/)
      assert.equal(entry.label, value === "ours" ? "here" : undefined)
      assert.equal(entry.updatedAt, value === "ours" ? NOON : later)
    }
  })

  it("a delete may be one of the versions, and only deletes are no record", async () => {
    const { store, storage } = await open()
    const { version } = await store.records.put("a", 1)
    await store.records.put("a", 2)
    await new ForeignWriter(7, later).delete("a", { context: [dotOf(version)] }).append(storage)
    await store.refresh()
    const [conflict] = await store.records.conflicts({ settled: true })
    assert.deepEqual([shown(conflict!.local)[0], shown(conflict!.remote)[0]], [2, "deleted"])
    assert.equal(await store.records.get("a"), undefined, "the greatest stamp is shown")
    assert.equal(await store.records.has("a"), false)
    assert.equal(await store.records.delete("a"), false, "it shows none, and the delete ends the conflict all the same")
    assert.deepEqual(await store.records.conflicts({ settled: true }), [])
    assert.equal(await store.records.count(), 0)
  })

  it("a version that cannot be decoded is CorruptValue, and names the record", async () => {
    const { store, storage } = await open()
    await store.records.put("a", "ours")
    await new ForeignWriter(7, before).put("a", "theirs").append(storage, (values) => values.fill(0xc1))
    await store.refresh()
    assert.equal(await store.records.get("a"), "ours")
    await assert.rejects(
      store.records.conflicts({ settled: true }),
      (error: unknown) => error instanceof CorruptValue && error.details.key === "a",
    )
    await assert.rejects(async () => {
      for await (const _ of store.records.history("a"));
    }, (error: unknown) => error instanceof CorruptValue && error.details.key === "a")
    await store.records.put("a", "mended")
    assert.deepEqual(await store.records.conflicts({ settled: true }), [])
  })
})

describe("writing over a conflict", () => {
  it("is refused where it would leave more than 1,024 versions open: no reader would take such a frame", async () => {
    const { store, storage, adapter } = await open()
    store.collection("", { strategy: "manual" })
    await store.flush() // the setting is stored
    for (let number = 0; number < 1026; number++) {
      const writer = new ForeignWriter(7, before)
      writer.id.set([number >> 8, number & 0xff])
      await writer.put("a", number).append(storage)
    }
    await store.refresh()
    await assert.rejects(store.records.put("a", "beside 1,025"), InvalidKey)
    await assert.rejects(store.records.delete("a"), InvalidKey)
    await store.records.put("b", "goes on")
    await store.close()
    const again = await openStore("notes", adapter)
    assert.equal(await again.records.get("b"), "goes on")
    assert.equal((await again.records.conflicts())[0]?.versions.length, 1026)
    await again.close()
  })

  it("is refused over 1,024 copies that did not know of each other: no reader would take such a context", async () => {
    const { store, storage, adapter } = await open()
    await store.records.put("other", 1)
    const foreign = async (number: number): Promise<void> => {
      const writer = new ForeignWriter(7, before)
      writer.id.set([number >> 8, number & 0xff])
      await writer.put("a", number).append(storage)
    }
    for (let number = 0; number < 1024; number++) await foreign(number)
    await store.refresh()
    await store.records.put("a", "covers 1,024")
    await foreign(1024)
    await store.refresh()
    const [conflict] = await store.records.conflicts({ settled: true })
    const calls = [
      store.records.put("a", "one too many"),
      store.records.delete("a"),
      store.records.resolve("a", conflict!.remote),
      store.batch((tx) => {
        tx.put("b", 1)
        tx.put("a", 1)
      }),
    ]
    for (const call of calls) await assert.rejects(call, InvalidKey)
    await store.records.put("other", 2)
    const again = await openStore("notes", adapter)
    assert.deepEqual(await again.records.getMany(["a", "b", "other"]), ["covers 1,024", undefined, 2])
  })

  it("resolve() refuses a version that an earlier call replaced, also one of the same turn", async () => {
    const { store } = await openInConflict()
    const [conflict] = await store.records.conflicts({ settled: true })
    const written = store.records.put("a", "new"), resolved = store.records.resolve("a", conflict!.remote)
    await assert.rejects(resolved, InvalidOption)
    await written
    assert.equal(await store.records.get("a"), "new")
  })

  it("put(), update(), delete(), batches and clear() end it: they have seen all versions", async () => {
    const works: readonly ((store: Store) => Promise<unknown>)[] = [
      ({ records }) => records.put("a", "new"),
      ({ records }) => records.update("a", (value) => `${value}, seen`),
      ({ records }) => records.delete("a"),
      ({ records }) => records.putMany([{ key: "a", value: "new" }]),
      (store) => store.batch((tx) => tx.put("a", tx.peek("a"))),
      ({ records }) => records.clear(),
      ({ records }) => records.resolve("a", "new"),
    ]
    for (const work of works) {
      const { store, adapter } = await openInConflict()
      await work(store)
      assert.deepEqual(await store.records.conflicts({ settled: true }), [], String(work))
      const again = await openStore("notes", adapter)
      assert.deepEqual(await again.records.conflicts({ settled: true }), [], String(work))
      assert.equal(await again.records.get("a"), await store.records.get("a"))
      assert.equal((await again.records.getEntry("a"))?.conflicted ?? false, false)
    }
  })

  it("ifVersion takes the version that getEntry() gave, of all versions, and no single one", async () => {
    const { store, storage } = await openInConflict()
    const [conflict] = await store.records.conflicts({ settled: true }), entry = (await store.records.getEntry("a"))!
    for (const { version } of conflict!.versions) {
      await assert.rejects(store.records.put("a", 1, { ifVersion: version }), VersionMismatch)
    }
    await new ForeignWriter(8, before).put("a", "of a third").append(storage)
    await store.refresh()
    await assert.rejects(store.records.put("a", 1, { ifVersion: entry.version }), VersionMismatch, "one more version is there")
    await store.records.put("a", 1, { ifVersion: (await store.records.getEntry("a"))!.version })
    assert.deepEqual(await store.records.conflicts({ settled: true }), [])
  })
})

describe("resolve()", () => {
  it("with a version of conflicts() shows that one, and every handle agrees", async () => {
    for (const which of ["local", "remote"] as const) {
      const { store, adapter } = await openInConflict()
      const [conflict] = await store.records.conflicts({ settled: true }), changes: Change<unknown>[] = []
      store.records.subscribe("a", (seen) => changes.push(...seen))
      const { version } = await store.records.resolve("a", conflict![which])
      const entry = (await store.records.getEntry("a"))!
      assert.deepEqual([entry.value, entry.version, entry.conflicted], [which === "local" ? "ours" : "theirs", version, false])
      assert.deepEqual(changes.map(({ value }) => value), [entry.value])
      assert.deepEqual(await store.records.conflicts({ settled: true }), [])
      const again = await openStore("notes", adapter)
      assert.deepEqual(await again.records.getEntry("a"), { ...entry, label: "here" })
      assert.equal(await again.digest(), await store.digest())
    }
  })

  it("with a version that is a delete deletes", async () => {
    const { store, storage } = await open()
    const { version } = await store.records.put("a", 1)
    await store.records.put("a", 2)
    await new ForeignWriter(7, before).delete("a", { context: [dotOf(version)] }).append(storage)
    await store.refresh()
    const [conflict] = await store.records.conflicts({ settled: true })
    assert.equal(conflict!.remote.deleted, true)
    await store.records.resolve("a", conflict!.remote)
    assert.equal(await store.records.get("a"), undefined)
    assert.equal(await store.records.count(), 0)
    assert.deepEqual(await store.records.conflicts({ settled: true }), [])
  })

  it("with a value writes it over all versions, also where there is no conflict or no record", async () => {
    const { store } = await openInConflict()
    await store.records.resolve("a", { merged: true })
    assert.deepEqual(await store.records.get("a"), { merged: true })
    await store.records.resolve("a", "again")
    await store.records.resolve("new", 1)
    assert.deepEqual(await store.records.getMany(["a", "new"]), ["again", 1])
    // Something that only looks like a version is a value, as its type says.
    const look = { value: 1, deleted: false, updatedAt: 1, replica: "x", version: "y" }
    await store.records.resolve("a", look)
    assert.deepEqual(await store.records.get("a"), look)
    await assert.rejects(store.records.resolve("a", undefined), InvalidValue)
  })

  it("with a version that the record does not have any more is refused, and nothing is stored", async () => {
    const { store, storage } = await openInConflict()
    const [stale] = await store.records.conflicts({ settled: true })
    await store.records.put("a", "new")
    const { head } = store.status()
    await assert.rejects(store.records.resolve("a", stale!.remote), InvalidOption)
    await assert.rejects(store.records.resolve("b", stale!.local), InvalidOption, "the version of another record")
    await assert.rejects(store.collection("other").resolve("a", stale!.local), InvalidOption)
    assert.equal(store.status().head, head)
    await new ForeignWriter(9, later).put("a", "once more").append(storage)
    await store.refresh()
    await assert.rejects(store.records.resolve("a", stale!.remote), InvalidOption)
    assert.equal((await store.records.conflicts({ settled: true })).length, 1)
  })

  it("with a version settles what it was read with: what came since stays, whatever the strategy", async () => {
    const { store, storage } = await openInConflict()
    const [conflict] = await store.records.conflicts({ settled: true })
    await new ForeignWriter(9, later + 1).put("a", "meanwhile").append(storage)
    await store.refresh()
    await store.records.resolve("a", conflict!.local)
    const [left] = await store.records.conflicts({ settled: true })
    assert.deepEqual(left?.versions.map(({ value }) => value).sort(), ["meanwhile", "ours"])
    await store.records.resolve("a", left!.versions.find(({ value }) => value === "ours")!)
    assert.deepEqual([await store.records.get("a"), await store.records.conflicts({ settled: true })], ["ours", []])
  })

  it("with a value ends all versions that are there when it is stored", async () => {
    const { store, storage } = await openInConflict()
    await new ForeignWriter(9, later + 1).put("a", "meanwhile").append(storage)
    await store.records.resolve("a", "decided")
    assert.deepEqual([await store.records.get("a"), await store.records.conflicts({ settled: true })], ["decided", []])
  })
})
