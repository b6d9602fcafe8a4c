/** What more than one process, a start anew, a wiped store, and other people find. */
import type { Part, Remote } from "../../kernel/ports/remote.ts"
import { describe, ensure, equal, fail } from "../expect.ts"
import { holds, holdsPairs, isSameCursor, pull, pullAll, pullPage, push, pushed, refuses, START } from "./stream.ts"
import type { RemoteCase } from "./trial.ts"

const STATELESS = "a server keeps nothing between two of them but its log and what can be folded from it"
const RIGHTS = "A principal may bring blocks of the writers in `own` with `write`, those of others with `relay`."
const FORBIDDEN = "These writers may not be brought by this principal; nothing was stored (rule S35)."

export const restartCases: readonly RemoteCase[] = [
  {
    id: "restart/acknowledged",
    title: "what was answered ok before a restart is there after it, if the remote says durable", // R38
    level: "MUST",
    requires: ["restart"],
    rule: "What `ok` to a push says: on the device, or handed to something that may lose it.",
    async run(trial) {
      const writer = trial.writer().write(10)
      let last = START
      for (const part of writer.parts()) {
        const answer = await pushed(trial.remote, [part])
        last = answer.last
        equal(answer.durability, trial.handshake.durability, "durability")
      }
      await trial.restart()
      if (trial.handshake.durability === "buffered") return trial.warn("the remote claims no more than buffered: not tried")
      const { next } = await holds(trial.remote, writer.parts())
      ensure(isSameCursor(next, last), "the head is another one than before")
    },
  },
  {
    id: "restart/retry",
    title: "a push that was taken before a restart is skipped after it", // R24
    level: "MUST",
    requires: ["restart"],
    rule: "A push is *idempotent*, without limit of time: whatever was taken before is skipped, by dot.",
    async run(trial) {
      const [writer, other] = [trial.writer().write(4), trial.writer().write(1)]
      const parts = [writer.part(0, 3), other.part()]
      await pushed(trial.remote, parts)
      await trial.restart()
      holdsPairs(await pushed(trial.remote, parts), [{ ...writer.dot(3), withheld: [] }, { ...other.dot(), withheld: [] }])
      await pushed(trial.remote, [writer.part(0, 4)])
      await holds(await trial.another(), [...parts, writer.part(0, 4)])
    },
  },
  {
    id: "restart/pull",
    title: "a pull goes on over a restart where it was", // R49
    level: "MUST",
    requires: ["restart"],
    rule: STATELESS,
    async run(trial) {
      const writer = trial.writer().write(6)
      for (const part of writer.parts()) await pushed(trial.remote, [part])
      const { next } = await pullPage(trial.remote, { partsBytesMax: 1 })
      await trial.restart()
      const { parts } = await pullAll(trial.remote, { cursor: next, partsBytesMax: 1 })
      equal(parts.map(({ content }) => content.join()), writer.parts(1).map(({ content }) => content.join()), "parts")
      await pushed(trial.remote, [trial.writer().write(1).part()], { basis: [next] })
    },
  },
]

/** Both ways of a store see the same, in the same order. */
const agree = async (remotes: readonly Remote[], expected: readonly Part[]): Promise<void> => {
  for (const remote of remotes) await holds(remote, expected)
}

export const besideCases: readonly RemoteCase[] = [
  {
    id: "beside/sees",
    title: "what one process took the other shows at once, builds on and skips", // R25
    level: "MUST",
    requires: ["beside"],
    rule: "So any number of server processes over one log are one server, and a client may ask another one each time.",
    async run(trial) {
      const [beside, writer] = [await trial.beside(), trial.writer().write(8)]
      const remotes = [trial.remote, beside]
      let basis = START
      for (const [at, part] of writer.parts().entries()) {
        const answer = await pushed(remotes[at % 2]!, [part], { basis: [basis] })
        basis = answer.last
        equal(basis.position, at + 1, "position of the last frame")
        const again = await pushed(remotes[(at + 1) % 2]!, [part])
        ensure(isSameCursor(again.last, basis), "the retry at the other process tells another head")
      }
      await agree(remotes, writer.parts())
    },
  },
  {
    id: "beside/race",
    title: "both at once: positions are dense, no push is lost, none is stored twice",
    level: "MUST",
    requires: ["beside"],
    rule: "the frame is appended behind exactly that end, and if another one took its place, all of them are done again",
    async run(trial) {
      const remotes = [trial.remote, await trial.beside(), await trial.another(), await trial.beside()]
      const writers = remotes.map(() => trial.writer().write(25))
      await Promise.all(remotes.map(async (remote, at) => {
        for (const part of writers[at]!.parts()) await pushed(remote, [part])
      }))
      const { parts, next } = await pullAll(trial.remote)
      equal([parts.length, next.position], [100, 100], "parts, and the head")
      equal(new Set(parts.map(({ content }) => content.join())).size, 100, "parts, each once")
      await agree(remotes, parts)
    },
  },
  {
    id: "beside/same",
    title: "the same push at both at once is stored once",
    level: "MUST",
    requires: ["beside"],
    rule: "a push takes effect once however often it arrives",
    async run(trial) {
      const remotes = [trial.remote, await trial.beside()]
      const writer = trial.writer().write(20)
      for (const part of writer.parts()) await Promise.all(remotes.map((remote) => pushed(remote, [part])))
      await agree(remotes, writer.parts())
    },
  },
]

