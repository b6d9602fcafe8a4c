/**
 * A remote on its way through one case: what the author gives (the subject), and what cases need around it.
 *
 *   subject   open · openOther? · openBeside? · openAs? · restart? · roll? · wipe? · backUp? · dispose?     made for each case by the author's `make`
 *   trial     remote, another(), other(), beside(), as() track remotes · writer() · signal        end() closes what a case left open
 */
import type { Awaitable } from "../../kernel/ports/log-storage.ts"
import type { Handshake, Remote } from "../../kernel/ports/remote.ts"
import type { Case } from "../case.ts"
import { outcomeOf } from "../expect.ts"
import type { Trial } from "../runner.ts"
import { BlockWriter } from "./block-writer.ts"

/** Who asks, where a remote tells people apart: all may do everything; another one may, too; read and write, but not relay; read. */
export type Person = "owner" | "neighbour" | "author" | "reader"

/** One store at a remote, empty at first: what is checked. */
export interface RemoteSubject {
  /** A remote of the store, each call another one, as another device would have it. All may read, write and relay. */
  readonly open: () => Awaitable<Remote>
  /** A remote of another store at the same place, empty at first. */
  readonly openOther?: (() => Awaitable<Remote>) | undefined
  /** A remote of the same store through another process, or something else that shares no memory with what `open` uses. */
  readonly openBeside?: (() => Awaitable<Remote>) | undefined
  /** A remote of the same store, asking as somebody. `open` asks as the owner. */
  readonly openAs?: ((person: Person) => Awaitable<Remote>) | undefined
  /** Makes the remote's side forget all that is not in its log, as a kill and a start do. Remotes that are open go on with what comes then. */
  readonly restart?: (() => Awaitable<void>) | undefined
  /** Restarts the processes behind `open` and `openBeside`, one after another, so that one of them is always there. */
  readonly roll?: (() => Awaitable<void>) | undefined
  /** Empties the store, as somebody who deletes its files does, and restarts. */
  readonly wipe?: (() => Awaitable<void>) | undefined
  /** Copies the store; what it answers puts the copy in its place, as somebody who restores a backup does, and restarts. */
  readonly backUp?: (() => Awaitable<() => Awaitable<void>>) | undefined
  /** Frees everything. Every remote is closed by then. */
  readonly dispose?: (() => Awaitable<void>) | undefined
}

/** What a case may ask for. */
export type RemoteNeed = "live" | "other" | "beside" | "persons" | "restart" | "roll" | "wipe" | "backUp"

/** A case about a remote. */
export type RemoteCase = Case<RemoteTrial, RemoteNeed>

/** How long a case waits for a hint that must come, unless the caller says otherwise. */
export const HINT_PATIENCE_MILLIS = 5000

/** Handshakes of one remote until it reaches the store again after a restart. */
const RECONNECTS_MAX = 100

/** Members of a subject by what they are needed for. */
const MEMBERS = {
  other: "openOther",
  beside: "openBeside",
  persons: "openAs",
  restart: "restart",
  roll: "roll",
  wipe: "wipe",
  backUp: "backUp",
} as const

/** A subject with helpers; made for one case. */
export class RemoteTrial implements Trial {
  readonly warnings: string[] = []
  readonly patienceMillis: number
  /** The first remote, and what it answered first: the store was empty then. */
  readonly remote: Remote
  readonly handshake: Handshake
  readonly #subject: RemoteSubject
  readonly #remotes = new Set<Remote>()
  readonly #controller = new AbortController()
  #ended = false

  private constructor(subject: RemoteSubject, remote: Remote, handshake: Handshake, patienceMillis: number) {
    this.#subject = subject
    this.#remotes.add(remote)
    this.remote = remote
    this.handshake = handshake
    this.patienceMillis = patienceMillis
  }

  /** Opens the first remote and shakes hands. Frees the subject if that fails. */
  static async begin(subject: RemoteSubject, patienceMillis: number = HINT_PATIENCE_MILLIS): Promise<RemoteTrial> {
    let remote: Remote | undefined
    try {
      remote = await subject.open()
      const handshake = await remote.handshake({ signal: new AbortController().signal })
      return new RemoteTrial(subject, remote, handshake, patienceMillis)
    } catch (error) {
      await remote?.close()
      await subject.dispose?.()
      throw error
    }
  }

  /** Aborts when the case is over. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  lacks(need: string): string | undefined {
    if (need === "live") return this.handshake.live ? undefined : "the remote does not claim live"
    const member = Object.entries(MEMBERS).find(([name]) => name === need)?.[1]
    return member !== undefined && this.#subject[member] !== undefined ? undefined : `the subject gives no ${member ?? need}`
  }

  /** Notes something that breaks no rule. */
  warn(text: string): void {
    this.warnings.push(text)
  }

  /** A remote of another device. */
  async another(): Promise<Remote> {
    return await this.#opened(this.#subject.open)
  }

  /** A remote of another store; only for cases that require `other`. */
  async other(): Promise<Remote> {
    return await this.#opened(this.#subject.openOther)
  }

  /** A remote through another process; only for cases that require `beside`. */
  async beside(): Promise<Remote> {
    return await this.#opened(this.#subject.openBeside)
  }

  /** A remote of somebody; only for cases that require `persons`. */
  async as(person: Person): Promise<Remote> {
    const { openAs } = this.#subject
    return await this.#opened(openAs === undefined ? undefined : () => openAs(person))
  }

  /** Resolves when every open remote reaches the store again. Only for cases that require `restart`. */
  async restart(): Promise<void> {
    await (this.#subject.restart ?? missing)()
    await this.#reconnect()
  }

  /** As `restart`. Only for cases that require `roll`. */
  async roll(): Promise<void> {
    await (this.#subject.roll ?? missing)()
    await this.#reconnect()
  }

  /** Copies the store; answers what restores it, as `restart`. Only for cases that require `backUp`. */
  async backUp(): Promise<() => Promise<void>> {
    const restore = await (this.#subject.backUp ?? missing)()
    await this.#reconnect()
    return async () => {
      await restore()
      await this.#reconnect()
    }
  }

  /** As `restart`. Only for cases that require `wipe`. */
  async wipe(): Promise<void> {
    await (this.#subject.wipe ?? missing)()
    await this.#reconnect()
  }

  /** Connections of before may be found broken only when they are used again. */
  async #reconnect(): Promise<void> {
    for (const remote of this.#remotes) {
      for (let tries = 1;; tries += 1) {
        const outcome = await outcomeOf(() => remote.handshake({ signal: this.signal }))
        if (outcome.kind === "value") break
        if (tries === RECONNECTS_MAX || Object(outcome.error).retryable !== true) throw outcome.error
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
  }

  /** A writer nobody has heard of, whose stamps are those of the remote's clock. */
  writer(): BlockWriter {
    return new BlockWriter(this.handshake.serverTimeMillis)
  }

  async #opened(open: (() => Awaitable<Remote>) | undefined): Promise<Remote> {
    const remote = await (open ?? missing)()
    this.#remotes.add(remote)
    await remote.handshake({ signal: this.signal })
    return remote
  }

  async end(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    this.#controller.abort(new Error("the case is over"))
    const closed = await outcomeOf(() => Promise.all([...this.#remotes].map((remote) => remote.close())))
    await this.#subject.dispose?.()
    if (closed.kind === "error") throw closed.error
  }
}

const missing = (): never => {
  throw new Error("a case that uses something must require it")
}
