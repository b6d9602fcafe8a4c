/** Hints as they travel: streams of events, and waits that end when something moved. */
import { formatHint } from "../../protocol/hints.ts"
import { describe, ensure, equal, fail } from "../expect.ts"
import type { AnswerHead, Connection } from "./connection.ts"
import { cursorField, drawCall, type Fields, requestOf } from "./message.ts"
import type { ServerCase, ServerTrial } from "./trial.ts"

const EVENTS =
  "the head: at once, and whenever it has moved; the position in decimal without leading zeros, a blank, the id in 32 lower-case hexadecimal digits. Of several moves the last one suffices"
const BEAT = "a sign of life, 15 to 21 s after the last one"
const ENDS =
  "A server ends a stream after 60 s, with jitter of at least ± 10 %, at once when rights or token end, and when a reader does not take what it is sent."
const WAITS =
  "It is answered when the head is another than `cursor`, and at the latest after that time, with `type` `head` and `head`, a cursor."
const NUMBERS_ALONE = "and nothing in them but numbers and ids"

/** A stream of hints that is read event by event. */
export class Events {
  readonly head: AnswerHead
  readonly #connection: Connection
  readonly #decoder = new TextDecoder()
  #text = ""

  constructor(connection: Connection, head: AnswerHead) {
    this.#connection = connection
    this.head = head
  }

  /** Asks for a stream of the store; fails unless it is given. */
  static async open(trial: ServerTrial, fields: Fields = {}): Promise<Events> {
    const connection = await trial.connect()
    await connection.write(trial.requestBytes({ route: "watch", body: requestOf("watch", trial.store, fields) }))
    const head = await trial.inTime("an answer", connection.head())
    const type = head.headers.get("content-type")?.split(";")[0]?.trim()
    equal([head.status, type], [200, "text/event-stream"], "status and media type of a stream")
    return new Events(connection, head)
  }

  /** The next event or comment, as it was sent, without the blank line behind it; undefined at the end of the stream. */
  async next(): Promise<string | undefined> {
    for (;;) {
      const end = this.#text.indexOf("\n\n")
      if (end >= 0) {
        const event = this.#text.slice(0, end)
        this.#text = this.#text.slice(end + 2)
        return event
      }
      const chunk = await this.#connection.chunk()
      if (chunk === undefined) return undefined
      this.#text += this.#decoder.decode(chunk, { stream: true }).replace(/\r\n?/g, "\n")
    }
  }

  /** The next event that is no comment. */
  async event(trial: ServerTrial): Promise<string | undefined> {
    for (;;) {
      const event = await trial.inTime("an event", this.next())
      if (event === undefined || !event.split("\n").every((line) => line.startsWith(":"))) return event
    }
  }

  /** Reads until the head is told; fails for anything else that is none, and at the end. */
  async until(trial: ServerTrial, hint: string): Promise<void> {
    for (let event = await this.event(trial);; event = await this.event(trial)) {
      if (event === undefined) return fail(`the stream ended before it told ${hint}`)
      const data = /^event: ?head\ndata: ?((?:0|[1-9][0-9]*) [0-9a-f]{32})$/.exec(event)?.[1]
      if (data === undefined) return fail(`found the event ${describe(event)}, expected a head`)
      if (data === hint) return
    }
  }
}

/** The head of a store as an event tells it. */
const hintOf = async (trial: ServerTrial): Promise<string> => formatHint((await trial.shakeHands()).head)
const pushOne = async (trial: ServerTrial): Promise<void> =>
  void await trial.answered("a push", "push", { parts: [trial.writer().write(1).part()] })

