import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { turn } from "../../kernel/testing/gate.ts"
import { cursorAt } from "./testing/double-log.ts"
import { HandPlatform } from "./testing/hand-platform.ts"
import { HeadFeed, type HintEvent } from "./head-feed.ts"

/** A feed over time that a test moves. */
class Feeding {
  readonly platform: HandPlatform
  readonly feed: HeadFeed
  isAllowed = (): Promise<boolean> => Promise.resolve(true)
  ends = 0

  constructor(seed: number = 1) {
    this.platform = new HandPlatform(seed)
    this.feed = new HeadFeed({ platform: this.platform, isAllowed: () => this.isAllowed(), onEnd: () => this.ends++ })
  }

  /** Takes events as fast as they come, until the last one. */
  async takeAll(): Promise<readonly (readonly [HintEvent["kind"], number])[]> {
    const began = this.platform.millis, events: [HintEvent["kind"], number][] = []
    let isOver = false
    const taking = (async () => {
      for (;;) {
        const { kind } = await this.feed.next()
        events.push([kind, this.platform.millis - began])
        if (kind === "end") break
      }
      isOver = true
    })()
    while (!isOver) await this.platform.advance(10_000)
    await taking
    return events
  }
}

describe("HeadFeed", () => {
  it("next() gives every head to who is fast enough, and the newest alone to who is not", async () => {
    const { feed } = new Feeding()
    feed.tell(cursorAt(1))
    assert.deepEqual(await feed.next(), { kind: "head", head: cursorAt(1) })
    const waiting = feed.next()
    feed.tell(cursorAt(2))
    assert.deepEqual(await waiting, { kind: "head", head: cursorAt(2) })
    for (let n = 3; n < 1000; n++) feed.tell(cursorAt(n))
    assert.deepEqual(await feed.next(), { kind: "head", head: cursorAt(999) })
    let isEarly = false
    void feed.next().then(() => isEarly = true)
    await turn()
    assert.equal(isEarly, false)
  })

  it("beats every 15 to 20 s, and says bye after 60 s, ten more or less", async () => {
    const lifetimes = new Set<number>()
    for (let seed = 1; seed <= 20; seed++) {
      const feeding = new Feeding(seed), events = await feeding.takeAll()
      let last = 0
      for (const [kind, millis] of events) {
        if (kind === "beat") {
          assert.ok(millis - last >= 15_000 && millis - last <= 20_100, `seed ${seed}: ${millis - last}`)
          last = millis
        }
      }
      const [bye, end] = events.slice(-2)
      assert.deepEqual([bye?.[0], end?.[0]], ["bye", "end"])
      assert.ok(bye![1] >= 50_000 && bye![1] <= 70_100, `seed ${seed}: ${bye![1]}`)
      assert.ok(events.length >= 4)
      lifetimes.add(bye![1])
      assert.deepEqual([feeding.ends, feeding.platform.timers], [1, 0])
    }
    assert.ok(lifetimes.size > 10, "who came together does not go together")
  })

  it("T39 ends at the next beat once it is not allowed any more, or nobody can say", async () => {
    for (const isAllowed of [() => Promise.resolve(false), () => Promise.reject(new Error("no database"))]) {
      const feeding = new Feeding()
      const taking = feeding.takeAll()
      await feeding.platform.advance(21_000)
      feeding.isAllowed = isAllowed
      const revokedAfter = 21_000
      const [bye] = (await taking).filter(([kind]) => kind === "bye")
      assert.ok(bye![1] > revokedAfter && bye![1] - revokedAfter <= 21_000)
    }
  })

  it("T39 ends after its time also while nobody says whether it is allowed", async () => {
    const feeding = new Feeding()
    feeding.isAllowed = () => new Promise(() => {})
    const events = await feeding.takeAll()
    assert.deepEqual(events.slice(-2).map(([kind]) => kind), ["bye", "end"])
  })

  it("T55, T56 drops who takes nothing, without a word, and keeps nothing for it", async () => {
    const { feed, platform } = new Feeding()
    feed.tell(cursorAt(1))
    for (let second = 0; second < 45; second++) {
      feed.tell(cursorAt(second + 2))
      await platform.advance(1000)
    }
    assert.equal(feed.isEnded, true)
    assert.deepEqual(await feed.next(), { kind: "end" })
    assert.equal(platform.timers, 0)
  })

  it("end() is idempotent, the first reason counts, and nothing is told afterwards", async () => {
    const feeding = new Feeding(), { feed } = feeding
    feed.end("bye")
    feed.end("dropped")
    feed.tell(cursorAt(1))
    assert.deepEqual([await feed.next(), await feed.next(), await feed.next()], [{ kind: "bye" }, { kind: "end" }, { kind: "end" }])
    assert.equal(feeding.ends, 1)
  })
})
