/**
 * Calls: what the child does to the store, by number. The same seed and number give the same call in child and parent, so the pipe
 * between them carries numbers alone.
 *
 *   put           one value                              update        a value made of the one before
 *   delete        one key, there or not                  batch         puts and deletes in one collection, all or nothing
 *   transaction   puts, updates and deletes in several collections, all or nothing
 *
 * A value says who wrote it (call, place in the call, how often it was updated since its put) and carries a sum over all of it and
 * its key. So a value that is damaged, half there or under another key is found by itself, and two values are the same if their marks are.
 */
import { fail } from "../expect.ts"
import { Random } from "../processes/random.ts"

export const COLLECTIONS: readonly string[] = ["", "drafts", "étiquettes"]
const KEYS_A_COLLECTION = 48
const STEPS_MAX = 40
const SMALL_CHARS_MAX = 300
const LARGE_CHARS_MAX = 300_000
/** A step with more is large: writing it takes long enough to be killed in the middle of. */
const LARGE_CHARS_MIN = 100_000

/** One operation of a call. */
export interface Step {
  readonly type: "put" | "delete" | "update"
  readonly collection: string
  readonly key: string
  /** How long the text of the value is. */
  readonly chars: number
}

export interface Call {
  readonly number: number
  readonly kind: "put" | "delete" | "update" | "batch" | "transaction"
  readonly steps: readonly Step[]
}

/** The value that a step writes. */
export interface Value {
  readonly call: number
  readonly place: number
  readonly updates: number
  readonly text: string
  readonly sum: number
}

/** The call with a number. */
export const callAt = (seed: number, number: number): Call => {
  const random = new Random(seed, number)
  const kind = kindAt(random.next())
  const collection = COLLECTIONS[random.below(COLLECTIONS.length)]!
  const step = (types: readonly Step["type"][], within: string): Step => ({
    type: types[random.below(types.length)]!,
    collection: within,
    key: `key:${random.below(KEYS_A_COLLECTION)}`,
    chars: random.oneIn(600) ? LARGE_CHARS_MIN + random.below(LARGE_CHARS_MAX - LARGE_CHARS_MIN) : random.spread(SMALL_CHARS_MAX),
  })
  if (kind === "batch") {
    return {
      number,
      kind,
      steps: Array.from({ length: random.spread(STEPS_MAX) }, () => step(["put", "put", "put", "delete"], collection)),
    }
  }
  if (kind !== "transaction") return { number, kind, steps: [step([kind], collection)] }
  const anywhere = (): Step => step(["put", "put", "update", "delete"], COLLECTIONS[random.below(COLLECTIONS.length)]!)
  return { number, kind, steps: Array.from({ length: random.spread(STEPS_MAX) }, anywhere) }
}

const kindAt = (share: number): Call["kind"] =>
  share < 0.5 ? "put" : share < 0.65 ? "update" : share < 0.75 ? "delete" : share < 0.9 ? "batch" : "transaction"

/** Does the call write a large value? */
export const isLarge = ({ steps }: Call): boolean => steps.some(({ type, chars }) => type !== "delete" && chars >= LARGE_CHARS_MIN)

/** What step `place` of a call writes; `updates` counts since the last put of the record. */
export const valueOf = ({ number, steps }: Call, place: number, updates: number): Value => {
  const { key, chars } = steps[place]!
  const piece = `${key} ${number} ${place} `
  const text = piece.repeat(Math.ceil(chars / piece.length)).slice(0, chars)
  return { call: number, place, updates, text, sum: sumOf(key, number, place, updates, text) }
}

/** Names a value: the same mark, the same value. */
export const markOf = ({ call, place, updates }: Pick<Value, "call" | "place" | "updates">): string => `${call}.${place}.${updates}`

/** `value` as one of ours under this key. Fails for anything else: it was damaged or never written. */
export const ensureValue = (key: string, value: unknown): Value => {
  if (isValue(value) && value.sum === sumOf(key, value.call, value.place, value.updates, value.text)) return value
  return fail(`the value of "${key}" is none that was written there: ${JSON.stringify(value)?.slice(0, 200)}`)
}

const isValue = (value: unknown): value is Value => {
  const { call, place, updates, text, sum } = Object(value)
  return [call, place, updates, sum].every(Number.isSafeInteger) && typeof text === "string" && Object.keys(Object(value)).length === 5
}

/** FNV-1a over everything that a value says, with its key. */
const sumOf = (key: string, ...parts: readonly (string | number)[]): number => {
  let sum = 0x811c9dc5
  const text = `${key} ${parts.join(" ")}`
  for (let at = 0; at < text.length; at++) sum = Math.imul(sum ^ text.charCodeAt(at), 0x01000193)
  return sum >>> 0
}
