/** Another process that is killed: at random while it works, and at every call with which it writes. */
import { ensure, fail } from "../../expect.ts"
import { delay } from "../../processes/delay.ts"
import type { Appended } from "../../processes/orders.ts"
import { formatReply } from "../../processes/other-process.ts"
import { Random } from "../../processes/random.ts"
import type { LogStorageTrial } from "../trial.ts"
import { Ledger } from "./ledger.ts"
import { runAtSteps } from "./steps.ts"
import { type Action, appends, bytesUpTo, perform } from "./work.ts"

const KILLS = 12
const KILLS_SLOW = 300
const BYTES_MAX = 60_000
const ACKNOWLEDGED_MAX = 40

type Moment = "writing" | "opening" | "closing" | "saving"

const momentOf = (random: Random, hasSnapshots: boolean): Moment => {
  const drawn = random.below(10)
  if (drawn < 6) return "writing"
  if (drawn < 8) return "opening"
  return drawn === 8 && hasSnapshots ? "saving" : "closing"
}

/** Kills one process after another that writes to the same store, and looks at the store after each. */
export const killAtRandom = async (trial: LogStorageTrial): Promise<void> => {
  const { seed, capabilities } = trial
  const levels = capabilities.levels.filter((level) => level !== "none")
  const ledgers = levels.map((level) => new Ledger(`notes-${level}`, level))
  const bytesMax = Math.min(BYTES_MAX, capabilities.maxFrameBytes)
  const kills = trial.isSlow ? KILLS_SLOW : KILLS
  // Each is started while the one before it is dealt with: most of a start is the runtime's.
  const start = (): ReturnType<typeof trial.startProcess> => {
    const started = trial.startProcess()
    started.catch(() => undefined) // told where it is awaited, if the case comes so far
    return started
  }
  let starting = start()
  for (let kill = 1; kill <= kills; kill += 1) {
    const random = new Random(seed, kill), ledger = ledgers[kill % ledgers.length]!
    const process = await starting
    if (kill < kills) starting = start()
    const moment = momentOf(random, capabilities.snapshots)
    const what = `kill ${kill} while ${moment}, seed ${seed}`

    const opening = ledger.open(process)
    if (moment === "opening" && kill > 1) {
      await delay(random.next() * 10)
    } else {
      const opened = await opening
      if (opened.kind !== "value") return fail(`${what}: opening: ${formatReply(opened)}`)
      const { head } = opened.value
      ledger.find(head, what)
      if (moment === "writing") {
        const toFrame = (position: number): Appended => ({
          position,
          bytes: new Random(seed, position).spread(bytesMax),
        })
        const appending = process.ask("appendOn", { seed, bytesMax })
        const wanted = head + random.spread(ACKNOWLEDGED_MAX) - 1
        await process.until(() => process.stored >= wanted)
        await delay(random.next() * 3)
        await process.kill()
        const ended = await appending
        if (ended.kind === "error") fail(`${what}: ${formatReply(ended)}`)
        ledger.noteOn(process, head + 1, toFrame)
      } else {
        for (let count = random.below(5) + 1; count > 0; count -= 1) {
          const reply = await ledger.append(process)
          if (reply.kind !== "value") fail(`${what}: appending: ${formatReply(reply)}`)
        }
        const last = moment === "saving" ? ledger.snapshot(process, ledger.acknowledged) : process.ask("close", {})
        await delay(random.next() * 8)
        await process.kill()
        await last
      }
    }
    await process.kill()
    await opening
    await ledger.judge(trial, what)
  }
}

export interface KilledWork {
  /** By a process of its own, which is killed and not closed. */
  readonly prepare?: readonly Action[] | undefined
  /** Done before: no kill falls on it. */
  readonly before: readonly Action[]
  readonly work: readonly Action[]
}

/** Does the work again and again, killed at another call each time, and looks at what is left. */
export const killAtEachWrite = async (
  trial: LogStorageTrial,
  { prepare, before, work }: KilledWork,
  runsMax: number = 30,
): Promise<void> => {
  const ledgers = new Map<LogStorageTrial, Ledger>()
  const hits = await runAtSteps(trial, {
    set: "writes and opens",
    isWanted: (text) => !/ open(at)?\(/.test(text) || text.includes("O_CREAT"),
    faults: [{ kind: "kill" }],
    runsMax,
    async prepare(other) {
      const ledger = new Ledger("notes", other.capabilities.levels[0] ?? "normal")
      ledgers.set(other, ledger)
      if (prepare === undefined) return
      const process = await other.startProcess()
      for (const action of prepare) {
        const reply = await perform(process, ledger, action)
        if (reply.kind !== "value") fail(`${action.do} before the kill: ${formatReply(reply)}`)
      }
      await process.kill()
    },
    async work({ trial: other, process, what }, begin) {
      const ledger = ledgers.get(other)!
      for (const action of [...before, undefined, ...work]) {
        if (action === undefined) {
          await begin()
          continue
        }
        const reply = await perform(process, ledger, action)
        if (reply.kind === "error") return fail(`${what}: ${action.do}: ${formatReply(reply)}`)
        if (reply.kind === "ended") return
        if (action.do === "open") ledger.find((reply.value as { readonly head: number }).head, `${what}: opened`)
      }
    },
    async judge({ trial: other, what }) {
      await ledgers.get(other)!.judge(other, what)
      ledgers.delete(other)
    },
  })
  ensure(hits > 0, "no kill has fallen on a call about the place")
}

/** Kills a process at each write of an open that comes after a kill. */
export const killAtEachWriteOfRecovery = (trial: LogStorageTrial): Promise<void> =>
  killAtEachWrite(trial, {
    prepare: [
      { do: "open" },
      ...appends(4),
      ...trial.capabilities.snapshots ? [{ do: "snapshot", at: 3 } as const] : [],
      { do: "append", bytes: bytesUpTo(trial, 20_000) },
      ...appends(1),
    ],
    before: [],
    work: [{ do: "open" }, ...appends(1), { do: "close" }],
  })
