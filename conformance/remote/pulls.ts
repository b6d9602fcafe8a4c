/** Pulls: pages of whole frames in order, whatever their size, and what may be left out of them. */
import type { Part } from "../../kernel/ports/remote.ts"
import { ensure, equal } from "../expect.ts"
import { equalParts, holds, isSameCursor, type Page, pullAll, pullPage, pushed, START, WHOLE_PAGE_BYTES } from "./stream.ts"
import type { RemoteCase, RemoteTrial } from "./trial.ts"

const WHOLE_FRAMES =
  "A page has whole frames, in the order of the log without gaps: as many as fit the least of `partsBytesMax`, the server's own limit and section 8, and at least one if there is one."
const IN_ORDER = "The frames behind the cursor, whole, their parts in order."
const REPEATABLE = "Every verb may be called again at any time with the same effect"

/** A log of 30 frames with 1 to 4 blocks each, of three writers; answers the parts of each frame. */
const fill = async (trial: RemoteTrial): Promise<readonly (readonly Part[])[]> => {
  const writers = [trial.writer(), trial.writer(), trial.writer()]
  const frames: (readonly Part[])[] = []
  for (let number = 1; number <= 30; number += 1) {
    const brought = writers.filter((_, at) => (number >> at) % 2 === 1 || at === number % 3)
    const parts = brought.map((writer) =>
      writer.write(number % 4 + 1, { value: "v".repeat(number * 7) }).part(writer.seq - (number % 4 + 1))
    )
    await pushed(trial.remote, parts)
    frames.push(parts)
  }
  return frames
}

const bytesOf = (parts: readonly Part[]): number => parts.reduce((sum, { content }) => sum + content.length, 0)
const words = ({ parts, ranges, next, upToDate, head }: Page): string =>
  JSON.stringify([
    parts.map(({ content }) => content.join()),
    ranges.map(({ writer, seq }) => `${writer.join()} ${seq}`),
    next.position,
    next.id.join(),
    upToDate,
    head,
  ])

