/**
 * Live channel: one `watch` of a remote after another, for hints.
 *
 *   watch ──ends──▶ wait, full jitter ──▶ watch        the wait grows while watches end soon, and begins anew after one that lasted 30 s
 *     └───first head: connected                         a remote that does not answer at all is not connected
 *
 * What was missed between two watches is nobody's: whoever listens pulls once when it is connected.
 */
import * as Effect from "effect/Effect"
import type { Platform } from "../../ports/platform.ts"
import type { Cursor, Remote } from "../../ports/remote.ts"
import { Stall } from "./stall.ts"

/** A watch that lasted so long has worked. Shorter ones are put further and further apart. */
const SETTLED_MILLIS = 30_000

export interface LiveChannelOptions {
  readonly remote: Remote
  readonly platform: Platform
  readonly onHead: (head: Cursor) => void
  /** Called when it is connected, and when it is no longer. */
  readonly onConnection: (isConnected: boolean) => void
  /** Something about its failure has changed. */
  readonly onChange: () => void
}

export class LiveChannel {
  readonly stall: Stall
  readonly #options: LiveChannelOptions
  #isConnected = false
  #goOn = (): void => {}

  constructor(options: LiveChannelOptions) {
    this.#options = options
    const { remote, platform } = options
    this.stall = new Stall({ remote: remote.name, call: "watch", platform, onOpen: () => this.#goOn() })
  }

  get isConnected(): boolean {
    return this.#isConnected
  }

  /** Watches until it is interrupted. */
  readonly run: Effect.Effect<never> = Effect.ensuring(
    Effect.forever(Effect.suspend(() => Effect.andThen(this.#watchOnce(), this.#opened))),
    Effect.sync(() => {
      this.stall.close()
      this.#setConnected(false)
    }),
  )

  #watchOnce(): Effect.Effect<void> {
    const { remote, platform } = this.#options, startedAt = platform.now()
    const watch = Effect.tryPromise({
      try: async (signal) => {
        let isOver = false
        signal.addEventListener("abort", () => isOver = true)
        // What a remote says after its watch has ended is nobody's.
        await remote.watch((head) => isOver || this.#told(head), { signal }).finally(() => isOver = true)
      },
      catch: (error) => error,
    })
    return Effect.matchEffect(watch, {
      onSuccess: () => this.#ended(startedAt, undefined),
      onFailure: (error) => this.#ended(startedAt, { error }),
    })
  }

  #ended(startedAt: number, failed: { readonly error: unknown } | undefined): Effect.Effect<void> {
    const { platform, onChange } = this.#options
    this.#setConnected(false)
    // A clock that was set back makes a watch look short: it is waited for longer, that is all.
    if (platform.now() - startedAt >= SETTLED_MILLIS) this.stall.succeed()
    return Effect.andThen(failed === undefined ? this.stall.rest() : this.stall.fail(failed.error), Effect.sync(onChange))
  }

  #told(head: Cursor): void {
    this.stall.recover()
    this.#setConnected(true)
    this.#options.onHead(head)
  }

  /** Resolves when the wait is over. */
  readonly #opened: Effect.Effect<void> = Effect.callback((resume) => {
    this.#goOn = () => resume(Effect.void)
    if (this.stall.isOpen) this.#goOn()
  })

  #setConnected(isConnected: boolean): void {
    if (this.#isConnected === isConnected) return
    this.#isConnected = isConnected
    this.#options.onConnection(isConnected)
  }
}