export const streamCases: readonly ServerCase[] = [
  {
    id: "stream/events",
    title: "a stream tells the head at once and when it has moved, as events of numbers alone", // R75, R85
    level: "MUST",
    requires: ["live"],
    rule: EVENTS,
    why: "A client that is told a wrong head starts anew, or waits while there is something new.",
    async run(trial) {
      const early = await Events.open(trial)
      await early.until(trial, `0 ${"0".repeat(32)}`)
      for (let count = 0; count < 3; count += 1) {
        await pushOne(trial)
        await early.until(trial, await hintOf(trial))
      }
      const late = await Events.open(trial)
      const event = await late.event(trial)
      equal(event?.replaceAll(": ", ":"), `event:head\ndata:${await hintOf(trial)}`, "the first event of a store with frames")
    },
  },
  {
    id: "stream/names",
    title: "a name of a store with line ends forges no event", // R85
    level: "MUST",
    requires: ["live"],
    rule: NUMBERS_ALONE,
    why: "A name with a line end would let one user write events into the streams of others.",
    async run(trial) {
      const store = trial.otherStore(`\n\nevent: head\ndata: 9 ${"9".repeat(32)}\n\n`)
      await trial.shakeHands(store)
      const events = await Events.open(trial, { store })
      await events.until(trial, `0 ${"0".repeat(32)}`)
    },
  },
  {
    id: "stream/plain",
    title: "a stream is never compressed",
    level: "MUST",
    requires: ["live"],
    rule: "Streams of hints are never compressed.",
    why: "Events that wait in a compressor come when the next one does, or never.",
    async run(trial) {
      const { head: { headers } } = await Events.open(trial, { accept: ["gzip"], features: ["gzip", "live"] })
      ensure(!headers.has("content-encoding"), `found the encoding ${headers.get("content-encoding")}`)
    },
  },
  {
    id: "stream/minute",
    title: "a stream gives a sign of life all 21 s, and ends with a bye after about a minute", // R80
    level: "MUST",
    requires: ["live", "minute"],
    rule: ENDS,
    why: "Proxies cut silent connections, and streams that never end pile up until the server stops.",
    async run(trial) {
      const minuteMillis = trial.subject.minuteMillis ?? 60_000, began = performance.now()
      const events = await Events.open(trial)
      const seen: string[] = []
      for (let last = performance.now();;) {
        // Some more than it may take: timers are late.
        const event = await trial.inTime(`a sign of life behind ${describe(seen)}`, events.next(), minuteMillis * 0.45)
        const silentMillis = performance.now() - last
        ensure(silentMillis < minuteMillis * 0.4, `${BEAT}: nothing came for ${Math.round(silentMillis)} ms`)
        last = performance.now()
        if (event === undefined) break
        seen.push(event.split("\n")[0]!)
      }
      const millis = performance.now() - began
      ensure(millis > minuteMillis * 0.7 && millis < minuteMillis * 1.4, `the stream ended after ${Math.round(millis)} ms`)
      ensure(seen.at(-1)?.replace(" ", "") === "event:bye", `the last event is ${describe(seen.at(-1))}`)
      ensure(seen.filter((line) => line.startsWith(":")).length >= 2, `signs of life: found ${describe(seen)}`)
    },
  },
  {
    id: "stream/bound",
    title: "streams of one principal at one store are bounded, and it is told when to come again",
    level: "SHOULD",
    requires: ["live"],
    rule: "A server SHOULD bound streams and waits of one principal at one store (to 10, by default), with `rate_limited`.",
    why: "One client that opens streams in a loop takes the server from all others.",
    async run(trial) {
      for (let count = 0; count < 64; count += 1) {
        const connection = await trial.connect()
        await connection.write(trial.requestBytes({ route: "watch", body: requestOf("watch", trial.store) }))
        const head = await trial.inTime("an answer", connection.head())
        if (head.status === 429) {
          const answer = { ...head, body: await trial.inTime("the rest of an answer", connection.body()) }
          const { error: { retryAfterMillis } } = trial.judgeError("a stream too many", answer, "rate_limited")
          const seconds = retryAfterMillis === undefined ? undefined : String(Math.ceil(retryAfterMillis / 1000))
          return equal(head.headers.get("retry-after"), seconds, `retry-after, of ${retryAfterMillis} ms`)
        }
        equal(head.status, 200, `stream ${count + 1}: status`)
      }
      fail("64 streams of one principal at one store are open")
    },
  },
]

/** The head that a wait answered. */
const headOf = (fields: Fields): string => {
  equal(fields["type"], "head", "type")
  const [position, id] = Object(fields["head"]) as [number, Uint8Array<ArrayBuffer>]
  return formatHint({ position, id })
}

export const waitCases: readonly ServerCase[] = [
  {
    id: "wait/at-once",
    title: "a wait for another head than there is ends at once, whatever the cursor is",
    level: "MUST",
    requires: ["live"],
    rule: WAITS,
    why: "A client that has missed something would wait a minute for the next change to learn of it.",
    async run(trial) {
      await pushOne(trial)
      const head = await hintOf(trial), ID = new Uint8Array(16).fill(9)
      for (const cursor of [[0, new Uint8Array(16)], [1, ID], [2, ID], [2 ** 53 - 1, ID]]) {
        const began = performance.now()
        const { fields } = await trial.answered("a wait", "wait", { fields: { cursor, waitMillis: 20_000 } })
        equal(headOf(fields), head, "the head")
        const millis = performance.now() - began
        ensure(millis < 5000, `a wait from another head took ${Math.round(millis)} ms`)
      }
    },
  },
  {
    id: "wait/moves",
    title: "a wait for the head that there is ends when it moves",
    level: "MUST",
    requires: ["live"],
    rule: WAITS,
    why: "Changes of others would show only when the wait is over.",
    async run(trial) {
      for (const waitMillis of [20_000, 2 ** 53 - 1]) {
        const { head } = await trial.shakeHands(), connection = await trial.connect(), call = drawCall()
        const body = requestOf("wait", trial.store, { cursor: cursorField(head), waitMillis }, [], call)
        await connection.write(trial.requestBytes({ route: "wait", body }))
        const answer = connection.answer()
        const early = await Promise.race([answer.then(() => true, () => true), new Promise((resolve) => setTimeout(resolve, 200, false))])
        equal(early, false, "a wait was answered though nothing moved")
        await pushOne(trial)
        const { fields } = trial.judge("a wait", await trial.inTime("an answer after a push", answer), call)
        equal(headOf(fields), await hintOf(trial), "the head")
        trial.drop(connection)
      }
    },
  },
  {
    id: "wait/time",
    title: "a wait ends when its time is over, with the head as it is",
    level: "MUST",
    requires: ["live"],
    rule: WAITS,
    why: "Without an end clients cannot tell a quiet store from a broken connection.",
    async run(trial) {
      await pushOne(trial)
      const { head } = await trial.shakeHands()
      for (const waitMillis of [0, 1, 300]) {
        const began = performance.now()
        const { fields } = await trial.answered(`a wait of ${waitMillis} ms`, "wait", { fields: { cursor: cursorField(head), waitMillis } })
        equal(headOf(fields), formatHint(head), "the head")
        const millis = performance.now() - began
        ensure(millis < waitMillis + 3000, `a wait of ${waitMillis} ms took ${Math.round(millis)} ms`)
      }
    },
  },
]
