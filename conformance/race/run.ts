/**
 * The race: processes increment one record of one store, one of them is stopped, one is killed, and all of it is judged.
 *
 *   start all ─▶ ready ─▶ go ─▶ … stops · a kill, its successor … ─▶ all done ─▶ one more write ─▶ all were shown it ─▶ judge
 *
 * Judged is that
 *   - the sum is exact: each acknowledged increment is in the log once; of those under way at the kill, each once or never
 *   - positions are dense, and the increments lie in them as they were built on one another
 *   - the history is linearizable (`history.ts`)
 *   - every process was shown each frame of the others, in order and without asking (`subscribe`, by the adapter's `watch`)
 *   - the others went on while one was stopped, and that one went on afterwards
 *
 * Where a store is for one process at a time they take turns: whoever comes second is refused, also while the first is stopped, and the
 * lock of the killed one is taken over.
 */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { ensure, equal, fail } from "../expect.ts"
import type { Runtime } from "../processes/runtimes.ts"
import { Contestant } from "./contestant.ts"
import { checkHistory, START, type State } from "../processes/history.ts"
import { callsOf, checkTurns, type Entry, JournalReader, JournalWriter, type Version } from "../processes/journal.ts"
import { planOf, type Stop } from "./plan.ts"
import { COUNTER, END, endOf, openStore, type Subject } from "./subject.ts"

export interface RaceOptions {
  readonly subject: Subject
  /** Several processes may have the store open at once. */
  readonly isShared: boolean
  /** An empty folder of this race, for its journal. */
  readonly folder: string
  readonly processes: number
  /** Increments of each process. */
  readonly increments: number
  /** A process closes the store after about so many increments. */
  readonly turn: number
  /** How long one process is stopped; 0: not at all. */
  readonly stopMillis: number
  readonly seed: number
  readonly runtime: Runtime
  /** Path of another program for the processes. */
  readonly program?: string | undefined
  /** Called now and then with how many increments have been made. */
  readonly onProgress?: ((made: number) => void) | undefined
}

/** What a race was. */
export interface RaceResult {
  readonly contestants: readonly Contestant[]
  /** Increments in the log; `landed` of them were under way at the kill. */
  readonly sum: number
  readonly landed: number
  readonly frames: number
  readonly calls: number
  /** From the start signal to the last increment. */
  readonly millis: number
  /** Stops that hit a process within a commit, which the others had to wait for. */
  readonly stopsInCommit: number
  /** Increments of the others while one was stopped for long. */
  readonly madeDuringStop: number
  /** From the last write until the last process was shown it. */
  readonly hearMillis: number | undefined
}

const POLL_MILLIS = 10
/** The others must make an increment within this time, else the stopped process is taken to hold the database. */
const GO_ON_MILLIS = 1000
/** How long a process is stopped that holds the database: longer than others wait for it before they are told that it is busy. */
const HELD_MILLIS_MAX = 6000
/** All must be shown the last write within this time. */
const HEAR_MILLIS_MAX = 10_000
/** Nobody tells anything for so long, beside a stop: something hangs. */
const SILENCE_MILLIS_MAX = 30_000

export class Race {
  readonly #options: RaceOptions
  readonly #journalPath: string
  readonly #journal: JournalReader
  readonly #entries: Entry[] = []
  readonly #contestants: Contestant[] = []
  #stopped: Contestant | undefined
  #stopsInCommit = 0
  #madeDuringStop = 0
  #told = performance.now()

