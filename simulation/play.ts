/** A world that is driven by hand, for histories: no fault but those that are asked for, and every call comes to its end before the next. */
import { type PersistError, RemoteUnreachable } from "../kernel/errors.ts"
import type { Bytes } from "../kernel/ports/log-storage.ts"
import { Application } from "./application.ts"
import { check } from "./check.ts"
import { type DeviceProcess, outcomeOf } from "./device-process.ts"
import { Counts, type Fault, Faults } from "./faults.ts"
import { heal } from "./healing.ts"
import { listen } from "./hearing.ts"
import { Random } from "./random.ts"
import { Scheduler } from "./scheduler.ts"
import type { Site } from "./site.ts"
import { failureOver } from "./strategies.ts"
import type { StrategyApplication } from "./strategy-application.ts"
import type { Token } from "./token.ts"
import { type Habits, World } from "./world.ts"

const STEPS_MAX = 2000
const HABITS: Habits = {
  timing: "at once",
  isWatched: false,
  limits: { operationsMax: 6, partsMax: 6 },
  isManual: false,
  deletes: "keep-update",
  forgetful: 0,
  heard: 0,
  takesRemote: false,
}

export class Play {
  readonly world: World
  readonly application: Application

  constructor(habits: Partial<Habits> = {}) {
    const random = new Random(7), counts = new Counts()
    this.world = listen(new World(new Scheduler(random), new Faults(random, counts, []), counts))
    this.world.habits = { ...HABITS, ...habits }
    this.application = new Application(this.world)
    this.application.poisonShare = 0
  }

  // --- who there is

  async servers(...names: string[]): Promise<void> {
    for (const name of names) await this.world.addServer(name, ["red"])
  }

  /** A server that takes what others refuse. */
  async lenientServer(name: string): Promise<void> {
    await this.world.addServer(name, ["red"], true)
  }

  async device(name: string, ...remotes: string[]): Promise<void> {
    for (const remote of remotes) if (!this.world.hosts.has(remote)) this.world.serve(this.site(remote))
    await this.world.addDevice(name, remotes)
    await this.#opened(name)
  }

  /** A device from which servers take what it wrote itself, and nothing else. */
  async restrictedDevice(name: string, ...remotes: string[]): Promise<void> {
    for (const remote of remotes) if (!this.world.hosts.has(remote)) this.world.serve(this.site(remote))
    await this.world.addDevice(name, remotes, "red", false)
    await this.#opened(name)
  }

  /** Somebody else logs in on a device: its process at an index hears of it, all do without one. */
  logIn(name: string, login: string, index?: number): void {
    const site = this.site(name)
    site.login = login
    for (const [at, process] of this.world.processesOf(site).entries()) if (index === undefined || at === index) process.login = login
  }

  site(name: string): Site {
    const site = this.world.sites.find((one) => one.name === name)
    if (site === undefined) throw new Error(`no site is named ${name}`)
    return site
  }

  /** The first open process of a device, or the one at an index. */
  process(name: string, index: number = 0): DeviceProcess {
    const process = this.world.processesOf(this.site(name))[index]
    if (process === undefined) throw new Error(`${name} has no process ${index}`)
    return process
  }

