/** One random run: applications, syncing and faults, scheduled by the seed; then healing, and the check. */
import { Application } from "./application.ts"
import { JUMP_MILLIS, YEAR_MILLIS } from "./clock.ts"
import { check } from "./check.ts"
import { type DeviceProcess, outcomeOf } from "./device-process.ts"
import { Counts, type Fault, FAULTS, Faults } from "./faults.ts"
import { DELETE_CONFLICTS } from "../kernel/model/strategy.ts"
import type { SyncHandle } from "../kernel/sync/engine/sync-handle.ts"
import { heal } from "./healing.ts"
import { loadSync } from "./heard-handle.ts"
import { listen } from "./hearing.ts"
import { sameAsLog } from "./picture.ts"
import { Random } from "./random.ts"
import { type Actor, Scheduler } from "./scheduler.ts"
import type { ServedHost } from "./server-process.ts"
import { conflictsAsLedger, valuesAsLedger } from "./shown-values.ts"
import type { Site } from "./site.ts"
import { World } from "./world.ts"

/** How a seed is played. */
export interface RunOptions {
  readonly steps: number
  /** Fault classes that are off in every run. */
  readonly without?: readonly Fault[] | undefined
  /** Told of everything that happens. */
  readonly listener?: ((text: string) => void) | undefined
  /** Given the world as the run left it. */
  readonly onEnd?: ((world: World) => void) | undefined
}

/** What a run came to. */
export interface RunResult {
  readonly seed: number
  /** By title, with the first place where it was seen. */
  readonly violations: ReadonlyMap<string, string>
  readonly counts: Counts
  readonly trace: number
  readonly rounds: number
}

/** Steps of a run before it is healed. */
export const STEPS_DEFAULT = 400
/** Share of the runs in which some processes sync by themselves. */
const HANDLES_SHARE = 0.1
const HOUR_MILLIS = 3_600_000
const PAUSE_MILLIS_MIN = 1000, PAUSE_MILLIS_MAX = 600_000
/** Faults that come from outside, at any step; the others have occasions of their own. */
const STRUCK: readonly Fault[] = [
  "partition",
  "storm",
  "reset",
  "crashDevice",
  "crashServer",
  "pause",
  "secondProcess",
  "clone",
  "restoreDevice",
  "restoreServer",
  "wipeServer",
  "removeDevice",
  "storeDown",
  "powerLoss",
  "login",
  "clockYear",
  "clockFrozen",
  "clockJump",
  "delay",
]
/** Of these more where devices may not relay: then what is lost may be left with those alone. */
const LOSSY: readonly Fault[] = ["wipeServer", "restoreServer", "removeDevice"]
/** Share of the steps of users before which an open handle is looked at. */
const INSPECTED_SHARE = 0.1
/** What servers take and give at once; never less than the operations of one frame, which may go whole (W-52). */
const LIMITS = [{ operationsMax: 16, partsMax: 3 }, { operationsMax: 16, partsMax: 6 }, { operationsMax: 30, partsMax: 12 }, {}]

/** Plays one seed. */
export async function runSeed(seed: number, { steps, without = [], listener, onEnd }: RunOptions): Promise<RunResult> {
  const random = new Random(seed), counts = new Counts(), scheduler = new Scheduler(random)
  scheduler.listener = listener
  const simulation = new Simulation(listen(new World(scheduler, Faults.drawn(random, counts, without), counts)))
  const { world } = simulation
  let rounds = 0
  try {
    await simulation.populate()
    for (let step = 0; step < steps; step++) await simulation.step()
    rounds = await heal(world, simulation.application)
    await check(world)
  } catch (error) {
    world.violation("the simulation threw", error instanceof Error ? `${error.stack}` : String(error))
  }
  onEnd?.(world)
  return { seed, violations: world.violations, counts, trace: scheduler.trace, rounds }
}

class Simulation {
  readonly world: World
  readonly application: Application

  constructor(world: World) {
    this.world = world
    this.application = new Application(world)
  }