  constructor(options: RaceOptions) {
    this.#options = options
    this.#journalPath = join(options.folder, "journal.jsonl")
    writeFileSync(this.#journalPath, "")
    this.#journal = new JournalReader(this.#journalPath)
  }

  /** Runs the race. Fails with `RuleBroken` if a rule is; no process is left then either. */
  async run(): Promise<RaceResult> {
    const { processes, increments, stopMillis, seed, isShared } = this.#options
    try {
      for (let number = 1; number <= processes; number++) this.#start(number, increments)
      await this.#until(() => this.#contestants.every(({ isReady }) => isReady))
      const started = performance.now()
      for (const contestant of this.#contestants) contestant.go()
      const plan = planOf(seed, stopMillis)
      let millis = 0
      await Promise.all([
        this.#makeStops(plan.stops),
        this.#kill(plan.kill.share, plan.kill.millis),
        this.#until(() => this.#isOver).then(() => millis = performance.now() - started),
      ])
      const hearMillis = isShared ? await this.#endRace() : undefined
      await this.#until(() => this.#contestants.every(({ isRunning }) => !isRunning))
      return { ...await this.#judge(), millis, hearMillis }
    } finally {
      for (const contestant of this.#contestants) await contestant.end()
      this.#journal.close()
    }
  }

  // Running

  #start(process: number, increments: number): Contestant {
    const { subject, seed, turn, runtime, isShared: waits } = this.#options
    const { program = fileURLToPath(new URL("racer.ts", import.meta.url)) } = this.#options
    const order = { subject, journal: this.#journalPath, process, seed, increments, turn, waits }
    const contestant = new Contestant(program, runtime, order)
    this.#contestants.push(contestant)
    return contestant
  }

  get #made(): number {
    return this.#contestants.reduce((sum, { made }) => sum + made, 0)
  }

  #madeByOthers(than: Contestant): number {
    return this.#made - than.made
  }

  get #isOver(): boolean {
    return this.#made >= this.#options.processes * this.#options.increments && this.#racing.length === 0
  }

  /** Those that have increments left to make. */
  get #racing(): readonly Contestant[] {
    return this.#contestants.filter(({ isDone, isKilled }) => !isDone && !isKilled)
  }

  /** Reads the journal until `isReached`; answers false if that takes longer than `millisMax`. */
  async #until(isReached: () => boolean, millisMax: number = Infinity): Promise<boolean> {
    const started = performance.now()
    for (;;) {
      this.#readJournal()
      if (isReached()) return true
      for (const contestant of this.#contestants) contestant.check()
      const now = performance.now()
      if (now - started > millisMax) return false
      if (now - this.#told > SILENCE_MILLIS_MAX + this.#options.stopMillis) fail(`nobody told anything for ${SILENCE_MILLIS_MAX} ms`)
      await sleep(POLL_MILLIS)
    }
  }

  #readJournal(): void {
    const entries = this.#journal.read()
    if (entries.length === 0) return
    this.#told = performance.now()
    for (const entry of entries) {
      this.#entries.push(entry)
      this.#contestants[entry.process - 1]!.take(entry)
    }
    this.#options.onProgress?.(this.#made)
  }