  async #opened(name: string): Promise<void> {
    const isOpen = (): boolean => this.world.processesOf(this.site(name)).every(({ store }) => store !== undefined)
    await this.world.scheduler.quiet()
    await this.world.scheduler.runUntil(isOpen, STEPS_MAX)
    if (!isOpen()) throw new Error(`${name} does not open`)
  }

  /** Kills the device's processes and opens its store again. */
  async reopen(name: string): Promise<void> {
    const site = this.site(name)
    for (const process of this.world.processesOf(site)) this.world.kill(process)
    this.world.openProcess(site)
    await this.#opened(name)
  }

  /** One more process of a device. */
  async another(name: string): Promise<void> {
    this.world.openProcess(this.site(name))
    await this.#opened(name)
  }

  async clone(name: string): Promise<string> {
    const { name: copy } = await this.world.clone(this.site(name))
    await this.#opened(copy)
    return copy
  }

  backup(name: string): readonly Bytes[] {
    return this.site(name).frames()
  }

  async restore(name: string, frames: readonly Bytes[]): Promise<void> {
    await this.world.restore(this.site(name), frames)
    if (!this.site(name).isServer) await this.#opened(name)
  }

  remove(name: string): void {
    this.world.remove(this.site(name))
  }

  // --- what they do

  token(isPoison: boolean = false): Token {
    return this.application.token("red", isPoison)
  }

  async put(name: string, key: string, token: Token = this.token()): Promise<void> {
    this.world.scheduler.pass(10)
    await this.run(this.application.put(this.process(name), "", key, token))
  }

  async delete(name: string, key: string): Promise<void> {
    this.world.scheduler.pass(10)
    await this.run(this.application.delete(this.process(name), "", key))
  }

  /** Answers the dead letter of a record of a device. */
  async answer(name: string, key: string, call: "retry" | "discard"): Promise<void> {
    this.world.scheduler.pass(10)
    const process = this.process(name)
    const answer = async (): Promise<void> => {
      const letter = (await process.store?.deadLetters.list())?.find((one) => one.key === key)
      if (letter === undefined) throw new Error(`${name} has no dead letter of ${key}`)
      await this.application.answer(process, letter, call)
    }
    await this.run(answer())
  }

  /** The users of a device do something in its collections that are not last-write-wins. */
  async use(name: string, work: (users: StrategyApplication, process: DeviceProcess) => Promise<unknown>): Promise<void> {
    this.world.scheduler.pass(10)
    await this.run(work(this.application.strategies, this.process(name)))
  }

  /** A token over which the merge function fails in some way, or does not. */
  mergeToken(failure?: number): Token {
    let token = this.token()
    while (failureOver(token.uid) !== failure) token = this.token()
    return token
  }

  /** From now on processes are opened without the merge function. */
  forgetMerge(): void {
    this.world.habits = { ...this.world.habits, forgetful: 1 }
  }

  /** Lets a call come to its end, and whatever it set off. Answers the error that it failed with. */
  async run(call: Promise<unknown>): Promise<PersistError | undefined> {
    let isOver = false
    const ended = outcomeOf(call).then((outcome) => {
      isOver = true
      return outcome
    })
    await this.world.scheduler.quiet()
    if (!await this.world.scheduler.runUntil(() => isOver, STEPS_MAX)) {
      this.world.violation("a call never ends", "in a history")
      return undefined
    }
    const outcome = await ended
    if (outcome.kind === "defect") throw outcome.error
    return outcome.kind === "failed" ? outcome.error : undefined
  }

  async push(name: string, remote: string, fault?: Fault): Promise<void> {
    await this.#verb("push", this.process(name), remote, fault)
  }

  async pull(name: string, remote: string, fault?: Fault): Promise<void> {
    await this.#verb("pull", this.process(name), remote, fault)
  }

  async #verb(verb: "push" | "pull", process: DeviceProcess, remote: string, fault: Fault | undefined): Promise<void> {
    const cycle = process.cycle(remote), signal = new AbortController().signal
    await this.run(cycle.connect(signal)) // so that what is lost is the verb's own request
    if (fault !== undefined) this.world.faults.force(fault)
    const error = await this.run(cycle[verb](signal))
    if (error === undefined || (fault !== undefined && error instanceof RemoteUnreachable)) return
    this.world.violation("fails without a fault", `${process.name}: ${verb}: ${error.message}`)
  }

  async sync(name: string, ...remotes: string[]): Promise<void> {
    for (const remote of remotes) {
      await this.pull(name, remote)
      await this.push(name, remote)
      await this.pull(name, remote)
    }
  }

  /** All faults end, everybody syncs, and everything is checked; answers what broke. */
  async end(): Promise<ReadonlyMap<string, string>> {
    // What broke already may go on breaking for long.
    if (this.world.violations.size > 0) return this.world.violations
    await heal(this.world, this.application)
    await check(this.world)
    return this.world.violations
  }
}
