/** Site: one copy of a store, with its disk, clock and backups; a device's, or what a server keeps for a tenant. */
import type { Bytes } from "../kernel/ports/log-storage.ts"
import { Clock } from "./clock.ts"
import { Disk } from "./disk.ts"
import type { KnownOperation } from "./ledger.ts"
import { type Judge, Observer } from "./observer.ts"
import type { Actor, Scheduler } from "./scheduler.ts"
import { authorOf } from "./strategies.ts"

/** Name of the store at every site. */
export const STORE_NAME = "notes"

/** What a site is, for ever. */
export interface SiteOptions {
  readonly name: string
  readonly tenant: string
  readonly isServer: boolean
  readonly isLenient: boolean
  /** Who logs in on a device at first, and whose network it is on; a clone is logged in as what it was made of. */
  readonly principal: string
  /** Servers take from it what others wrote. */
  readonly mayRelay: boolean
  /** Names of the hosts that a device syncs with. */
  readonly remotes: readonly string[]
}

export class Site {
  readonly name: string
  readonly tenant: string
  readonly isServer: boolean
  readonly isLenient: boolean
  readonly principal: string
  readonly mayRelay: boolean
  /** Who is logged in on it now; its processes were told when they began, or since. */
  login: string
  remotes: readonly string[]
  readonly clock: Clock
  /** Copies of the disk from earlier times. */
  readonly backups: (readonly Bytes[])[] = []
  /** Lost for good. */
  isRemoved: boolean = false
  disk: Disk
  observer: Observer
  readonly #judge: Judge
  readonly #scheduler: Scheduler
  /** What each process wrote into the log, in order. */
  readonly #written = new Map<Actor, KnownOperation[]>()

  private constructor(options: SiteOptions, judge: Judge, scheduler: Scheduler, clock: Clock, disk: Disk) {
    this.name = options.name
    this.tenant = options.tenant
    this.isServer = options.isServer
    this.isLenient = options.isLenient
    this.principal = this.login = options.principal
    this.mayRelay = options.mayRelay
    this.remotes = options.remotes
    this.#judge = judge
    this.#scheduler = scheduler
    this.clock = clock
    this.disk = disk
    this.observer = this.#watch(disk, [])
  }

  static async open(options: SiteOptions, judge: Judge, scheduler: Scheduler, clock?: Clock, frames: readonly Bytes[] = []): Promise<Site> {
    const site = new Site(options, judge, scheduler, clock ?? new Clock(scheduler), await Disk.withFrames(options.name, []))
    if (frames.length > 0) await site.replaceDisk(frames)
    return site
  }

  /** The disk now holds these frames and no others; what was on its way to the old one never lands. */
  async replaceDisk(frames: readonly Bytes[]): Promise<void> {
    this.#scheduler.kill(this.disk)
    const copy = frames.map((frame) => frame.slice())
    this.disk = await Disk.withFrames(this.name, copy)
    this.observer = this.#watch(this.disk, copy)
  }

  /** Everything that is stored, copied. */
  frames(): readonly Bytes[] {
    return this.disk.read(0).map((frame) => frame.slice())
  }

  /** Operations that a process wrote, oldest first; grows while it lives. */
  writtenBy(process: Actor): KnownOperation[] {
    let written = this.#written.get(process)
    if (written === undefined) this.#written.set(process, written = [])
    return written
  }

  #watch(disk: Disk, frames: readonly Bytes[]): Observer {
    const observer = new Observer(this.#judge, this)
    for (const frame of frames) observer.replay(frame)
    disk.observer = (frame, by) => {
      const written = observer.see(frame, authorOf(by))
      if (written.length > 0) this.writtenBy(by).push(...written)
      this.#scheduler.note(`${this.name} has ${observer.fold.id}`)
    }
    return observer
  }
}
