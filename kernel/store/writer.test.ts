/** Goal: a writer an open, linked to those before it (rules S1, S5), whatever happens to the log beneath. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { BlockColumns } from "../format/block-columns.ts"
import { chooseChecksum } from "../format/checksum.ts"
import { FrameReader } from "../format/frame.ts"
import { decodeBlock } from "../format/operation-block.ts"
import { bytesToHex } from "../model/identifiers.ts"
import type { Adapter, Bytes, LogStorage, OpenOptions } from "../ports/log-storage.ts"
import { ForeignWriter } from "../testing/foreign-frame.ts"
import { RecordingLogger } from "../testing/recording-logger.ts"
import { openStore, type Store } from "./store.ts"

const OPTIONS: OpenOptions = { durability: "none", create: undefined }

/** What one block of a log says about writers. */
interface BlockHead {
  readonly writer: string
  readonly from: number
  readonly to: number
  readonly links: Record<string, number>
  readonly label: string | undefined
  readonly contexts: readonly (readonly number[])[]
}

/** The blocks of a log, read with the format alone. */
async function blocksOf(adapter: Adapter, name: string = "notes"): Promise<BlockHead[]> {
  const storage = await adapter.open(name, OPTIONS)
  const frame = new FrameReader(chooseChecksum(undefined)), blocks: BlockHead[] = []
  for (const bytes of await storage.read(0, { maxFrames: 100_000, maxBytes: 1e9 })) {
    frame.read(bytes)
    while (frame.nextPart()) {
      const block = new BlockColumns()
      decodeBlock(frame.reader, block)
      const links: Record<string, number> = {}
      for (let at = 0; at < (block.links?.length ?? 0); at += 2) {
        links[bytesToHex(block.writers[block.links![at]!]!)] = block.links![at + 1]!
      }
      const contexts = Array.from({ length: block.count }, (_, row) => block.contextOf(row))
      blocks.push({ writer: bytesToHex(block.writers[0]!), from: block.from, to: block.to, links, label: block.label, contexts })
    }
  }
  await storage.close()
  return blocks
}

async function use(adapter: Adapter, work: (store: Store) => Promise<unknown>, label?: string): Promise<void> {
  const store = await openStore("notes", adapter, { label })
  await work(store)
  await store.close()
}

