/** Processes: what a start anew, another one beside it, and the wipe of a store leave of a log. */
import type { Part, Remote } from "../../kernel/ports/remote.ts"
import { ensure, equal } from "../expect.ts"
import { holds, holdsPairs, isSameCursor, pull, pullAll, pullPage, push, pushed, START } from "./stream.ts"
import type { RemoteCase } from "./trial.ts"

const STATELESS = "a server keeps nothing between two of them but its log and what can be folded from it"

export const restartCases: readonly RemoteCase[] = [
  {
    id: "restart/acknowledged",
    title: "what was answered ok before a restart is there after it, if the remote says durable", // R38
    level: "MUST",
    requires: ["restart"],
    rule: "What `ok` to a push says: on the device, or handed to something that may lose it.",
    why: "The client has crossed off what was answered ok; lost here, it is lost everywhere.",
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
    why: "Answers are lost exactly when servers restart; what counts twice then is wrong on every device.",
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
    why: "A restart that makes every client start anew brings the server down a second time.",
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
    why: "Behind a load balancer two calls of one client meet two processes; one that does not know the other's frames refuses good data.",
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
    why: "Two processes that give out one position lose a push that was answered ok.",
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
    why: "A retry often meets another process than the first attempt, and would count twice.",
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
    why: "A client that goes on as before would never bring again what the wiped server has lost.",
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
