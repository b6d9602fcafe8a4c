/** What is particular to memory; the promises of the port are checked by `conformance/log-storage`. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { PositionOutOfRange, StoreClosed, StoreNotFound } from "../../kernel/errors.ts"
import { memoryAdapter } from "./mod.ts"
import type { LogStorage, OpenOptions } from "../../kernel/ports/log-storage.ts"

const OPTIONS: OpenOptions = { durability: "none", create: undefined }
const ALL = { maxFrames: 1000, maxBytes: 1_000_000 }
const open = (adapter: ReturnType<typeof memoryAdapter>, name: string): LogStorage => {
  const storage = adapter.open(name, OPTIONS)
  assert.ok(!(storage instanceof Promise), "open() answers at once")
  return storage
}

describe("memoryAdapter()", () => {
  it("answers every call at once, without a promise", () => {
    const adapter = memoryAdapter()
    const storage = open(adapter, "notes")
    assert.equal(storage.append(1, Uint8Array.of(1)), undefined)
    assert.equal(storage.head(), 1)
    assert.deepEqual(storage.read(0, ALL), [Uint8Array.of(1)])
    assert.equal(storage.snapshots.write(1, [Uint8Array.of(2)]), undefined)
    assert.deepEqual(storage.snapshots.list(), [{ at: 1, sliceBytes: [1] }])
    assert.deepEqual(storage.snapshots.readSlice(1, 0), Uint8Array.of(2))
    assert.equal(storage.trim(1), 0)
    assert.equal(storage.flush(), undefined)
    assert.equal(storage.close(), undefined)
    assert.deepEqual(adapter.list(), ["notes"])
    assert.equal(adapter.destroy("notes"), undefined)
  })

  it("keeps stores as long as the adapter object, and apart from those of another", () => {
    const adapter = memoryAdapter()
    const first = open(adapter, "notes")
    first.append(1, Uint8Array.of(1))
    first.close()
    const again = open(adapter, "notes")
    assert.deepEqual(again.opened, { created: false })
    assert.deepEqual(again.read(0, ALL), [Uint8Array.of(1)])
    assert.throws(() => memoryAdapter().open("notes", { ...OPTIONS, create: false }), StoreNotFound)
  })

  it("copies the slices of a Buffer too, whose own slice() would share its bytes", () => {
    const storage = open(memoryAdapter(), "notes")
    // Cast: some Buffers lie over a plain ArrayBuffer, and callers in JavaScript do pass them.
    const pooled = Buffer.from([1, 2, 3]) as Uint8Array as Uint8Array<ArrayBuffer>
    storage.append(1, pooled)
    storage.snapshots.write(1, [pooled])
    pooled.fill(9)
    assert.deepEqual(storage.read(0, ALL), [Uint8Array.of(1, 2, 3)])
    assert.deepEqual(storage.snapshots.readSlice(1, 0), Uint8Array.of(1, 2, 3))
  })
})

describe("a handle in memory", () => {
  it("hears of appends of others alone, after they are done, and not once it was stopped or closed", async () => {
    const adapter = memoryAdapter()
    const [writer, reader, closed] = [open(adapter, "notes"), open(adapter, "notes"), open(adapter, "notes")]
    const heard: string[] = []
    writer.watch(() => heard.push("own"))
    const stop = reader.watch(() => heard.push("stopped"))
    reader.watch(() => heard.push(`at ${reader.head()}`))
    closed.watch(() => heard.push("closed"))
    writer.append(1, Uint8Array.of(1))
    assert.deepEqual(heard, [], "nobody is called inside of append()")
    stop()
    closed.close()
    await Promise.resolve()
    assert.deepEqual(heard, ["at 1"])
  })

  it("gives up a snapshot that a newer one has overtaken, or whose handle was closed, and asks its source for no more", async () => {
    const adapter = memoryAdapter()
    const [slow, other] = [open(adapter, "notes"), open(adapter, "notes")]
    slow.append(1, Uint8Array.of(1))
    slow.append(2, Uint8Array.of(2))
    let asked = 0
    async function* slices(before: () => void): AsyncGenerator<Uint8Array<ArrayBuffer>> {
      for (asked = 1; asked <= 3; asked++) {
        if (asked === 2) before()
        yield Uint8Array.of(asked)
      }
    }
    const overtaken = slow.snapshots.write(1, slices(() => void other.snapshots.write(2, [])))
    await assert.rejects(async () => await overtaken, PositionOutOfRange)
    assert.deepEqual(other.snapshots.list(), [{ at: 2, sliceBytes: [] }])
    const closing = slow.snapshots.write(2, slices(() => void slow.close()))
    await assert.rejects(async () => await closing, StoreClosed)
    assert.equal(asked, 2)
    assert.deepEqual(other.snapshots.list(), [{ at: 2, sliceBytes: [] }])
  })
})

describe("T18 names", () => {
  it("T18 a store named after a member of Object.prototype is a store like any other", () => {
    const adapter = memoryAdapter()
    for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
      assert.throws(() => adapter.open(name, { ...OPTIONS, create: false }), StoreNotFound)
      const storage = open(adapter, name)
      assert.equal(storage.opened.created, true)
      storage.append(1, new TextEncoder().encode(name))
    }
    assert.deepEqual(adapter.list(), ["__proto__", "constructor", "toString", "hasOwnProperty"])
    assert.equal(Object.prototype.toString.name, "toString")
  })
})
