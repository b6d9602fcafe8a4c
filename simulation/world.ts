/**
 * World: the sites of one run with the processes that have them open, the network between, and what may be done to them from outside.
 *
 *   tenant ── device A ── 1 to 3 processes ──┐
 *          ── device B ── …                  ├─ network ── host R1 ── 1 to 3 processes ── a site for each tenant
 *          ── clone of B, served to C ───────┘          ── host R2
 */
import { StorageFailed } from "../kernel/errors.ts"
import type { DeleteConflict } from "../kernel/model/strategy.ts"
import type { Bytes } from "../kernel/ports/log-storage.ts"
import type { Platform } from "../kernel/ports/platform.ts"
import type { Remote } from "../kernel/ports/remote.ts"
import { RemoteCycle } from "../kernel/sync/remote-cycle.ts"
import type { ParsedStrategy } from "../kernel/store/collection-options.ts"
import { openStore } from "../kernel/store/store.ts"
import { wireRemote } from "../protocol/client/wire-remote.ts"
import { Clock, processPlatform } from "./clock.ts"
import { DeviceProcess } from "./device-process.ts"
import { simulatedExchange } from "./exchange.ts"
import type { Counts, Faults } from "./faults.ts"
import { type KnownOperation, Ledger } from "./ledger.ts"
import { HeardHandle, quietOptions, type StartSync } from "./heard-handle.ts"
import { type Heard, Network, type Sender } from "./network.ts"
import type { Judge } from "./observer.ts"
import { processAdapter, type Timing } from "./process-storage.ts"
import type { Random } from "./random.ts"
import type { Actor, Scheduler } from "./scheduler.ts"
import { ServedHost, ServerProcess } from "./server-process.ts"
import { type HostPolicy, serviceOf } from "./service.ts"
import { Site, STORE_NAME } from "./site.ts"
import type { Token } from "./token.ts"
import { Whispers } from "./whispers.ts"

const BY_HAND: ParsedStrategy = {
  setting: { strategy: "manual", deleteConflict: "manual", type: undefined },
  merge: undefined,
  type: undefined,
}
const RECORDED_MAX = 8
const REOPEN_MILLIS = 500
const REQUESTS_AT_LEAST = 20

/** How storages of a run answer. */
export interface Habits {
  readonly timing: Timing
  /** Hints of other processes' appends come. */
  readonly isWatched: boolean
  /** What servers take and give at once; little, so that most has to be split. */
  readonly limits: HostPolicy["limits"]
  /** Stores are opened with the strategy manual for collections that have none of their own. */
  readonly isManual: boolean
  /** What becomes of deletes beside updates in the merged collection. */
  readonly deletes: DeleteConflict
  /** Share of the processes that do not give the merged collection its function. */
  readonly forgetful: number
  /** Share of the processes to whose stores somebody listens. */
  readonly heard: number
  /** Users take the other version of every conflict, on all devices. */
  readonly takesRemote: boolean
  /** In the end all devices push, then all pull, and so on; else one device after another. Undefined: by chance. */
  readonly inStep?: boolean
}

export class World implements Judge {
  readonly random: Random
  readonly scheduler: Scheduler
  readonly faults: Faults
  readonly counts: Counts
  readonly ledger: Ledger = new Ledger()
  readonly network: Network
  readonly hosts: Map<string, ServedHost> = new Map()
  readonly sites: Site[] = []
  readonly violations: Map<string, string> = new Map()
  /** What the code under test told its logger, searched for what must not be in it. */
  readonly whispers: Whispers
  /** Some requests of the run, for playing them again. */
  readonly recorded: Heard[] = []
  habits: Habits = {
    timing: "later",
    isWatched: true,
    limits: { operationsMax: 6, partsMax: 6 },
    isManual: false,
    deletes: "keep-update",
    forgetful: 0,
    heard: 0,
    takesRemote: false,
  }
  /** Some processes sync by themselves too; undefined: none. */
  startSync: StartSync | undefined
  readonly #processes = new Map<Site, DeviceProcess[]>()
  #names = 0

  constructor(scheduler: Scheduler, faults: Faults, counts: Counts) {
    this.random = scheduler.random
    this.scheduler = scheduler
    this.faults = faults
    this.counts = counts
    this.network = new Network(scheduler, faults)
    this.whispers = new Whispers(this)
  }

  violation(title: string, detail: string): void {
    if (this.violations.has(title)) return
    this.violations.set(title, detail)
    this.scheduler.note(`VIOLATION ${title}: ${detail}`)
  }

  count(name: string): void {
    this.counts.add(name)
  }

  get present(): Site[] {
    return this.sites.filter(({ isRemoved }) => !isRemoved)
  }
  get devices(): Site[] {
    return this.present.filter(({ isServer }) => !isServer)
  }

