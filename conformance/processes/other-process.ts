/**
 * Another process: the parent's hold on a child that has the same place open, one order at a time.
 *
 *   start ── ready ── ask ── value, error, or ended ──┐
 *                      ▲──────────────────────────────┘     kill: at any time, also in the middle of an order
 */
import { fileURLToPath } from "node:url"
import { fail } from "../expect.ts"
import { Child, type ChildSettings } from "./child.ts"
import type { Answers, CallName, Orders, Setup, Told, ToldError } from "./orders.ts"
import { ownCommand } from "./runtimes.ts"

/** How a call in another process ended: also with the end of that process. */
export type Reply<T> =
  | { readonly kind: "value"; readonly value: T }
  | { readonly kind: "error"; readonly error: ToldError }
  | { readonly kind: "ended"; readonly end: string }

/** How a child is started. */
export interface StartOptions extends ChildSettings {
  /** What runs the runtime: a tracer, a shell that sets limits. */
  readonly launcher?: readonly string[] | undefined
  /** How far its clock is ahead. Default 0. */
  readonly clockMillis?: number | undefined
  /** Called as soon as there is a process that has to be ended. */
  readonly onStart?: ((started: OtherProcess) => void) | undefined
}

const program = (): string => fileURLToPath(import.meta.resolve("#conformance-process"))

export class OtherProcess {
  /** Of `appendOn`: the last position that was about to be appended, and the last one that was acknowledged. */
  storing: number = 0
  stored: number = 0
  /** How often `watch` has told of something. */
  changes: number = 0
  readonly #child: Child<Told>
  readonly #ended: Promise<void>
  #isReady = false
  #nextId = 1
  #pending: { readonly id: number; readonly settle: (reply: Reply<unknown>) => void } | undefined
  #onTold: () => void = () => {}

  private constructor(setup: Setup, { launcher = [], env, user }: StartOptions) {
    const [command, ...args] = ownCommand()
    this.#child = new Child<Told>("another process", [...launcher, command, ...args], program(), setup, (told) => this.#take(told), {
      env,
      user,
    })
    this.#ended = this.#child.ended.then(() => {
      this.#pending?.settle({ kind: "ended", end: this.end })
      this.#onTold()
    })
  }

  /** Starts a child and waits until its adapter is made. Fails if it ends before. */
  static async start(module: string, place: string, options: StartOptions = {}): Promise<OtherProcess> {
    const started = new OtherProcess({ module, place, clockMillis: options.clockMillis ?? 0 }, options)
    options.onStart?.(started)
    await started.until(() => started.#isReady)
    return started
  }

  get isRunning(): boolean {
    return this.#child.isRunning
  }

  /** How it ended, for people. */
  get end(): string {
    return this.#child.end ?? "it still runs"
  }

  /** Makes it do something; the one before must have been answered. */
  async ask<Name extends CallName>(call: Name, order: Orders[Name]): Promise<Reply<Answers[Name]>> {
    if (this.#pending !== undefined) throw new Error(`"${call}" was asked while something else is under way`)
    if (!this.isRunning) return { kind: "ended", end: this.end }
    const id = this.#nextId++
    const reply = new Promise<Reply<unknown>>((settle) => this.#pending = { id, settle })
    this.#child.tell(JSON.stringify({ id, call, with: order }))
    try {
      return await reply as Reply<Answers[Name]>
    } finally {
      this.#pending = undefined
    }
  }

  /** As `ask`, where all but a value is a broken rule: `what` says what was tried. */
  async must<Name extends CallName>(what: string, call: Name, order: Orders[Name]): Promise<Answers[Name]> {
    const reply = await this.ask(call, order)
    if (reply.kind === "value") return reply.value
    return fail(`${what}, in another process: ${formatReply(reply)}`)
  }

  /** Resolves as soon as something that it told makes `isReached` true. Fails if it ends before. */
  async until(isReached: () => boolean): Promise<void> {
    while (!isReached()) {
      if (!this.isRunning) fail(`another process ended by itself: ${this.end}`)
      await new Promise<void>((resolve) => this.#onTold = resolve)
    }
  }

  stop(): void {
    this.#child.stop()
  }

  goOn(): void {
    this.#child.goOn()
  }

  /** Ends it at once; resolves when all that it told was read. */
  async kill(): Promise<void> {
    await this.#child.kill()
    await this.#ended
  }

  /** Lets it end by itself; resolves when it has. */
  async dismiss(): Promise<void> {
    await this.#child.dismiss()
    await this.#ended
  }

  #take(told: Told): void {
    switch (told.what) {
      case "ready":
        this.#isReady = true
        break
      case "storing":
        this.storing = told.position
        break
      case "stored":
        this.stored = told.position
        break
      case "changed":
        this.changes += 1
        break
      case "value":
        if (told.id === this.#pending?.id) this.#pending.settle({ kind: "value", value: told.value })
        break
      case "error":
        if (told.id === this.#pending?.id) this.#pending.settle({ kind: "error", error: told.error })
    }
    this.#onTold()
  }
}

/** A reply that is no value, as words. */
export const formatReply = (reply: Exclude<Reply<unknown>, { readonly kind: "value" }>): string =>
  reply.kind === "ended" ? `the process ended: ${reply.end}` : `${reply.error.name}: ${reply.error.message}`
