/**
 * Network: carries the bodies of requests to hosts and those of answers back, with all that networks do to them.
 *
 *   device process ── call ─▶ [request under way] ─▶ a process of the host ─▶ [answer under way] ─▶ the call resolves
 *                                 │ lost, twice, late, cut, changed                │ lost, late, cut, changed, an older one, a page of HTML
 *                                 └───────── after a while the caller gives up ◀───┘
 *
 * Messages belong to nobody: they arrive though their sender is gone.
 */
import { RemoteError, RemoteUnreachable } from "../kernel/errors.ts"
import type { Bytes } from "../kernel/ports/log-storage.ts"
import type { CallOptions } from "../kernel/ports/remote.ts"
import type { CallRoute } from "../protocol/client/exchange.ts"
import type { Faults } from "./faults.ts"
import type { Actor, Scheduler } from "./scheduler.ts"

/** Who asks: a process, and the device that it runs on. */
export interface Sender {
  readonly process: Actor
  /** Whose network it is on. */
  readonly principal: string
  /** Who is logged in. */
  readonly login: string
  /** Servers take from it what others wrote. */
  readonly mayRelay: boolean
  readonly tenant: string
}

/** Where requests go. Picks one of its processes for each. */
export interface Host {
  readonly name: string
  /** Answers with a body; rejects if the process dies over it. Undefined: none was there. */
  handle(route: CallRoute, body: Bytes, sender: Sender): Promise<Bytes> | undefined
}

/** A caller gives up after so long where no answer comes. */
const PATIENCE_MILLIS = 30_000
const HOUR_MILLIS = 3_600_000
const ANSWERS_KEPT = 12
const GARBAGE = new TextEncoder().encode("<!doctype html><title>Welcome to the hotel</title><p>Please log in")

/** One call that has not ended. */
interface Call {
  readonly sender: Sender
  readonly host: Host
  readonly route: CallRoute
  readonly resolve: (body: Bytes) => void
  readonly reject: (error: unknown) => void
  isOver: boolean
}

/** What somebody who listens on the line heard of one exchange. */
export interface Heard {
  readonly route: CallRoute
  readonly sender: Sender
  readonly host: string
  readonly request: Bytes
  readonly answer: Bytes
}

export class Network implements Actor {
  readonly name = "network"
  /** Told of every answer as its host gave it. */
  onAnswer: (heard: Heard) => void = () => {}
  /** Which old answer comes in place of a new one, of those to the same route of the same host. */
  staleOf: (old: readonly Heard[]) => Heard
  readonly #scheduler: Scheduler
  readonly #faults: Faults
  readonly #calls = new Set<Call>()
  readonly #made = new WeakMap<Actor, number>()
  /** Messages in order, by whom they go to: without reordering they arrive so. */
  readonly #lines = new Map<string, (() => void)[]>()
  readonly #old: Heard[] = []
  /** Until when a sender reaches nobody, and a host answers nothing but that it is overloaded. */
  readonly #unreachable = new Map<string, number>()
  readonly #overloaded = new Map<string, number>()
  /** The answer that waits for {@link release}, if one does; undefined: none is to wait. */
  #held: (() => void)[] | undefined

  constructor(scheduler: Scheduler, faults: Faults) {
    this.#scheduler = scheduler
    this.#faults = faults
    this.staleOf = (old) => scheduler.random.pick(old)
  }

  /** How many calls a process has made. */
  callsOf(process: Actor): number {
    return this.#made.get(process) ?? 0
  }

  /** A device reaches nobody for a while. */
  cutOff(principal: string, millis: number): void {
    this.#unreachable.set(principal, this.#scheduler.millis + millis)
  }

  /** A host is overloaded for a while. */
  overload(host: string, millis: number): void {
    this.#overloaded.set(host, this.#scheduler.millis + millis)
  }

  /** All connections of a device break: whatever it waits for fails. */
  reset(principal: string): number {
    const broken = [...this.#calls].filter(({ sender }) => sender.principal === principal)
    for (const call of broken) this.#fail(call, "the connection was reset")
    return broken.length
  }

  /** The next answer waits until {@link release}; those after it do not. */
  hold(): void {
    this.#held = []
  }

  /** How many answers wait. */
  get held(): number {
    return this.#held?.length ?? 0
  }

  /** What waits goes on its way. */
  release(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const go of held) go()
  }

  /** Faults are over: everybody is reached again. */
  heal(): void {
    this.release()
    this.#unreachable.clear()
    this.#overloaded.clear()
  }

