/** Goal: the history of a record has each version once, however often blocks brought it. Method: frames of another copy, as syncs bring them. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { ForeignWriter } from "../testing/foreign-frame.ts"
import { openStore, type Store } from "./store.ts"

async function historyOf(store: Store, key: string): Promise<unknown[]> {
  const entries: unknown[] = []
  for await (const { value, position } of store.records.history(key)) entries.push([position, value])
  return entries
}

describe("history()", () => {
  it("shows a version once that came in ranges which overlap, where it came first", async () => {
    const adapter = memoryAdapter(), store = await openStore("notes", adapter)
    const storage = await adapter.open("notes", { durability: "none", create: true })
    // Two remotes cut the numbers of one writer differently.
    const near = new ForeignWriter(7).put("a", 1).put("b", 1).put("a", 2)
    await near.append(storage)
    await new ForeignWriter(7).put("a", 1).put("b", 1).put("a", 2).put("a", 3).append(storage)
    await near.put("a", 3).put("a", 4).append(storage)
    await store.refresh()
    assert.deepEqual(await historyOf(store, "a"), [[1, 1], [1, 2], [2, 3], [3, 4]])
    assert.deepEqual(await historyOf(store, "b"), [[1, 1]])
    assert.equal(await store.records.get("a"), 4)
  })
})
