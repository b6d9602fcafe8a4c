/** Pushes that are not taken: nothing of them is stored, and the answer says why. */
import type { PushAnswer, Refusal } from "../../kernel/ports/remote.ts"
import { PartType } from "../../kernel/format/frame.ts"
import { describe, ensure, equal, fail } from "../expect.ts"
import { type BlockWriter, RawValue } from "./block-writer.ts"
import { farAhead, holds, holdsPairs, isUnknown, push, pushed, refuses } from "./stream.ts"
import type { RemoteCase } from "./trial.ts"

const NOTHING = "Nothing was stored (rule S19)."
const GAP =
  "A block whose `from` is above the seq of its writer's pair, and above what blocks before it in this push bring: answer `unknown`."
const AHEAD =
  "a put, delete or choice of a writer in `own` whose stamp is more than 300,000 ms (or what the server was told) ahead of its clock"
const NOT_JUDGED = "Events and forgets are never judged by stamp, nor is anything of writers that are not in `own`"
const DAMAGED = "every other failure is about the request and changes nothing"
const INVALID =
  "has a key that is not well-formed (F-4), a value that breaks F-6 or F-7, or is refused by a rule of the server's owner that looks at nothing but the operation"

/** Fails unless the answer refuses exactly these operations, with this code. */
const refusesOnly = (answer: PushAnswer | Error, writer: BlockWriter, seqs: readonly number[], code: Refusal["code"]): void => {
  if (answer instanceof Error || answer.kind !== "refused") return fail(`found ${describe(answer)}, expected refused`)
  equal(
    answer.refused.map((one) => `${one.writer.join()} ${one.seq} ${one.code}`),
    seqs.map((seq) => `${writer.id.join()} ${seq} ${code}`),
    "refused",
  )
  for (const { message } of answer.refused) {
    ensure(typeof message === "string" && new TextEncoder().encode(message).length <= 200, `message: found ${describe(message)}`)
  }
}

/** Fails unless the call failed, with an error that does not call for the same again. */
const isError = (answer: PushAnswer | Error): void => {
  if (!(answer instanceof Error)) return fail(`found ${answer.kind}, expected an error`)
  const { code, retryable } = Object(answer)
  ensure(
    typeof code === "string" && retryable === false,
    `found ${answer.name} with the code ${describe(code)}, retryable: ${describe(retryable)}`,
  )
}

