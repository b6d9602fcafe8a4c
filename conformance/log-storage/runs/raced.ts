/** Several other processes that race for one log. */
import fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { StoreBusy } from "../../../kernel/errors.ts"
import { ensure, equal, fail, outcomeOf } from "../../expect.ts"
import { checkHistory, START, type State } from "../../processes/history.ts"
import { callsOf, checkTurns, JournalReader, JournalWriter, type Version } from "../../processes/journal.ts"
import { formatReply, type OtherProcess } from "../../processes/other-process.ts"
import { toState } from "../../processes/racer.ts"
import { readAll } from "../frames.ts"
import type { LogStorageTrial } from "../trial.ts"

const PROCESSES = 8
const RACE = "race"
const INCREMENTS = { usual: 50, slow: 1000 }

/** Starts so many processes at once. */
export const startProcesses = (trial: LogStorageTrial, count: number): Promise<readonly OtherProcess[]> =>
  Promise.all(Array.from({ length: count }, () => trial.startProcess()))

/** Lets so many processes increment a register by compare-and-append; `beside` answers the states of the log when they have ended. */
const race = async (
  trial: LogStorageTrial,
  count: number,
  beside: (racing: Promise<unknown>) => Promise<readonly State[]>,
): Promise<void> => {
  const { capabilities: { levels, multiProcess } } = trial
  const increments = trial.isSlow ? INCREMENTS.slow : INCREMENTS.usual
  const durability = levels[0] ?? "normal"
  const folder = fs.mkdtempSync(join(tmpdir(), "persist-race-")), journal = join(folder, "journal")
  try {
    new JournalWriter(journal) // makes the file
    const processes = await startProcesses(trial, count)
    const racing = Promise.all(
      processes.map((process, index) =>
        process.ask("race", { storeName: RACE, durability, journal, process: index + 1, increments, turn: multiProcess ? 200 : 10 })
      ),
    )
    const states = await beside(racing)
    for (const [index, reply] of (await racing).entries()) if (reply.kind !== "value") fail(`process ${index + 1}: ${formatReply(reply)}`)
    for (const process of processes) await process.dismiss()

    const reader = new JournalReader(journal), entries = reader.read()
    reader.close()
    const statesByVersion = new Map<Version, State>([[START.mark, START], ...states.map((state) => [state.mark, state] as const)])
    if (!multiProcess) checkTurns(entries)
    checkHistory(callsOf(entries, statesByVersion), states)
    equal(states.length, count * increments, "frames, one for each increment that was acknowledged")
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

/** Eight processes increment a register by compare-and-append; the history of all their calls is judged. */
export const raceAppends = (trial: LogStorageTrial): Promise<void> =>
  race(trial, PROCESSES, async (racing) => {
    await racing
    return (await readAll(await trial.open(RACE, { create: false }))).map(toState)
  })

/** The same of four processes, while this one saves snapshots and drops what they cover. */
export const raceTrims = async (trial: LogStorageTrial): Promise<void> => {
  await trial.open(RACE)
  await trial.reopen()
  await race(trial, 4, async (racing) => {
    const storage = await trial.open(RACE, { create: false })
    const states: State[] = []
    let isOver = false
    const ended = racing.then(() => isOver = true)
    for (let isLast = false; !isLast;) {
      isLast = isOver
      states.push(...(await readAll(storage, states.length)).map(toState))
      const at = states.length, [newest] = await storage.snapshots.list()
      if (!isLast && at > (newest?.at ?? 0)) {
        const saved = await outcomeOf(() => storage.snapshots.write(at, [new Uint8Array(100)]))
        const trimmed = await outcomeOf(() => storage.trim(at))
        for (const outcome of [saved, trimmed]) {
          if (outcome.kind === "error" && !(outcome.error instanceof StoreBusy)) fail("a snapshot or a trim beside appends", outcome.error)
        }
      }
      await Promise.race([ended, sleep(5)])
    }
    return states
  })
}

/** Eight processes make the same store at once. */
export const raceFirstOpen = async (trial: LogStorageTrial): Promise<void> => {
  const { capabilities: { levels, multiProcess } } = trial
  const durability = levels[0] ?? "normal"
  const processes = await startProcesses(trial, PROCESSES)
  for (let round = 1; round <= (trial.isSlow ? 50 : 5); round += 1) {
    const storeName = `notes-${round}`
    const replies = await Promise.all(processes.map((process) => process.ask("open", { storeName, durability, create: true })))
    const opened = replies.flatMap((reply, index) => reply.kind === "value" ? [{ process: processes[index]!, ...reply.value }] : [])
    for (const reply of replies) {
      if (reply.kind === "value") continue
      const isRefused = reply.kind === "error" && (reply.error.name === "StoreLocked" || reply.error.name === "StoreBusy") && !multiProcess
      ensure(isRefused, `round ${round}: opening a new store beside seven others: ${formatReply(reply)}`)
    }
    equal(opened.filter(({ created }) => created).length, 1, `round ${round}: processes that were told that they have made the store`)
    if (!multiProcess) equal(opened.length, 1, `round ${round}: processes that have the store open`)
    for (const [index, { process }] of opened.entries()) {
      await process.must(`round ${round}: appending`, "append", { position: index + 1 })
    }
    for (const { process } of opened) {
      equal(await process.must(`round ${round}: head()`, "head", {}), opened.length, `round ${round}: head()`)
    }
    for (const { process } of opened) await process.must(`round ${round}: closing`, "close", {})
  }
}
