/** Watching: another handle's append is told soon, until it is stopped. A call says "look again", no more. */
import type { LogStorage } from "../../kernel/ports/log-storage.ts"
import { equal, fail, type Outcome, outcomeOf } from "../expect.ts"
import { fill, framesBetween, holds } from "./frames.ts"
import type { LogStorageCase, LogStorageTrial } from "./trial.ts"

const FIRES = "Calls `listener` soon after another handle appended, where `capabilities.watch` says so; spurious calls are allowed."

/** A listener that counts, and a wait for it. */
interface Counter {
  readonly listener: () => void
  readonly count: () => number
  /** Resolves once it was called after this moment; fails if that takes too long. */
  readonly next: (trial: LogStorageTrial, cause: () => Promise<void>) => Promise<void>
}

const makeCounter = (): Counter => {
  let calls = 0
  let wake = (): void => undefined
  return {
    listener: () => {
      calls += 1
      wake()
    },
    count: () => calls,
    async next(trial, cause) {
      const before = calls
      const called = new Promise<void>((resolve) => wake = resolve)
      let timer: ReturnType<typeof setTimeout> | undefined
      const expired = new Promise<void>((resolve) => timer = setTimeout(resolve, trial.patienceMillis))
      await cause()
      await Promise.race([called, expired])
      clearTimeout(timer)
      if (calls === before) fail(`the listener was not called within ${trial.patienceMillis} ms after an append of another handle`)
    },
  }
}

const appendOne = async (storage: LogStorage): Promise<void> => fill(storage, await storage.head() + 1)

