/** Mutations: good requests with some bytes changed and a checksum that is right again, as nobody would think of them. */
import { BlockColumns } from "../../kernel/format/block-columns.ts"
import { ByteReader } from "../../kernel/format/bytes.ts"
import { checkValue } from "../../kernel/format/msgpack.ts"
import { decodeBlock } from "../../kernel/format/operation-block.ts"
import { isUtf8 } from "../../kernel/format/utf8.ts"
import type { Part } from "../../kernel/ports/remote.ts"
import { describe, describeError, ensure, outcomeOf } from "../expect.ts"
import { requestOf, sealed, unsealed } from "./message.ts"
import type { ServerCase, ServerTrial } from "./trial.ts"

const REFUSES =
  "It MUST refuse what is not a message, what breaks the limits of section 8, and fields that are missing or not as described: a server with `invalid_request`, a client as W-65 says."
const REQUESTS = 200
const CHANGES_MAX = 6
/** Bytes that begin or end something in MessagePack. */
const MARKERS: readonly number[] = [
  0x00,
  0x7f,
  0x80,
  0x8f,
  0x90,
  0x9f,
  0xa0,
  0xc0,
  0xc1,
  0xc4,
  0xc6,
  0xcb,
  0xcf,
  0xd3,
  0xd9,
  0xdc,
  0xdf,
  0xff,
]

/** Numbers below a bound, drawn from a seed (mulberry32). */
const drawer = (seed: number): (below: number) => number => {
  let state = seed
  return (below) => {
    state = state + 0x6d2b79f5 | 0
    let mixed = Math.imul(state ^ state >>> 15, 1 | state)
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed
    return ((mixed ^ mixed >>> 14) >>> 0) % below
  }
}

/** A request with some bytes changed, but for those of the store's name: no other store is to be made. */
const mutated = (request: Uint8Array, name: string, draw: (below: number) => number): Uint8Array => {
  const bytes = unsealed(request).slice(), text = new TextDecoder("latin1").decode(bytes)
  const from = text.indexOf(name) - 2, to = from + 2 + name.length
  for (let left = 1 + draw(CHANGES_MAX); left > 0; left -= 1) {
    const at = draw(bytes.length)
    if (at < from || at >= to) bytes[at] = draw(2) === 0 ? MARKERS[draw(MARKERS.length)]! : draw(256)
  }
  return sealed(bytes)
}

/** Why nobody could read a part; undefined if everybody can. */
const faultOf = async ({ content }: Part): Promise<string | undefined> => {
  const outcome = await outcomeOf(() => {
    const [reader, block] = [new ByteReader("a part"), new BlockColumns()]
    reader.point(content, 0, content.length)
    decodeBlock(reader, block)
    reader.expectEnd()
    for (let row = 0; row < block.count; row += 1) {
      ensure(isUtf8(block.bytes, block.keyStarts[row]!, block.keyEnds[row]!), `row ${row} has a key that is no text`)
      if (block.valueEnds[row]! > block.valueStarts[row]!) checkValue(block.bytes, block.valueStarts[row]!, block.valueEnds[row]!)
    }
  })
  return outcome.kind === "error" ? describeError(outcome.error) : undefined
}

const requests = (trial: ServerTrial): readonly (readonly ["handshake" | "push" | "pull", Uint8Array])[] => {
  const writer = trial.writer().write(3, { value: { text: "hi", list: [1, 2n, new Date(0)] } }).write(1, { kind: "delete", key: "key 1" })
  const push = requestOf("push", trial.store, { own: [writer.id] }, [writer.part(0, 2), writer.part(2, 4)])
  return [
    ["push", push],
    ["push", push],
    ["pull", requestOf("pull", trial.store, { have: [[writer.id, 1]] })],
    ["handshake", requestOf("handshake", trial.store, { accept: ["gzip"], features: ["live"] })],
  ]
}

export const mutationCases: readonly ServerCase[] = [
  {
    id: "message/mutated",
    title: "whatever bytes are changed in a request, the server does not fail at it, and stores nothing that nobody can read", // T8, T32, T40
    level: "MUST",
    requires: [],
    rule: REFUSES,
    why: "Bytes that nobody thought of come from broken clients and from attackers; they must harm neither the server nor other devices.",
    async run(trial) {
      const seed = crypto.getRandomValues(new Uint32Array(1))[0]!, draw = drawer(seed)
      for (let count = 0; count < REQUESTS; count += 1) {
        const all = requests(trial), [route, request] = all[draw(all.length)]!
        const body = mutated(request, trial.store, draw), what = `${route} ${count} of the seed ${seed}`
        const answer = await trial.send({ route, body })
        const { fields } = trial.message(what, answer)
        ensure(
          answer.status === 200 || answer.status >= 400 && answer.status < 500,
          `${what}: found status ${answer.status}, ${describe(fields["code"])}`,
        )
      }
      for (let cursor: unknown = undefined;;) {
        const { fields, parts } = await trial.answered("a pull", "pull", { fields: cursor === undefined ? {} : { cursor } })
        for (const part of parts) {
          const fault = await faultOf(part)
          ensure(fault === undefined, `with the seed ${seed} it stored what nobody can read: ${fault}`)
        }
        if (fields["upToDate"] === true) break
        cursor = fields["next"]
      }
    },
  },
]
