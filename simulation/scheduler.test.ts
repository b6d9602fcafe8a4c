import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { Random } from "./random.ts"
import { Scheduler } from "./scheduler.ts"

const A = { name: "A" }, B = { name: "B" }

describe("Scheduler", () => {
  it("step() lets one effect happen, and all that it sets off", async () => {
    const scheduler = new Scheduler(new Random(1)), happened: string[] = []
    scheduler.add(A, "one", () => {
      happened.push("one")
      void Promise.resolve().then(() => Promise.resolve()).then(() => happened.push("after one"))
    })
    assert.equal(await scheduler.step(), true)
    assert.deepEqual(happened, ["one", "after one"])
    assert.equal(await scheduler.step(), false)
  })

  it("step() moves time to the first effect where none is due", async () => {
    const scheduler = new Scheduler(new Random(1)), started = scheduler.millis, times: number[] = []
    scheduler.add(A, "late", () => times.push(scheduler.millis - started), 500)
    scheduler.add(A, "later", () => times.push(scheduler.millis - started), 900)
    while (await scheduler.step());
    assert.deepEqual(times, [500, 900])
  })

  it("kill() leaves an actor's effects undone, and takes no more of it", async () => {
    const scheduler = new Scheduler(new Random(1)), happened: string[] = []
    scheduler.add(A, "of A", () => happened.push("A"))
    scheduler.add(B, "of B", () => happened.push("B"))
    scheduler.kill(A)
    scheduler.add(A, "of A again", () => happened.push("A"))
    while (await scheduler.step());
    assert.deepEqual(happened, ["B"])
    assert.equal(scheduler.isAlive(A), false)
  })

  it("pause() holds an actor's effects back, those that it asks for meanwhile too, until resume() or its time", async () => {
    const scheduler = new Scheduler(new Random(1)), happened: string[] = []
    const order = (): string => happened.splice(0).join(" ")
    scheduler.add(A, "one", () => happened.push("A"))
    scheduler.pause(A, 1000)
    scheduler.add(A, "two", () => happened.push("A again"), 2000)
    scheduler.add(B, "of B", () => happened.push("B"), 500)
    const started = scheduler.millis
    await scheduler.step()
    assert.deepEqual([order(), scheduler.isPaused(A)], ["B", true])
    await scheduler.step()
    assert.deepEqual([order(), scheduler.millis - started, scheduler.isPaused(A)], ["A", 1000, false])
    scheduler.pause(A, 9000)
    scheduler.resume()
    await scheduler.step()
    assert.deepEqual([order(), scheduler.isPaused(A), scheduler.millis - started < 10_000], ["A again", false, true])
  })

  it("add() answers what calls an effect off", async () => {
    const scheduler = new Scheduler(new Random(1))
    scheduler.add(A, "never", () => assert.fail("it was called off"))()
    assert.equal(await scheduler.step(), false)
  })

  it("the order of effects and the trace follow from the seed", async () => {
    const play = async (seed: number): Promise<readonly [string, number]> => {
      const scheduler = new Scheduler(new Random(seed))
      let order = ""
      for (const letter of "abcdefgh") scheduler.add(A, letter, () => order += letter)
      while (await scheduler.step());
      return [order, scheduler.trace]
    }
    assert.deepEqual(await play(3), await play(3))
    assert.notDeepEqual(await play(3), await play(4))
  })

  it("runUntil() ends where it is done, or after so many effects", async () => {
    const scheduler = new Scheduler(new Random(1))
    let effects = 0
    const again = (): void => {
      effects++
      scheduler.add(A, "again", again)
    }
    again()
    assert.equal(await scheduler.runUntil(() => effects === 5, 100), true)
    assert.equal(await scheduler.runUntil(() => false, 100), false)
    assert.equal(effects, 105)
  })
})
