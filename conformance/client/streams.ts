/** Cases: streams of hints: what is passed over in them, and what becomes of those that end, break, or are dead. */
import { ensure } from "../expect.ts"
import { dumb, eventOf, hears, lasting, listens, NEVER_MILLIS, pause, streaming } from "./listening.ts"
import { dropped } from "./misdeeds.ts"
import type { ClientCase } from "./trial.ts"

const DEAD = "A stream on which nothing came for 45 s is dead."
const AFTER_BREAK = "After every break or end of a stream a client pulls once, and comes back after a random time."

export const hintStreamCases: readonly ClientCase[] = [
  {
    id: "listening/passed-over",
    title: "Events and data that are none of this protocol are passed over, and the true hint between them is heard.",
    level: "MUST",
    requires: ["live"],
    rule: "Unknown events are ignored, and so is a `head` that is none.",
    why: "A server of tomorrow would end the program of today, or deafen it.",
    run: async (trial) => {
      const client = await trial.synced()
      const written = Promise.withResolvers<void>()
      trial.server.on(
        "watch",
        streaming(async function* (signal) {
          yield eventOf(0)
          yield "event: weather\ndata: rain\n\nevent: head\ndata: many\n\nevent: head\ndata: -1 00\n\nevent: head\ndata:\n\n"
          yield "data: 7 without an event\n\nid: 5\nretry: 1\n: beat\n\nevent: head\ndata: 007 ffffffffffffffffffffffffffffffff\n\n"
          yield "event: head\r\ndata: 99999999999999999999 ffffffffffffffffffffffffffffffff\r\n\r\nnonsense\n\n"
          await lasting(signal, written.promise)
          // In pieces, with another end of lines.
          for (const piece of ["event: he", "ad\r\nda", `ta: 1 ${"e".repeat(32)}\r`, "\n\r\n"]) {
            yield piece
            await pause(20)
          }
          await lasting(signal)
        }),
      )
      await client.start(NEVER_MILLIS)
      await listens(trial)
      await pause(500)
      await trial.elsewhere("theirs", 1)
      await pause(200)
      await client.lacks("theirs")
      written.resolve()
      await hears(trial, client, "theirs")
    },
  },
  {
    id: "listening/break",
    title: "After the end of a stream the client pulls once, since it may have missed something, and listens again.",
    level: "MUST",
    requires: ["live"],
    rule: AFTER_BREAK,
    why: "What is written while a stream is renewed, every minute, would not be seen until something else is written.",
    run: async (trial) => {
      const client = await trial.synced()
      const over = Promise.withResolvers<void>()
      trial.server.on("watch", dumb)
      trial.server.on(
        "watch",
        streaming(async function* (signal) {
          yield eventOf(0)
          await lasting(signal, over.promise)
          yield "event: bye\ndata:\n\n"
        }),
        1,
      )
      await client.start(NEVER_MILLIS)
      await listens(trial)
      await pause(1200) // a stream that lived
      await trial.elsewhere("theirs", 1)
      over.resolve()
      await trial.server.until("another watch", () => trial.server.of("watch").length > 1, 2 * trial.patienceMillis)
      await hears(trial, client, "theirs")
    },
  },
  {
    id: "listening/no-storm",
    title: "Streams that end at once are not opened again and again without a pause.",
    level: "MUST",
    requires: ["live"],
    rule: AFTER_BREAK,
    why: "A server in trouble would be kept there by its own clients.",
    run: async (trial) => {
      const client = await trial.synced()
      for (const route of ["watch", "wait"] as const) trial.server.on(route, dropped("before"))
      await client.start(NEVER_MILLIS)
      await pause(3000)
      const opened = trial.server.of("watch").length + trial.server.of("wait").length
      ensure(opened > 0 && opened <= 30, `${opened} streams and waits in 3 s, all of which were cut off`)
      ensure(trial.server.of("pull").length <= 40, `${trial.server.of("pull").length} pulls in 3 s`)
    },
  },
  {
    id: "listening/wait",
    title: "After three streams in a row that lived for less than a second the client uses wait, and hears by it.",
    level: "MUST",
    requires: ["live"],
    rule: "After three streams in a row that lived for less than a second it uses `wait`.",
    why: "Behind a proxy that cuts streams the device would hear nothing.",
    run: async (trial) => {
      const client = await trial.synced()
      trial.server.on(
        "watch",
        streaming(async function* () {
          yield eventOf(0)
        }),
      )
      await client.start(NEVER_MILLIS)
      await trial.server.until("a wait", () => trial.server.of("wait").length > 0, 2 * trial.patienceMillis)
      ensure(trial.server.of("watch").length >= 3, `it gave up streams after ${trial.server.of("watch").length}`)
      await trial.elsewhere("theirs", 1)
      await hears(trial, client, "theirs")
    },
  },
  {
    id: "listening/half-open",
    title: "A stream on which nothing comes is dead after 45 seconds: the client pulls and opens another one.",
    level: "MUST",
    requires: ["live", "minute"],
    rule: DEAD,
    why: "A connection that a router forgot would deafen the device until it is started anew.",
    run: async (trial) => {
      const client = await trial.synced()
      trial.server.on("watch", dumb, 1)
      await client.start(NEVER_MILLIS)
      await listens(trial)
      await trial.elsewhere("theirs", 1)
      const began = performance.now()
      await trial.server.until("another watch", () => trial.server.of("watch").length > 1, trial.minuteMillis)
      ensure(performance.now() - began > trial.minuteMillis * 0.6, "the stream was given up long before 45 s")
      await hears(trial, client, "theirs")
    },
  },
]
