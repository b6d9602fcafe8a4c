/**
 * Faults: the classes of what can go wrong, and which of them a run has. Numbers are those of the catalogue in the design's reference.
 *
 * Each class is on in about half of the runs, so that they meet in all mixtures: a fault that hides another one is absent often enough.
 */
import type { Random } from "./random.ts"

/** Every class by name, with what happens and how often, as a share of the occasions on which it could. */
export const FAULTS = {
  dropRequest: { says: "F1 a request is lost", share: 0.1 },
  dropAnswer: { says: "F2 an answer is lost, though the request took effect", share: 0.1 },
  duplicate: { says: "F3 a request arrives twice, the second time whenever", share: 0.1 },
  delay: { says: "F4 a message takes up to an hour; the caller has given up by then", share: 0.08 },
  reorder: { says: "F5 messages overtake each other", share: 1 },
  cutBody: { says: "F6 a body ends early", share: 0.05 },
  corruptByte: { says: "F7 a byte changes in transit", share: 0.05 },
  partition: { says: "F8 a device reaches nobody for a while", share: 0.5 },
  staleAnswer: { says: "F14 an old answer comes again in place of the new one", share: 0.05 },
  garbageAnswer: { says: "F15 a page of HTML comes in place of an answer", share: 0.05 },
  storm: { says: "F16 a server answers that it is overloaded for a while", share: 0.5 },
  redirect: { says: "F17 a proxy sends elsewhere, for ever", share: 0.03 },
  reset: { says: "F18 the connection breaks under all requests of a device", share: 0.3 },
  crashDevice: { says: "F19 a process of a device is killed at any step", share: 1 },
  crashServer: { says: "F20 a process of a server is killed at any step", share: 1 },
  pause: { says: "F21 a process of a device or a server stands still for a second to ten minutes, then goes on", share: 0.7 },
  secondProcess: { says: "F22 a second and a third process of one device or server", share: 1 },
  clone: { says: "F23 a device's disk is copied, and both go on", share: 0.5 },
  restoreDevice: { says: "F24 a device goes back to an older copy", share: 1 },
  restoreServer: { says: "F25 a server goes back to an older copy", share: 1 },
  wipeServer: { says: "F26 a server loses everything", share: 0.4 },
  removeDevice: { says: "a device is lost for good", share: 0.3 },
  storeDown: { says: "F9 a disk answers nobody for a while", share: 0.7 },
  powerLoss: { says: "F31 what was not flushed is lost, and with it every process", share: 0.7 },
  clockYear: { says: "F45 a device's clock is a year off", share: 1 },
  clockFrozen: { says: "F46 a device's clock stands still for a while", share: 1 },
  clockJump: { says: "F47 a device's clock jumps by ten minutes", share: 1 },
  clockApart: { says: "F48 timers run by another time than the clock shows", share: 1 },
  serverClock: { says: "a server's clock is wrong", share: 1 },
  login: { says: "another login on a device, which its processes hear of or not", share: 1 },
  rights: { says: "most devices may not relay", share: 1 },
  appendUnknown: { says: "an append fails, and nobody says whether it was stored", share: 0.05 },
  appendLate: { says: "such an append lands at any time later", share: 0.7 },
} as const

/** In how many runs a class is, if not in half of them: what makes the check weaker is rarer. */
const RUNS: { readonly [name: string]: number } = { serverClock: 0.15, rights: 0.3 }

/** Name of a class. */
export type Fault = keyof typeof FAULTS

/** All of them, in the order of the catalogue. */
export const FAULT_NAMES: readonly Fault[] = Object.keys(FAULTS) as Fault[]

/** How often something happened, by name. */
export class Counts {
  readonly byName: Map<string, number> = new Map()

  add(name: string, times: number = 1): void {
    this.byName.set(name, (this.byName.get(name) ?? 0) + times)
  }

  /** Adds what another one counted. */
  join(other: Iterable<readonly [string, number]>): void {
    for (const [name, times] of other) this.add(name, times)
  }
}

/** The classes of one run, and chance for them. */
export class Faults {
  readonly counts: Counts
  readonly #random: Random
  readonly #on: Set<Fault>
  readonly #forced: Fault[] = []

  constructor(random: Random, counts: Counts, on: Iterable<Fault>) {
    this.#random = random
    this.counts = counts
    this.#on = new Set(on)
  }

  /** Draws the classes of a run. */
  static drawn(random: Random, counts: Counts, without: readonly Fault[] = []): Faults {
    const on = FAULT_NAMES.filter((name) => random.chance(RUNS[name] ?? 0.5) && !without.includes(name))
    return new Faults(random, counts, on)
  }

  /** The next occasion for this fault is one, whatever classes there are. */
  force(name: Fault): void {
    this.#forced.push(name)
  }

  /** Is this class part of the run? */
  has(name: Fault): boolean {
    return this.#on.has(name)
  }

  /** Draws whether a fault happens at an occasion, and counts it. */
  strikes(name: Fault): boolean {
    const forced = this.#forced.indexOf(name)
    if (forced >= 0) this.#forced.splice(forced, 1)
    else if (!this.#on.has(name) || !this.#random.chance(FAULTS[name].share)) return false
    this.counts.add(name)
    return true
  }

  /** From now on nothing goes wrong any more. */
  end(): void {
    this.#on.clear()
  }
}
