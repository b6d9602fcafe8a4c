/**
 * One process of the race: increments the record until it has made its share, and tells the journal of each call before and after.
 *
 *   update()              reads, adds and writes in one call, sometimes several calls at once
 *   getEntry(), put()     the same in two steps: a put with `ifVersion`, which is refused if somebody was faster
 *   refresh(), getEntry() reads the newest state, which nobody's write that had ended before may be missing from
 *
 * After a turn of increments it closes the store and opens it again. A store that is locked by another process is waited for; a write that
 * was refused as busy is made again. It ends when its parent does.
 */
import process from "node:process"
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises"
import { type Entry as StoredEntry, PersistError, type Store, StoreLocked, VersionMismatch } from "@cuitty/persist"
import { Random } from "../processes/random.ts"
import { START, type State, stateAfter } from "../processes/history.ts"
import { type Answer, JournalWriter, markOf, type Version } from "../processes/journal.ts"
import { COUNTER, END, endOf, openStore, type Subject } from "./subject.ts"

/** What a racer is told. */
export interface RacerOrder {
  readonly subject: Subject
  readonly journal: string
  /** Its number, from 1. */
  readonly process: number
  readonly seed: number
  readonly increments: number
  /** It closes the store after about so many increments. */
  readonly turn: number
  /** It keeps the store open after its last increment, until it is shown the end of the race. */
  readonly waits: boolean
}

const BURST_MAX = 5
const LOCKED_MILLIS_MAX = 20
const THINKING_MILLIS_MAX = 3

type Ended = Answer extends infer A ? A extends Answer ? Omit<A, "process" | "call" | "micros"> : never : never

export class Racer {
  readonly #order: RacerOrder
  readonly #journal: JournalWriter
  readonly #random: Random
  #calls = 0
  #made = 0
  /** The version that the put before this one was to replace. */
  #older: Version = null
  /** What the subscription was shown since the store was opened. */
  #heard = { frames: 0, last: START, outOfOrder: 0 }

  constructor(order: RacerOrder) {
    this.#order = order
    this.#journal = new JournalWriter(order.journal)
    this.#random = new Random(order.seed, order.process)
  }

  /** Runs the whole race for this process; `isStarted` resolves when all may begin. */
  async run(isStarted: Promise<void>): Promise<void> {
    const { process: number, increments, turn, waits } = this.#order, random = this.#random
    this.#journal.write({ what: "ready", process: number, pid: process.pid })
    await isStarted
    while (this.#made < increments) {
      const store = await this.#open()
      const hearsEnd = this.#listen(store)
      // At once: what is folded between the look at the head and the subscription would be missed by both.
      this.#journal.write({ what: "opened", process: number, head: store.status().head })
      const until = Math.min(this.#made + 1 + random.below(2 * turn), increments)
      while (this.#made < until) await this.#step(store, until - this.#made)
      if (this.#made === increments) {
        this.#journal.write({ what: "done", process: number })
        if (waits) {
          await hearsEnd
          this.#journal.write({ what: "heard", process: number, ...this.#heard })
        }
      }
      this.#journal.write({ what: "closing", process: number })
      await store.close()
    }
  }

  async #open(): Promise<Store<State>> {
    for (;;) {
      try {
        return await openStore(this.#order.subject)
      } catch (error) {
        if (error instanceof StoreLocked) this.#journal.write({ what: "locked", process: this.#order.process })
        else if (!(error instanceof PersistError && error.retryable)) throw error
        await sleep(1 + this.#random.below(LOCKED_MILLIS_MAX))
      }
    }
  }

  /** Subscribes; resolves at the end of the race. */
  #listen(store: Store<State>): Promise<void> {
    const heard = this.#heard = { frames: 0, last: START, outOfOrder: 0 }
    store.records.subscribe(COUNTER, (changes) => {
      const last = changes.at(-1)!.value!
      heard.frames++
      if (last.count <= heard.last.count) heard.outOfOrder++
      heard.last = last
    })
    return new Promise((resolve) => endOf(store).subscribe(END, () => resolve()))
  }

  async #step(store: Store<State>, left: number): Promise<void> {
    const random = this.#random
    if (random.oneIn(8)) await nextTurn() // else timers, and with them watching, would never run
    if (random.oneIn(8)) {
      await this.#think()
      await this.#read(store, true)
    }
    if (random.oneIn(3)) await this.#put(store)
    else {
      const burst = random.oneIn(4) ? Math.min(1 + random.below(BURST_MAX), left) : 1
      await Promise.all(Array.from({ length: burst }, () => this.update(store)))
    }
  }

  /** One increment by `update()`. */
  protected update(store: Store<State>): Promise<void> {
    return this.call(async (mark) => {
      let state = START
      const { version } = await store.records.update(COUNTER, (found = START) => state = stateAfter(found, mark))
      return { what: "wrote", state, version }
    })
  }

  /** One increment by a read and a put; makes none if somebody was faster, or if it expects an older version on purpose. */
  async #put(store: Store<State>): Promise<void> {
    const entry = await this.#read(store, false), newest: Version = entry?.version ?? null
    const expected = this.#random.oneIn(4) ? this.#older : newest
    this.#older = newest
    await this.#think()
    await this.call(async (mark) => {
      const state = stateAfter(entry?.value ?? START, mark)
      try {
        const { version } = await store.records.put(COUNTER, state, { ifVersion: expected })
        return { what: "wrote", state, version }
      } catch (error) {
        if (!(error instanceof VersionMismatch)) throw error
        return { what: "refused", expected, found: error.details.found ?? null }
      }
    })
  }

  /** Gives the others time to be faster, every other time. */
  async #think(): Promise<void> {
    if (this.#random.oneIn(2)) await sleep(this.#random.below(THINKING_MILLIS_MAX))
  }

  async #read(store: Store<State>, isNewest: boolean): Promise<StoredEntry<State> | undefined> {
    let entry: StoredEntry<State> | undefined
    await this.call(async () => {
      if (isNewest) await store.refresh()
      entry = await store.records.getEntry(COUNTER)
      return { what: isNewest ? "saw" : "glanced", state: entry?.value ?? START, version: entry?.version ?? null }
    })
    return entry
  }

  /** Makes a call, which is given its mark, and tells of it. */
  protected async call(make: (mark: string) => Promise<Ended>): Promise<void> {
    const { process } = this.#order, call = ++this.#calls
    this.#journal.write({ what: "called", process, call })
    const started = performance.now()
    let ended: Ended
    try {
      ended = await make(markOf(process, call))
    } catch (error) {
      // What may be made again is counted; all else ends this process, and with it the race.
      if (!(error instanceof PersistError && (error.retryable || error.code === "outcome_unknown"))) throw error
      ended = { what: error.storedNothing ? "failed" : "unknown", code: error.code }
    }
    const micros = Math.round((performance.now() - started) * 1000)
    if (ended.what === "wrote") this.#made++
    this.#journal.write({ ...ended, process, call, micros })
  }
}

/** Runs the racer that the arguments ask for, from the line "go" on its standard input to the end of the race. */
export const runAsRacer = async (make: (order: RacerOrder) => Racer): Promise<void> => {
  const isStarted = new Promise<void>((resolve) => {
    process.stdin.once("data", () => resolve())
    process.stdin.once("end", () => process.exit(1)) // the parent is gone
  })
  await make(JSON.parse(process.argv[2]!)).run(isStarted)
  process.exit(0)
}

if (import.meta.main) await runAsRacer((order) => new Racer(order))