  call(sender: Sender, host: Host, route: CallRoute, body: Bytes, { signal }: CallOptions): Promise<Bytes> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const call: Call = { sender: { ...sender }, host, route, resolve, reject, isOver: false } // as who it is at this moment
      this.#calls.add(call)
      this.#made.set(sender.process, this.callsOf(sender.process) + 1)
      signal.addEventListener("abort", () => this.#end(call, () => reject(signal.reason)), { once: true })
      this.#request(call, body.slice())
    })
  }

  #request(call: Call, body: Bytes): void {
    const faults = this.#faults, { sender, host, route } = call
    if ((this.#unreachable.get(sender.principal) ?? 0) > this.#scheduler.millis) return this.#giveUp(call, "no network")
    if (faults.strikes("redirect")) return this.#giveUp(call, "it was sent elsewhere too often")
    if (faults.strikes("dropRequest")) return this.#giveUp(call, "no answer")
    const sent = this.#damaged(body, "request")
    this.#send(host.name, `${route} arrives`, call, () => this.#arrive(call, sent))
    if (faults.strikes("duplicate")) {
      this.#scheduler.add(
        this,
        `${route} arrives again`,
        () => void this.#handle(call, sent)?.catch(() => {}),
        this.#scheduler.random.below(2000),
      )
    }
  }

  #arrive(call: Call, body: Bytes): void {
    const { host, route } = call
    if ((this.#overloaded.get(host.name) ?? 0) > this.#scheduler.millis) {
      const details = { remote: host.name, call: route, remoteCode: "overloaded", reason: "try later", retry: "later" } as const
      return this.#end(call, () => call.reject(new RemoteError(details)))
    }
    const answered = this.#handle(call, body)
    if (answered === undefined) return this.#giveUp(call, "connection refused")
    answered.then((answer) => this.#answer(call, body, answer), () => this.#giveUp(call, "the connection was closed"))
  }

  /** A process takes the request, if there is one. */
  #handle({ sender, host, route }: Call, body: Bytes): Promise<Bytes> | undefined {
    return host.handle(route, body.slice(), sender)
  }

  #answer(call: Call, request: Bytes, answer: Bytes): void {
    const faults = this.#faults, { sender, host, route } = call
    const heard: Heard = { route, sender, host: host.name, request, answer }
    this.onAnswer(heard)
    const alike = this.#old.filter((old) => old.route === route && old.host === host.name && old.sender.tenant === sender.tenant)
    this.#old.push(heard)
    if (this.#old.length > ANSWERS_KEPT) this.#old.shift()
    if (call.isOver) return
    if (faults.strikes("dropAnswer")) return this.#giveUp(call, "no answer")
    let body = answer
    if (alike.length > 0 && faults.strikes("staleAnswer")) body = this.staleOf(alike).answer
    else if (faults.strikes("garbageAnswer")) body = GARBAGE
    const sent = this.#damaged(body, "answer")
    const arrive = (): void => this.#end(call, () => call.resolve(sent.slice()))
    const go = (): void => this.#send(sender.process.name, `answer to ${route} arrives`, call, arrive)
    if (this.#held?.length === 0) this.#held.push(go)
    else go()
  }

  /** A message goes on its way, and its caller may lose patience meanwhile. */
  #send(to: string, label: string, call: Call, deliver: () => void): void {
    const { random } = this.#scheduler
    if (this.#faults.strikes("delay")) {
      this.#scheduler.add(this, label, deliver, Math.floor(HOUR_MILLIS ** random.next()))
      this.#giveUp(call, "no answer", PATIENCE_MILLIS)
      return
    }
    const waiting = this.#lines.get(to) ?? []
    this.#lines.set(to, waiting)
    waiting.push(deliver)
    if (!this.#faults.has("reorder")) return void this.#scheduler.add(this, label, () => waiting.shift()?.())
    this.#scheduler.add(this, label, () => {
      const at = waiting.indexOf(deliver)
      if (at > 0) this.#faults.counts.add("reorder")
      waiting.splice(at, 1)
      deliver()
    })
  }

  #damaged(body: Bytes, what: string): Bytes {
    const { random } = this.#scheduler
    if (this.#faults.strikes("cutBody")) return body.slice(0, random.below(body.length))
    if (!this.#faults.strikes("corruptByte") || body.length === 0) return body
    const at = random.below(body.length), changed = body.slice()
    changed[at] = (changed[at] ?? 0) ^ (1 << random.below(8))
    this.#scheduler.note(`byte ${at} of ${what} changes`)
    return changed
  }

  #giveUp(call: Call, reason: string, delayMillis: number = this.#scheduler.random.below(50)): void {
    this.#scheduler.add(call.sender.process, `${call.route} fails`, () => this.#fail(call, reason), delayMillis)
  }

  #fail(call: Call, reason: string): void {
    this.#end(call, () => call.reject(new RemoteUnreachable({ remote: call.host.name, call: call.route, reason })))
  }

  #end(call: Call, settle: () => void): void {
    this.#calls.delete(call)
    if (call.isOver) return
    call.isOver = true
    const { process } = call.sender
    if (this.#scheduler.isPaused(process)) this.#scheduler.add(process, `${call.route} ended meanwhile`, settle)
    else if (this.#scheduler.isAlive(process)) settle()
  }
}
