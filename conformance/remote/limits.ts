/** Limits: what a handshake announces is taken, to the last byte, and what is more is refused as a whole. */
import type { Part, PushAnswer } from "../../kernel/ports/remote.ts"
import { ensure, equal, fail } from "../expect.ts"
import type { BlockWriter } from "./block-writer.ts"
import { holds, holdsPairs, pull, pullAll, push, pushed, refuses } from "./stream.ts"
import type { RemoteCase, RemoteTrial } from "./trial.ts"

const TAKES = "A server MUST take a push within these limits"
const PAGES = "for what one push may bring and what one page may have"
/** Values of this size are far from every limit of their own. */
const VALUE_BYTES = 200_000
/** What the protocol lets a message have, whatever is announced. */
const PARTS_MAX = 4096
const PARTS_BYTES_MAX = 3_800_000

/** Parts of exactly `bytes` bytes, each of a writer of its own. */
const partsOf = (trial: RemoteTrial, bytes: number): readonly Part[] => {
  const make = (length: number): Part => trial.writer().write(1, { value: new Uint8Array(length) }).part()
  const parts: Part[] = []
  let left = bytes
  for (; left > 2 * VALUE_BYTES; left -= parts.at(-1)!.content.length) parts.push(make(VALUE_BYTES))
  const around = make(left).content.length - left
  return [...parts, make(left - around)]
}

const bytesOf = (parts: readonly Part[]): number => parts.reduce((sum, { content }) => sum + content.length, 0)

/** Fails unless the call failed with an error that says that it was too much. */
const isTooMuch = (answer: PushAnswer | Error): void => {
  if (!(answer instanceof Error)) return fail(`found ${answer.kind}, expected an error`)
  const { code, details } = Object(answer)
  const codes = ["batch_too_large", "body_too_large"]
  ensure(codes.includes(code) || codes.includes(Object(details).remoteCode), `found ${answer.name}: ${answer.message}`)
}

export const limitCases: readonly RemoteCase[] = [
  {
    id: "limit/bytes",
    title: "a push with as many bytes of parts as announced is taken, and comes back", // R35
    level: "MUST",
    requires: [],
    rule: TAKES,
    why: "A client that fills its push up to what was announced would be refused for ever.",
    async run(trial) {
      const { partsBytesMax } = trial.handshake.limits
      const bytes = Math.min(partsBytesMax, PARTS_BYTES_MAX)
      for (const length of [bytes - 1, bytes]) {
        const parts = partsOf(trial, length)
        equal(bytesOf(parts), length, "bytes of parts")
        await pushed(trial.remote, parts)
      }
      equal(bytesOf((await pullAll(trial.remote)).parts), 2 * bytes - 1, "bytes of parts that come back")
    },
  },
  {
    id: "limit/operations",
    title: "a push with as many operations as announced is taken, one with more is not, and nothing of it is stored",
    level: "MUST",
    requires: [],
    rule: "more than it announced (W-52) is `batch_too_large`",
    why: "Too low, clients are refused for ever; not kept, one push can take all memory of the server.",
    async run(trial) {
      const { operationsMax } = trial.handshake.limits
      if (operationsMax > 200_000) return trial.warn(`operationsMax is ${operationsMax}: not tried`)
      // As small as they get, in blocks of a few thousand.
      const small = (count: number): BlockWriter =>
        trial.writer().write(count, { millis: trial.handshake.serverTimeMillis, key: "k", value: null })
      const split = (writer: BlockWriter): readonly Part[] => {
        const parts: Part[] = []
        for (let from = 0; from < writer.seq; from += 8192) parts.push(writer.part(from, Math.min(writer.seq, from + 8192)))
        return parts
      }
      const [exact, more] = [small(operationsMax), small(operationsMax + 1)]
      holdsPairs(await pushed(trial.remote, split(exact)), [{ ...exact.dot(), withheld: [] }])
      isTooMuch(await refuses("an operation more", trial.remote, () => push(trial.remote, split(more))))
    },
  },
  {
    id: "limit/parts",
    title: "a push with as many parts as announced is taken, and comes back in one page",
    level: "MUST",
    requires: [],
    rule: TAKES,
    why: "A client that fills its push up to what was announced would be refused for ever.",
    async run(trial) {
      const count = Math.min(trial.handshake.limits.partsMax, PARTS_MAX)
      const parts = Array.from({ length: count }, () => trial.writer().write(1, { value: null }).part())
      equal((await pushed(trial.remote, parts)).pairs.length, count, "pairs")
      await holds(trial.remote, parts)
    },
  },
  {
    id: "limit/pages",
    title: "a page has no more bytes and parts than announced, whatever is asked for",
    level: "MUST",
    requires: [],
    rule: PAGES,
    why: "A client bounds its memory by what was announced, and drops connections that break it.",
    async run(trial) {
      const { partsBytesMax, partsMax } = trial.handshake.limits
      // Two of either fit a page, three do not; together they come near both limits.
      const count = Math.floor(Math.min(partsMax, PARTS_MAX) * 0.4)
      const bytes = Math.floor(Math.min(partsBytesMax, PARTS_BYTES_MAX) * 0.4)
      for (let turn = 0; turn < 3; turn += 1) {
        await pushed(trial.remote, Array.from({ length: count }, () => trial.writer().write(1, { value: null }).part()))
        await pushed(trial.remote, partsOf(trial, bytes))
      }
      const { pages } = await pullAll(trial.remote, { partsBytesMax: 2 ** 31 })
      for (const [at, { parts, next }] of pages.entries()) {
        const isSingle = next.position - (pages[at - 1]?.next.position ?? 0) === 1
        ensure(isSingle || bytesOf(parts) <= partsBytesMax, `a page has ${bytesOf(parts)} bytes of parts, announced are ${partsBytesMax}`)
        ensure(isSingle || parts.length <= partsMax, `a page has ${parts.length} parts, announced are ${partsMax}`)
      }
    },
  },
  {
    id: "limit/tiny-page",
    title: "a pull may ask for a single byte, or for more than anybody has",
    level: "MUST",
    requires: [],
    rule: "Bytes of parts; at least one frame comes, if there is one.",
    why: "Clients with little memory ask for little; those that ask for much must not fail, nor take the server's memory.",
    async run(trial) {
      const writer = trial.writer().write(3)
      for (const part of writer.parts()) await pushed(trial.remote, [part])
      for (const [partsBytesMax, frames] of [[1, 1], [2 ** 53 - 1, 3]] as const) {
        const answer = await pull(trial.remote, { partsBytesMax })
        ensure(
          answer.kind === "page" && answer.next.position === frames,
          `partsBytesMax ${partsBytesMax}: found ${answer.kind} of another size`,
        )
      }
    },
  },
]