export const pullCases: readonly RemoteCase[] = [
  {
    id: "pull/empty-store",
    title: "a store without frames answers a page without parts that is up to date",
    level: "MUST",
    requires: [],
    rule: "last frame of this page; the cursor that was sent, if there is none behind it",
    why: "The first device of a user meets an empty store; an error there ends syncing before it begins.",
    async run({ remote }) {
      const page = await pullPage(remote)
      equal([page.parts.length, page.upToDate, page.head], [0, true, 0], "parts, upToDate, head")
      ensure(isSameCursor(page.next, START), "next is not the start")
    },
  },
  {
    id: "pull/at-head",
    title: "a pull from the head answers a page without parts that is up to date, again and again", // R46
    level: "MUST",
    requires: [],
    rule: "A page without frames is an answer like any other",
    why: 'Asking for news when there is none is the most frequent call; a client that is not told "up to date" asks for ever.',
    async run(trial) {
      const { last } = await pushed(trial.remote, [trial.writer().write(2).part()])
      for (let count = 0; count < 5; count += 1) {
        const page = await pullPage(trial.remote, { cursor: last })
        equal([page.parts.length, page.upToDate, page.head], [0, true, 1], "parts, upToDate, head")
      }
    },
  },
  {
    id: "pull/page-sizes",
    title: "pages of every size bring the same stream, and none is larger than was asked unless it is one frame", // R43, R45
    level: "MUST",
    requires: [],
    rule: WHOLE_FRAMES,
    why: "A phone asks for small pages; an operation that is lost or doubled where two pages meet is lost or doubled data.",
    async run(trial) {
      const frames = await fill(trial)
      const ends = frames.map((_, at) => frames.slice(0, at + 1).flat().length)
      for (const partsBytesMax of [1, 100, 300, 1000, 3000, 10_000, WHOLE_PAGE_BYTES]) {
        const { parts, pages, next } = await pullAll(trial.remote, { partsBytesMax })
        equalParts(parts, frames.flat(), `pages of ${partsBytesMax} bytes`)
        equal(next.position, frames.length, "the last page's next")
        for (let before = 0, index = 0; index < pages.length; index += 1) {
          const page = pages[index]!
          const after = page.next.position
          equal(page.parts.length, ends[after - 1]! - (ends[before - 1] ?? 0), `parts of the page from ${before} to ${after}`)
          ensure(
            after - before === 1 || bytesOf(page.parts) <= partsBytesMax,
            `a page of ${bytesOf(page.parts)} bytes, ${partsBytesMax} were asked for`,
          )
          before = after
        }
      }
    },
  },
  {
    id: "pull/at-least-one",
    title: "a page has a frame even if that is larger than was asked",
    level: "MUST",
    requires: [],
    rule: "Bytes of parts; at least one frame comes, if there is one.",
    why: "A frame that is larger than the page asked for would never come, nor anything behind it.",
    async run(trial) {
      const parts: Part[] = []
      const large = Math.min(500_000, Math.floor(trial.handshake.limits.partsBytesMax * 0.8))
      for (const length of [10, large, 10]) {
        const part = trial.writer().write(1, { value: "x".repeat(length) }).part()
        parts.push(part)
        await pushed(trial.remote, [part])
      }
      const { pages } = await pullAll(trial.remote, { partsBytesMax: 1 })
      equal(pages.map((page) => page.parts.length), [1, 1, 1], "parts of each page")
      await holds(trial.remote, parts)
    },
  },
  {
    id: "pull/frames-whole",
    title: "what was pushed together comes in one page, however large",
    level: "MUST",
    requires: [],
    rule: IN_ORDER,
    why: "Other devices would see half of a batch.",
    async run(trial) {
      const length = Math.min(10_000, Math.floor(trial.handshake.limits.partsBytesMax / 25))
      const parts = Array.from({ length: 20 }, () => trial.writer().write(1, { value: "x".repeat(length) }).part())
      await pushed(trial.remote, [trial.writer().write(1).part()])
      const { last } = await pushed(trial.remote, parts)
      await pushed(trial.remote, [trial.writer().write(1).part()])
      const { pages } = await pullAll(trial.remote, { partsBytesMax: 1000 })
      const page = pages.find(({ next }) => isSameCursor(next, last))
      ensure(page !== undefined, "no page ends behind the frame")
      equalParts(page.parts, parts, "the page that ends behind the frame")
    },
  },
  {
    id: "pull/from-anywhere",
    title: "a pull from any frame brings what is behind it",
    level: "MUST",
    requires: [],
    rule: IN_ORDER,
    why: "Connections break anywhere, and the client goes on from the last frame it has stored.",
    async run(trial) {
      const frames = await fill(trial)
      const { pages } = await pullAll(trial.remote, { partsBytesMax: 1 })
      equal(pages.length, frames.length, "pages of one frame")
      for (const [at, { next }] of pages.entries()) {
        const { parts } = await pullAll(trial.remote, { cursor: next })
        equalParts(parts, frames.slice(at + 1).flat(), `from ${next.position}`)
      }
    },
  },
  {
    id: "pull/repeated",
    title: "the same pull answers the same, also while others push", // R44
    level: "MUST",
    requires: [],
    rule: REPEATABLE,
    why: "After a lost answer the same pull is sent again; another stream would leave something out.",
    async run(trial) {
      await fill(trial)
      const [other, { next: cursor }] = [await trial.another(), await pullPage(trial.remote, { partsBytesMax: 500 })]
      const asking = { cursor, partsBytesMax: 1000 }
      const { head: _, ...first } = await pullPage(trial.remote, asking)
      for (let count = 0; count < 20; count += 1) {
        const { head: _, ...again } = await pullPage(count % 2 === 0 ? other : trial.remote, asking)
        equal(words({ ...again, head: 0 }), words({ ...first, head: 0 }), "the page")
        await pushed(other, [trial.writer().write(1).part()])
      }
    },
  },
  {
    id: "pull/changes-nothing",
    title: "pulling changes nothing, wherever from",
    level: "MUST",
    requires: [],
    rule: REPEATABLE,
    why: "Reading must be safe to repeat, and safe for those who may only read.",
    async run(trial) {
      const writer = trial.writer().write(3)
      const { last } = await pushed(trial.remote, [writer.part()])
      const strange = { position: 1, id: new Uint8Array(16).fill(9) }
      for (const cursor of [START, last, strange]) {
        await trial.remote.pull({ cursor, have: [writer.dot()], partsBytesMax: 1 }, { signal: trial.signal })
      }
      const { head } = await trial.remote.handshake({ signal: trial.signal })
      ensure(isSameCursor(head, last), `head: found ${head.position}`)
      await holds(trial.remote, [writer.part()])
    },
  },
  {
    id: "pull/causes-first",
    title: "what was pushed later comes later, whoever pulls", // R58
    level: "MUST",
    requires: [],
    rule: IN_ORDER,
    why: "A reply that comes before its question, or a delete before what it deletes, shows users data that never were.",
    async run(trial) {
      const remotes = [trial.remote, await trial.another()]
      const writers = [trial.writer(), trial.writer()]
      const parts: Part[] = []
      for (let turn = 0; turn < 20; turn += 1) {
        const [writer, other] = [writers[turn % 2]!, writers[(turn + 1) % 2]!]
        writer.write(1, { key: "one", context: [other.dot(), writer.dot()].filter(({ seq }) => seq > 0) })
        parts.push(writer.part(writer.seq - 1))
        await pushed(remotes[turn % 2]!, parts.slice(-1))
      }
      for (const remote of remotes) await holds(remote, parts)
    },
  },
  {
    id: "pull/during-pushes",
    title: "what a pull shows while others push is a beginning of what there is at the end", // R50
    level: "MUST",
    requires: [],
    rule: WHOLE_FRAMES,
    why: "A pull that shows what is later taken back leaves one device with data nobody else has.",
    async run(trial) {
      const remotes = [await trial.another(), await trial.another()]
      let isDone = false
      const pushing = Promise.all(remotes.map(async (remote) => {
        for (const part of trial.writer().write(40).parts()) await pushed(remote, [part])
      })).finally(() => isDone = true)
      const seen: (readonly Part[])[] = []
      const follower: Part[] = []
      for (let cursor = START; !isDone;) {
        seen.push((await pullAll(trial.remote)).parts)
        const page = await pullPage(trial.remote, { cursor, partsBytesMax: 200 })
        follower.push(...page.parts)
        cursor = page.next
        await new Promise((resolve) => setTimeout(resolve, 0)) // pulls that never wait for anything let nobody push
      }
      await pushing
      const { parts } = await pullAll(trial.remote)
      equal(parts.length, 80, "parts at the end")
      for (const some of [...seen, follower]) equalParts(some, parts.slice(0, some.length), "what a pull showed")
    },
  },
]