  /** Waits until a share of all increments has been made. */
  async #untilShare(share: number): Promise<void> {
    const { processes, increments } = this.#options
    await this.#until(() => this.#made >= share * processes * increments || this.#isOver)
  }

  async #makeStops(stops: readonly Stop[]): Promise<void> {
    const { isShared } = this.#options
    for (const [index, { share, millis, isLong }] of stops.entries()) {
      await this.#untilShare(share)
      for (;;) {
        // Where they take turns, the one whose turn it is.
        const racing = this.#racing.filter(({ isOpen, made, share }) => isOpen && made < share)
        const contestant = racing[index % racing.length]
        if (contestant === undefined) {
          if (this.#isOver) break
          await sleep(POLL_MILLIS)
          this.#readJournal()
          continue
        }
        const { made } = contestant
        if (await this.#stop(contestant, millis) || !isLong || !isShared) break
        await this.#until(() => contestant.made > made || contestant.isDone || contestant.isKilled) // else it would be stopped in the same commit
      }
    }
  }

  /** Stops a process for a while; answers whether the others could go on. */
  async #stop(contestant: Contestant, millis: number): Promise<boolean> {
    const before = this.#madeByOthers(contestant), started = performance.now()
    const others = (): number => this.#madeByOthers(contestant) - before
    const isAlone = (): boolean => this.#racing.every((one) => one === contestant)
    contestant.stop()
    this.#stopped = contestant
    let goOn = true
    try {
      if (this.#options.isShared) goOn = await this.#until(() => others() > 0 || isAlone(), Math.min(millis, GO_ON_MILLIS))
      if (!goOn) this.#stopsInCommit++
      const rest = (goOn ? millis : Math.min(millis, HELD_MILLIS_MAX)) - (performance.now() - started)
      if (rest > 0) await this.#until(() => contestant.isKilled, rest)
    } finally {
      this.#stopped = undefined
      contestant.stoppedMillis += performance.now() - started
      contestant.goOn()
    }
    if (goOn) this.#madeDuringStop = Math.max(this.#madeDuringStop, others())
    return goOn
  }

  /** Kills a process in the middle of its calls and starts another one, which makes what that one has left. */
  async #kill(share: number, millis: number): Promise<void> {
    const { increments } = this.#options
    await this.#untilShare(share)
    let victim: Contestant | undefined
    await this.#until(() => {
      victim = this.#racing.find((one) => one !== this.#stopped && one.isOpen && one.made < increments - 1)
      return victim !== undefined || this.#isOver
    })
    if (victim === undefined) return
    await sleep(millis)
    new JournalWriter(this.#journalPath).write({ what: "killed", process: victim.number })
    victim.kill()
    await victim.ended
    this.#readJournal()
    const left = increments - victim.made
    if (left === 0) return // it was faster than the signal
    const successor = this.#start(this.#contestants.length + 1, left)
    await this.#until(() => successor.isReady)
    successor.go()
  }

  /** Writes once more; answers how long it took until all that wait for it were shown it. */
  async #endRace(): Promise<number> {
    const store = await openStore(this.#options.subject)
    try {
      await endOf(store).put(END, true)
    } finally {
      await store.close()
    }
    const started = performance.now()
    const waiting = (): readonly Contestant[] => this.#contestants.filter(({ isKilled, heard }) => !isKilled && heard === undefined)
    if (await this.#until(() => waiting().length === 0, HEAR_MILLIS_MAX)) return performance.now() - started
    return fail(`not shown the last write within ${HEAR_MILLIS_MAX} ms: processes ${waiting().map(({ number }) => number).join(", ")}`)
  }

  // Judging

  async #judge(): Promise<Omit<RaceResult, "millis" | "hearMillis">> {
    const { processes, increments, isShared } = this.#options
    const log: State[] = [], statesByVersion = new Map<Version, State>([[null, START]]), positions: number[] = []
    let frames: number
    const store = await openStore(this.#options.subject)
    try {
      for await (const { value, version, position } of store.records.history(COUNTER)) {
        log.push(value!)
        statesByVersion.set(version, value!)
        positions.push(position)
      }
      frames = store.status().head
      equal(await store.records.get(COUNTER), log.at(-1), "the record at the end")
      equal(await store.records.count(), 1, "count()")
    } finally {
      await store.close()
    }

    const calls = callsOf(this.#entries, statesByVersion)
    checkHistory(calls, log)
    const acknowledged = calls.filter(({ effect }) => effect.kind === "wrote").length, landed = log.length - acknowledged
    equal(acknowledged, processes * increments, "acknowledged increments")
    const used = new Set(positions)
    equal(used.size, frames - (isShared ? 1 : 0), "positions with increments")
    ensure(positions.every((position, index) => position >= (positions[index - 1] ?? 1)), "increments do not lie in the order of the log")
    for (let position = 1; position <= used.size; position++) ensure(used.has(position), `no increment lies at position ${position}`)
    if (!isShared) checkTurns(this.#entries)
    else for (const contestant of this.#contestants) checkHeard(contestant, log.at(-1) ?? START, used)
    const { length } = calls
    return {
      contestants: this.#contestants,
      sum: log.length,
      landed,
      frames,
      calls: length,
      stopsInCommit: this.#stopsInCommit,
      madeDuringStop: this.#madeDuringStop,
    }
  }
}

/** Fails unless the process was shown each frame that came after it had opened the store, in order, up to the last state. */
const checkHeard = ({ number, isKilled, openedHead, heard }: Contestant, last: State, positions: ReadonlySet<number>): void => {
  if (isKilled) return
  ensure(heard !== undefined, `process ${number} was not shown the end`)
  equal(heard.last, last, `the last state that process ${number} was shown`)
  equal(heard.outOfOrder, 0, `changes that process ${number} was shown out of order`)
  equal(heard.frames, [...positions].filter((position) => position > openedHead).length, `frames that process ${number} was shown`)
}
