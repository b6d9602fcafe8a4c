/** Pushes that are taken: what is stored, in which order, and how often. */
import type { Part } from "../../kernel/ports/remote.ts"
import { ensure, equal } from "../expect.ts"
import type { Dot } from "./block-writer.ts"
import { holds, holdsPairs, isSameCursor, type Ok, pushed } from "./stream.ts"
import type { RemoteCase } from "./trial.ts"

const ONE_FRAME =
  "Append one frame (F-30) that is not local, with those parts that bring something, byte for byte as they came; none if there is no such part."
const IDEMPOTENT = "A push is *idempotent*, without limit of time: whatever was taken before is skipped, by dot."
const PAIRS = "the server's pair of each writer of the push's blocks, and of no other"
const BRINGS =
  "A block brings something if its `to` is above the pair of its writer and above what blocks before it bring, or if it lists a number that is withheld there, or by a block before it."

export const pushCases: readonly RemoteCase[] = [
  {
    id: "push/first",
    title: "the first push of a writer is stored as one frame, byte for byte", // R13
    level: "MUST",
    requires: [],
    rule: ONE_FRAME,
    why: "A byte that is changed on the way is changed data on every other device.",
    async run(trial) {
      const writer = trial.writer().write(5)
      const answer = await pushed(trial.remote, [writer.part()])
      equal(answer.last.position, 1, "position of the last frame")
      const { next } = await holds(trial.remote, [writer.part()])
      ensure(isSameCursor(next, answer.last), "the page ends at another frame than the answer's last")
    },
  },
  {
    id: "push/pairs",
    title: "ok tells the pair of each writer that was sent, and of no other",
    level: "MUST",
    requires: [],
    rule: PAIRS,
    why: "The pairs are what the client crosses off: too much is lost for ever, too little is sent for ever.",
    async run(trial) {
      const [first, second, third] = [trial.writer().write(3), trial.writer().write(2), trial.writer().write(4)]
      holdsPairs(await pushed(trial.remote, [first.part()]), [{ ...first.dot(), withheld: [] }])
      holdsPairs(await pushed(trial.remote, [second.part(0, 1), third.part()]), [
        { ...second.dot(1), withheld: [] },
        { ...third.dot(), withheld: [] },
      ])
      holdsPairs(await pushed(trial.remote, [second.part(1, 2)]), [{ ...second.dot(), withheld: [] }])
      // What the log has, not what was sent.
      holdsPairs(await pushed(trial.remote, [third.part(0, 2)]), [{ ...third.dot(), withheld: [] }])
    },
  },
  {
    id: "push/dense",
    title: "each push is a frame of its own; positions have no gaps", // R14
    level: "MUST",
    requires: [],
    rule: ONE_FRAME,
    why: "A pull goes by positions: behind a hole, clients wait for a frame that never comes.",
    async run(trial) {
      const parts: Part[] = []
      for (let position = 1; position <= 20; position += 1) {
        const part = trial.writer().write(position % 3 + 1).part()
        parts.push(part)
        equal((await pushed(trial.remote, [part])).last.position, position, "position of the last frame")
      }
      await holds(trial.remote, parts)
    },
  },
  {
    id: "push/several-writers",
    title: "the blocks of one push, of several writers with equal numbers, are one frame in the order of the push", // R21
    level: "MUST",
    requires: [],
    rule: ONE_FRAME,
    why: "A batch takes effect as one; split or put in another order, other devices see half of it.",
    async run(trial) {
      const writers = [trial.writer().write(2), trial.writer().write(2), trial.writer().write(2)]
      const parts = [...writers.map((writer) => writer.part(0, 1)), ...writers.map((writer) => writer.part(1, 2)).reverse()]
      equal((await pushed(trial.remote, parts)).last.position, 1, "position of the last frame")
      await holds(trial.remote, parts)
    },
  },
  {
    id: "push/retry",
    title: "the same push again, many times, answers the same and stores nothing", // R15
    level: "MUST",
    requires: [],
    rule: IDEMPOTENT,
    why: "An answer that is lost is normal on a phone; stored twice, an edit that adds counts twice.",
    async run(trial) {
      const parts = [trial.writer().write(3).part(), trial.writer().write(1).part()]
      const first = await pushed(trial.remote, parts)
      const others = [trial.remote, await trial.another(), trial.remote]
      for (const remote of others) equalOk(await pushed(remote, parts), first)
      await holds(trial.remote, parts)
    },
  },
  {
    id: "push/late-retry",
    title: "a push again after 200 others stores nothing, and tells the pair of now", // R22
    level: "MUST",
    requires: [],
    rule: IDEMPOTENT,
    why: "A device that comes back after weeks sends what it sent before; it must neither double it nor be told old numbers.",
    async run(trial) {
      const [writer, other] = [trial.writer().write(4), trial.writer().write(200)]
      await pushed(trial.remote, [writer.part(0, 2)])
      for (const part of other.parts()) await pushed(trial.remote, [part])
      await pushed(trial.remote, [writer.part(2, 4)])
      const answer = await pushed(trial.remote, [writer.part(0, 2)])
      holdsPairs(answer, [{ ...writer.dot(), withheld: [] }])
      equal(answer.last.position, 202, "position of the last frame")
      await holds(trial.remote, [writer.part(0, 2), ...other.parts(), writer.part(2, 4)])
    },
  },
  {
    id: "push/overlap",
    title: "a range that overlaps what is there brings the rest, whatever it begins and ends with", // R16
    level: "MUST",
    requires: [],
    rule: "Ranges MAY overlap what the server has.",
    why: "After a lost answer a client sends more than is missing; what is there must not keep out what is not.",
    async run(trial) {
      const COUNT = 4
      const parts: Part[] = []
      for (let had = 1; had <= COUNT; had += 1) {
        for (let from = 0; from <= had; from += 1) {
          for (let to = from + 1; to <= COUNT; to += 1) {
            const writer = trial.writer().write(COUNT)
            await pushed(trial.remote, [writer.part(0, had)])
            const answer = await pushed(trial.remote, [writer.part(from, to)])
            holdsPairs(answer, [{ ...writer.dot(Math.max(had, to)), withheld: [] }])
            parts.push(writer.part(0, had), ...to > had ? [writer.part(from, to)] : [])
          }
        }
      }
      await holds(trial.remote, parts)
    },
  },
  {
    id: "push/overlap-in-one",
    title: "blocks of one push may follow and overlap each other; those that bring nothing are left out",
    level: "MUST",
    requires: [],
    rule: BRINGS,
    why: "Blocks that were carried by several devices overlap; taken twice, operations count twice.",
    async run(trial) {
      const [writer, other] = [trial.writer().write(6), trial.writer().write(1)]
      await pushed(trial.remote, [writer.part(0, 2)])
      const kept = [writer.part(1, 4), other.part(), writer.part(3, 6)]
      const left = [writer.part(0, 1), writer.part(2, 4), other.part()]
      const answer = await pushed(trial.remote, [left[0]!, kept[0]!, left[1]!, kept[1]!, kept[2]!, left[2]!])
      holdsPairs(answer, [{ ...writer.dot(), withheld: [] }, { ...other.dot(), withheld: [] }])
      await holds(trial.remote, [writer.part(0, 2), ...kept])
    },
  },
  {
    id: "push/void",
    title: "numbers that a listed operation covers may be left out, and count as brought", // R28
    level: "MUST",
    requires: [],
    rule:
      "A number is left out of a block only if it is withheld (the server refused the operation, W-35; or the client's log does not have it) or void (an operation that is listed in the same push covers it, F-42; never events and forgets).",
    why: "Compacted logs leave out what was overwritten; a remote that waits for those numbers never takes anything again.",
    async run(trial) {
      const writer = trial.writer()
      for (let seq = 1; seq <= 5; seq += 1) writer.write(1, { key: "one", context: seq === 1 ? [] : [writer.dot()] })
      const part = writer.part(0, 5, { listed: [5] })
      holdsPairs(await pushed(trial.remote, [part]), [{ ...writer.dot(), withheld: [] }])
      holdsPairs(await pushed(trial.remote, [writer.part(0, 3, { listed: [3] })]), [{ ...writer.dot(), withheld: [] }])
      await holds(trial.remote, [part])
    },
  },
  {
    id: "push/withheld",
    title: "numbers that a block withholds stand in the pair until their operations come",
    level: "MUST",
    requires: [],
    rule: BRINGS,
    why: "An operation that was refused is left out for good or for now; a remote that forgets this loses it or blocks its writer.",
    async run(trial) {
      const writer = trial.writer().write(5)
      const first = writer.part(0, 4, { withheld: [2, 3] })
      holdsPairs(await pushed(trial.remote, [first]), [{ ...writer.dot(4), withheld: [2, 3] }])
      holdsPairs(await pushed(trial.remote, [first]), [{ ...writer.dot(4), withheld: [2, 3] }])
      const second = writer.part(0, 3, { withheld: [2] })
      holdsPairs(await pushed(trial.remote, [second]), [{ ...writer.dot(4), withheld: [2] }])
      const third = writer.part(4, 5, { listed: [], withheld: [5] })
      holdsPairs(await pushed(trial.remote, [third]), [{ ...writer.dot(5), withheld: [2, 5] }])
      await holds(trial.remote, [first, second, third])
    },
  },
  {
    id: "push/links",
    title: "a writer may link to numbers that are there or that the same push brings",
    level: "MUST",
    requires: [],
    rule: "A link of a block from 0 to (u, s), where s is above the pair of u and above what this push brings of u: answer `unknown`.",
    why: "A device that opens its log again is a new writer; a link that is refused keeps all its later work at home.",
    async run(trial) {
      const [first, second, third] = [trial.writer().write(3), trial.writer().write(1), trial.writer().write(1)]
      const parts = [first.part(), second.part(0, 1, { links: [first.dot()] }), third.part(0, 1, { links: [second.dot()] })]
      await pushed(trial.remote, parts.slice(0, 2))
      await pushed(trial.remote, parts.slice(2))
      await holds(trial.remote, parts)
    },
  },
  {
    id: "push/kinds",
    title: "deletes, choices, events and forgets are stored and handed on like puts",
    level: "MUST",
    requires: [],
    rule: "Events (kind 3) and forgets (kind 4) of blocks are taken, stored and handed on like all operations.",
    why: "A delete or a choice that is lost comes back as data that users have removed.",
    async run(trial) {
      const writer = trial.writer().write(1, { key: "one" })
      const seen = (): readonly Dot[] => [writer.dot()]
      writer.write(1, { kind: "delete", key: "one", context: seen() })
      writer.write(1, { kind: "event", collection: "happened", key: "", value: { what: "something" } })
      writer.write(1, { kind: "forget", key: "one", context: [writer.dot(2)] })
      await pushed(trial.remote, [writer.part()])
      await holds(await trial.another(), [writer.part()])
    },
  },
  {
    id: "push/old-stamps",
    title: "stamps of 1970 are taken, also of own writers",
    level: "MUST",
    requires: [],
    rule: "past stamps are always taken",
    why: "Devices with wrong or slow clocks must get their data through: the stamp only orders it.",
    async run(trial) {
      const writer = trial.writer().write(2, { millis: 1 }).write(1, { millis: 0 })
      await pushed(trial.remote, [writer.part()])
      await holds(trial.remote, [writer.part()])
    },
  },
  {
    id: "push/values",
    title: "every kind of value, and keys of every script and length, come back as they were",
    level: "MUST",
    requires: [],
    rule: ONE_FRAME,
    why: "A remote that understands only common values loses those of somebody else.",
    async run(trial) {
      const writer = trial.writer()
      const values = [null, true, -1, 2 ** 53, 0.1, 2n ** 63n, "", "x".repeat(70_000), new Uint8Array(300), new Date(0), [], {}, {
        __proto__x: [{}],
      }]
      for (const value of values) writer.write(1, { value })
      for (const key of ["k".repeat(1024), "ключ", "鍵", "🔑", "\u0000", "a\r\nb", "__proto__"]) writer.write(1, { key })
      await pushed(trial.remote, [writer.part()])
      await holds(trial.remote, [writer.part()])
    },
  },
  {
    id: "push/callers-bytes",
    title: "what the caller does to its bytes after the answer changes nothing",
    level: "MUST",
    requires: [],
    rule: ONE_FRAME,
    why: "The client uses its buffers again; a remote that keeps them hands on other bytes than it took.",
    async run(trial) {
      const writer = trial.writer().write(3)
      const part = writer.part()
      await pushed(trial.remote, [part])
      part.content.fill(0)
      await holds(trial.remote, [writer.part()])
    },
  },
]

const equalOk = (found: Ok, expected: Ok): void => {
  holdsPairs(found, expected.pairs)
  ensure(isSameCursor(found.last, expected.last), `last: found ${found.last.position}, expected ${expected.last.position}`)
}
