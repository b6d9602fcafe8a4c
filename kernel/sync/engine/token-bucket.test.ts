import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { TokenBucket } from "./token-bucket.ts"

describe("TokenBucket", () => {
  const make = (): { bucket: TokenBucket; pass: (millis: number) => void } => {
    let now = 1_000_000
    return { bucket: new TokenBucket(() => now, 10, 0.01), pass: (millis) => void (now += millis) }
  }

  it("waitMillis is 0 until all tokens are taken, and then the time of one token", () => {
    const { bucket } = make()
    for (let taken = 0; taken < 10; taken++) {
      assert.equal(bucket.waitMillis, 0)
      bucket.take(1)
    }
    assert.equal(bucket.waitMillis, 100)
  })

  it("waitMillis is 0 again once that time has passed, and not a millisecond before", () => {
    const { bucket, pass } = make()
    bucket.take(10)
    pass(99)
    assert.equal(bucket.waitMillis, 1)
    pass(1)
    assert.equal(bucket.waitMillis, 0)
  })

  it("take() owes what is not there, and the debt is waited for", () => {
    const { bucket, pass } = make()
    bucket.take(110)
    assert.equal(bucket.waitMillis, 10_100)
    pass(10_100)
    assert.equal(bucket.waitMillis, 0)
  })

  it("holds no more than it can, however long nobody takes any", () => {
    const { bucket, pass } = make()
    pass(1e9)
    bucket.take(10)
    assert.equal(bucket.waitMillis, 100)
  })

  it("gives nothing for time that passes twice when the clock is set back", () => {
    const { bucket, pass } = make()
    bucket.take(10)
    pass(-5000)
    assert.equal(bucket.waitMillis, 100)
    pass(50)
    assert.equal(bucket.waitMillis, 50)
  })

  it("fill() makes it full", () => {
    const { bucket } = make()
    bucket.take(1000)
    bucket.fill()
    assert.equal(bucket.waitMillis, 0)
    bucket.take(10)
    assert.equal(bucket.waitMillis, 100)
  })
})
