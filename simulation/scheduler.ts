/**
 * Scheduler: owns the time of a run and everything in it that is still to happen.
 *
 *   code under test ── asks ──▶ effect (of an actor, due at some time) ── picked by chance ──▶ it happens ──▶ microtasks run out ──▶ the next
 *
 * Whatever the code under test asks of the outside becomes an effect: a call of the storage, a request, an answer, a timer. One effect happens
 * at a time, and the next is picked only when nothing of what it set off runs any more. So the order of everything follows from the seed.
 *
 * An actor that is killed gets no effect any more: its calls never answer, as those of a process that is gone. One that is paused gets those of the
 * meantime when it goes on.
 */
import { setImmediate } from "node:timers"
import type { Random } from "./random.ts"

/** Whoever waits for effects: a process, the network, a disk. */
export interface Actor {
  readonly name: string
}

interface Effect {
  readonly owner: Actor
  readonly label: string
  dueMillis: number
  readonly run: () => void
}

/** 2026-01-01T00:00:00Z. */
const START_MILLIS = 1_767_225_600_000
/** At most so much time passes before a step. */
const STEP_MILLIS_MAX = 20

export class Scheduler {
  readonly random: Random
  /** True time of the run; the clocks of devices and servers may say something else. */
  millis: number = START_MILLIS
  /** Hash of all that happened so far, in order. */
  trace: number = 0x811c9dc5
  /** Told of everything that happens, for a person to read. */
  listener: ((text: string) => void) | undefined
  #pending: Effect[] = []
  readonly #killed = new WeakSet<Actor>()
  /** Until when actors get no effects. */
  #paused = new Map<Actor, number>()

  constructor(random: Random) {
    this.random = random
  }

  /** Has `run` happen at some time after `delayMillis`; answers a function that calls it off. */
  add(owner: Actor, label: string, run: () => void, delayMillis: number = 0): () => void {
    if (this.#killed.has(owner)) return () => {}
    const effect = { owner, label, dueMillis: Math.max(this.millis + delayMillis, this.#paused.get(owner) ?? 0), run }
    this.#pending.push(effect)
    return () => {
      const at = this.#pending.indexOf(effect)
      if (at >= 0) this.#pending.splice(at, 1)
    }
  }

  isAlive(owner: Actor): boolean {
    return !this.#killed.has(owner)
  }

  /** Nothing that this actor waits for happens any more. */
  kill(owner: Actor): void {
    this.#killed.add(owner)
    this.#pending = this.#pending.filter((effect) => effect.owner !== owner)
  }

  /** Nothing happens to this actor for a while; then it goes on. */
  pause(owner: Actor, millis: number): void {
    const until = this.millis + millis
    this.#paused.set(owner, until)
    for (const effect of this.#pending) if (effect.owner === owner) effect.dueMillis = Math.max(effect.dueMillis, until)
  }

  isPaused(owner: Actor): boolean {
    return (this.#paused.get(owner) ?? 0) > this.millis
  }

  /** Everybody who was paused goes on. */
  resume(): void {
    for (const effect of this.#pending) {
      if (effect.dueMillis === this.#paused.get(effect.owner)) effect.dueMillis = Math.min(effect.dueMillis, this.millis)
    }
    this.#paused = new Map()
  }

  /** How many effects could happen now. */
  get ready(): number {
    let ready = 0
    for (const { dueMillis } of this.#pending) if (dueMillis <= this.millis) ready++
    return ready
  }

  get pending(): number {
    return this.#pending.length
  }

  /** Lets some time pass. */
  pass(millis: number = 1 + this.random.below(STEP_MILLIS_MAX)): void {
    this.millis += millis
  }

  /** One effect happens, picked by chance; if none is due yet, time moves to the first. Answers false if there is none at all. */
  async step(): Promise<boolean> {
    const effect = this.#take(this.random.next())
    if (effect === undefined) return false
    await this.#run(effect)
    return true
  }

  /** Effects happen in the order of their time and of their asking until `isDone`, or `stepsMax` of them; answers whether it came to that. */
  async runUntil(isDone: () => boolean, stepsMax: number): Promise<boolean> {
    for (let steps = 0; !isDone(); steps++) {
      const effect = steps < stepsMax ? this.#take(0) : undefined
      if (effect === undefined) return false
      await this.#run(effect)
    }
    return true
  }

  /** Notes something in the trace. */
  note(text: string): void {
    let { trace } = this
    for (let at = 0; at < text.length; at++) trace = Math.imul(trace ^ text.charCodeAt(at), 0x01000193)
    this.trace = trace >>> 0
    this.listener?.(text)
  }

  /** Waits until nothing that was set off runs any more. */
  async quiet(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve))
  }

  #take(share: number): Effect | undefined {
    const pending = this.#pending
    let due = 0, first = Infinity
    for (const { dueMillis } of pending) {
      if (dueMillis <= this.millis) due++
      else if (dueMillis < first) first = dueMillis
    }
    if (due === 0) {
      if (first === Infinity) return undefined
      this.millis = first
      return this.#take(share)
    }
    let skip = Math.floor(share * due)
    const at = pending.findIndex(({ dueMillis }) => dueMillis <= this.millis && skip-- === 0)
    return pending.splice(at, 1)[0]
  }

  async #run({ owner, label, run }: Effect): Promise<void> {
    this.note(`${this.millis} ${owner.name}: ${label}`)
    run()
    await this.quiet()
  }
}
