/** Persons: who may bring what, and whose a writer is. */
import { describe, ensure, equal, fail } from "../expect.ts"
import { holds, push, pushed, refuses } from "./stream.ts"
import type { RemoteCase } from "./trial.ts"

const RIGHTS = "A principal may bring blocks of the writers in `own` with `write`, those of others with `relay`."
const FORBIDDEN = "These writers may not be brought by this principal; nothing was stored (rule S35)."

export const personCases: readonly RemoteCase[] = [
  {
    id: "person/reader",
    title: "who may only read pulls everything and pushes nothing", // R91
    level: "MUST",
    requires: ["persons"],
    rule: RIGHTS,
    why: "A guest who can write changes the data of others.",
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
    why: "Who may relay can write in the name of others, so it must be a right of its own; the names tell the client what to leave out.",
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
    why: "Otherwise anybody could write under somebody else's device and be shown as its user.",
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
    why: "Otherwise whoever relays a block first locks its author out of his own device.",
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
