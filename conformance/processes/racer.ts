/**
 * One process of a race over a bare log: increments a register, whose states are the frames, and tells the journal of each call before and after.
 *
 *   read     the last frame is the newest state: nobody's append that had ended before may be missing from it
 *   append   the next state, at the position behind it: refused if somebody was faster
 *
 * A store that another process has open is waited for.
 */
import process from "node:process"
import { setTimeout as sleep } from "node:timers/promises"
import { FramesTrimmed, PersistError, PositionTaken, StoreBusy, StoreLocked } from "../../kernel/errors.ts"
import type { Adapter, Bytes, Capabilities, LogStorage, Position } from "../../kernel/ports/log-storage.ts"
import { START, type State, stateAfter } from "./history.ts"
import { type Answer, JournalWriter, markOf } from "./journal.ts"
import type { Answers, RaceOrder } from "./orders.ts"
import { Random } from "./random.ts"

const PAGE = { maxFrames: 1000, maxBytes: 1_000_000 }
const WAIT_MILLIS_MAX = 20

/** The frame that holds a state. */
export const toFrame = (state: State): Bytes => new TextEncoder().encode(JSON.stringify(state))

/** The state that a frame holds. */
export const toState = (frame: Bytes): State => JSON.parse(new TextDecoder().decode(frame)) as State

type Ended = Answer extends infer A ? A extends Answer ? Omit<A, "process" | "call" | "micros"> : never : never

/** Runs a race for this process; answers when it has made all of its increments. */
export const raceFor = async (
  adapter: Adapter,
  { multiProcess }: Capabilities,
  { storeName, durability, journal: path, process: number, increments, turn }: RaceOrder,
): Promise<Answers["race"]> => {
  const journal = new JournalWriter(path), random = new Random(number, process.pid)
  let calls = 0, made = 0, refused = 0

  const open = async (): Promise<LogStorage> => {
    for (;;) {
      try {
        return await adapter.open(storeName, { durability, create: true })
      } catch (error) {
        const isTaken = error instanceof StoreBusy || error instanceof StoreLocked && !multiProcess
        if (!isTaken) throw error
        await sleep(1 + random.below(WAIT_MILLIS_MAX))
      }
    }
  }
  const call = async (make: (mark: string) => Promise<Ended>): Promise<Ended> => {
    const callNumber = ++calls
    journal.write({ what: "called", process: number, call: callNumber })
    const started = performance.now()
    let ended: Ended
    try {
      ended = await make(markOf(number, callNumber))
    } catch (error) {
      const isKnown = error instanceof PersistError && error.storedNothing
      // What was the last frame may be dropped by the time it is read.
      if (!(error instanceof PositionTaken || error instanceof FramesTrimmed || error instanceof StoreBusy)) throw error
      ended = { what: isKnown ? "failed" : "unknown", code: error.code }
    }
    journal.write({ ...ended, process: number, call: callNumber, micros: Math.round((performance.now() - started) * 1000) })
    return ended
  }

  while (made < increments) {
    const storage = await open()
    journal.write({ what: "opened", process: number, head: await storage.head() })
    const until = Math.min(made + turn, increments)
    while (made < until) {
      let state = START, position: Position = 0
      const seen = await call(async () => {
        const head = await storage.head()
        const page = head === 0 ? [] : await storage.read(head - 1, PAGE)
        const last = page.at(-1)
        if (last !== undefined) state = toState(last)
        position = head === 0 ? 0 : head - 1 + page.length
        return { what: "saw", state, version: state.mark }
      })
      if (seen.what !== "saw") continue
      if (random.oneIn(4)) await sleep(random.below(2)) // gives others time to be faster
      const ended = await call(async (mark) => {
        const next = stateAfter(state, mark)
        await storage.append(position + 1, toFrame(next))
        return { what: "wrote", state: next, version: mark }
      })
      if (ended.what === "wrote") made += 1
      else refused += 1
    }
    journal.write({ what: "closing", process: number })
    await storage.close()
  }
  journal.write({ what: "done", process: number })
  return { made, refused }
}
