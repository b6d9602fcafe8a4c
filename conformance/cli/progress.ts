/**
 * What a run says while it goes on: a line for each case that is done, and on a terminal one line at the bottom for the case that is running.
 *
 *   ok    append/order
 *   [ 34/135] append/many
 */
import process from "node:process"
import type { CaseFacts } from "../case.ts"
import { type CaseResult, formatResult } from "../mod.ts"

/** A stream that text goes to, and whether somebody looks at it. */
export interface Screen {
  readonly isTTY?: boolean | undefined
  write(text: string): unknown
}

const CLEAR_LINE = "\r\u001b[2K"

/** Tells of cases; `say` prints lines, and the case that is running stands on `screen` if that is a terminal. */
export class Progress {
  readonly #say: (line: string) => void
  readonly #screen: Screen
  #shown = false

  constructor(say: (line: string) => void, screen: Screen = process.stderr) {
    this.#say = say
    this.#screen = screen
  }

  /** A case begins. */
  started({ id }: CaseFacts, index: number, count: number): void {
    if (this.#screen.isTTY !== true) return
    this.#screen.write(`${CLEAR_LINE}[${String(index + 1).padStart(String(count).length)}/${count}] ${id}`)
    this.#shown = true
  }

  /** A case has ended. */
  ended(result: CaseResult): void {
    if (this.#shown) this.#screen.write(CLEAR_LINE)
    this.#shown = false
    this.#say(formatResult(result))
  }
}