  /** No push or pull makes more requests, whatever it is answered: each has to get further, and there are so many frames at most. */
  get requestsMax(): number {
    return REQUESTS_AT_LEAST + Math.max(...this.sites.map(({ disk }) => disk.head))
  }

  freshName(prefix: string): string {
    return `${prefix}${++this.#names}`
  }

  /** Keeps a request, or forgets another one for it. */
  record(heard: Heard): void {
    if (this.recorded.length < RECORDED_MAX) this.recorded.push(heard)
    else if (this.random.chance(0.1)) this.recorded[this.random.below(RECORDED_MAX)] = heard
  }

  // --- what there is

  /** A server with a site for each tenant. */
  /** Is there a device that may not relay? Then causes of others need not come first anywhere (rule S36). */
  get isRestricted(): boolean {
    return this.sites.some(({ mayRelay }) => !mayRelay)
  }

  async addServer(name: string, tenants: readonly string[], isLenient: boolean = false): Promise<ServedHost> {
    const clock = new Clock(this.scheduler), sites: Site[] = []
    for (const tenant of tenants) {
      const options = {
        name: tenants.length > 1 ? `${name}/${tenant}` : name,
        tenant,
        isServer: true,
        isLenient,
        principal: name,
        mayRelay: true,
        remotes: [],
      }
      sites.push(await Site.open(options, this, this.scheduler, clock))
    }
    this.sites.push(...sites)
    return this.#addHost(name, sites, true, isLenient)
  }

  async addDevice(name: string, remotes: readonly string[], tenant: string = "red", mayRelay: boolean = true): Promise<Site> {
    const options = { name, tenant, isServer: false, isLenient: true, principal: name, mayRelay, remotes }
    const site = await Site.open(options, this, this.scheduler)
    this.sites.push(site)
    this.#processes.set(site, [])
    this.openProcess(site)
    return site
  }

  /** A copy of a device's disk in another device, with the same login and the same clock. */
  async clone(site: Site): Promise<Site> {
    const options = { ...site, name: this.freshName(`${site.name}'`), isServer: false }
    const clock = new Clock(this.scheduler)
    clock.offsetMillis = site.clock.offsetMillis
    const copy = await Site.open(options, this, this.scheduler, clock, site.frames())
    copy.login = site.login
    this.sites.push(copy)
    this.#processes.set(copy, [])
    this.openProcess(copy)
    return copy
  }

  /** A device serves its own store to neighbours, by a process of its own. */
  serve(site: Site): ServedHost {
    return this.hosts.get(site.name) ?? this.#addHost(site.name, [site], false, true)
  }

