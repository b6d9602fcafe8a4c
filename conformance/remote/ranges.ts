/** Ranges: what may be left out of a page, since the puller has it. */
import type { Part } from "../../kernel/ports/remote.ts"
import { ensure, equal } from "../expect.ts"
import type { BlockWriter } from "./block-writer.ts"
import { equalParts, pullAll, pushed, WHOLE_PAGE_BYTES } from "./stream.ts"
import type { RemoteCase, RemoteTrial } from "./trial.ts"

const RANGES_ALONE = "Own writers and how far this log has them: their blocks come back as ranges alone."
const LEFT_OUT =
  "A block may be left out of a page only if its writer stands in `have` with a seq of at least its `to`, and it has no withheld numbers."

/** Two writers take turns; answers the parts in order. */
const fillInTurns = async (trial: RemoteTrial, writers: readonly BlockWriter[]): Promise<readonly Part[]> => {
  const parts: Part[] = []
  for (let turn = 0; turn < 12; turn += 1) {
    const writer = writers[turn % writers.length]!
    parts.push(writer.write(2).part(writer.seq - 2))
    await pushed(trial.remote, parts.slice(-1))
  }
  return parts
}

export const rangeCases: readonly RemoteCase[] = [
  {
    id: "range/own-blocks",
    title: "blocks that the puller has may come as ranges alone; nothing else is left out",
    level: "MUST",
    requires: [],
    rule: LEFT_OUT,
    why: "A client that is told a range where it lacks the block misses data and does not know it.",
    async run(trial) {
      const [mine, other] = [trial.writer(), trial.writer()]
      const parts = await fillInTurns(trial, [mine, other])
      for (const partsBytesMax of [1, 300, WHOLE_PAGE_BYTES]) {
        const pulled = await pullAll(trial.remote, { have: [mine.dot()], partsBytesMax })
        const others = parts.filter((_, at) => at % 2 === 1)
        const left = pulled.parts.length === others.length ? others : parts
        equalParts(pulled.parts, left, "the parts of others")
        if (left === others) {
          const ranges = pulled.ranges.map(({ writer, seq }) => `${writer.join()} ${seq}`)
          equal(ranges.at(-1), `${mine.id.join()} ${mine.seq}`, "the last range")
          ensure(ranges.every((range) => range.startsWith(mine.id.join())), "a range is of a writer that was not named")
        }
        equal(pulled.next.position, parts.length, "the last page's next")
      }
    },
  },
  {
    id: "range/are-left-out",
    title: "blocks that the puller has do come as ranges alone",
    level: "SHOULD",
    requires: [],
    rule: RANGES_ALONE,
    why: "Without it each device downloads again all that it has just sent.",
    async run(trial) {
      const mine = trial.writer()
      await fillInTurns(trial, [mine])
      const { parts, ranges } = await pullAll(trial.remote, { have: [mine.dot()] })
      equal([parts.length, ranges.at(-1)?.seq], [0, mine.seq], "parts, and the last range")
    },
  },
  {
    id: "range/not-beyond",
    title: "a block that goes further than the puller has comes whole",
    level: "MUST",
    requires: [],
    rule: LEFT_OUT,
    why: "The end of the block would be missing on that device for ever.",
    async run(trial) {
      const mine = trial.writer().write(10)
      const parts = [mine.part(0, 4), mine.part(4, 8), mine.part(8, 10)]
      for (const part of parts) await pushed(trial.remote, [part])
      for (let seq = 1; seq <= 10; seq += 1) {
        const pulled = await pullAll(trial.remote, { have: [mine.dot(seq)] })
        const least = parts.filter((_, at) => seq < [4, 8, 10][at]!)
        equalParts(pulled.parts.slice(pulled.parts.length - least.length), least, `with ${seq} there`)
        const reached = Math.max(0, ...pulled.ranges.map((range) => range.seq))
        ensure(reached <= seq, `with ${seq} there: found a range up to ${reached}`)
      }
    },
  },
  {
    id: "range/withheld",
    title: "a block that withholds numbers comes whole, even to its writer's own log",
    level: "MUST",
    requires: [],
    rule: LEFT_OUT,
    why: "Numbers that were withheld may have come meanwhile from somebody else, and the device must learn it.",
    async run(trial) {
      const mine = trial.writer().write(6)
      const parts = [mine.part(0, 2), mine.part(2, 4, { withheld: [3] }), mine.part(4, 6)]
      for (const part of parts) await pushed(trial.remote, [part])
      const pulled = await pullAll(trial.remote, { have: [mine.dot()] })
      ensure(
        pulled.parts.some(({ content }) => content.join() === parts[1]!.content.join()),
        "the block with a withheld number is left out",
      )
    },
  },
  {
    id: "range/strangers",
    title: "writers that the remote never heard of, and numbers that it does not have, change nothing",
    level: "MUST",
    requires: [],
    rule: LEFT_OUT,
    why: "A client may know writers of other remotes; that must not make this one fail, or leave out something.",
    async run(trial) {
      const [mine, other, stranger] = [trial.writer(), trial.writer(), trial.writer().write(9)]
      const parts = await fillInTurns(trial, [mine, other])
      const have = [stranger.dot(), { writer: mine.id, seq: 2 ** 31 - 1 }]
      const { parts: found, next } = await pullAll(trial.remote, { have })
      const others = parts.filter((_, at) => at % 2 === 1)
      equalParts(found, found.length === others.length ? others : parts, "the parts of others")
      equal(next.position, parts.length, "the last page's next")
    },
  },
]
