/** Goal: what devices of a sync race must not do is found in a store. Method: stores of memory, right ones and such that break one rule each. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { createStore, type Store } from "../../mod.ts"
import { RuleBroken } from "../expect.ts"
import { Random } from "../processes/random.ts"
import { checkCounters, checkMoment, checkSummary, summarize, write, writeKey } from "./work.ts"

const WRITES = [20, 7]

/** A store with what two devices write. */
async function open(): Promise<Store> {
  const store = await createStore("work", { adapter: "memory" }), random = new Random(1)
  for (const [index, writes] of WRITES.entries()) {
    for (let number = 1; number <= writes; number++) await write(store, random, index + 1, number)
  }
  return store
}

/** The counter of device 1 that has been incremented, and what it says. */
async function counterOf(store: Store): Promise<readonly [string, number]> {
  for await (const { key, value } of store.collection<number>("counters").list()) if (key.startsWith("1/")) return [key, value]
  throw new Error("no counter of device 1")
}

describe("work of a sync race", () => {
  it("is found whole at every moment of itself, and exact at the end", async () => {
    const store = await createStore("work", { adapter: "memory" }), random = new Random(1)
    await checkMoment(store, 2)
    for (let number = 1; number <= 20; number++) {
      await write(store, random, 1, number)
      await checkMoment(store, 2)
    }
    checkSummary("it", await summarize(store, 2), [20, 0])
    await checkCounters(store, 2)
    const before = store.status().head
    await checkMoment(store, 2)
    assert.equal(store.status().head, before, "looking writes nothing")
  })

  it("checkMoment() finds a write without its increment, and an increment without its write", async () => {
    const early = await open()
    await early.collection("writes").put(writeKey(1, 21), { device: 1, number: 21 })
    await assert.rejects(checkMoment(early, 2), /counts 20, and the write after that is there/)
    const torn = await open()
    await torn.collection("writes").delete(writeKey(2, 7))
    await assert.rejects(checkMoment(torn, 2), /device 2 counts 7, and that write is not there/)
  })

  it("checkSummary() finds a write that is missing, one that counts twice, and one that nobody made", async () => {
    const rules: readonly (readonly [(store: Store) => Promise<unknown>, RegExp])[] = [
      [(store) => store.collection("writes").delete(writeKey(1, 5)), /it: records of device 1: found 19, expected 20/],
      [
        async (store) => {
          const [key, value] = await counterOf(store)
          await store.collection("counters").put(key, value + 1)
        },
        /it: the sum of the counters of device 1: found 21, expected 20/,
      ],
      [(store) => store.collection("writes").put("1/5b", { device: 1, number: 5 }), /it: records that nobody wrote: found 1/],
      [(store) => store.collection("counters").put("3/1", 1), /it: records that nobody wrote: found 1/],
    ]
    for (const [spoil, message] of rules) {
      const store = await open()
      checkSummary("it", await summarize(store, 2), WRITES)
      await spoil(store)
      const summary = await summarize(store, 2)
      assert.throws(() => checkSummary("it", summary, WRITES), (error) => error instanceof RuleBroken && message.test(error.message))
    }
  })

  it("checkCounters() finds an increment that stands in the history twice, or behind a later one", async () => {
    for (const change of [0, -1]) {
      const store = await open(), [key, value] = await counterOf(store)
      await store.collection<number>("counters").put(key, value + change)
      await assert.rejects(checkCounters(store, 2), new RegExp(`counter ${key} is ${value + change} at position \\d+, after ${value}`))
    }
  })
})
