import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { turn } from "../../kernel/testing/gate.ts"
import type { Cursor } from "../../kernel/ports/remote.ts"
import { WireError } from "../errors.ts"
import type { Identity } from "./identity.ts"
import { DEFAULT_SERVER_LIMITS, type ServerLimits } from "./limits.ts"
import { Listeners } from "./listeners.ts"
import type { StoreLease } from "./open-stores.ts"
import { cursorAt, DoubleLog } from "./testing/double-log.ts"
import { HandPlatform } from "./testing/hand-platform.ts"

const ALICE: Identity = { principal: "alice", namespace: "a", rights: { read: true } }
const BOB: Identity = { ...ALICE, principal: "bob" }
const ALWAYS = (): Promise<boolean> => Promise.resolve(true)

/** Listeners of one store. */
class Bench {
  readonly platform = new HandPlatform()
  readonly log = new DoubleLog()
  readonly retires = new Set<() => void>()
  readonly listeners: Listeners
  readonly lease: StoreLease = {
    log: this.log,
    release: () => {},
    listen: (onRetire) => {
      this.retires.add(onRetire)
      return () => void this.retires.delete(onRetire)
    },
    failed: () => {},
  }

  constructor(limits: Partial<ServerLimits> = {}) {
    this.listeners = new Listeners({ limits: { ...DEFAULT_SERVER_LIMITS, ...limits }, platform: this.platform })
  }

  open(identity: Identity = ALICE, store: string = "s", signal?: AbortSignal) {
    return this.listeners.open(store, identity, this.lease, ALWAYS, signal)
  }

  wait(cursor: Cursor, waitMillis: number, signal?: AbortSignal): Promise<Cursor> {
    return this.listeners.wait("s", ALICE, this.lease, { cursor, waitMillis }, signal)
  }

  /** Nothing is left of anybody who listened. */
  expectNothing(): void {
    assert.deepEqual([this.listeners.size, this.log.listeners.size, this.retires.size, this.platform.timers], [0, 0, 0, 0])
  }
}

const hasCode = (code: string) => (error: unknown): boolean => error instanceof WireError && error.code === code

describe("Listeners", () => {
  it("open() tells the head as it is, then every other one", async () => {
    const bench = new Bench()
    bench.log.head = cursorAt(3)
    const feed = bench.open()
    assert.deepEqual(await feed.next(), { kind: "head", head: cursorAt(3) })
    bench.log.move(cursorAt(4))
    assert.deepEqual(await feed.next(), { kind: "head", head: cursorAt(4) })
    feed.end("dropped")
    bench.expectNothing()
  })

  it("T56 open() takes as many of a principal at a store as may be, and not one more", () => {
    const bench = new Bench({ livePerStoreMax: 2 }), feeds = [bench.open(), bench.open()]
    assert.throws(() => bench.open(), hasCode("rate_limited"))
    feeds.push(bench.open(BOB), bench.open(ALICE, "t"))
    feeds[0]!.end("bye")
    feeds.push(bench.open())
    assert.throws(() => bench.open(), hasCode("rate_limited"))
    for (const feed of feeds) feed.end("bye")
    bench.expectNothing()
  })

  it("T56 open() takes as many of all principals as may be, and holds nothing of two thousand more", () => {
    const bench = new Bench({ liveMax: 100, livePerStoreMax: 10 })
    let refused = 0
    for (let n = 0; n < 2100; n++) {
      try {
        bench.open({ ...ALICE, principal: `p${n % 210}` })
      } catch (error) {
        assert.ok(hasCode("overloaded")(error))
        refused++
      }
    }
    assert.deepEqual([refused, bench.listeners.size, bench.log.listeners.size], [2000, 100, 100])
    bench.listeners.end()
    bench.expectNothing()
  })

  it("open() ends when who asked is gone, and when the store is needed elsewhere", async () => {
    const bench = new Bench(), gone = new AbortController()
    const feed = bench.open(ALICE, "s", gone.signal), other = bench.open()
    gone.abort()
    assert.deepEqual(await feed.next(), { kind: "end" })
    for (const retire of [...bench.retires]) retire()
    assert.deepEqual(await other.next(), { kind: "bye" })
    assert.deepEqual(await bench.open(ALICE, "s", gone.signal).next(), { kind: "end" })
    bench.expectNothing()
  })

  it("wait() answers at once where the head is another, also one of the same position", async () => {
    const bench = new Bench()
    bench.log.head = cursorAt(5)
    for (const cursor of [cursorAt(4), cursorAt(6), cursorAt(5, 1), cursorAt(0)]) {
      assert.deepEqual(await bench.wait(cursor, 1000), cursorAt(5))
    }
    bench.expectNothing()
  })

  it("wait() answers when the head moves, and not before", async () => {
    const bench = new Bench()
    bench.log.head = cursorAt(5)
    let answer: Cursor | undefined
    const waiting = bench.wait(cursorAt(5), 25_000).then((head) => answer = head)
    bench.log.move(cursorAt(5))
    await bench.platform.advance(10_000)
    assert.equal(answer, undefined)
    bench.log.move(cursorAt(6))
    assert.deepEqual(await waiting, cursorAt(6))
    bench.expectNothing()
  })

  it("T60 wait() answers after the time that was asked for, at most that of the limits", async () => {
    for (const [asked, waited] of [[0, 0], [1, 1], [24_999, 24_999], [25_000, 25_000], [2 ** 53 - 1, 25_000]] as const) {
      const bench = new Bench(), began = bench.platform.millis
      let millis: number | undefined
      const waiting = bench.wait(cursorAt(0), asked).then(() => millis = bench.platform.millis - began)
      await turn()
      await bench.platform.advance(30_000)
      await waiting
      assert.ok(millis !== undefined && millis === waited, `${asked}: ${millis}`)
      bench.expectNothing()
    }
  })

  it("wait() answers early when who asked is gone, the store is needed, or the server ends all", async () => {
    const bench = new Bench(), gone = new AbortController()
    const first = bench.wait(cursorAt(0), 25_000, gone.signal)
    gone.abort()
    assert.deepEqual(await first, cursorAt(0))
    const second = bench.wait(cursorAt(0), 25_000)
    for (const retire of [...bench.retires]) retire()
    await second
    const third = bench.wait(cursorAt(0), 25_000)
    bench.listeners.end()
    await third
    bench.expectNothing()
  })
})
