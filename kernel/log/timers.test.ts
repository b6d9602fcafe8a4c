/**
 * Goal: whoever gives a platform with timers owns all time of a log: nothing that it waits for ends by a timer of the runtime.
 * Method: a platform on which time stands still until the test moves it, and a storage that makes the log wait.
 */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { PositionTaken, StorageFailed } from "../errors.ts"
import { BACKGROUND_FLUSH_MILLIS } from "../limits.ts"
import { openStore, type Store } from "../store/store.ts"
import { failBefore, faultyAdapter, type FaultyStorage } from "../testing/faulty-storage.ts"
import { turn } from "../testing/gate.ts"
import { TimedPlatform } from "../testing/platform.ts"

const failed = (): StorageFailed => new StorageFailed({ location: "memory", call: "write to", reason: "the cable is out" })

/** Longer than any timer of the runtime that a log might have set meanwhile. */
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50))

async function open(): Promise<{ platform: TimedPlatform; storage: FaultyStorage; store: Store }> {
  const platform = new TimedPlatform(), adapter = faultyAdapter(memoryAdapter(), { capabilities: { levels: ["normal"], durable: true } })
  const store = await openStore("notes", adapter, { platform, durability: "normal" })
  return { platform, storage: adapter.last, store }
}

/** Runs `work` up to where it waits for time; answers whether it has ended. */
async function hasEndedAfter(platform: TimedPlatform, work: Promise<unknown>, millis: number): Promise<boolean> {
  let hasEnded = false
  void work.finally(() => hasEnded = true).catch(() => {})
  for (let turns = 0; turns < 5; turns++) await turn()
  platform.advance(millis)
  for (let turns = 0; turns < 5; turns++) await turn()
  return hasEnded
}

describe("timers of a log", () => {
  it("an append of unknown outcome is asked for again when the platform's timer fires", async () => {
    const { platform, storage, store } = await open()
    storage.next("append", failBefore(failed()), failBefore(failed()))
    storage.next("head", failBefore(failed()))
    const put = store.records.put("a", 1)
    assert.ok(!await hasEndedAfter(platform, put, 0))
    await pause()
    assert.ok(!await hasEndedAfter(platform, put, 4), "the first pause is 5 ms")
    assert.ok(!await hasEndedAfter(platform, put, 1), "the append failed again")
    assert.ok(await hasEndedAfter(platform, put, 10), "the second is 10 ms")
    await put
    await store.close()
  })

  it("a lost race without a winner is run again when the platform's timer fires", async () => {
    const { platform, storage, store } = await open()
    storage.next("append", failBefore(new PositionTaken({ position: 1, head: 1 })))
    const put = store.records.put("a", 1)
    assert.ok(!await hasEndedAfter(platform, put, 0))
    await pause()
    assert.ok(!await hasEndedAfter(platform, put, 0))
    assert.ok(await hasEndedAfter(platform, put, 5))
    await put
    await store.close()
  })

  it("a flush in the background comes with the platform's timer, and none after a close", async () => {
    const { platform, storage, store } = await open()
    const flushes = storage.count("flush")
    await store.records.put("a", 1)
    platform.advance(BACKGROUND_FLUSH_MILLIS)
    await turn()
    assert.equal(storage.count("flush"), flushes + 1)
    await store.records.put("a", 2)
    await store.close()
    const closed = storage.count("flush")
    platform.advance(BACKGROUND_FLUSH_MILLIS)
    assert.equal(storage.count("flush"), closed)
  })
})
