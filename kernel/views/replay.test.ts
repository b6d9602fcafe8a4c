/**
 * Goal: what a store shows is a function of its log. Histories of two handles and of strangers' blocks are lived through once and
 * replayed once; both must show the same, and so must the handle that looked on.
 */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { CorruptFrame } from "../errors.ts"
import { chooseChecksum } from "../format/checksum.ts"
import { FrameReader } from "../format/frame.ts"
import type { Adapter, Bytes, LogStorage } from "../ports/log-storage.ts"
import { openStore, type Store } from "../store/store.ts"
import { anyHistory } from "../testing/histories.ts"
import { anyDelivery, encodeOracleFrame } from "../testing/oracle-frames.ts"

const OPTIONS = { durability: "none", create: true } as const

async function framesOf(storage: LogStorage): Promise<readonly Bytes[]> {
  return await storage.read(0, { maxFrames: 100_000, maxBytes: 1e9 })
}

/** Appends frames of strangers' blocks as a sync would. */
async function appendBlocks(storage: LogStorage, blocks: Parameters<typeof encodeOracleFrame>[0]): Promise<void> {
  const reader = new FrameReader(chooseChecksum(undefined)), last = (await framesOf(storage)).at(-1)
  if (last !== undefined) reader.read(last)
  const previous = last === undefined ? new Uint8Array(16) : reader.id
  await storage.append(await storage.head() + 1, encodeOracleFrame(blocks, await storage.head() + 1, false, previous))
}

/** Everything that a user can see. */
async function show(store: Store): Promise<unknown> {
  const collections = []
  for (const name of ["", "users"]) {
    const records = store.collection(name), list = []
    for await (const { key, value } of records.list()) list.push({ key, value, entry: await records.getEntry(key) })
    collections.push({ list, conflicts: await records.conflicts({ settled: true }), count: await records.count() })
  }
  return { collections, digest: await store.digest(), head: store.status().head }
}

type Act = { readonly does: string; readonly key: string; readonly value: number; readonly handle: number }
const anyAct: fc.Arbitrary<Act> = fc.record({
  does: fc.constantFrom(
    "put",
    "put",
    "users",
    "delete",
    "update",
    "batch",
    "choose",
    "settle",
    "stranger",
    "stranger",
    "stranger",
    "reopen",
  ),
  key: fc.constantFrom("k0", "k1", "k2"),
  value: fc.nat(99),
  handle: fc.nat(1),
})

async function perform({ does, key, value }: Act, store: Store): Promise<void> {
  const { records } = store
  if (does === "put") await records.put(key, value)
  if (does === "users") await store.collection("users").put(key, value)
  if (does === "delete") await records.delete(key)
  if (does === "update") await records.update(key, (old) => [old ?? 0, value].flat().slice(-3))
  if (does === "batch") {
    await store.batch((tx) => {
      tx.put(key, [tx.peek("k0") ?? 0, value].flat().slice(-3))
      tx.delete("k1")
      tx.collection("users").put(key, value)
    })
  }
  if (does === "choose" || does === "settle") {
    await store.refresh() // a version that the other handle replaced meanwhile cannot be chosen
    const [conflict] = await records.conflicts({ settled: true })
    if (conflict !== undefined) {
      await records.resolve(conflict.key, does === "settle" ? value : value % 2 === 0 ? conflict.local : conflict.remote)
    }
  }
}

describe("replay", () => {
  it("of any history shows what those saw who lived through it", { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyAct, { maxLength: 30, size: "max" }), anyDelivery(anyHistory), async (acts, delivery) => {
        const adapter: Adapter = memoryAdapter(), strangers = await adapter.open("notes", OPTIONS), frames = [...delivery]
        const stores = [await openStore("notes", adapter), await openStore("notes", adapter)]
        for (const act of acts) {
          if (act.does === "stranger") {
            const blocks = frames.shift()
            if (blocks !== undefined) await appendBlocks(strangers, blocks)
          } else if (act.does === "reopen") {
            await stores[act.handle]!.close()
            stores[act.handle] = await openStore("notes", adapter)
          } else await perform(act, stores[act.handle]!)
        }
        const shown = []
        for (const store of [...stores, await openStore("notes", adapter)]) {
          await store.refresh()
          shown.push(await show(store))
          await store.close()
        }
        assert.deepEqual(shown[0], shown[2])
        assert.deepEqual(shown[1], shown[2])
      }),
      { numRuns: 150 },
    )
  })

  it("I23 refuses a frame that does not name the one before it, though its checksum is right", async () => {
    const adapter = memoryAdapter(), storage = await adapter.open("notes", OPTIONS)
    const block = { w: "w", from: 0, to: 1, ops: [], withheld: [], links: {} }
    await storage.append(1, encodeOracleFrame([block], 1))
    await storage.append(2, encodeOracleFrame([{ ...block, w: "v" }], 2, false, new Uint8Array(16).fill(9)))
    await assert.rejects(openStore("notes", adapter), (error) => {
      assert.ok(error instanceof CorruptFrame)
      assert.equal(error.details.position, 2)
      return true
    })
  })
})
