import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { SimulatedTime } from "./testing/simulated-time.ts"
import { WriteDebounce } from "./write-debounce.ts"

interface Made {
  readonly time: SimulatedTime
  readonly debounce: WriteDebounce
  readonly state: { isBusy: boolean; isFull: boolean; dues: number; ticks: number }
}

function make({ isAwaited }: { readonly isAwaited?: boolean } = {}): Made {
  const time = new SimulatedTime(), state = { isBusy: false, isFull: false, dues: 0, ticks: 0 }
  const debounce = new WriteDebounce({
    platform: time,
    isAwaited,
    isBusy: () => state.isBusy,
    isFull: () => state.isFull,
    onDue: () => state.dues++,
    onTick: () => state.ticks++,
  })
  return { time, debounce, state }
}

describe("WriteDebounce", () => {
  it("note() lets the first write after quiet go at once", () => {
    const { debounce, state, time } = make()
    debounce.note()
    assert.equal(debounce.isDue, true)
    assert.equal(state.dues, 1)
    assert.equal(time.waiting.all, 0)
  })

  it("note() lets each write go at once that comes after the one before was sent: nobody who waits for each is slowed down", () => {
    const { debounce, state } = make()
    for (let writes = 1; writes <= 100; writes++) {
      debounce.note()
      assert.equal(debounce.isDue, true)
      debounce.take()
      assert.equal(state.dues, writes)
    }
  })

  it("note() leaves a write due that others follow before the cycle has begun", () => {
    const { debounce } = make()
    debounce.note()
    debounce.note()
    assert.equal(debounce.isDue, true)
  })

  it("note() holds several writes back that come while a cycle runs, until none has come for 20 ms", async () => {
    const { debounce, state, time } = make()
    state.isBusy = true
    for (let writes = 0; writes < 5; writes++) {
      debounce.note()
      await time.run(10)
    }
    assert.equal(debounce.isDue, false)
    await time.run(40)
    assert.equal(debounce.isDue, true)
  })

  it("note() holds no write back longer than 250 ms, however many follow", async () => {
    const { debounce, state, time } = make()
    state.isBusy = true
    debounce.note()
    debounce.note()
    const startedAt = time.elapsedMillis
    while (!debounce.isDue) {
      await time.run(1)
      if (!debounce.isDue) debounce.note()
      assert.equal(time.elapsedMillis - startedAt <= 250, true)
    }
    assert.equal(time.elapsedMillis - startedAt >= 200, true, "it waits for others as long as it may")
  })

  it("note() lets go early what fills a push", async () => {
    const { debounce, state, time } = make()
    state.isBusy = true
    debounce.note()
    debounce.note()
    state.isFull = true
    for (let millis = 0; millis < 20; millis++) {
      await time.run(1)
      if (millis < 19) debounce.note()
    }
    assert.equal(debounce.isDue, true)
  })

  it("note() holds nothing back where whoever writes waits, and sets no timer for it", () => {
    const { debounce, state, time } = make({ isAwaited: true })
    state.isBusy = true
    for (let writes = 1; writes <= 100; writes++) {
      debounce.note()
      assert.equal(debounce.isDue, true)
      assert.equal(state.dues, writes)
    }
    assert.equal(time.waiting.all, 0)
    assert.equal(state.ticks, 1)
  })

  it("note() is not disturbed by a clock that jumps (F45, F46)", async () => {
    const { debounce, state, time } = make()
    state.isBusy = true
    debounce.note()
    debounce.note()
    time.millis -= 31_536_000_000
    await time.run(20)
    assert.equal(debounce.isDue, true)
  })

  it("take() begins anew, and frees its timer", async () => {
    const { debounce, state, time } = make()
    state.isBusy = true
    debounce.note()
    debounce.note()
    debounce.take()
    assert.equal(debounce.isDue, false)
    assert.equal(time.waiting.all, 0)
    await time.run(500)
    assert.equal(state.dues, 1)
  })

  it("ticks for the first write and then every 20 ms, not for every write, whether a cycle runs or none can", async () => {
    for (const isBusy of [true, false]) {
      for (const isAwaited of isBusy ? [false] : [false, true]) {
        const { debounce, state, time } = make({ isAwaited })
        state.isBusy = isBusy
        for (let millis = 0; millis < 100; millis++) {
          for (let writes = 0; writes < 10; writes++) debounce.note()
          await time.run(1)
        }
        assert.equal(state.ticks >= 5 && state.ticks <= 6, true, `${state.ticks}`)
        assert.equal(isBusy || debounce.isDue, true)
      }
    }
  })
})
