/** Bodies on their way: cut off, in pieces, of another length than was said, too slow. */
import { randomBytes } from "node:crypto"
import { describe, ensure, equal } from "../expect.ts"
import { drawCall, requestOf } from "./message.ts"
import type { ServerCase, ServerTrial } from "./trial.ts"

const UNCHANGED = "An error means that nothing was done"
const PIECES = "Over HTTP/1.1 a body comes with its length or in chunks (RFC 9112, 6.3), in pieces of any size"
const TWO_LENGTHS = "a request whose head tells two lengths of its body, or one that is none, MUST NOT be taken"
const KIB = 1024
/** Time for a server to see that a connection is gone. */
const SETTLE_MILLIS = 100

const pause = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))

/** A push of about `bytes` bytes that is taken if it arrives. */
const pushOf = (trial: ServerTrial, bytes: number) => {
  const writer = trial.writer().write(1, { value: new Uint8Array(randomBytes(bytes)) }), call = drawCall()
  return { call, body: requestOf("push", trial.store, { own: [writer.id] }, [writer.part()], call) }
}

/** Bytes as chunks of HTTP/1.1, of `size` bytes each, the last one without an end if `isCut`. */
const chunksOf = function* (body: Uint8Array, size: number): Generator<Uint8Array | string> {
  for (let at = 0; at < body.length; at += size) {
    const piece = body.subarray(at, at + size)
    yield `${piece.length.toString(16)}\r\n`
    yield piece
    yield "\r\n"
  }
}

export const bodyCases: readonly ServerCase[] = [
  {
    id: "body/cut-off",
    title: "a push whose connection breaks off, at whichever kilobyte, stores nothing; then it can be sent whole", // R32
    level: "MUST",
    requires: [],
    rule: UNCHANGED,
    why: "Phones lose their connection in the middle of a push; half of one would be data that nobody wrote.",
    async run(trial) {
      const { body, call } = pushOf(trial, 20 * KIB)
      await trial.storesNothing("pushes that break off", async () => {
        for (const framing of ["length", "chunks"] as const) {
          // Behind each kilobyte, and before the last byte.
          for (const length of [...Array.from({ length: Math.ceil(body.length / KIB) }, (_, at) => at * KIB), body.length - 1]) {
            const connection = await trial.connect()
            const headers: Record<string, string> = framing === "length"
              ? { "content-length": String(body.length) }
              : { "transfer-encoding": "chunked" }
            await connection.write(trial.headOf({ route: "push", headers }))
            if (framing === "length") await connection.write(body.subarray(0, length))
            else for (const chunk of chunksOf(body.subarray(0, length), KIB)) await connection.write(chunk)
            if (length % (2 * KIB) === 0) await pause(1)
            trial.drop(connection)
          }
        }
        await pause(SETTLE_MILLIS)
      })
      const { fields } = trial.judge("the whole push", await trial.send({ route: "push", body }), call)
      equal([fields["type"], await trial.headPosition()], ["ok", 1], "type, and the position of the last frame")
    },
  },
  {
    id: "body/pieces",
    title: "a body may come in chunks of any size, and without a length", // R34
    level: "MUST",
    requires: [],
    rule: PIECES,
    why: "Networks cut bodies wherever they like; a server that expects them whole fails on real ones.",
    async run(trial) {
      for (const [count, size] of [1, 7, 1000, 100_000].entries()) {
        const { body, call } = pushOf(trial, size === 1 ? 100 : 3000), connection = await trial.connect()
        await connection.write(trial.headOf({ route: "push", headers: { "transfer-encoding": "chunked" } }))
        for (const chunk of chunksOf(body, size)) await connection.write(chunk)
        await connection.write("0\r\n\r\n")
        const answer = await trial.inTime("an answer", connection.answer())
        equal(trial.judge(`chunks of ${size} bytes`, answer, call).fields["type"], "ok", "type")
        equal(await trial.headPosition(), count + 1, "position of the last frame")
        trial.drop(connection)
      }
      const { body, call } = pushOf(trial, 300), connection = await trial.connect()
      const bytes = trial.requestBytes({ route: "push", body })
      for (let at = 0; at < bytes.length; at += 40) {
        await connection.write(bytes.subarray(at, at + 40))
        await pause(0)
      }
      const answer = await trial.inTime("an answer", connection.answer())
      equal(trial.judge("a head and a body in pieces of 40 bytes", answer, call).fields["type"], "ok", "type")
    },
  },
  {
    id: "body/lengths",
    title: "a body of another length than was said is not taken, nor one with lengths that contradict", // R34
    level: "MUST",
    requires: [],
    rule: TWO_LENGTHS,
    why: "Two servers in a row that disagree about where a request ends take the rest for a request of somebody else.",
    async run(trial) {
      const { body, call } = pushOf(trial, 3000), length = String(body.length)
      const lies: readonly Readonly<Record<string, string>>[] = [
        { "content-length": String(body.length - 9) },
        { "content-length": "abc" },
        { "content-length": `-${length}` },
        { "content-length": `${length}, ${body.length - 1}` },
        { "content-length": length, "transfer-encoding": "chunked" },
      ]
      await trial.storesNothing("bodies of a wrong length", async () => {
        for (const headers of lies) {
          const connection = await trial.connect()
          await connection.write(trial.headOf({ route: "push", headers }))
          await connection.write(body)
          // A server may close without a word; it must not take it.
          const answer = await trial.inTime("an answer or an end", connection.answer().catch(() => undefined))
          ensure(answer === undefined || answer.status >= 400, `${describe(headers)}: found status ${answer?.status}`)
          trial.drop(connection)
        }
      })
      equal(trial.judge("the push", await trial.send({ route: "push", body }), call).fields["type"], "ok", "type")
    },
  },
  {
    id: "body/slow",
    title: "a body that comes a byte a second, or not at all, is given up within a minute", // R33
    level: "SHOULD",
    requires: ["minute"],
    rule:
      "A server SHOULD give up a request whose head takes more than 10 s, or whose body takes more than 30 s or comes slower than 1,024 bytes a second, with `request_timeout`",
    why: "A few clients that send slowly take every connection of a server that waits for them.",
    async run(trial) {
      const minuteMillis = trial.subject.minuteMillis ?? 60_000
      const { body } = pushOf(trial, 3000), connection = await trial.connect()
      await connection.write(trial.headOf({ route: "push", headers: { "content-length": String(body.length) } }))
      const answer = connection.answer()
      let isDone = false
      answer.catch(() => undefined).finally(() => isDone = true)
      const late = performance.now() + minuteMillis
      for (let at = 0; !isDone && at < body.length - 1 && performance.now() < late; at += 1) {
        await connection.write(body.subarray(at, at + 1))
        await pause(minuteMillis / 60)
      }
      trial.judgeError("a slow body", await trial.inTime("an answer", answer), "request_timeout")
    },
  },
]
