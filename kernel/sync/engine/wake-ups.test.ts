import assert from "node:assert/strict"
import { describe, it } from "node:test"
import * as Effect from "effect/Effect"
import { Hints } from "./hints.ts"
import { Stall } from "./stall.ts"
import { cursorAt } from "./testing/double-remote.ts"
import { settle, SimulatedTime } from "./testing/simulated-time.ts"
import { type Demand, WakeUps } from "./wake-ups.ts"
import { WriteDebounce } from "./write-debounce.ts"

interface Made {
  readonly wakeUps: WakeUps
  readonly writes: WriteDebounce
  readonly hints: Hints
  readonly state: { hasPending: boolean }
  /** Demands so far. */
  readonly demands: Demand[]
}

/** Somebody takes one demand after another. */
function make(): Made {
  const time = new SimulatedTime(), state = { hasPending: true }, demands: Demand[] = []
  const stall = new Stall({ remote: "r", call: "pull", platform: time, onOpen: () => {} })
  const hints = new Hints(stall, time.now)
  const writes = new WriteDebounce({
    platform: time,
    isBusy: () => false,
    isFull: () => false,
    onDue: () => wakeUps.stir(),
    onTick: () => {},
  })
  const wakeUps: WakeUps = new WakeUps({ writes, hints, hasPending: () => state.hasPending, cursor: () => cursorAt(5) })
  Effect.runFork(Effect.forever(Effect.map(wakeUps.take, (demand) => void demands.push(demand))))
  return { wakeUps, writes, hints, state, demands }
}

describe("WakeUps", () => {
  it("take waits while nothing is asked for", async () => {
    const { wakeUps, demands } = make()
    wakeUps.stir()
    await settle()
    assert.deepEqual(demands, [])
  })

  it("take has everything that came meanwhile in one demand", async () => {
    const { wakeUps, writes, demands } = make()
    const call = { push: false, pull: true, settle: () => {} }
    wakeUps.ring(false, true)
    wakeUps.ring(false, true)
    wakeUps.add(call)
    writes.note()
    await settle()
    assert.deepEqual(demands, [{ push: true, pull: true, isWritten: true, isHinted: false, calls: [call] }])
  })

  it("a write asks for a push, one that the remote has already for nothing", async () => {
    const { writes, state, demands } = make()
    state.hasPending = false
    writes.note()
    await settle()
    assert.deepEqual([demands.length, writes.isDue], [0, false])
    state.hasPending = true
    writes.note()
    await settle()
    assert.deepEqual(demands, [{ push: true, pull: false, isWritten: true, isHinted: false, calls: [] }])
  })

  it("a hint asks for a pull, and says that nothing else did", async () => {
    const { wakeUps, hints, demands } = make()
    hints.note(cursorAt(5))
    wakeUps.stir()
    await settle()
    assert.deepEqual(demands, [])
    hints.note(cursorAt(6))
    wakeUps.stir()
    await settle()
    hints.note(cursorAt(7))
    wakeUps.ring(false, true)
    await settle()
    assert.deepEqual(demands.map(({ push, pull, isHinted }) => [push, pull, isHinted]), [[false, true, true], [false, true, false]])
  })

  it("while it is held calls alone wake, and the rest is not lost", async () => {
    const { wakeUps, writes, demands } = make()
    wakeUps.isHeld = true
    wakeUps.ring(true, true)
    writes.note()
    await settle()
    assert.deepEqual(demands, [])
    wakeUps.add({ push: false, pull: true, settle: () => {} })
    await settle()
    assert.deepEqual(demands.map(({ push, pull }) => [push, pull]), [[false, true]])
    wakeUps.isHeld = false
    wakeUps.stir()
    await settle()
    assert.deepEqual(demands.map(({ push, pull }) => [push, pull]), [[false, true], [true, true]])
  })

  it("ring() runs nothing inside of the call", () => {
    const { wakeUps, demands } = make()
    wakeUps.ring(true, true)
    assert.deepEqual(demands, [])
  })
})
