/** Sizes: what a server announces is what it takes, and what the protocol limits is refused whatever is announced. */
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { ensure, equal } from "../expect.ts"
import { CALL_HEAD, drawCall, fieldsOf, joined, rawRequest, requestOf, START_FIELD, valueOf } from "./message.ts"
import type { ServerCase, ServerTrial } from "./trial.ts"

const TOO_LARGE = "`bodyBytesMax` and `inflatedBytesMax` for a body as it travels and inflated"
const EVERY_MESSAGE = "These hold for every message:"
const FIELDS_BYTES_MAX = 1_048_576
const MIB = 1_048_576
/** Withheld numbers that one answer may have. */
const WITHHELD_MAX = 131_072

const names = (count: number): string[] => Array.from({ length: count }, (_, at) => `x-${at}`)
const writers = (count: number): Bytes[] =>
  Array.from({ length: count }, (_, at) => {
    const id = new Uint8Array(16).fill(0xb0)
    new DataView(id.buffer).setUint32(12, at + 1)
    return id
  })

/** A handshake whose fields have exactly `bytes` bytes; by hand, since no writer of values makes too large ones. */
const handshakeOf = (trial: ServerTrial, bytes: number): Bytes => {
  const fields = valueOf(fieldsOf("handshake", trial.store))
  const padding = new Uint8Array(bytes - fields.length - 2 - 5), { length } = padding
  const head = [0xa1, 0x78, 0xc6, length >>> 24, length >>> 16 & 0xff, length >>> 8 & 0xff, length & 0xff]
  return rawRequest({ fields: joined([fields[0]! + 1], fields.subarray(1), head, padding) })
}

