/** Cursors that a log does not contain: a restart, never an error, and nothing is lost by it. */
import type { Cursor, Remote } from "../../kernel/ports/remote.ts"
import { ensure, equal, fail } from "../expect.ts"
import { holds, isSameCursor, pull, pullAll, push, pushed, refuses, START } from "./stream.ts"
import type { RemoteCase, RemoteTrial } from "./trial.ts"

const RESTART = "The log does not contain the cursor: go on from `at`."
const NO_ERROR =
  "A server MUST NOT answer so to a cursor of position 0, and MUST NOT answer an error to a cursor that it does not contain, however strange its numbers are."

/** Fails unless the cursor is answered by a restart. */
const restarts = async (what: string, remote: Remote, cursor: Cursor): Promise<void> => {
  const answer = await pull(remote, { cursor })
  if (answer.kind !== "restart") return fail(`${what}: found a page up to ${answer.next.position}, expected a restart`)
  ensure(isSameCursor(answer.at, START), `${what}: it goes on from ${answer.at.position}, expected the start`)
}

const idLike = (id: Cursor["id"]): Cursor["id"] => id.with(7, id[7]! ^ 0x80)

const threeFrames = async (trial: RemoteTrial) => {
  const writer = trial.writer().write(3)
  const cursors: Cursor[] = []
  for (const part of writer.parts()) cursors.push((await pushed(trial.remote, [part])).last)
  return { writer, cursors }
}

export const cursorCases: readonly RemoteCase[] = [
  {
    id: "cursor/another-id",
    title: "a position with another id is answered by a restart", // R47
    level: "MUST",
    requires: [],
    rule: RESTART,
    why: "After a restore the same position holds another frame; a client that goes on there misses what replaced it.",
    async run(trial) {
      const { writer, cursors } = await threeFrames(trial)
      for (const { position, id } of cursors) await restarts(`another id at ${position}`, trial.remote, { position, id: idLike(id) })
      await restarts("the id of another frame", trial.remote, { position: 1, id: cursors[2]!.id })
      await holds(trial.remote, writer.parts())
    },
  },
  {
    id: "cursor/above-head",
    title: "a position above the head is answered by a restart, however large it is", // R47
    level: "MUST",
    requires: [],
    rule: NO_ERROR,
    why: "After a restore the log is shorter; a client that waits there misses all that comes until it is as long again.",
    async run(trial) {
      await restarts("a frame of an empty store", trial.remote, { position: 1, id: new Uint8Array(16).fill(1) })
      const { cursors } = await threeFrames(trial)
      const { id } = cursors[2]!
      for (const position of [4, 5, 1000, 2 ** 31, 2 ** 32 + 3, 2 ** 53 - 1]) await restarts(`${position}`, trial.remote, { position, id })
    },
  },
  {
    id: "cursor/start",
    title: "the start is never answered by a restart",
    level: "MUST",
    requires: [],
    rule: NO_ERROR,
    why: "A client that starts anew and is told to start anew never ends.",
    async run(trial) {
      equal((await pull(trial.remote)).kind, "page", "a pull of an empty store")
      const { writer } = await threeFrames(trial)
      equal((await pull(trial.remote)).kind, "page", "a pull from the start")
      await holds(trial.remote, writer.parts())
    },
  },
  {
    id: "cursor/after-a-restart",
    title: "from where a restart says everything comes", // nothing is lost by a restart
    level: "MUST",
    requires: [],
    rule: "Nothing is to be deleted.",
    why: "A restart that leaves something out loses it on that device for good.",
    async run(trial) {
      const { writer, cursors } = await threeFrames(trial)
      const answer = await pull(trial.remote, { cursor: { position: 2, id: idLike(cursors[1]!.id) } })
      if (answer.kind !== "restart") return fail(`found ${answer.kind}, expected a restart`)
      const { parts } = await pullAll(trial.remote, { cursor: answer.at })
      equal(parts.map(({ content }) => content.join()), writer.parts().map(({ content }) => content.join()), "parts")
    },
  },
  {
    id: "cursor/other-store",
    title: "a cursor of another store is answered by a restart, and no push builds on it", // R48
    level: "MUST",
    requires: ["other"],
    rule: RESTART,
    why: "A cursor from another store would mix the data of two users, or skip some.",
    async run(trial) {
      const other = await trial.other()
      const { writer, cursors } = await threeFrames(trial)
      await restarts("a cursor in an empty store", other, cursors[0]!)
      const theirs = await pushed(other, [trial.writer().write(1).part()])
      await restarts("a cursor of the first store", other, cursors[0]!)
      await restarts("a cursor of the other store", trial.remote, theirs.last)
      const stranger = trial.writer().write(1)
      const answer = await refuses("a push over it", trial.remote, () => push(trial.remote, [stranger.part()], { basis: [theirs.last] }))
      ensure(!(answer instanceof Error) && answer.kind === "unknown", "a push over a cursor of another store is not unknown")
      await holds(trial.remote, writer.parts())
    },
  },
]

export const storeCases: readonly RemoteCase[] = [
  {
    id: "store/apart",
    title: "stores hold nothing of each other, also of one writer that pushes to both",
    level: "MUST",
    requires: ["other"],
    rule: "A *store* is one log at a server, under a name.",
    why: "Data of one store that come out of another one are a leak between users.",
    async run(trial) {
      const [other, writer] = [await trial.other(), trial.writer().write(4)]
      await pushed(trial.remote, [writer.part(0, 3)])
      equal((await pullAll(other)).parts.length, 0, "parts of the other store")
      equal((await pushed(other, [writer.part(0, 1)])).last.position, 1, "position of the other store's last frame")
      await pushed(other, [writer.part(1, 4)])
      await holds(trial.remote, [writer.part(0, 3)])
      await holds(other, [writer.part(0, 1), writer.part(1, 4)])
    },
  },
]