  /** 2 to 5 devices, 1 or 2 servers, now and then a second tenant on the same servers. */
  async populate(): Promise<void> {
    const { world } = this, { random, faults } = world
    world.habits = {
      timing: random.pick(["later", "later", "mixed", "at once"]),
      isWatched: random.chance(0.5),
      limits: random.pick(LIMITS),
      isManual: random.chance(0.15),
      deletes: random.pick(DELETE_CONFLICTS),
      forgetful: random.pick([0, 0, 0.3]),
      heard: random.pick([0, 0.5]),
      takesRemote: random.chance(0.4),
    }
    const tenants = random.chance(0.2) ? ["red", "blue"] : ["red"], names = random.chance(0.4) ? ["R1", "R2"] : ["R1"]
    const lenient = random.chance(0.2) ? random.pick(names) : undefined
    for (const name of names) {
      const host = await world.addServer(name, tenants, name === lenient)
      if (faults.has("secondProcess") && random.chance(0.5)) world.openServerProcess(host)
      if (!faults.has("serverClock")) continue
      for (const { clock } of host.sites.values()) clock.offsetMillis = random.pick([YEAR_MILLIS, -YEAR_MILLIS, JUMP_MILLIS])
      world.count("serverClock")
    }
    if (random.chance(HANDLES_SHARE)) world.startSync = await loadSync()
    for (const tenant of tenants) {
      const letters = [..."ABCDE"].slice(0, tenant === "red" ? 2 + random.below(4) : 2), earlier: Site[] = []
      for (const letter of letters) {
        earlier.push(await this.#addDevice(tenant === "red" ? letter : letter.toLowerCase(), names, tenant, earlier))
      }
    }
  }

  async #addDevice(name: string, servers: readonly string[], tenant: string, earlier: readonly Site[]): Promise<Site> {
    const { world } = this, { random, faults } = world
    // The first one joins all servers, and is never lost.
    const remotes = earlier.length === 0 ? [...servers] : servers.filter(() => random.chance(0.6))
    if (earlier.length > 0 && random.chance(faults.has("rights") ? 0.7 : 0.25)) {
      const neighbour = random.pick(earlier)
      // What a device has no other way for has to get on from there.
      if (neighbour.mayRelay || remotes.length > 0) remotes.push(world.serve(neighbour).name)
    }
    const hasServer = remotes.some((remote) => servers.includes(remote))
    if (remotes.length === 0 || (faults.has("removeDevice") && !hasServer)) remotes.push(random.pick(servers))
    const joinsServers = earlier.length === 0 && servers.length > 1, mayRelay = !faults.has("rights") || joinsServers || random.chance(0.3)
    if (!mayRelay) world.count("rights")
    const site = await world.addDevice(name, remotes, tenant, mayRelay)
    if (faults.has("clockYear") && random.chance(0.4)) {
      site.clock.offsetMillis = random.pick([YEAR_MILLIS, -YEAR_MILLIS])
      world.count("clockYear")
    }
    if (faults.has("secondProcess") && random.chance(0.5)) world.openProcess(site)
    return site
  }

  async step(): Promise<void> {
    const { world } = this, { random, scheduler } = world
    scheduler.pass()
    const roll = random.below(100)
    if (roll < 82 && scheduler.pending > 0) {
      await scheduler.step()
      return
    }
    const device = random.pick(world.devices), process = random.pick(world.processesOf(device))
    if (scheduler.isPaused(process)) return
    if (random.chance(INSPECTED_SHARE)) this.#inspect(process)
    if (roll < 89) this.#write(process)
    else if (roll < 96) this.#sync(process, random.pick(device.remotes))
    else await this.#hurt()
    await scheduler.quiet()
  }

