/** Operations that somebody cannot take: the rest goes on, nothing is deleted, and it can be seen. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { CorruptValue } from "../errors.ts"
import { BlockColumns, NO_CONTEXT } from "../format/block-columns.ts"
import { ByteWriter } from "../format/bytes.ts"
import { crc32 } from "../format/checksum.ts"
import { beginFrame, beginPart, endFrame, endPart, FrameReader, PartType } from "../format/frame.ts"
import { encodeBlock } from "../format/operation-block.ts"
import { silentLogger } from "../ports/logger.ts"
import type { Adapter, Bytes } from "../ports/log-storage.ts"
import { type Platform, webPlatform } from "../ports/platform.ts"
import { openStore } from "../store/store.ts"
import { ForeignWriter } from "../testing/foreign-frame.ts"
import { logRemote } from "./log-remote.ts"
import { RemoteCycle } from "./remote-cycle.ts"

const NEVER = new AbortController().signal
const OPEN = { durability: "none", create: undefined } as const

const remoteOver = (adapter: Adapter, platform: Platform = webPlatform, refuse?: (operation: { value(): unknown }) => string | undefined) =>
  logRemote(adapter, { store: "tasks", name: "r", platform, logger: silentLogger, refuse })

/** A frame with one put, whose value is any bytes at all. */
function frameOf(position: number, previous: Bytes, id: Bytes, key: string, value: Bytes): Bytes {
  const block = new BlockColumns(), out = new ByteWriter(), keys = new TextEncoder().encode(key)
  block.writers.push(new Uint8Array(16).fill(position))
  block.names.push("")
  block.to = block.count = 1
  block.seqs[0] = 1
  block.millis[0] = 1000 + position
  block.keyEnds[0] = keys.length
  block.valueEnds[0] = value.length
  block.contextWriters[0] = NO_CONTEXT
  beginFrame(out, { position, id, previous, flags: 0 }, 1)
  const mark = beginPart(out, PartType.block)
  encodeBlock(block, keys, value, out)
  endPart(out, mark)
  endFrame(out, crc32)
  return out.buffer.slice(0, out.length)
}