export const sizeCases: readonly ServerCase[] = [
  {
    id: "size/body",
    title: "a body above what is announced is too large, with a length and without", // R35
    level: "MUST",
    requires: [],
    rule: TOO_LARGE,
    why: "Without the bound anybody can fill the server's memory; below it, clients are refused for ever.",
    async run(trial) {
      const { bodyBytesMax } = trial.handshake.limits
      if (bodyBytesMax > 64 * MIB) return trial.warn(`bodyBytesMax is ${bodyBytesMax}: not tried`)
      const announced = { route: "push", headers: { "content-length": String(bodyBytesMax + 1) } } as const
      const connection = await trial.connect()
      await connection.write(trial.headOf(announced))
      // Whoever waits for the body gets it; whoever has answered before does not.
      for (let sent = 0; sent <= bodyBytesMax && !connection.hasNews; sent += MIB) {
        await connection.write(new Uint8Array(Math.min(MIB, bodyBytesMax + 1 - sent)))
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      trial.judgeError("a byte more than announced", await trial.inTime("an answer", connection.answer()), "body_too_large")
      trial.drop(connection)

      const chunked = await trial.connect()
      await chunked.write(trial.headOf({ route: "push", headers: { "transfer-encoding": "chunked" } }))
      let sent = 0
      for (const chunk = new Uint8Array(65_536); sent <= bodyBytesMax + 16 * MIB && !chunked.hasNews; sent += chunk.length) {
        if (!await chunked.write("10000\r\n") || !await chunked.write(chunk) || !await chunked.write("\r\n")) break
        if (sent % MIB === 0) await new Promise((resolve) => setTimeout(resolve, 5))
      }
      ensure(sent <= bodyBytesMax + 16 * MIB, `a body without end: ${sent} bytes went through, announced are ${bodyBytesMax}`)
      // A server may end the connection with the answer, which is then lost on its way.
      const answer = await trial.inTime("an answer or an end", chunked.answer().catch(() => undefined))
      if (answer !== undefined) trial.judgeError("a body without end", answer, "body_too_large")
      await trial.answered("a handshake afterwards", "handshake")
    },
  },
  {
    id: "size/fields",
    title: "fields may have a mebibyte, and not a byte more",
    level: "MUST",
    requires: [],
    rule: EVERY_MESSAGE,
    why: "Clients fill messages up to this size; more must not cost memory.",
    async run(trial) {
      const { limits: { bodyBytesMax } } = trial.handshake
      if (bodyBytesMax < FIELDS_BYTES_MAX + 1000) return trial.warn(`bodyBytesMax is ${bodyBytesMax}: not tried`)
      for (const bytes of [FIELDS_BYTES_MAX - 1, FIELDS_BYTES_MAX]) {
        equal((await trial.send({ body: handshakeOf(trial, bytes) })).status, 200, `fields of ${bytes} bytes: status`)
      }
      await trial.refused("a byte more", { body: handshakeOf(trial, FIELDS_BYTES_MAX + 1) }, "invalid_request")
    },
  },
  {
    id: "size/lists",
    title: "lists are as long as they may be, and not longer",
    level: "MUST",
    requires: [],
    rule: EVERY_MESSAGE,
    why: "Clients fill lists up to this length; more must not cost time.",
    async run(trial) {
      for (const name of ["accept", "features"] as const) {
        equal(
          (await trial.send({ body: requestOf("handshake", trial.store, { [name]: names(64) }) })).status,
          200,
          `64 names of ${name}: status`,
        )
        await trial.refused(`65 names of ${name}`, { body: requestOf("handshake", trial.store, { [name]: names(65) }) }, "invalid_request")
      }
      const versions = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1)
      equal(
        (await trial.send({ body: requestOf("handshake", trial.store, { versions: versions(64) }) })).status,
        200,
        "64 versions: status",
      )
      await trial.refused("65 versions", { body: requestOf("handshake", trial.store, { versions: versions(65) }) }, "invalid_request")

      const writer = trial.writer().write(1), cursors = (count: number) => Array.from({ length: count }, () => START_FIELD)
      for (const more of [{ basis: cursors(9) }, { own: writers(4097) }]) {
        const body = requestOf("push", trial.store, more, [writer.part()])
        await trial.refused(`more of ${Object.keys(more).join()} than may be`, { route: "push", body }, "invalid_request")
      }
      equal(await trial.headPosition(), 0, "position of the last frame")
      const fields = { basis: cursors(8), own: [...writers(4095), writer.id] }
      equal((await trial.answered("as many as may be", "push", { fields, parts: [writer.part()] })).fields["type"], "ok", "type")

      const have = (count: number) => writers(count).map((id) => [id, 1])
      await trial.answered("4,096 of have", "pull", { fields: { have: have(4096) } })
      await trial.refused("4,097 of have", { route: "pull", body: requestOf("pull", trial.store, { have: have(4097) }) }, "invalid_request")
    },
  },
  {
    id: "size/withheld",
    title: "a push whose withheld numbers would not fit its answer is too large, and nothing of it is stored",
    level: "MUST",
    requires: [],
    rule: "A server whose withheld numbers do not fit the answer (W-51) answers `batch_too_large`.",
    why: "A push that is stored and cannot be answered is sent again for ever.",
    async run(trial) {
      const { partsBytesMax } = trial.handshake.limits
      if (partsBytesMax < 22 * WITHHELD_MAX) return trial.warn(`partsBytesMax is ${partsBytesMax}: not tried`)
      const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1)
      const writer = trial.writer().write(WITHHELD_MAX + 2)
      const push = (to: number) => ({ fields: { own: [writer.id] }, parts: [writer.part(0, to, { withheld: numbers(to - 1) })] })
      await trial.storesNothing("more withheld numbers than an answer has", async () => {
        const { fields, parts } = push(WITHHELD_MAX + 2)
        await trial.refused("a number more", { route: "push", body: requestOf("push", trial.store, fields, parts) }, "batch_too_large")
      })
      const { fields } = await trial.answered("as many as an answer has", "push", push(WITHHELD_MAX + 1))
      equal(fields["type"], "ok", "type")
      const [[, seq, withheld]] = Object(fields["pairs"]) as [[unknown, number, readonly number[]]]
      equal([seq, withheld.length, withheld.at(-1)], [WITHHELD_MAX + 1, WITHHELD_MAX, WITHHELD_MAX], "seq, and what is withheld")
    },
  },
  {
    id: "size/page",
    title: "a page weighs the withheld numbers that it names",
    level: "MUST",
    requires: [],
    rule:
      "A withheld number counts as 20 bytes of parts, beside the block that names it, since whoever pulls it has to tell of each (F-58).",
    why: "A page that nobody can be told of stops whoever pulls it.",
    async run(trial) {
      const { partsBytesMax } = trial.handshake.limits
      // Two of them fit a page by their bytes, and do not by what they weigh.
      const count = Math.min(100_000, Math.floor(partsBytesMax / 20 * 0.6))
      const numbers = Array.from({ length: count }, (_, at) => at + 1)
      for (let time = 0; time < 2; time += 1) {
        const writer = trial.writer().write(count + 1), parts = [writer.part(0, count + 1, { withheld: numbers })]
        equal((await trial.answered("a push", "push", { fields: { own: [writer.id] }, parts })).fields["type"], "ok", "type")
      }
      const page = await trial.answered("a pull", "pull", { fields: { partsBytesMax: 2 ** 53 - 1 } })
      equal([page.parts.length, Object(page.fields["next"])[0], page.fields["upToDate"]], [1, 1, false], "parts, next, upToDate")
    },
  },
  {
    id: "size/parts",
    title: "a push with more parts than a message may have is refused, and nothing of it is stored", // R35
    level: "MUST",
    requires: [],
    rule: EVERY_MESSAGE,
    why: "A push that is stored in part is data that nobody wrote.",
    async run(trial) {
      const { content } = trial.writer().write(1, { value: null }).part()
      // By hand: no writer of messages makes such a one.
      const part = [0x92, 1, 0xc6, 0, 0, content.length >> 8, content.length & 0xff, ...content]
      const parts = new Uint8Array(3 + 4097 * part.length)
      parts.set([0xdc, 0x10, 0x01])
      for (let at = 0; at < 4097; at += 1) parts.set(part, 3 + at * part.length)
      const body = rawRequest({ fields: valueOf(fieldsOf("push", trial.store)), parts, call: joined(CALL_HEAD, drawCall()) })
      const { partsMax } = trial.handshake.limits
      await trial.storesNothing("a part more than announced", async () => {
        if (partsMax >= 4096) return
        const more = Array.from({ length: partsMax + 1 }, () => trial.writer().write(1).part())
        await trial.refused(
          "a part more than announced",
          { route: "push", body: requestOf("push", trial.store, {}, more) },
          "batch_too_large",
        )
      })
      await trial.storesNothing("4,097 parts", async () => {
        await trial.refused("4,097 parts", { route: "push", body }, "invalid_request", "batch_too_large")
      })
    },
  },
]