  /** A handle that stands at the head of its log shows what the log says, in the middle of everything. */
  #inspect(process: DeviceProcess): void {
    if (process.store?.status().head !== process.site.disk.head) return
    const difference = sameAsLog(process) ?? valuesAsLedger(this.world, process, false) ?? conflictsAsLedger(process)
    this.world.count("handles inspected")
    if (difference !== undefined) this.world.violation("view is not the fold of its log", `${process.name}: ${difference}`)
    process.listeners.check(this.world, process.name)
    process.handle?.check(this.world, process.name)
  }

  #write(process: DeviceProcess): void {
    if (process.store === undefined) return
    const isAnswer = this.world.random.chance(0.1)
    void (isAnswer ? this.application.answerDeadLetters(process) : this.application.act(process))
  }

  /** One cycle: push, then pull, whatever became of the push. */
  #sync(process: DeviceProcess, remote: string): void {
    const { world } = this, { random } = world
    if (process.store === undefined || process.busy.has(remote)) return
    if (process.handle !== undefined && random.chance(0.5)) return void this.#ended(process, this.#call(process.handle.handle), "sync")
    world.count("cycles")
    process.busy.add(remote)
    const cycle = process.cycle(remote), user = new AbortController()
    if (random.chance(0.03)) {
      world.scheduler.add(process, "the user stops syncing", () => user.abort(new UserStopped()), random.below(200))
      world.count("syncing stopped by the user")
    }
    const run = async (): Promise<void> => {
      await this.#ended(process, cycle.push(user.signal), "push")
      await this.#ended(process, cycle.pull(user.signal), "pull")
      if (random.chance(0.1)) cycle.forget()
      process.busy.delete(remote)
    }
    void run()
  }

  /** Somebody calls for it, or stops it for a while. */
  #call(handle: SyncHandle): Promise<void> {
    const { random } = this.world
    if (random.chance(0.2)) handle.pause()
    if (random.chance(0.2)) handle.resume()
    return handle[random.pick(["sync", "push", "pull"] as const)]()
  }

  /** Waits for a verb of a cycle; it must not go on for ever, whatever it is answered. */
  async #ended(process: DeviceProcess, call: Promise<unknown>, verb: string): Promise<void> {
    const { network } = this.world, before = network.callsOf(process)
    const outcome = await outcomeOf(call)
    const calls = network.callsOf(process) - before
    if (calls > this.world.requestsMax * process.site.remotes.length) {
      this.world.violation("too many requests", `${process.name}: ${verb} made ${calls}`)
    }
    if (outcome.kind === "failed") this.world.count(`${verb} fails: ${outcome.error.code}`)
    else if (outcome.kind === "defect" && !(outcome.error instanceof UserStopped)) {
      const { error } = outcome
      this.world.violation("a defect", `${process.name}: ${verb} threw ${error instanceof Error ? error.stack : error}`)
    }
  }

  async #hurt(): Promise<void> {
    const { world } = this, { random, faults } = world
    const isLossy = faults.has("rights") && random.chance(0.4), names = (isLossy ? LOSSY : STRUCK).filter((name) => faults.has(name))
    if (names.length === 0) return
    const name = random.pick(names), device = random.pick(world.devices), host = random.pick([...world.hosts.values()])
    if (random.chance(FAULTS[name].share) && await this.#strike(name, device, host)) world.count(name)
  }

  /** Answers whether anything happened. */
  async #strike(name: Fault, device: Site, host: ServedHost): Promise<boolean> {
    const { world } = this, { random, scheduler } = world
    const server = random.pick(world.present.filter(({ isServer }) => isServer))
    switch (name) {
      case "partition":
        world.network.cutOff(device.principal, 200 + random.below(3000))
        return true
      case "storm":
        world.network.overload(host.name, 200 + random.below(2000))
        return true
      case "reset":
        return world.network.reset(device.principal) > 0
      case "crashDevice":
        world.kill(random.pick(world.processesOf(device)))
        world.openProcess(device)
        return true
      case "crashServer":
        if (host.processes.length === 0) return false
        world.killServerProcess(host, random.pick(host.processes))
        world.openServerProcess(host)
        return true
      case "pause":
        return this.#pause(
          random.chance(0.7) ? random.pick(world.processesOf(device)) : host.processes[random.below(host.processes.length)],
        )
      case "secondProcess":
        if (random.chance(0.5)) return host.processes.length < 3 && world.isServed(host) && void world.openServerProcess(host) === undefined
        return world.processesOf(device).length < 3 && void world.openProcess(device) === undefined
      case "clone":
        if (world.devices.length >= 6) return false
        await world.clone(device)
        return true
      case "restoreDevice":
        return await this.#fromBackup(device)
      case "restoreServer":
        return await this.#fromBackup(server)
      case "wipeServer":
        await world.restore(server, [])
        return true
      case "removeDevice":
        // Whoever joins two servers stays.
        if (/^[Aa]$/.test(device.name)) return false
        world.remove(device)
        return true
      case "storeDown":
        ;(random.chance(0.5) ? device : server).disk.downUntilMillis = scheduler.millis + random.below(8000)
        return true
      case "powerLoss":
        await world.losePower(random.chance(0.5) ? device : server)
        return true
      case "login":
        world.logIn(device, random.pick([device.principal, `${device.principal} 2`, random.pick(world.devices).principal]))
        return true
      case "clockYear":
        device.clock.offsetMillis = random.pick([0, YEAR_MILLIS, -YEAR_MILLIS])
        return true
      case "clockFrozen":
        device.clock.freeze(device.clock.frozenMillis === undefined)
        return true
      case "clockJump":
        device.clock.offsetMillis += random.pick([JUMP_MILLIS, -JUMP_MILLIS])
        return true
      case "delay":
        scheduler.pass(random.below(HOUR_MILLIS)) // what was under way may be as late as that
        return true
      default:
        return false // it strikes at its own occasions
    }
  }

  #pause(process: Actor | undefined): boolean {
    const { random, scheduler } = this.world
    if (process === undefined || scheduler.isPaused(process)) return false
    scheduler.pause(process, Math.floor(PAUSE_MILLIS_MIN * (PAUSE_MILLIS_MAX / PAUSE_MILLIS_MIN) ** random.next()))
    return true
  }

  async #fromBackup(site: Site): Promise<boolean> {
    const { random } = this.world
    if (site.backups.length === 0 || random.chance(0.4)) {
      site.backups.push(site.frames())
      return false
    }
    await this.world.restore(site, random.pick(site.backups))
    return true
  }
}

/** The user's own reason to stop. */
class UserStopped extends Error {}
