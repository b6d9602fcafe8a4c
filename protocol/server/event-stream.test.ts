import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { turn } from "../../kernel/testing/gate.ts"
import { EventStreamParser } from "../client/event-stream.ts"
import { parseHint } from "../hints.ts"
import { eventStream, formatEvent } from "./event-stream.ts"
import { HeadFeed } from "./head-feed.ts"
import { cursorAt } from "./testing/double-log.ts"
import { HandPlatform } from "./testing/hand-platform.ts"

const setUp = () => {
  const platform = new HandPlatform(), told = { bytes: 0, ends: 0, feedEnds: 0 }
  const feed = new HeadFeed({ platform, isAllowed: () => Promise.resolve(true), onEnd: () => told.feedEnds++ })
  const stream = eventStream(feed, { onBytes: (bytes) => told.bytes += bytes, onEnd: () => told.ends++ })
  return { platform, feed, stream, told }
}

describe("formatEvent()", () => {
  it("T68 puts nothing into events but numbers and hexadecimal digits", () => {
    const text = [1, 2 ** 53 - 1].map((position) => formatEvent({ kind: "head", head: cursorAt(position, 0xfa) })).join("")
    assert.equal(text, `event: head\ndata: 1 ${"fa".repeat(16)}\n\nevent: head\ndata: 9007199254740991 ${"fa".repeat(16)}\n\n`)
    assert.equal(formatEvent({ kind: "beat" }), ": beat\n\n")
    assert.equal(formatEvent({ kind: "bye" }), "event: bye\ndata:\n\n")
  })

  it("is what the client of this package reads", () => {
    const parser = new EventStreamParser(), utf8 = new TextEncoder()
    const events = [formatEvent({ kind: "head", head: cursorAt(7) }), formatEvent({ kind: "beat" }), formatEvent({ kind: "bye" })]
      .flatMap((text) => parser.push(utf8.encode(text)))
    assert.deepEqual(events.map(({ type }) => type), ["head", "bye"])
    assert.deepEqual(parseHint(events[0]!.data), cursorAt(7))
  })
})

describe("eventStream()", () => {
  it("is the feed's events, one at a time, and ends with it", async () => {
    const { feed, stream, told } = setUp(), reader = stream.getReader()
    const read = async (): Promise<string> => new TextDecoder().decode((await reader.read()).value)
    feed.tell(cursorAt(1))
    assert.match(await read(), /^event: head\ndata: 1 /)
    feed.end("bye")
    assert.match(await read(), /^event: bye/)
    assert.equal((await reader.read()).done, true)
    await turn()
    assert.deepEqual([told.ends, told.feedEnds], [1, 1])
    assert.ok(told.bytes > 60)
  })

  it("ends the feed when the connection is gone, also while it waits for an event", async () => {
    const { feed, stream, told, platform } = setUp(), reader = stream.getReader()
    const reading = reader.read()
    await turn()
    await reader.cancel()
    await reading
    assert.deepEqual([feed.isEnded, told.ends, told.feedEnds, platform.timers], [true, 1, 1, 0])
  })

  it("T56 makes no event before the one before it was taken", async () => {
    const { feed, stream, told } = setUp()
    for (let n = 1; n < 100; n++) {
      feed.tell(cursorAt(n))
      await turn()
    }
    assert.equal(told.bytes, 0)
    const { value } = await stream.getReader().read()
    assert.match(new TextDecoder().decode(value), /data: 99 /)
  })
})
