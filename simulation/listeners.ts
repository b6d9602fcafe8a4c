/**
 * Listeners: subscribers of one open handle, of which some throw or reject, by what they are told (F30). The one between them must not notice: it keeps
 * what it was told, and that has to be what the handle shows.
 */
import type { DeadLetters } from "../kernel/store/dead-letters.ts"
import type { RecordsReader } from "../kernel/store/records-reader.ts"
import type { Change } from "../kernel/store/types.ts"
import type { Judge } from "./observer.ts"
import { UserFailure } from "./strategies.ts"

/** Made once, since it is thrown all the time. */
const FAILURE = new UserFailure()
const KEYS = ["k0", "k1", "k2"]

export class Listeners {
  /** By collection, the last values that were told, as text. */
  readonly #told = new Map<RecordsReader<unknown>, Map<string, string>>()

  /** Subscribes to a collection, in company. */
  add(collection: RecordsReader<unknown>): void {
    const told = new Map(KEYS.map((key) => [key, textOf(collection.peek(key))]))
    this.#told.set(collection, told)
    collection.subscribe({}, fail)
    collection.subscribe({}, (changes) => {
      for (const { key, value } of changes) told.set(key, textOf(value))
    })
    collection.subscribe({}, failLater)
  }

  /** Listens to a store's dead letters, and dislikes them all. */
  addDeadLetters(letters: DeadLetters<unknown>): void {
    letters.subscribe(() => {
      throw FAILURE
    })
  }

  /** Was told of all that the handle shows, whatever the others did. */
  check(judge: Judge, process: string): void {
    const difference = this.#difference()
    if (difference !== undefined) judge.violation("a listener was not told", `${process}: ${difference}`)
  }

  /** The first record of which the handle shows something else than was told. */
  #difference(): string | undefined {
    for (const [collection, told] of this.#told) {
      for (const key of KEYS) {
        const shown = textOf(collection.peek(key))
        if (shown !== told.get(key)) return `${collection.name}/${key} shows ${shown}, told was ${told.get(key)}`
      }
    }
    return undefined
  }
}

const textOf = (value: unknown): string => JSON.stringify(value) ?? "nothing"
const isDisliked = (changes: readonly Change<unknown>[]): boolean =>
  changes.some(({ key, value }) => (key + textOf(value)).length % 2 === 0)

function fail(changes: readonly Change<unknown>[]): void {
  if (isDisliked(changes)) throw FAILURE
}

async function failLater(changes: readonly Change<unknown>[]): Promise<void> {
  await Promise.resolve()
  fail(changes)
}