export const refusalCases: readonly RemoteCase[] = [
  {
    id: "refusal/gap",
    title: "a block behind a gap is unknown", // R17
    level: "MUST",
    requires: [],
    rule: GAP,
    why: "A remote that takes a block behind a gap hands out effects without their causes, and never asks for what is missing.",
    async run(trial) {
      const [writer, other] = [trial.writer().write(5), trial.writer().write(1)]
      isUnknown(await refuses("a block of an unknown writer from 2", trial.remote, () => push(trial.remote, [writer.part(2, 3)])))
      await pushed(trial.remote, [writer.part(0, 2)])
      isUnknown(await refuses("a block from 3 with 2 there", trial.remote, () => push(trial.remote, [writer.part(3, 5)])))
      isUnknown(
        await refuses("a gap behind what could be taken", trial.remote, () => push(trial.remote, [other.part(), writer.part(3, 5)])),
      )
      await pushed(trial.remote, [writer.part(2, 5)])
    },
  },
  {
    id: "refusal/order-of-blocks",
    title: "a gap that a later block of the same push would fill is one",
    level: "MUST",
    requires: [],
    rule: GAP,
    why: "The order of a push is the order of its effects; a remote that sorts it hands out what nobody sent.",
    async run(trial) {
      const writer = trial.writer().write(2)
      isUnknown(await refuses("2 before 1", trial.remote, () => push(trial.remote, [writer.part(1, 2), writer.part(0, 1)])))
      await pushed(trial.remote, writer.parts())
      await holds(trial.remote, writer.parts())
    },
  },
  {
    id: "refusal/links",
    title: "a writer that claims to go on where the log has nothing is unknown",
    level: "MUST",
    requires: [],
    rule: "A link of a block from 0 to (u, s), where s is above the pair of u and above what this push brings of u: answer `unknown`.",
    why: "Taking the claim would let others wait for operations that no log has.",
    async run(trial) {
      const [first, second] = [trial.writer().write(3), trial.writer().write(1)]
      const link = (seq: number) => second.part(0, 1, { links: [first.dot(seq)] })
      isUnknown(await refuses("a link to an unknown writer", trial.remote, () => push(trial.remote, [link(1)])))
      await pushed(trial.remote, [first.part(0, 2)])
      isUnknown(await refuses("a link to 3 with 2 there", trial.remote, () => push(trial.remote, [link(3)])))
      await pushed(trial.remote, [link(2)])
    },
  },
  {
    id: "refusal/clock-ahead",
    title: "an own put or delete with a stamp far ahead is refused, and nothing of the push is stored", // R95
    level: "MUST",
    requires: [],
    rule: AHEAD,
    why: "One device whose clock is years ahead would win every conflict until then.",
    async run(trial) {
      const [writer, other] = [trial.writer().write(2), trial.writer().write(2)]
      writer.write(1, { millis: farAhead(trial) }).write(1).write(1, { kind: "delete", millis: farAhead(trial) })
      const answer = await refuses("stamps far ahead", trial.remote, () => push(trial.remote, [other.part(), writer.part()]))
      refusesOnly(answer, writer, [3, 5], "clock_ahead")
    },
  },
  {
    id: "refusal/clock-of-others",
    title: "the stamps of what is carried for others are not judged",
    level: "MUST",
    requires: [],
    rule: NOT_JUDGED,
    why: "Who relays cannot help the clocks of others, and would be blocked for good by one of them.",
    async run(trial) {
      const writer = trial.writer().write(1).write(1, { millis: farAhead(trial) })
      await pushed(trial.remote, [writer.part()], { own: [] })
      await holds(trial.remote, [writer.part()])
    },
  },
  {
    id: "refusal/clock-of-events",
    title: "the stamps of events and forgets are not judged",
    level: "MUST",
    requires: [],
    rule: NOT_JUDGED,
    why: "Events and forgets win no conflict, so a wrong clock there is no reason to lose them.",
    async run(trial) {
      const writer = trial.writer().write(1, { key: "one" })
      writer.write(1, { kind: "event", key: "", millis: farAhead(trial) })
      writer.write(1, { kind: "forget", key: "one", millis: farAhead(trial), context: [writer.dot(1)] })
      await pushed(trial.remote, [writer.part()])
      await holds(trial.remote, [writer.part()])
    },
  },
  {
    id: "refusal/seen",
    title: "what is there is never judged again",
    level: "MUST",
    requires: [],
    rule: "What the log has seen is never judged again; a number that is withheld there and arrives is.",
    why: "A retry that is refused for what was taken before makes the client drop data that all others have.",
    async run(trial) {
      const writer = trial.writer().write(2, { millis: farAhead(trial) }).write(1)
      await pushed(trial.remote, [writer.part(0, 2)], { own: [] })
      holdsPairs(await pushed(trial.remote, [writer.part(0, 2)]), [{ ...writer.dot(2), withheld: [] }])
      holdsPairs(await pushed(trial.remote, [writer.part(0, 3)]), [{ ...writer.dot(3), withheld: [] }])
      await holds(trial.remote, [writer.part(0, 2), writer.part(0, 3)])
    },
  },
  {
    id: "refusal/withheld",
    title: "what was refused can be withheld later, and is judged when it comes nevertheless",
    level: "MUST",
    requires: [],
    rule: "What the log has seen is never judged again; a number that is withheld there and arrives is.",
    why: "Without it one refused operation blocks all later work of its device, or slips in unjudged.",
    async run(trial) {
      const writer = trial.writer().write(1).write(1, { millis: farAhead(trial) }).write(2)
      refusesOnly(
        await refuses("a stamp far ahead", trial.remote, () => push(trial.remote, [writer.part(0, 3)])),
        writer,
        [2],
        "clock_ahead",
      )
      const part = writer.part(0, 3, { withheld: [2] })
      holdsPairs(await pushed(trial.remote, [part]), [{ ...writer.dot(3), withheld: [2] }])
      refusesOnly(await refuses("it again", trial.remote, () => push(trial.remote, [writer.part()])), writer, [2], "clock_ahead")
      await holds(trial.remote, [part])
    },
  },
  {
    id: "refusal/invalid-value",
    title: "a value that nobody could read is refused in the middle of a push, of which nothing is stored", // R26
    level: "MUST",
    requires: [],
    rule: INVALID,
    why: "One value that cannot be read would stop every device that pulls it.",
    async run(trial) {
      // Reserved, cut, bytes behind a value, a map with a key twice, a number in more bytes than it needs.
      const spoilt = [[0xc1], [0xa5, 0x61], [0x01, 0x02], [0x82, 0xa1, 0x61, 0x01, 0xa1, 0x61, 0x02], [0x81, 0x01, 0x01]]
      for (const bytes of spoilt) {
        const [writer, other] = [trial.writer().write(2).write(1, { value: new RawValue(...bytes) }).write(2), trial.writer().write(1)]
        const answer = await refuses(`the value ${bytes.join()}`, trial.remote, () => push(trial.remote, [other.part(), writer.part()]))
        refusesOnly(answer, writer, [3], "op_invalid")
      }
    },
  },
  {
    id: "refusal/invalid-key",
    title: "a key that is no UTF-8 is refused",
    level: "MUST",
    requires: [],
    rule: INVALID,
    why: "A key that cannot be read would stop every device that pulls it.",
    async run(trial) {
      for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0x61, 0xe2, 0x82]]) {
        const writer = trial.writer().write(1).write(1, { key: Uint8Array.from(bytes) }).write(1)
        const answer = await refuses(`the key ${bytes.join()}`, trial.remote, () => push(trial.remote, [writer.part()]))
        refusesOnly(answer, writer, [2], "op_invalid")
      }
    },
  },
  {
    id: "refusal/several",
    title: "refused operations of several blocks are all named, or the first ones; the rest can be sent without them",
    level: "MUST",
    requires: [],
    rule: NOTHING,
    why: "A client that learns of one refusal at a time needs as many attempts as there are; one told of wrong ones drops good data.",
    async run(trial) {
      const [first, second, third] = [trial.writer(), trial.writer(), trial.writer().write(1)]
      const ahead = { millis: farAhead(trial) }
      first.write(1, ahead).write(1).write(1, ahead)
      second.write(1).write(1, { value: new RawValue(0xc1) })
      const answer = await refuses("three bad ones", trial.remote, () => push(trial.remote, [first.part(), second.part(), third.part()]))
      if (answer instanceof Error || answer.kind !== "refused") return fail(`found ${describe(answer)}, expected refused`)
      const expected = [`${first.id.join()} 1`, `${first.id.join()} 3`, `${second.id.join()} 2`]
      const found = answer.refused.map(({ writer, seq }) => `${writer.join()} ${seq}`)
      ensure(found.length > 0, "it names none")
      equal(found, expected.slice(0, found.length), "refused")
      const parts = [first.part(0, 3, { withheld: [1, 3] }), second.part(0, 2, { withheld: [2] }), third.part()]
      await pushed(trial.remote, parts)
      await holds(trial.remote, parts)
    },
  },
  {
    id: "refusal/damaged-blocks",
    title: "blocks that are none are an error, and nothing of the push is stored", // R18
    level: "MUST",
    requires: [],
    rule: DAMAGED,
    why: "Bytes that are no block, once stored, stop every device that pulls them.",
    async run(trial) {
      const [writer, other] = [trial.writer().write(3), trial.writer().write(1)]
      const { content } = writer.part()
      const own = [writer.id, other.id]
      const damaged: Record<string, Uint8Array<ArrayBuffer>> = {
        "no bytes": new Uint8Array(0),
        "a cut block": content.slice(0, -1),
        "a byte behind a block": Uint8Array.of(...content, 0),
        "another number of elements": content.with(2, 0x17),
        "a range that ends before it begins": content.with(4 + 2 + 16, 5),
        "noise": crypto.getRandomValues(new Uint8Array(100)).with(0, 0xc1),
      }
      for (const [what, bytes] of Object.entries(damaged)) {
        const part = { type: PartType.block, content: bytes }
        isError(await refuses(what, trial.remote, () => push(trial.remote, [other.part(), part], { own })))
      }
      await pushed(trial.remote, [other.part(), writer.part()])
    },
  },
]
