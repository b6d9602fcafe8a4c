import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import type { Adapter } from "../../kernel/ports/log-storage.ts"
import { WireError } from "../errors.ts"
import { adapterStoreName } from "./store-names.ts"
import { StoreQuota } from "./store-quota.ts"
import { HandPlatform } from "./testing/hand-platform.ts"

const isFull = (error: unknown): boolean => error instanceof WireError && error.code === "quota_exceeded" && error.retry === "after_action"

/** A quota over an adapter whose listings are counted. */
const setUp = async (storesMax: number, stores: readonly (readonly [string, string])[]) => {
  const platform = new HandPlatform(), memory = memoryAdapter()
  for (const [namespace, name] of stores) await memory.open(adapterStoreName(namespace, name), { durability: "none", create: true })
  const state = { listings: 0 }
  const adapter: Adapter = { ...memory, list: () => (state.listings++, memory.list()) }
  return { quota: new StoreQuota(platform, storesMax), platform, adapter, state }
}

describe("StoreQuota", () => {
  it("T57 admits stores up to the bound, counting those of the namespace alone", async () => {
    const { quota, adapter } = await setUp(3, [["a", "1"], ["a", "2"], ["ab", "1"], ["b", "a"]])
    await quota.admit("a", adapter)
    await assert.rejects(quota.admit("a", adapter), isFull)
    await quota.admit("ab", adapter)
    await quota.admit("c", adapter)
  })

  it("counts once for all who ask at once, and takes back a store that could not be made", async () => {
    const { quota, adapter, state } = await setUp(3, [["a", "1"]])
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => quota.admit("a", adapter)))
    assert.deepEqual(results.map(({ status }) => status), ["fulfilled", "fulfilled", "rejected", "rejected", "rejected"])
    assert.equal(state.listings, 1)
    const [first] = results
    assert.equal(first?.status, "fulfilled")
    if (first?.status === "fulfilled") first.value()
    await quota.admit("a", adapter)
    await assert.rejects(quota.admit("a", adapter), isFull)
  })

  it("counts again after a minute, so that what others made or removed is seen", async () => {
    const { quota, adapter, platform, state } = await setUp(2, [["a", "1"], ["a", "2"]])
    await assert.rejects(quota.admit("a", adapter), isFull)
    await adapter.open(adapterStoreName("a", "3"), { durability: "none", create: true })
    await platform.advance(59_000)
    await assert.rejects(quota.admit("a", adapter), isFull)
    assert.equal(state.listings, 1)
    await platform.advance(2000)
    await assert.rejects(quota.admit("a", adapter), isFull)
    assert.equal(state.listings, 2)
  })

  it("remembers no listing that failed", async () => {
    const { quota, adapter } = await setUp(2, [])
    await assert.rejects(quota.admit("a", { ...adapter, list: () => Promise.reject(new Error("disk")) }), /disk/)
    await quota.admit("a", adapter)
  })

  it("remembers the counts of a thousand namespaces at most", async () => {
    const { quota, adapter, state, platform } = await setUp(2, [])
    for (let n = 0; n < 1001; n++) await quota.admit(`n${n}`, adapter)
    await quota.admit("n1000", adapter)
    assert.equal(state.listings, 1001)
    await quota.admit("n0", adapter)
    assert.equal(state.listings, 1002)
    assert.ok(platform.timers <= 1002)
  })
})
