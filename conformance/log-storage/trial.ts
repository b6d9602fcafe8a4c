/**
 * An adapter on its way through one case: what the author gives (the subject), and what cases need around it.
 *
 *   subject   adapter · reopen? · dispose? · medium? · processes?       made for each case by the author's `make`
 *   trial     open() tracks handles · reopen() · startProcess() · another() · warn()       end() closes what a case left open
 */
import {
  type Adapter,
  type Awaitable,
  type Bytes,
  type Capabilities,
  capabilitiesOf,
  type LogStorage,
  type OpenOptions,
} from "../../kernel/ports/log-storage.ts"
import type { Case } from "../case.ts"
import { outcomeOf } from "../expect.ts"
import { lacksFaults, lacksLimits, lacksPermissions, lacksProcesses, lacksVolumes } from "../processes/means.ts"
import type { OtherProcess, StartOptions } from "../processes/other-process.ts"
import type { Trial } from "../runner.ts"

/** One adapter over a place of its own, empty at first: what is checked. */
export interface LogStorageSubject {
  readonly adapter: Adapter
  /**
   * The same place as a fresh process would see it, when every handle is closed: a new adapter object over it. Needed where the adapter
   * claims `durable`. Default: the same adapter object.
   */
  readonly reopen?: (() => Awaitable<Adapter>) | undefined
  /** Removes the place. Every handle is closed by then. */
  readonly dispose?: (() => Awaitable<void>) | undefined
  /** The bytes beneath the stores, for the cases about crashes and damage; they are skipped without it. */
  readonly medium?: Medium | undefined
  /** How another process opens the same place, for the cases about processes and faults; they are skipped without it. */
  readonly processes?: OtherProcesses | undefined
}

/** How another process opens the same place. */
export interface OtherProcesses {
  /** URL of a module that exports `openAdapter(place)`, which answers an adapter over the place, or a promise of one. */
  readonly module: string
  /** What that function is given. */
  readonly place: string
  /** The folder in which all files of the place lie, where it has any: faults are put on calls about it, and it is filled up and closed. */
  readonly folder?: string | undefined
}

/** The bytes of the whole place, as named byte strings: files by their path. */
export interface Medium {
  /** As they are now, with handles open or not: what a crash at this moment would leave. */
  save(): ReadonlyMap<string, Bytes>
  /** Makes the place hold exactly these. Every handle is closed by then. */
  restore(image: ReadonlyMap<string, Bytes>): Awaitable<void>
  /** Whether the adapter itself notices every changed byte of a frame (else the kernel's checksum does). Default false. */
  readonly checked?: boolean | undefined
}

/**
 * What a case may ask for: a flag of the capabilities, something of the subject, or something of this machine beside it.
 *
 *   processes   the subject says how another process opens the place
 *   faults      and in which folder it lies; here calls to the operating system can be traced, and made to fail
 *   limits      the same, and here a process can be given limits
 *   permissions the same, and here a process can be another user's than root's
 *   volumes     the same, and here a small volume can be mounted
 */
export type Need =
  | Exclude<keyof Capabilities, "levels" | "maxFrameBytes">
  | "medium"
  | "checked"
  | "processes"
  | "faults"
  | "limits"
  | "permissions"
  | "volumes"

/** A case about an adapter. */
export type LogStorageCase = Case<LogStorageTrial, Need>

/** How long a case waits for a notification that must come, unless the caller says otherwise. */
export const PATIENCE_MILLIS = 5000

/** What a trial may be told. */
export interface TrialSettings {
  /** How long a case waits for a notification that must come. Default {@link PATIENCE_MILLIS}. */
  readonly patienceMillis?: number | undefined
  /** Makes another subject over an empty place, for cases that need many. Without it they fail. */
  readonly makeAnother?: (() => Awaitable<LogStorageSubject>) | undefined
  /** Whether cases that take samples take all there is. Default false. */
  readonly isSlow?: boolean | undefined
  /** What random choices begin with. Default: another one for each trial. */
  readonly seed?: number | undefined
}

/** A subject with helpers; made for one case. */
export class LogStorageTrial implements Trial {
  readonly warnings: string[] = []
  readonly capabilities: Capabilities
  readonly patienceMillis: number
  /** Whether to try all where samples are taken otherwise. */
  readonly isSlow: boolean
  /** What random choices begin with; told where they matter. */
  readonly seed: number
  readonly #settings: TrialSettings
  readonly #processes = new Set<OtherProcess>()
  readonly #others = new Set<LogStorageTrial>()
  readonly #subject: LogStorageSubject
  readonly #handles = new Set<LogStorage>()
  #adapter: Adapter
  #ended = false

