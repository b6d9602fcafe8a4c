/**
 * LogCondition: may a handle go on writing?
 *
 *   open ─▶ uncertain (an append is undecided) ─▶ open
 *   open ─▶ poisoned (a flush failed, or the log is damaged): reads go on, writes reject until the store is opened again
 *   any of them ─▶ closed
 */
import { kindOf, type Logger } from "../ports/logger.ts"
import type { Undecided } from "./outcome.ts"

export type LogState = "open" | "uncertain" | "poisoned" | "closed"

export class LogCondition {
  /** The append whose outcome is not known: until it is, nothing else is appended. */
  undecided: Undecided | undefined
  isClosed: boolean = false
  #poison: { readonly error: unknown } | undefined
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  get state(): LogState {
    return this.isClosed ? "closed" : this.#poison !== undefined ? "poisoned" : this.undecided !== undefined ? "uncertain" : "open"
  }

  /** Why every further write rejects; undefined: it does not. */
  get poison(): { readonly error: unknown } | undefined {
    return this.#poison
  }

  /**
   * Nothing is written any more, since nothing can be built on the views or on the device. What is queued is rejected by the pump: only it
   * knows whether a group of it is being appended.
   */
  poisonWith(error: unknown): undefined {
    this.#poison = { error }
    this.#logger.error("the store takes no more writes until it is opened again", { error: kindOf(error) })
  }

  /** Throws the error that poisoned, if one did. */
  throwPoison(): void {
    if (this.#poison !== undefined) throw this.#poison.error
  }
}
