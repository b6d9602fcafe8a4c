/**
 * An adapter on its way through one case: what the author gives (the subject), and what cases need around it.
 *
 *   subject   adapter · reopen? · dispose? · medium?       made for each case by the author's `make`
 *   trial     open() tracks handles · reopen() · fill() · warn()       end() closes what a case left open
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

/** What a case may ask for: a flag of the capabilities, or something of the subject. */
export type Need = Exclude<keyof Capabilities, "levels" | "maxFrameBytes"> | "medium" | "checked"

/** A case about an adapter. */
export type LogStorageCase = Case<LogStorageTrial, Need>

/** How long a case waits for a notification that must come, unless the caller says otherwise. */
export const PATIENCE_MILLIS = 5000

/** A subject with helpers; made for one case. */
export class LogStorageTrial implements Trial {
  readonly warnings: string[] = []
  readonly capabilities: Capabilities
  readonly patienceMillis: number
  readonly #subject: LogStorageSubject
  readonly #handles = new Set<LogStorage>()
  #adapter: Adapter
  #ended = false

  constructor(subject: LogStorageSubject, patienceMillis: number = PATIENCE_MILLIS) {
    this.#subject = subject
    this.#adapter = subject.adapter
    this.capabilities = capabilitiesOf(subject.adapter)
    this.patienceMillis = patienceMillis
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
    return Object.entries(this.capabilities).some(([name, value]) => name === need && value === true)
      ? undefined
      : `the adapter does not claim ${need}`
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
    const closed = await outcomeOf(() => this.closeAll())
    await this.#subject.dispose?.()
    if (closed.kind === "error") throw closed.error
  }
}