  constructor(subject: LogStorageSubject, settings: TrialSettings = {}) {
    this.#subject = subject
    this.#adapter = subject.adapter
    this.#settings = settings
    this.capabilities = capabilitiesOf(subject.adapter)
    this.patienceMillis = settings.patienceMillis ?? PATIENCE_MILLIS
    this.isSlow = settings.isSlow ?? false
    this.seed = settings.seed ?? Math.floor(Math.random() * 1_000_000)
  }

  get adapter(): Adapter {
    return this.#adapter
  }

  /** The bytes beneath; only for cases that require `medium`. */
  get medium(): Medium {
    if (this.#subject.medium === undefined) throw new Error("a case that uses the medium must require it")
    return this.#subject.medium
  }

  lacks(need: string): string | undefined {
    if (need === "medium") return this.#subject.medium === undefined ? "the subject gives no medium" : undefined
    if (need === "checked") return this.#subject.medium?.checked === true ? undefined : "the adapter does not check frames itself"
    const { processes } = this.#subject
    if (need === "processes") return processes === undefined ? "the subject does not say how another process opens it" : lacksProcesses()
    if (need === "faults" || need === "limits" || need === "permissions" || need === "volumes") {
      if (processes?.folder === undefined) return "the subject does not say how another process opens it, and in which folder it lies"
      const { module } = processes
      return { faults: lacksFaults, limits: lacksLimits, permissions: () => lacksPermissions(module), volumes: lacksVolumes }[need]()
    }
    return Object.entries(this.capabilities).some(([name, value]) => name === need && value === true)
      ? undefined
      : `the adapter does not claim ${need}`
  }

  /** The folder in which all files lie; only for cases that require `faults`, `limits`, `permissions` or `volumes`. */
  get folder(): string {
    const folder = this.#subject.processes?.folder
    if (folder === undefined) throw new Error("a case that uses the folder must require what is done to it")
    return folder
  }

  /** Starts another process that has an adapter over the same place; it is ended with the trial. Only for cases that require `processes`. */
  async startProcess(options: StartOptions = {}): Promise<OtherProcess> {
    const { processes } = this.#subject
    if (processes === undefined) throw new Error("a case that starts processes must require them")
    // Imported here, so that suites without processes run in browsers.
    const { OtherProcess } = await import("../processes/other-process.ts")
    return await OtherProcess.start(processes.module, processes.place, {
      ...options,
      onStart: (one) => {
        this.#processes.add(one)
        options.onStart?.(one)
      },
    })
  }

  /** Another empty place, with a trial of its own; it is ended with this one at the latest. */
  async another(): Promise<LogStorageTrial> {
    const { makeAnother } = this.#settings
    if (makeAnother === undefined) throw new Error("this trial was not told how to make another subject")
    const other = new LogStorageTrial(await makeAnother(), { ...this.#settings, seed: this.seed })
    this.#others.add(other)
    return other
  }

  /** Notes something that breaks no rule. */
  warn(text: string): void {
    this.warnings.push(text)
  }

  /** Opens a store with the adapter's default level, making it if it is missing; it is closed when the trial ends. */
  async open(storeName: string = "notes", options: Partial<OpenOptions> = {}): Promise<LogStorage> {
    const storage = await this.#adapter.open(storeName, { durability: this.capabilities.levels[0] ?? "none", create: true, ...options })
    this.#handles.add(storage)
    return storage
  }

  /** Closes every handle, then looks at the place as a fresh process would; `adapter` is another one from here on. */
  async reopen(): Promise<void> {
    await this.closeAll()
    if (this.#subject.reopen !== undefined) this.#adapter = await this.#subject.reopen()
  }

  /** What another process would have, beside the handles that are open here. */
  async anotherAdapter(): Promise<Adapter> {
    return await this.#subject.reopen?.() ?? this.#adapter
  }

  /** Whether `reopen` gives a new adapter object. */
  get canReopen(): boolean {
    return this.#subject.reopen !== undefined
  }

  /** Closes every handle, puts `image` into the place and looks at it as a fresh process would. */
  async restore(image: ReadonlyMap<string, Bytes>): Promise<void> {
    await this.closeAll()
    await this.medium.restore(image)
    await this.reopen()
  }

  async closeAll(): Promise<void> {
    const handles = [...this.#handles]
    this.#handles.clear()
    for (const storage of handles) await storage.close()
  }

  async end(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    for (const one of this.#processes) await one.kill()
    for (const other of this.#others) await other.end()
    const closed = await outcomeOf(() => this.closeAll())
    await this.#subject.dispose?.()
    if (closed.kind === "error") throw closed.error
  }
}