describe("poison", () => {
  for (const at of [1, 3, 5]) {
    it(`T41 a value that is none, in the log of a remote at position ${at}, spoils its own record alone`, async () => {
      const adapter = memoryAdapter(), storage = await adapter.open("tasks", OPEN)
      let previous: Bytes = new Uint8Array(16)
      for (let position = 1; position <= 5; position++) {
        const id = new Uint8Array(16).fill(0x80 + position)
        await storage.append(
          position,
          frameOf(position, previous, id, `k${position}`, position === at ? Uint8Array.of(0xc1) : Uint8Array.of(position)),
        )
        previous = id
      }
      const device = memoryAdapter(), store = await openStore("tasks", device), remote = remoteOver(adapter)
      const cycle = new RemoteCycle(store.synced, remote)
      await cycle.pull(NEVER)
      assert.equal(cycle.status().cursor.position, 5)
      const seen = async (from: typeof store): Promise<void> => {
        for (let position = 1; position <= 5; position++) {
          const read = from.records.get(`k${position}`)
          if (position === at) await assert.rejects(read, CorruptValue)
          else assert.equal(await read, position)
        }
      }
      await seen(store)
      // It neither closes the store for ever nor stands in the way of what comes later.
      await store.records.put("later", "of the device")
      await cycle.push(NEVER)
      await cycle.pull(NEVER)
      await store.close()
      const again = await openStore("tasks", device)
      await seen(again)
      await again.records.put(`k${at}`, "mended")
      assert.equal(await again.records.get(`k${at}`), "mended")
      await again.close()
      await remote.close()
    })
  }

  for (const damaged of [1, 2, 3]) {
    it(`T42 version ${damaged} of 3 of a record, damaged where it lies, is never guessed: what builds on it waits, and a new version lifts it`, async () => {
      const source = memoryAdapter(), storage = await source.open("tasks", OPEN), author = new ForeignWriter(7)
      for (let version = 1; version <= 3; version++) {
        await author.put(`other${version}`, version).append(storage)
        const context = version === 1 ? [] : [{ writer: author.id, seq: version * 2 - 2 }]
        await author.put("k", { version }, { context }).append(storage, (values) => void (version === damaged && values.fill(0xc1)))
      }
      const remote = remoteOver(source), second = logRemote(memoryAdapter(), { store: "tasks", name: "second", logger: silentLogger })
      const adapter = memoryAdapter(), store = await openStore<{ version: number }>("tasks", adapter)
      const cycles = [remote, second].map((one) => new RemoteCycle(store.synced, one))
      for (const cycle of cycles) await cycle.pull(NEVER)
      const update = store.records.update("k", (value) => ({ version: value!.version + 1 }))
      if (damaged < 3) assert.deepEqual(await update.then(() => store.records.get("k")), { version: 4 }, "a later version has lifted it")
      else {
        const { head } = store.status(), { records } = store
        for (const read of [update, records.get("k"), records.getEntry("k"), store.batch((tx) => tx.update("k", (value) => value!))]) {
          await assert.rejects(read, (error: unknown) => error instanceof CorruptValue && error.details.key === "k")
        }
        assert.throws(() => records.peek("k"), CorruptValue)
        assert.equal(store.status().head, head, "nothing was stored")
      }
      const history: number[] = []
      await assert.rejects(async () => {
        for await (const { value } of store.records.history("k")) history.push(value!.version)
      }, CorruptValue)
      assert.deepEqual(history, [1, 2, 3].slice(0, damaged - 1), "those before it are as they were")
      for (let version = 1; version <= 3; version++) assert.equal(await store.records.get(`other${version}`), version)
      // Whoever checks what it takes refuses the damaged one alone.
      await store.records.put("mine", { version: 0 })
      for (const cycle of cycles) await cycle.push(NEVER)
      const letters = await store.deadLetters.list()
      assert.deepEqual(letters.map(({ key, remotes: [first] }) => [key, first?.remote]), damaged < 3 ? [] : [["k", "second"]])
      const reader = await openStore("tasks", memoryAdapter()), reading = new RemoteCycle(reader.synced, second)
      await reading.pull(NEVER)
      assert.deepEqual([await reader.records.count(), await reader.records.get("k")], [5, { version: damaged < 3 ? 4 : 2 }])
      await store.records.put("k", { version: 5 })
      assert.deepEqual(await store.deadLetters.list(), [])
      for (const cycle of cycles) {
        await cycle.push(NEVER)
        await cycle.pull(NEVER)
        assert.equal(cycle.hasPending, false)
      }
      await reading.pull(NEVER)
      for (const one of [store, reader]) assert.deepEqual(await one.records.get("k"), { version: 5 })
      assert.equal(await reader.digest(), await store.digest())
      for (const one of [store, reader]) await one.close()
    })
  }

  it("T43 seven operations that a remote never takes, among 3,300, hold nothing back and are asked about once", async () => {
    const adapter = memoryAdapter(),
      remote = remoteOver(adapter, webPlatform, ({ value }) => (Object(value()).bad === true ? "not here" : undefined))
    const store = await openStore<{ n: number; bad?: boolean }>("tasks", memoryAdapter()), cycle = new RemoteCycle(store.synced, remote)
    await cycle.pull(NEVER)
    const isBad = (n: number): boolean => n % 471 === 0 && n > 0
    for (let n = 0; n < 3300; n++) store.records.put(`k${n}`, isBad(n) ? { n, bad: true } : { n })
    await store.records.get("k3299")
    const { refused, requests } = await cycle.push(NEVER)
    assert.equal(refused, 7)
    assert.ok(requests <= 3, `${requests} requests`)
    assert.equal(cycle.hasPending, false)
    assert.equal(store.syncedStore.deadLetterCount, 7)
    assert.equal((await store.records.get("k471"))?.bad, true, "the record stays visible here")
    const other = await openStore("tasks", memoryAdapter()), otherCycle = new RemoteCycle(other.synced, remote)
    await otherCycle.pull(NEVER)
    assert.equal(other.status().records, 3293)
    await cycle.pull(NEVER)
    assert.deepEqual(await cycle.push(NEVER), {
      requests: 0,
      operations: 0,
      bytes: 0,
      coalesced: 0,
      coalescedBytes: 0,
      refused: 0,
      stoppedBy: "done",
    })
    await store.records.put("k471", { n: 471 })
    await cycle.push(NEVER)
    await otherCycle.pull(NEVER)
    assert.deepEqual(await other.records.get("k471"), { n: 471 }, "an answer replaces what was refused")
    assert.equal(store.syncedStore.deadLetterCount, 6)
    for (const one of [store, other]) await one.close()
    await remote.close()
  })

  it("T48 a backdated operation is taken, and the log keeps who brought it and when beside its stamp", async () => {
    const adapter = memoryAdapter(), received = 1_800_000_000_000
    const remote = remoteOver(adapter, { ...webPlatform, now: () => received })
    const store = await openStore("tasks", memoryAdapter(), { platform: { ...webPlatform, now: () => 1000 } })
    const cycle = new RemoteCycle(store.synced, remote)
    await cycle.pull(NEVER)
    await store.records.put("k", "of 1970")
    await cycle.push(NEVER)
    const storage = await adapter.open("tasks", OPEN), [bytes] = await storage.read(0, { maxFrames: 1, maxBytes: 1 })
    const frame = new FrameReader(crc32)
    frame.read(bytes!)
    assert.equal(frame.receipt?.millis, received)
    assert.equal(frame.receipt?.own.length, 1)
    assert.equal((await store.records.getEntry("k"))?.updatedAt, 1000)
    await store.close()
    await remote.close()
  })
})