describe("writers", () => {
  it("each open that writes draws a writer of the same replica; one that only reads draws none", async () => {
    const adapter = memoryAdapter()
    const replicas = new Set<string | undefined>()
    for (let open = 0; open < 4; open++) {
      await use(adapter, async (store) => {
        await store.records.put("a", open)
        await store.records.put("b", open)
        replicas.add(store.status().replica)
      })
      await use(adapter, (store) => store.records.get("a"))
    }
    const blocks = await blocksOf(adapter)
    const writers = [...new Set(blocks.map((block) => block.writer))]
    assert.equal(writers.length, 4)
    assert.deepEqual([...replicas], [writers[0]!.slice(0, 16)])
    assert.deepEqual(new Set(writers.map((writer) => writer.slice(0, 16))).size, 1)
  })

  it("a store has no replica before its first write", async () => {
    const store = await openStore("notes", memoryAdapter())
    assert.equal(store.status().replica, undefined)
    await store.records.put("a", 1)
    assert.match(store.status().replica!, /^[0-9a-f]{16}$/)
  })

  it("the first block of a writer links to the writers before it, later blocks to none", async () => {
    const adapter = memoryAdapter()
    for (let open = 0; open < 3; open++) {
      await use(adapter, async (store) => {
        for (let write = 0; write <= open; write++) await store.records.put(`${open} ${write}`, 1)
      })
    }
    const blocks = await blocksOf(adapter)
    const [first, second, third] = [...new Set(blocks.map((block) => block.writer))]
    const firstBlocks = blocks.filter((block) => block.from === 0)
    // The link to the second implies what that one linked to.
    assert.deepEqual(firstBlocks.map((block) => block.links), [{}, { [first!]: 1 }, { [second!]: 2 }])
    assert.equal(firstBlocks[2]!.writer, third)
    for (const block of blocks) if (block.from > 0) assert.deepEqual(block.links, {})
  })

  it("numbers go 1, 2, 3 … without gaps, through failed writes and batches", async () => {
    const adapter = memoryAdapter()
    await use(adapter, async (store) => {
      await store.records.put("a", 1)
      await Promise.allSettled([store.records.put("a", 1, { ifVersion: null }), store.records.put("a", 2), store.records.delete("none")])
      await store.records.batch([{ type: "put", key: "b", value: 1 }, { type: "delete", key: "none" }, { type: "delete", key: "a" }])
      await assert.rejects(store.batch((tx) => {
        tx.put("c", 1)
        throw new Error("no")
      }))
      await store.records.put("c", 1)
    })
    assert.deepEqual((await blocksOf(adapter)).map(({ from, to }) => [from, to]), [[0, 1], [1, 2], [2, 4], [4, 5]])
  })

  it("a context has one entry, after however many opens", async () => {
    const adapter = memoryAdapter()
    for (let open = 0; open < 6; open++) {
      await use(adapter, async (store) => {
        await store.records.put("a", open)
        if (open % 2 === 0) await store.records.put("b", open)
        await store.records.update("a", (value) => value)
      })
    }
    const contexts = (await blocksOf(adapter)).flatMap((block) => block.contexts)
    assert.ok(contexts.every((context) => context.length <= 2), JSON.stringify(contexts))
    await use(adapter, async (store) => {
      assert.deepEqual(await store.records.conflicts({ settled: true }), [])
      assert.equal((await store.records.getEntry("b"))!.conflicted, false)
    })
  })

  it("two handles that write in turns make no conflict, and share one replica", async () => {
    const adapter = memoryAdapter()
    const [left, right] = [await openStore("notes", adapter), await openStore("notes", adapter)]
    // Both write first in the same moment: the loser must not bring a replica of its own into the log.
    await Promise.all([left.records.put("a", "left"), right.records.put("a", "right")])
    for (let index = 0; index < 5; index++) {
      await left.records.update("a", (value) => `${value}l`)
      await right.records.update("a", (value) => `${value}r`)
    }
    assert.deepEqual(await right.records.conflicts({ settled: true }), [])
    assert.match(String(await right.records.get("a")), /lrlrlrlrlr$/)
    const blocks = await blocksOf(adapter)
    assert.equal(new Set(blocks.map((block) => block.writer)).size, 2)
    assert.equal(new Set(blocks.map((block) => block.writer.slice(0, 16))).size, 1)
    await left.refresh()
    assert.equal(left.status().replica, right.status().replica)
  })

  it("a label goes with the first block of a writer, and is shown by other handles", async () => {
    const adapter = memoryAdapter()
    await use(adapter, (store) => store.records.put("a", 1), "Anna's laptop")
    assert.deepEqual((await blocksOf(adapter)).map((block) => block.label), ["Anna's laptop"])
    await use(adapter, async (store) => {
      assert.equal(store.status().label, "Anna's laptop")
      assert.equal((await store.records.getEntry("a"))!.label, "Anna's laptop")
    })
    await use(adapter, (store) => store.records.put("b", 1), "Anna's new laptop")
    await use(adapter, async (store) => assert.equal((await store.records.getEntry("a"))!.label, "Anna's new laptop"))
  })
})