export const wipeCases: readonly RemoteCase[] = [
  {
    id: "wipe/cursors",
    title: "a store that was wiped knows no cursor of before, and takes everything anew", // R60, R63
    level: "MUST",
    requires: ["wipe"],
    rule: "The log does not contain the cursor: go on from `at`.",
    async run(trial) {
      const [writer, other] = [trial.writer().write(3), trial.writer().write(1)]
      let last = START
      for (const part of writer.parts()) last = (await pushed(trial.remote, [part])).last
      await trial.wipe()
      equal((await trial.remote.handshake({ signal: trial.signal })).head.position, 0, "the head's position")
      equal((await pull(trial.remote, { cursor: last })).kind, "restart", "a pull from before")
      equal((await push(trial.remote, [other.part()], { basis: [last] })).kind, "unknown", "a push over a frame of before")
      for (const part of writer.parts()) await pushed(trial.remote, [part])
      equal((await pull(trial.remote, { cursor: last })).kind, "restart", "a pull from before, when as many frames are there")
      equal((await push(trial.remote, [other.part()], { basis: [last] })).kind, "unknown", "a push over a frame of before, then")
      await holds(trial.remote, writer.parts())
    },
  },
]

export const personCases: readonly RemoteCase[] = [
  {
    id: "person/reader",
    title: "who may only read pulls everything and pushes nothing", // R91
    level: "MUST",
    requires: ["persons"],
    rule: RIGHTS,
    async run(trial) {
      const [reader, writer] = [await trial.as("reader"), trial.writer().write(2)]
      await pushed(trial.remote, [writer.part()])
      const { rights } = await reader.handshake({ signal: trial.signal })
      equal([rights.read, rights.write, rights.relay], [true, false, false], "read, write, relay")
      await holds(reader, [writer.part()])
      const answer = await refuses("a push by a reader", reader, () => push(reader, [trial.writer().write(1).part()]))
      const isForbidden = answer instanceof Error ? Object(Object(answer).details).remoteCode === "forbidden" : answer.kind === "forbidden"
      ensure(isForbidden, `found ${describe(answer instanceof Error ? answer.message : answer)}`)
    },
  },
  {
    id: "person/own-only",
    title: "who may not relay brings own writers; a push with others' is forbidden as a whole, with their names",
    level: "MUST",
    requires: ["persons"],
    rule: FORBIDDEN,
    async run(trial) {
      const author = await trial.as("author")
      const [mine, other, third] = [trial.writer().write(2), trial.writer().write(2), trial.writer().write(1)]
      await pushed(author, [mine.part(0, 1)])
      const parts = [mine.part(1, 2), other.part(), third.part()]
      const answer = await refuses("a push with others'", author, () => push(author, parts, { own: [mine.id] }))
      if (answer instanceof Error || answer.kind !== "forbidden") return fail(`found ${describe(answer)}, expected forbidden`)
      equal(answer.writers.map((writer) => writer.join()).sort(), [other, third].map(({ id }) => id.join()).sort(), "writers")
      // What is there already is no matter of rights.
      await pushed(trial.remote, [other.part()], { own: [] })
      await pushed(author, [mine.part(1, 2), other.part()], { own: [mine.id] })
      await holds(trial.remote, [mine.part(0, 1), other.part(), mine.part(1, 2)])
    },
  },
  {
    id: "person/owners",
    title: "a writer is of who first brought it as own; another one's push of it as own is refused",
    level: "MUST",
    requires: ["persons"],
    rule: "is of a writer in `own` that another principal brought first as its own",
    async run(trial) {
      const [neighbour, writer] = [await trial.as("neighbour"), trial.writer().write(3)]
      await pushed(trial.remote, [writer.part(0, 1)])
      const answer = await refuses("another one's writer as own", neighbour, () => push(neighbour, [writer.part(1, 2)]))
      if (answer instanceof Error || answer.kind !== "refused") return fail(`found ${describe(answer)}, expected refused`)
      equal(answer.refused.map(({ seq, code }) => [seq, code]), [[2, "writer_not_owned"]], "refused")
      await pushed(neighbour, [writer.part(1, 2)], { own: [] })
      await pushed(trial.remote, [writer.part(2, 3)])
      await holds(neighbour, writer.parts())
    },
  },
  {
    id: "person/relayed-first",
    title: "a writer that others relayed first is still of who brings it as own",
    level: "MUST",
    requires: ["persons"],
    rule: "A writer belongs to the principal whose frame first brought it as `own`",
    async run(trial) {
      const [neighbour, writer] = [await trial.as("neighbour"), trial.writer().write(3)]
      await pushed(neighbour, [writer.part(0, 1)], { own: [] })
      await pushed(trial.remote, [writer.part(1, 2)])
      const answer = await refuses("the relay's push of it as own", neighbour, () => push(neighbour, [writer.part(2, 3)]))
      ensure(!(answer instanceof Error) && answer.kind === "refused", "a relay took the writer over")
      await holds(trial.remote, writer.parts(0, 2))
    },
  },
]