export const watchCases: readonly LogStorageCase[] = [
  {
    id: "watch/callable",
    title: "watch() answers a function that stops it, whether watch is claimed or not",
    level: "MUST",
    requires: [],
    rule: "Answers a function that stops it.",
    why: "The kernel calls it on every adapter, and calls what it answers.",
    async run(trial) {
      const storage = await trial.open()
      const stop = storage.watch(() => undefined)
      equal(typeof stop, "function", "the type of what watch() answers")
      await fill(storage, 1)
      stop()
      stop()
    },
  },
  {
    id: "watch/fires",
    title: "a listener is called after each append of another handle, and then sees the frame",
    level: "MUST",
    requires: ["watch", "multiHandle"],
    rule: FIRES,
    why: "Without it a second window shows old data until its next write.",
    async run(trial) {
      const [writer, reader] = [await trial.open(), await trial.open()]
      const counter = makeCounter()
      reader.watch(counter.listener)
      for (let position = 1; position <= 3; position += 1) {
        await counter.next(trial, () => appendOne(writer))
        await holds(reader, framesBetween(0, position))
      }
    },
  },
  {
    id: "watch/no-missed-append",
    title: "frames that come while a listener is at work are told as well",
    level: "MUST",
    requires: ["watch", "multiHandle"],
    rule: FIRES,
    why: "A call that is lost while the listener is busy leaves the window behind until somebody else writes.",
    async run(trial) {
      const [writer, reader] = [await trial.open(), await trial.open()]
      let seen = 0
      let reading: Promise<Outcome<number>> = Promise.resolve({ kind: "value", value: 0 })
      const stop = reader.watch(() => {
        reading = reading.then(() => outcomeOf(async () => seen = await reader.head()))
      })
      for (let position = 1; position <= 50; position += 1) {
        await appendOne(writer)
        if (position % 7 === 0) await new Promise<void>((resolve) => setTimeout(resolve, 1))
      }
      const deadline = performance.now() + trial.patienceMillis
      while (seen < 50 && performance.now() < deadline) await new Promise<void>((resolve) => setTimeout(resolve, 5))
      stop()
      const last = await reading
      if (last.kind === "error") fail("head() failed in a listener", last.error)
      equal(seen, 50, "the head that the listener saw last")
    },
  },
  {
    id: "watch/every-listener",
    title: "several listeners on several handles are all called",
    level: "MUST",
    requires: ["watch", "multiHandle"],
    rule: FIRES,
    why: "Several windows are open at once, and each has to show what is new.",
    async run(trial) {
      const [writer, left, right] = [await trial.open(), await trial.open(), await trial.open()]
      const counters = [makeCounter(), makeCounter(), makeCounter()]
      left.watch(counters[0]!.listener)
      left.watch(counters[1]!.listener)
      right.watch(counters[2]!.listener)
      await Promise.all(counters.map((counter, index) => counter.next(trial, () => index === 0 ? appendOne(writer) : Promise.resolve())))
    },
  },
  {
    id: "watch/listener-throws",
    title: "a listener that throws stops neither the others nor the append, and is called again",
    level: "MUST",
    requires: ["watch", "multiHandle"],
    rule: "A listener that throws does not stop others.",
    why: "A defect in one view must not fail the write of another, or blind it.",
    async run(trial) {
      const [writer, reader] = [await trial.open(), await trial.open()]
      const [before, throwing, after] = [makeCounter(), makeCounter(), makeCounter()]
      reader.watch(before.listener)
      reader.watch(() => {
        throwing.listener()
        throw new Error("a listener threw")
      })
      reader.watch(after.listener)
      for (let round = 0; round < 2; round += 1) {
        await Promise.all(
          [before, throwing, after].map((counter, index) => counter.next(trial, () => index === 2 ? appendOne(writer) : Promise.resolve())),
        )
      }
      await holds(reader, framesBetween(0, 2))
    },
  },
  {
    id: "watch/stopped",
    title: "a listener that was stopped is not called any more, and others on that handle are",
    level: "MUST",
    requires: ["watch", "multiHandle"],
    rule: "Answers a function that stops it.",
    why: "A listener of a view that is gone would work on what is freed, and keep memory.",
    async run(trial) {
      const [writer, reader] = [await trial.open(), await trial.open()]
      const [stopped, other] = [makeCounter(), makeCounter()]
      const stop = reader.watch(stopped.listener)
      reader.watch(other.listener)
      stop()
      await other.next(trial, () => appendOne(writer))
      await other.next(trial, () => appendOne(writer))
      equal(stopped.count(), 0, "calls of the listener that was stopped")
    },
  },
  {
    id: "watch/given-twice",
    title: "a listener that was given twice is stopped once for each",
    level: "MUST",
    requires: ["watch", "multiHandle"],
    rule: "Answers a function that stops it.",
    why: "Components that use one function stop theirs; the other one must go on to hear.",
    async run(trial) {
      const [writer, reader] = [await trial.open(), await trial.open()]
      const counter = makeCounter()
      const stopFirst = reader.watch(counter.listener)
      const stopSecond = reader.watch(counter.listener)
      stopFirst()
      stopFirst()
      await counter.next(trial, () => appendOne(writer))
      stopSecond()
    },
  },
  {
    id: "watch/closed",
    title: "the listeners of a closed handle are not called any more, and those of others are",
    level: "MUST",
    requires: ["watch", "multiHandle"],
    rule: "Settles what is under way, flushes unless the level is `relaxed` or `none`, and frees everything.",
    why: "A closed store that calls its listeners fails in code that has no store any more.",
    async run(trial) {
      const [writer, closing, reader] = [await trial.open(), await trial.open(), await trial.open()]
      const [closed, other] = [makeCounter(), makeCounter()]
      closing.watch(closed.listener)
      reader.watch(other.listener)
      await closing.close()
      await other.next(trial, () => appendOne(writer))
      await other.next(trial, () => appendOne(writer))
      equal(closed.count(), 0, "calls of the listener of the closed handle")
    },
  },
  {
    id: "watch/other-stores",
    title: "after an append to one store, a listener on it sees the frame; a store beside it is not disturbed",
    level: "MUST",
    requires: ["watch", "multiHandle"],
    rule: FIRES,
    why: "A listener that is lost to another store's writes shows old data.",
    async run(trial) {
      const [writer, reader, beside] = [await trial.open("notes"), await trial.open("notes"), await trial.open("beside")]
      const [counter, besideCounter] = [makeCounter(), makeCounter()]
      reader.watch(counter.listener)
      beside.watch(besideCounter.listener)
      await counter.next(trial, () => appendOne(writer))
      equal(await beside.head(), 0, "head() of the store beside")
      if (besideCounter.count() > 0) trial.warn("an append to one store also wakes the listeners of another (allowed: spurious calls)")
    },
  },
]