describe("a log that is replaced by an older copy under an open handle", () => {
  /** An adapter whose store can be put back to a copy of it. */
  function restorable(): { adapter: Adapter; copy: () => Promise<Bytes[]>; restore: (frames: readonly Bytes[]) => Promise<void> } {
    let beneath = memoryAdapter(), open = beneath.open("notes", OPTIONS) as LogStorage
    const storage: LogStorage = {
      opened: { created: true },
      head: () => open.head(),
      append: (position, frame) => open.append(position, frame),
      read: (after, limits) => open.read(after, limits),
      trim: (through) => open.trim(through),
      snapshots: open.snapshots,
      watch: () => () => {},
      flush: () => {},
      close: () => {},
    }
    return {
      adapter: {
        name: "restorable",
        capabilities: { levels: ["none"], multiHandle: true },
        open: () => storage,
        list: () => ["notes"],
        destroy: () => {},
      },
      copy: async () => (await open.read(0, { maxFrames: 1e6, maxBytes: 1e9 })).map((frame) => frame.slice()),
      restore: async (frames) => {
        beneath = memoryAdapter()
        open = beneath.open("notes", OPTIONS) as LogStorage
        for (const [index, frame] of frames.entries()) await open.append(index + 1, frame)
      },
    }
  }

  it("is folded anew at the next write or refresh(), and written on by a new writer", async () => {
    for (const found of ["put", "refresh", "failing put", "get after refresh"]) {
      const { adapter, copy, restore } = restorable(), logger = new RecordingLogger()
      const store = await openStore("notes", adapter, { logger })
      const early = await store.records.put("a", 1)
      const saved = await copy()
      const lost = await store.records.put("a", 2)
      await store.records.put("b", 2)
      await restore(saved)
      if (found === "put") await store.records.put("c", 3)
      else if (found === "failing put") {
        await assert.rejects(store.records.put("a", 3, { ifVersion: lost.version }), { code: "version_mismatch" })
      } else await store.refresh()
      assert.equal(await store.records.get("a"), 1)
      assert.equal(await store.records.get("b"), undefined)
      assert.equal((await store.records.getEntry("a"))!.version, early.version)
      assert.equal(logger.entries.filter((entry) => entry.level === "warn").length, 1)

      const anew = await store.records.put("a", 4)
      assert.notEqual(anew.version.split("-")[0], lost.version.split("-")[0], "the old writer's numbers may be in use elsewhere")
      assert.equal(anew.version.slice(0, 16), lost.version.slice(0, 16), "the replica is the same")
      assert.equal((await store.records.getEntry("a"))!.conflicted, false)
      const other = await openStore("notes", adapter)
      assert.equal(await other.digest(), await store.digest())
    }
  })

  it("is folded anew if the copy went on by other hands, and is as long or longer", async () => {
    for (const more of [1, 2, 5]) {
      const { adapter, copy, restore } = restorable()
      const store = await openStore("notes", adapter)
      await store.records.put("a", 1)
      const saved = await copy()
      await store.records.put("lost", 1)
      await restore(saved)
      const other = await openStore("notes", adapter)
      for (let index = 0; index < more; index++) await other.records.put("kept", index)
      await store.refresh()
      assert.equal(await store.records.get("lost"), undefined)
      assert.equal(await store.records.get("kept"), more - 1)
      await store.records.put("d", 1)
      await other.refresh()
      assert.equal(await other.digest(), await store.digest())
    }
  })

  it("is shown by the strategies that the handle was given, which are stored in it too", async () => {
    for (const strategy of ["manual", "merge"] as const) {
      const { adapter, copy, restore } = restorable(), empty = await copy()
      const store = await openStore<string>("notes", adapter)
      store.collection("", strategy === "manual" ? { strategy } : { strategy, merge: (local, remote) => local.value + remote.value })
      await store.records.put("lost", "x")
      await restore(empty)
      const storage = await adapter.open("notes", OPTIONS)
      for (const writer of [8, 9]) await new ForeignWriter(writer, writer).put("a", `of ${writer}`).append(storage)
      await store.refresh()
      assert.equal(await store.records.get("a"), strategy === "manual" ? "of 9" : "of 8of 9")
      assert.equal((await store.records.getEntry("a"))?.conflicted, strategy === "manual")
      const other = await openStore<string>("notes", adapter)
      assert.equal((await other.records.getEntry("a"))?.conflicted, true, "the log says so, and this handle has no function")
    }
  })

  it("shows the restored records to iterations and peeks that began before", async () => {
    const { adapter, copy, restore } = restorable()
    const store = await openStore("notes", adapter)
    await store.records.putMany(Array.from({ length: 600 }, (_, index) => ({ key: `key ${String(index).padStart(4, "0")}`, value: index })))
    const saved = await copy()
    await store.records.clear()
    await store.records.put("later", 1)
    assert.equal(store.records.peek("key 0001"), undefined)
    await restore(saved)
    await store.refresh()
    assert.equal(store.records.peek("key 0001"), 1)
    assert.equal(await store.records.count(), 600)
    let items = 0
    for await (const { key } of store.records.list()) {
      if (++items === 10) {
        await store.records.put("zzz", 1)
        const frames = await copy()
        await restore(frames.slice(0, 1))
        await store.refresh()
      }
      assert.match(key, /^key/)
    }
    assert.equal(items, 600)
  })
})
