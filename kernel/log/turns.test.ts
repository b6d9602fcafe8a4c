/**
 * Goal: a store on a storage that answers at once never keeps timers, signals and sockets from their turn.
 * Method: a clock on which every look takes milliseconds, so that what is due after 50 ms is due after a few steps.
 */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { openStore, type Store } from "../store/store.ts"
import { faultyAdapter } from "../testing/faulty-storage.ts"
import { turn } from "../testing/gate.ts"
import { TestPlatform, TimedPlatform } from "../testing/platform.ts"
import { Turns } from "./turns.ts"

const STEPS_MAX = 5000

function slowPlatform(): TestPlatform {
  const platform = new TestPlatform()
  platform.stepMillis = 5
  return platform
}

const open = (): Promise<Store> => openStore("notes", memoryAdapter(), { platform: slowPlatform() })

/** Answers true once the event loop has turned. */
function watchTurn(): () => boolean {
  let turned = false
  setTimeout(() => turned = true, 0)
  return () => turned
}

describe("turns", () => {
  it("a loop of awaited writes lets timers run, reads of what is in memory too", async () => {
    const store = await open()
    let hasTurned = watchTurn(), steps = 0
    while (!hasTurned() && steps < STEPS_MAX) await store.records.put(`key ${steps++}`, steps)
    assert.ok(hasTurned(), "writes")
    await store.records.putMany(Array.from({ length: 10_000 }, (_, index) => ({ key: `more ${index}`, value: index })))
    hasTurned = watchTurn()
    for await (const _ of store.records.list()) if (hasTurned()) break
    assert.ok(hasTurned(), "list()")
    hasTurned = watchTurn()
    for (let round = 0; round < 2000 && !hasTurned(); round++) for await (const _ of store.records.history("key 0")) break
    assert.ok(hasTurned(), "history()")
  })

  it("a subscriber that answers every change with a write lets timers run", async () => {
    const store = await open()
    const hasTurned = watchTurn()
    let steps = 0
    const ended = new Promise<void>((resolve) =>
      store.records.subscribe("a", ([change]) => {
        if (hasTurned() || ++steps > STEPS_MAX) resolve()
        else void store.records.put("a", Number(change!.value) + 1)
      })
    )
    void store.records.put("a", 1)
    await ended
    assert.ok(steps <= STEPS_MAX, "it turned")
    await store.close()
  })

  it("opening lets timers run, so that its signal can be heard", async () => {
    const memory = memoryAdapter(), first = await openStore("notes", memory)
    for (let index = 0; index < 200; index++) await first.records.put("a", index)
    await first.close()
    const controller = new AbortController(), reason = new Error("enough")
    let reads = 0
    const adapter = faultyAdapter(memory, {
      prepare: (storage) =>
        storage.always("read", (call) => {
          if (reads++ === 0) setTimeout(() => controller.abort(reason), 0)
          const page = call()
          return Array.isArray(page) ? page.slice(0, 1) : page
        }),
    })
    await assert.rejects(openStore("notes", adapter, { signal: controller.signal, platform: slowPlatform() }), reason)
    assert.ok(reads > 1 && reads < 200, `${reads} reads`)
    assert.equal(adapter.last.count("close"), 1)
  })

  it("due() waits only where nothing else let the event loop turn", async () => {
    let now = 1000
    const turns = new Turns({ now: () => now, randomBytes: (length) => new Uint8Array(length) })
    assert.equal(turns.due(), undefined, "the first look sets the timer")
    now += 49
    assert.equal(turns.due(), undefined)
    now += 1
    const due = turns.due()
    assert.ok(due instanceof Promise)
    assert.equal(turns.due(), due)
    await due
    assert.equal(turns.due(), undefined)
    now += 60
    assert.equal(turns.due(), undefined, "the timer is set again")
    await new Promise((resolve) => setTimeout(resolve, 5))
    now += 49
    assert.equal(turns.due(), undefined, "it has run meanwhile")
    now -= 1_000_000 // a clock that is set back makes nobody wait for it
    assert.equal(turns.due(), undefined)
    assert.ok(turns.due() === undefined)
    now += 50
    assert.ok(turns.due() instanceof Promise)
  })

  it("due() waits for a timer of the platform", async () => {
    const platform = new TimedPlatform(), turns = new Turns(platform)
    assert.equal(turns.due(), undefined)
    assert.deepEqual(platform.timers, [{ dueMillis: platform.millis, background: false }])
    platform.millis += 50
    let hasTurned = false
    const due = turns.due()!.then(() => hasTurned = true)
    await turn()
    assert.ok(!hasTurned, "the event loop's own turns do not count")
    platform.advance(0)
    await due
    assert.equal(turns.due(), undefined)
  })
})
