import assert from "node:assert/strict"
import { describe, it } from "node:test"
import type { Part } from "../../kernel/ports/remote.ts"
import { ForeignWriter } from "../../kernel/testing/foreign-frame.ts"
import { WireError } from "../errors.ts"
import { HandPlatform } from "./testing/hand-platform.ts"
import { WriterQuota } from "./writer-quota.ts"

const HOUR_MILLIS = 3_600_000

const isLimited = (error: unknown): boolean => {
  assert.ok(error instanceof WireError)
  assert.equal(error.code, "rate_limited")
  assert.ok(error.retryAfterMillis !== undefined && error.retryAfterMillis >= 0 && error.retryAfterMillis <= HOUR_MILLIS)
  return true
}

/** The first block of a writer. */
const first = (byte: number): Part => new ForeignWriter(byte).put("k", 1).part()

describe("WriterQuota", () => {
  it("T58 admits new writers up to the bound, by principal", () => {
    const quota = new WriterQuota(new HandPlatform(), 3)
    quota.admit("a", "s", [first(1), first(2)])()
    quota.admit("a", "s", [first(3)])()
    assert.throws(() => quota.admit("a", "s", [first(4)]), isLimited)
    quota.admit("b", "s", [first(4)])()
    assert.equal(quota.remembered, 4)
  })

  it("T58 counts what was stored alone: a push that failed costs nothing", () => {
    const quota = new WriterQuota(new HandPlatform(), 1)
    for (let byte = 1; byte < 5; byte++) quota.admit("a", "s", [first(byte)])
    quota.admit("a", "s", [first(5)])()
    assert.throws(() => quota.admit("a", "s", [first(6)]), isLimited)
  })

  it("counts a writer once, however often its first block is pushed", () => {
    const quota = new WriterQuota(new HandPlatform(), 2)
    for (let n = 0; n < 5; n++) quota.admit("a", "s", [first(1), first(2)])()
    assert.equal(quota.remembered, 2)
  })

  it("counts a writer at each store for itself", () => {
    const quota = new WriterQuota(new HandPlatform(), 2)
    quota.admit("a", "s", [first(1)])()
    quota.admit("a", "t", [first(1)])()
    assert.throws(() => quota.admit("a", "u", [first(1)]), isLimited)
  })

  it("lets blocks pass that go on with a writer, and what is no block", () => {
    const quota = new WriterQuota(new HandPlatform(), 1)
    quota.admit("a", "s", [first(1)])()
    const writer = new ForeignWriter(9).put("k", 1)
    writer.part()
    quota.admit("a", "s", [writer.put("k", 2).part()])()
    for (const content of [[], [0xc1], [0x98, 0], [0xdc, 0, 24, 0, 0xc4, 3, 1, 2, 3, 0]]) {
      quota.admit("a", "s", [{ type: 1, content: new Uint8Array(content) }])()
    }
    quota.admit("a", "s", [{ ...first(7), type: 200 }])()
    assert.equal(quota.remembered, 1)
  })

  it("begins again after 24 hours, and when the clock is set back", async () => {
    const platform = new HandPlatform(), quota = new WriterQuota(platform, 1)
    quota.admit("a", "s", [first(1)])()
    await platform.advance(24 * HOUR_MILLIS - 1)
    assert.throws(() => quota.admit("a", "s", [first(2)]), isLimited)
    await platform.advance(1)
    quota.admit("a", "s", [first(2)])()
    assert.throws(() => quota.admit("a", "s", [first(3)]), isLimited)
    platform.millis -= HOUR_MILLIS
    quota.admit("a", "s", [first(3)])()
  })

  it("forgets the principals of longest ago when it would remember too much", () => {
    const quota = new WriterQuota(new HandPlatform(), 3, 5)
    for (const [n, principal] of ["a", "b", "c"].entries()) quota.admit(principal, "s", [first(3 * n + 1), first(3 * n + 2)])()
    assert.ok(quota.remembered <= 5)
    quota.admit("a", "s", [first(100), first(101), first(102)])()
    assert.throws(() => quota.admit("c", "s", [first(103), first(104)]), isLimited)
  })
})
