/** Pushes that race with each other, or with their caller. */
import type { Part, PushAnswer } from "../../kernel/ports/remote.ts"
import { ensure, equal, fail, outcomeOf } from "../expect.ts"
import { holds, holdsPairs, pullAll, push, pushed, START } from "./stream.ts"
import type { RemoteCase } from "./trial.ts"

const ONCE = "a push takes effect once however often it arrives"

export const pushRaceCases: readonly RemoteCase[] = [
  {
    id: "push/given-up",
    title: "a push that the caller gives up is stored whole or not at all, and can be sent again",
    level: "MUST",
    requires: [],
    rule: ONCE,
    why: "Timeouts end pushes in the middle; half of one would be seen by other devices as data that nobody wrote.",
    async run(trial) {
      const parts: Part[] = []
      for (let turns = 0; turns < 10; turns += 1) {
        const writers = [trial.writer().write(50), trial.writer().write(50)]
        const pair = writers.map((writer) => writer.part())
        const caller = new AbortController()
        const pushing = outcomeOf(() =>
          trial.remote.push({ basis: [START], own: writers.map(({ id }) => id), parts: pair }, { signal: caller.signal })
        )
        for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setTimeout(resolve, 0))
        caller.abort(new Error("given up"))
        await pushing
        const { last } = await pushed(trial.remote, pair)
        parts.push(...pair)
        equal(last.position, turns + 1, "position of the last frame")
      }
      await holds(trial.remote, parts)
    },
  },
  {
    id: "push/same-at-once",
    title: "the same push by several remotes at once is stored once", // R30
    level: "MUST",
    requires: [],
    rule: ONCE,
    why: "Two tabs send the same outbox at once, and everything in it would count twice.",
    async run(trial) {
      const remotes = [trial.remote, await trial.another(), await trial.another(), await trial.another()]
      const writer = trial.writer().write(20)
      for (let from = 0; from < 20; from += 5) {
        const answers = await Promise.all(remotes.map((remote) => pushed(remote, [writer.part(from, from + 5)])))
        for (const answer of answers) holdsPairs(answer, [{ ...writer.dot(from + 5), withheld: [] }])
      }
      equal((await holds(trial.remote, [0, 5, 10, 15].map((from) => writer.part(from, from + 5)))).next.position, 4, "head")
    },
  },
  {
    id: "push/many-at-once",
    title: "50 writers at once through several remotes: every push is there, once, at dense positions", // R31
    level: "MUST",
    requires: [],
    rule: "the frame is appended behind exactly that end, and if another one took its place, all of them are done again",
    why: "After an outage all devices come back at once; a push that was answered ok and is not there is lost.",
    async run(trial) {
      const remotes = [trial.remote, await trial.another(), await trial.another()]
      const writers = Array.from({ length: 50 }, () => trial.writer().write(3))
      const pushAll = async (at: number): Promise<void> => {
        for (const part of writers[at]!.parts()) {
          const answer = await pushUntilTaken(() => push(remotes[at % 3]!, [part]))
          if (answer.kind !== "ok") fail(`a push: found ${answer.kind}, expected ok`)
        }
      }
      await Promise.all(writers.map((_, at) => pushAll(at)))
      const { parts, next } = await pullAll(trial.remote)
      equal([parts.length, next.position], [150, 150], "parts, and the head")
      const found = parts.map(({ content }) => content.join())
      for (const writer of writers) {
        const places = writer.parts().map(({ content }) => found.indexOf(content.join()))
        ensure(places.every((place, at) => place > (places[at - 1] ?? -1)), `the parts of a writer are at ${places.join()}`)
      }
    },
  },
]

/** A remote with as much to do as it takes may ask to come again. */
const pushUntilTaken = async (call: () => Promise<PushAnswer>): Promise<PushAnswer> => {
  for (let tries = 0;; tries += 1) {
    const outcome = await outcomeOf(call)
    if (outcome.kind === "value") return outcome.value
    const { retryable } = Object(outcome.error)
    if (retryable !== true || tries === 100) throw outcome.error
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
