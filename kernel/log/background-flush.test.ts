/** Goal: what is stored reaches the device in the background, once a second and not once a write. Method: timers of the test's own. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { BACKGROUND_FLUSH_MILLIS } from "../limits.ts"
import { TimedPlatform } from "../testing/platform.ts"
import { BackgroundFlush } from "./background-flush.ts"

function start(): { readonly platform: TimedPlatform; readonly flush: BackgroundFlush; readonly flushes: () => number } {
  const platform = new TimedPlatform()
  let count = 0
  return { platform, flush: new BackgroundFlush(platform, () => count++), flushes: () => count }
}

describe("BackgroundFlush", () => {
  it("start() flushes once, a second after the first of the writes", () => {
    const { platform, flush, flushes } = start()
    flush.start()
    platform.advance(BACKGROUND_FLUSH_MILLIS - 1)
    flush.start()
    assert.equal(platform.timers.length, 1)
    assert.equal(flushes(), 0)
    platform.advance(1)
    assert.equal(flushes(), 1)
    platform.advance(10 * BACKGROUND_FLUSH_MILLIS)
    assert.equal(flushes(), 1, "nothing was written since")
    flush.start()
    platform.advance(BACKGROUND_FLUSH_MILLIS)
    assert.equal(flushes(), 2)
  })

  it("start() sets a timer that keeps no process alive", () => {
    const { platform, flush } = start()
    flush.start()
    assert.deepEqual(platform.timers, [{ dueMillis: platform.millis + BACKGROUND_FLUSH_MILLIS, background: true }])
  })

  it("end() calls off what is due, and nothing where nothing is", () => {
    const { platform, flush, flushes } = start()
    flush.end()
    flush.start()
    flush.end()
    assert.deepEqual(platform.timers, [])
    platform.advance(BACKGROUND_FLUSH_MILLIS)
    assert.equal(flushes(), 0)
  })
})