  #addHost(name: string, sites: readonly Site[], isServer: boolean, takesPoison: boolean): ServedHost {
    const host = new ServedHost(name, sites, { takesPoison, takesAll: !isServer, limits: this.habits.limits }, this.random)
    this.hosts.set(name, host)
    this.openServerProcess(host)
    return host
  }

  /** Is anything left that this host serves? */
  isServed(host: ServedHost): boolean {
    return [...host.sites.values()].some(({ isRemoved }) => !isRemoved)
  }

  // --- processes

  processesOf(site: Site): readonly DeviceProcess[] {
    return this.#processes.get(site) ?? []
  }

  /** A device opens its store in one more process. */
  openProcess(site: Site): DeviceProcess {
    const merging = this.random.chance(this.habits.forgetful) ? undefined : this.habits.deletes
    const process = new DeviceProcess(this.freshName(`${site.name}.`), site, merging, this.habits.isManual)
    process.isHeard = this.random.chance(this.habits.heard)
    this.#processes.get(site)?.push(process)
    this.#begin(process, this.#platform(process, site.clock))
    return process
  }

  /** Opens the store of a process, and tries again where the disk does not answer. */
  #begin(process: DeviceProcess, platform: Platform): void {
    const adapter = processAdapter(this.#place(process), () => process.site.disk)
    openStore<Token>(STORE_NAME, adapter, { platform, logger: this.whispers.logger, durability: "normal" }).then(
      (store) => {
        process.begin(store, (host) => new RemoteCycle(store.synced, this.#remote(process, host, platform)))
        if (process.isManual) store.setStrategy(BY_HAND).catch((error) => this.count(`a setting is not stored: ${error.code}`))
        if (this.startSync !== undefined && this.random.chance(0.5)) this.#startSync(this.startSync, process, platform)
      },
      (error) => {
        if (!(error instanceof StorageFailed)) return this.violation("a store does not open", `${process.name}: ${error}`)
        this.count(`open fails: ${error.code}`)
        this.scheduler.add(process, "open again", () => this.#begin(process, platform), REOPEN_MILLIS)
      },
    )
  }

  #startSync(start: StartSync, process: DeviceProcess, platform: Platform): void {
    const { store, site } = process
    if (store === undefined) return
    const { logger } = this.whispers, makeCycle = (remote: Remote): RemoteCycle => new RemoteCycle(store.synced, remote)
    const remotes = site.remotes.map((name) => this.#remote(process, name, platform))
    process.handle = new HeardHandle(start({ store: store.syncedStore, platform, logger, makeCycle }, quietOptions(remotes)))
    this.count("handles that sync by themselves")
  }

  #remote(process: DeviceProcess, name: string, platform: Platform): ReturnType<typeof wireRemote> {
    const host = this.hosts.get(name)
    if (host === undefined) throw new Error(`no host is named ${name}`)
    const { tenant, principal, mayRelay } = process.site
    const sender: Sender = {
      process,
      tenant,
      principal,
      mayRelay,
      get login(): string {
        return process.login
      },
    }
    const exchange = simulatedExchange(this.network, sender, host)
    return wireRemote({ exchange, store: STORE_NAME, session: platform.randomBytes(16) })
  }

  openServerProcess(host: ServedHost): ServerProcess {
    const process = new ServerProcess(this.freshName(`${host.name}.`), (self) => {
      const [site] = host.sites.values()
      if (site === undefined) throw new Error(`${host.name} has no site`)
      const diskOf = new Map([...host.sites.values()].map((one) => [one.tenant, () => one.disk]))
      const service = serviceOf({
        ...host.policy,
        place: this.#place(self),
        diskOf,
        platform: this.#platform(self, site.clock),
        logger: this.whispers.logger,
      })
      return (route, body, sender) => {
        if (!this.scheduler.isPaused(self)) return service(route, body, sender)
        return new Promise((resolve) => this.scheduler.add(self, `${route} waited`, () => resolve(service(route, body, sender))))
      }
    })
    host.processes.push(process)
    return process
  }

  #platform(process: Actor, clock: Clock): Platform {
    const rate = this.faults.has("clockApart") && this.random.chance(0.5) ? 10 ** (this.random.next() * 2 - 1) : 1
    if (rate !== 1) this.count("clockApart")
    return processPlatform(process, this.scheduler, clock, this.random.fork(), rate)
  }

  #place(process: Actor): Parameters<typeof processAdapter>[0] {
    const { timing, isWatched } = this.habits
    return { process, scheduler: this.scheduler, faults: this.faults, timing, isWatched }
  }

  /** A process of a device is gone, at whatever it was. */
  kill(process: DeviceProcess): void {
    const others = this.processesOf(process.site).filter((other) => other !== process)
    this.#processes.set(process.site, others)
    this.scheduler.kill(process)
    process.site.disk.leave(process)
  }

  killServerProcess(host: ServedHost, process: ServerProcess): void {
    host.processes = host.processes.filter((other) => other !== process)
    this.scheduler.kill(process)
    for (const { disk } of host.sites.values()) disk.leave(process)
    process.die()
  }

  /** Every process that has this site open is gone; answers the hosts that serve it. */
  killAll(site: Site): ServedHost[] {
    for (const process of this.processesOf(site)) this.kill(process)
    const hosts = [...this.hosts.values()].filter(({ sites }) => [...sites.values()].includes(site))
    for (const host of hosts) for (const process of host.processes) this.killServerProcess(host, process)
    return hosts
  }

  /** Somebody else logs in on a device; each of its processes hears of it at once, or goes on as it was. */
  logIn(site: Site, login: string): void {
    site.login = login
    for (const process of this.processesOf(site)) if (this.random.chance(0.5)) process.login = login
  }

  // --- destruction: what had no other copy is excused

  /** The site goes back to these frames, and its processes begin anew. */
  async restore(site: Site, frames: readonly Bytes[]): Promise<void> {
    const hosts = this.killAll(site)
    await site.replaceDisk(frames)
    this.#noteDestruction(site.isServer)
    this.#reopen(site, hosts)
  }

  /** The power of a site fails: what was not flushed is gone, but for some frames that were. A confirmation is no excuse for that. */
  async losePower(site: Site, framesKept: number = this.random.below(site.disk.head - site.disk.flushed + 1)): Promise<void> {
    const hosts = this.killAll(site)
    await site.replaceDisk(site.frames().slice(0, site.disk.flushed + framesKept))
    this.#noteDestruction(false)
    this.#reopen(site, hosts)
  }

  #reopen(site: Site, hosts: readonly ServedHost[]): void {
    if (!site.isServer) this.openProcess(site)
    for (const host of hosts) this.openServerProcess(host)
  }

  /** The device is lost for good. */
  remove(site: Site): void {
    this.killAll(site)
    this.scheduler.kill(site.disk)
    site.isRemoved = true
    this.#noteDestruction(false)
  }

  #noteDestruction(isOfServer: boolean): void {
    const heldBy = (sites: readonly Site[]): KnownOperation[] => sites.flatMap(({ observer }) => [...observer.operations])
    const servers = isOfServer ? heldBy(this.present.filter(({ isServer }) => isServer)) : undefined
    this.ledger.noteDestruction(heldBy(this.present), servers)
  }
}
