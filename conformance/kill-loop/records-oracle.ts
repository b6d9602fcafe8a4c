/**
 * Oracle: what the store must hold. It knows a record by the mark of its value (`record-calls.ts`).
 *
 *   calls   1 … stored before … acknowledged ……… called
 *           ╰────── surely stored ─────────╯╰─ may be ─╯   the child was killed: which of these were stored is not known
 *
 * The store must stand exactly where some call ended, between the last that was acknowledged and the last that was made: then no
 * acknowledged call is lost, what is stored is a prefix of what was called, and no call is half there. Each step from one such state to
 * the next touches a few keys, so the keys that differ are kept instead of comparing all records each time.
 */
import { fail } from "../expect.ts"
import { type Call, markOf } from "./record-calls.ts"

/** Records by collection and key, as the marks of their values. */
export type Marks = ReadonlyMap<string, string>

/** A record's name in {@link Marks}. */
export const nameOf = (collection: string, key: string): string => `${collection}/${key}`

export class Oracle {
  readonly #callAt: (number: number) => Call
  readonly #expected = new Map<string, string>()
  #last = 0

  constructor(callAt: (number: number) => Call) {
    this.#callAt = callAt
  }

  /** The records that must be there. */
  get expected(): Marks {
    return this.#expected
  }

  /**
   * Finds the call that the store stands behind and takes it as what is expected from now on. Calls `first` … `called` were made, those up
   * to `acknowledged` resolved (`first - 1`: none). Fails if the store stands nowhere between them.
   */
  settle(found: Marks, first: number, acknowledged: number, called: number): number {
    this.#last = first - 1
    while (this.#last < acknowledged) this.#applyNext()
    const names = new Set([...found.keys(), ...this.#expected.keys()])
    const differing = new Set([...names].filter((name) => found.get(name) !== this.#expected.get(name)))
    const atLeast = [...differing].map((name) => [name, this.#expected.get(name)] as const)
    while (differing.size > 0 && this.#last < called) {
      for (const name of this.#applyNext()) {
        if (found.get(name) === this.#expected.get(name)) differing.delete(name)
        else differing.add(name)
      }
    }
    if (differing.size === 0) return this.#last
    const words = atLeast.slice(0, 8).map(([name, mark]) =>
      `  ${name}: found ${found.get(name) ?? "nothing"}, ${mark ?? "nothing"} after call ${acknowledged}, ${
        this.#expected.get(name) ?? "nothing"
      } after call ${called}`
    )
    return fail(
      `the store is in no state between call ${acknowledged}, acknowledged, and call ${called}, the last one made\n${words.join("\n")}`,
    )
  }

  /** Makes the next call on what is expected; answers the records that it touched. */
  #applyNext(): readonly string[] {
    const call = this.#callAt(++this.#last), expected = this.#expected
    return call.steps.map(({ type, collection, key }, place) => {
      const name = nameOf(collection, key)
      if (type === "delete") expected.delete(name)
      else expected.set(name, markOf({ call: call.number, place, updates: type === "put" ? 0 : updatesOf(expected.get(name)) + 1 }))
      return name
    })
  }
}

const updatesOf = (mark: string | undefined): number => mark === undefined ? 0 : Number(mark.split(".")[2])
