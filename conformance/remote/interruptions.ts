/** Interruptions: processes that end while pushes are under way, all at once or one after another. */
import type { Part, Remote } from "../../kernel/ports/remote.ts"
import { ensure, equal, fail, outcomeOf } from "../expect.ts"
import type { BlockWriter } from "./block-writer.ts"
import { holdsPairs, pullAll, push, pushed } from "./stream.ts"
import type { RemoteCase, RemoteTrial } from "./trial.ts"

const ONE_FRAME =
  "Append one frame (F-30) that is not local, with those parts that bring something, byte for byte as they came; none if there is no such part."
const ANY_NUMBER = "So any number of server processes over one log are one server, and a client may ask another one each time."

/** Numbers that a device has to push; it stops when it is interrupted. */
const NUMBERS = 2000
/** Between two pushes of a device that goes on until others are done. */
const PACE_MILLIS = 5
/** Acknowledged numbers behind which the interruption comes. */
const ACKNOWLEDGED_MIN = 12
/** Tries of one push, in turn at two processes of which one is always there. */
const TRIES_MAX = 500

/** Both blocks of a push, which are one frame. */
const blocksOf = (writer: BlockWriter, from: number): readonly Part[] => [writer.part(from, from + 1), writer.part(from + 1, from + 2)]

/** Where the parts of a writer are in a stream. */
const placesOf = (stream: readonly Part[], parts: readonly Part[]): readonly number[] => {
  const found = new Map(stream.map(({ content }, at) => [content.join(), at]))
  return parts.flatMap(({ content }) => found.get(content.join()) ?? [])
}

export const interruptionCases: readonly RemoteCase[] = [
  {
    id: "restart/under-way",
    title: "what was under way at a restart is there whole or not at all, and is taken once when it comes again", // R39
    level: "MUST",
    requires: ["restart"],
    rule: ONE_FRAME,
    why: "A process is killed where it is: half a push is data that nobody wrote, and what is stored twice counts twice.",
    async run(trial) {
      const remotes = [trial.remote, await trial.another(), await trial.another()]
      const writers = remotes.map(() => trial.writer().write(NUMBERS))
      const acknowledged = remotes.map(() => 0)
      let isEnough = (): void => undefined, isOver = false
      const enough = new Promise<void>((resolve) => isEnough = resolve)
      const pushing = Promise.all(remotes.map(async (remote, at) => {
        for (let from = 0; from < NUMBERS && !isOver; from += 2) {
          const outcome = await outcomeOf(() => push(remote, blocksOf(writers[at]!, from)))
          if (outcome.kind === "error" || outcome.value.kind !== "ok") return
          acknowledged[at] = from + 2
          if (acknowledged.reduce((sum, count) => sum + count, 0) >= ACKNOWLEDGED_MIN) isEnough()
          await new Promise((resolve) => setTimeout(resolve, 0)) // a push that never waits for anything lets nobody restart
        }
      }))
      await Promise.race([enough, pushing])
      await trial.restart()
      isOver = true
      await pushing

      const { parts } = await pullAll(trial.remote)
      for (const [at, writer] of writers.entries()) {
        const places = placesOf(parts, writer.parts()), told = acknowledged[at]!
        const isPrefix = placesOf(parts, writer.parts(0, places.length)).length === places.length
        ensure(isPrefix && places.every((place, index) => place > (places[index - 1] ?? -1)), `the parts of a writer are at ${places}`)
        ensure(places.length % 2 === 0, `of a push of two blocks one is there: ${places.length} blocks`)
        const isThere = places.length >= told || trial.handshake.durability === "buffered"
        ensure(isThere && places.length <= told + 2, `of a writer ${places.length} blocks are there, ${told} were acknowledged`)
        // What came without an answer is sent again.
        const until = Math.min(NUMBERS, Math.max(told, places.length) + 2)
        for (let from = Math.min(told, places.length); from < until; from += 2) {
          holdsPairs(await pushed(trial.remote, blocksOf(writer, from)), [{
            ...writer.dot(Math.max(places.length, from + 2)),
            withheld: [],
          }])
        }
        const after = await pullAll(trial.remote)
        equal(placesOf(after.parts, writer.parts()).length, until, "blocks of a writer, afterwards")
      }
      const { parts: all } = await pullAll(trial.remote)
      equal(new Set(all.map(({ content }) => content.join())).size, all.length, "blocks, each once")
    },
  },
]

export const rollingCases: readonly RemoteCase[] = [
  {
    id: "beside/rolling",
    title: "while processes are started anew one after another, every push is taken by one of them, once and in order", // R105
    level: "MUST",
    requires: ["beside", "roll"],
    rule: ANY_NUMBER,
    why: "Servers are updated while people work; what is lost or doubled then is noticed by nobody until it is missed.",
    async run(trial) {
      const ways = await Promise.all([0, 1, 2].map(async () => [await trial.another(), await trial.beside()] as const))
      const writers = ways.map(() => trial.writer().write(NUMBERS))
      let isRolled = false
      const rolling = trial.roll().finally(() => isRolled = true)
      const pushing = Promise.all(ways.map(async (both, at) => {
        let from = 0
        for (; from < NUMBERS && (!isRolled || from < 8); from += 2) {
          await pushThrough(both, blocksOf(writers[at]!, from), from / 2 + at)
          await new Promise((resolve) => setTimeout(resolve, PACE_MILLIS))
        }
        return from
      }))
      pushing.catch(() => undefined) // told below
      await rolling
      await agrees(trial, writers, await pushing)
    },
  },
]

/** Pushes until it is taken, in turn at each; `first` says where it begins. */
const pushThrough = async (remotes: readonly Remote[], parts: readonly Part[], first: number): Promise<void> => {
  for (let tries = 0;; tries += 1) {
    const outcome = await outcomeOf(() => push(remotes[(first + tries) % remotes.length]!, parts))
    if (outcome.kind === "value") {
      if (outcome.value.kind !== "ok") fail(`a push: found ${outcome.value.kind}, expected ok`)
      return
    }
    if (Object(outcome.error).retryable !== true || tries === TRIES_MAX) throw outcome.error
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** Fails unless both ways show the first blocks of each writer, once, in order, at dense positions, and nothing else. */
const agrees = async (trial: RemoteTrial, writers: readonly BlockWriter[], counts: readonly number[]): Promise<void> => {
  for (const remote of [trial.remote, await trial.beside()]) {
    const { parts, next } = await pullAll(remote)
    const sum = counts.reduce((total, count) => total + count, 0)
    equal([parts.length, next.position], [sum, sum / 2], "blocks, and the position of the head")
    for (const [at, writer] of writers.entries()) {
      const places = placesOf(parts, writer.parts(0, counts[at]!))
      ensure(
        places.length === counts[at] && places.every((place, index) => place > (places[index - 1] ?? -1)),
        `the blocks of a writer are at ${places}`,
      )
    }
  }
}
