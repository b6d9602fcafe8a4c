import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { EVENT_BYTES_MAX, EventStreamParser, EventTooLong, type StreamEvent } from "./event-stream.ts"

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const parse = (...chunks: readonly (string | Uint8Array)[]): readonly StreamEvent[] => {
  const parser = new EventStreamParser()
  return chunks.flatMap((chunk) => parser.push(typeof chunk === "string" ? bytesOf(chunk) : chunk))
}
const message = (data: string): StreamEvent => ({ type: "message", data })

describe("EventStreamParser", () => {
  it("reads the examples of the standard (WHATWG HTML, 9.2.6)", () => {
    assert.deepEqual(parse("data: YHOO\ndata: +2\ndata: 10\n\n"), [message("YHOO\n+2\n10")])
    assert.deepEqual(parse(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n"), [
      message("first event"),
      message("second event"),
      message(" third event"),
    ])
    assert.deepEqual(parse("data\n\ndata\ndata\n\ndata:"), [message(""), message("\n")])
    assert.deepEqual(parse("data:test\n\ndata: test\n\n"), [message("test"), message("test")])
    assert.deepEqual(parse("event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\n"), [
      { type: "add", data: "73857293" },
      { type: "remove", data: "2153" },
    ])
  })

  it("takes LF, CR and CRLF for the end of a line, also when a chunk ends between CR and LF", () => {
    for (const end of ["\n", "\r", "\r\n"]) {
      assert.deepEqual(parse(`event: head${end}data: 1${end}${end}data: 2${end}${end}`), [{ type: "head", data: "1" }, message("2")])
    }
    assert.deepEqual(parse("data: 1\r", "\n\r", "\ndata: 2\r\n", "\r\n"), [message("1"), message("2")])
    assert.deepEqual(parse("data: 1\r\r\n\n"), [message("1")])
  })

  it("passes over a byte order mark at the very beginning only", () => {
    assert.deepEqual(parse("\ufeffdata: 1\n\n\ufeffdata: 2\n\n"), [message("1")])
    assert.deepEqual(parse("\ufeff\ufeffdata: 1\n\n"), [])
  })

  it("makes no event of comments, of other fields, of a type alone, and of what the end of the stream cut", () => {
    assert.deepEqual(parse(": beat\n\nretry: 1\n\nid: 7\n\nDATA: x\n\nevent: head\n\ndata: never ended\n"), [])
    assert.deepEqual(parse("event: head\n\ndata: 1\n\n"), [message("1")])
  })

  it("keeps characters whole that are cut between chunks, and replaces bytes that are none", () => {
    const [euro, smile] = [bytesOf("€"), bytesOf("😀")]
    assert.deepEqual(parse("data: ", euro.subarray(0, 1), euro.subarray(1), smile.subarray(0, 3), smile.subarray(3), "\n\n"), [
      message("€😀"),
    ])
    assert.deepEqual(parse("data: ", Uint8Array.of(0xff, 0xe2, 0x82), "\n\n"), [message("\ufffd\ufffd")])
  })

  it("takes lines and data of 4,096 bytes, and no longer ones", () => {
    const field = "data: "
    const longest = "x".repeat(EVENT_BYTES_MAX - field.length)
    assert.deepEqual(parse(`${field}${longest}\n\n`), [message(longest)])
    assert.throws(() => parse(`${field}${longest}x`), EventTooLong)
    assert.throws(() => parse(`:${"x".repeat(EVENT_BYTES_MAX)}`), EventTooLong)
    assert.throws(() => parse(`data: ${"x".repeat(2000)}\n`.repeat(3)), EventTooLong)
  })

  it("T74 ends an endless comment after 4,096 bytes, however it is cut", () => {
    const parser = new EventStreamParser()
    const byte = Uint8Array.of(0x3a)
    let pushed = 0
    assert.throws(() => {
      for (; pushed < 1_000_000; pushed++) parser.push(byte)
    }, EventTooLong)
    assert.equal(pushed, EVENT_BYTES_MAX)
  })

  it("finds the same events however the stream is cut", () => {
    const line = fc.oneof(
      fc.constantFrom(
        "",
        "",
        "data",
        "data:",
        "data: x",
        "data:  y",
        "event: head",
        "event:bye",
        ": beat",
        "id: 3",
        "retry: 9",
        ":",
        "nonsense",
      ),
      fc.string({ unit: "binary", maxLength: 12 }).map((text) => `data: ${text.replace(/[\r\n]/g, "")}`),
    )
    const stream = fc.array(fc.tuple(line, fc.constantFrom("\n", "\r", "\r\n")), { maxLength: 30 })
    fc.assert(
      fc.property(stream, fc.boolean(), fc.array(fc.nat(40), { maxLength: 40 }), (lines, hasMark, cuts) => {
        const bytes = bytesOf(`${hasMark ? "\ufeff" : ""}${lines.flat().join("")}`)
        const whole = parse(bytes)
        assert.deepEqual(parse(...Array.from(bytes, (_, index) => bytes.subarray(index, index + 1))), whole)
        let offset = 0
        const chunks = cuts.map((length) => bytes.subarray(offset, offset += length))
        assert.deepEqual(parse(...chunks, bytes.subarray(offset)), whole)
      }),
      { numRuns: 1000, interruptAfterTimeLimit: 3000 },
    )
  })

  it("finds what a slow reader of the standard finds", () => {
    /** The standard's steps, over the whole text at once. */
    const slow = (text: string): readonly StreamEvent[] => {
      const events: StreamEvent[] = []
      let type = "", data: string[] = []
      for (const line of text.split(/\r\n|\r|\n/).slice(0, -1)) {
        const [, field = "", value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? []
        if (line === "") {
          if (data.length > 0) events.push({ type: type === "" ? "message" : type, data: data.join("\n") })
          type = ""
          data = []
        } else if (field === "event") type = value
        else if (field === "data") data.push(value)
      }
      return events
    }
    const piece = fc.constantFrom("\n", "\r", "\r\n", "\n\n", "data", ":", ": ", "event", "head", "x", " ", "é")
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join("")), (text) => assert.deepEqual(parse(text), slow(text))),
      { numRuns: 3000, interruptAfterTimeLimit: 3000 },
    )
  })
})
