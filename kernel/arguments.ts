/** What callers without a type checker may pass. A member that nobody reads is a misspelt one: it is refused, never passed over. */
import { InvalidOption } from "./errors.ts"
import { quote, textOf } from "./text.ts"

/** Throws `InvalidOption` unless `given` is an object that has `known` members alone; `what` names it. */
export function checkMembers(what: string, given: unknown, known: readonly string[]): void {
  if (typeof given !== "object" || given === null) throw new InvalidOption({ option: what, found: textOf(given), expected: "an object" })
  for (const member of Object.keys(given)) {
    if (known.includes(member)) continue
    throw new InvalidOption({ option: member, found: "a name that is not known", expected: `one of ${known.join(", ")}` })
  }
}

/** Throws `InvalidOption` unless `given` has methods of these names. */
export function checkMethods(option: string, given: unknown, methods: readonly string[], expected: string): void {
  if (typeof given === "object" && given !== null && methods.every((method) => typeof Object(given)[method] === "function")) return
  throw new InvalidOption({ option, found: textOf(given), expected })
}

/** Throws `InvalidOption` for what is no function. */
export function checkFunction(option: string, given: unknown): void {
  if (typeof given !== "function") throw new InvalidOption({ option, found: textOf(given), expected: "a function" })
}

/** Throws `InvalidOption` for what is neither a boolean nor left out. */
export function checkFlag(option: string, given: unknown): void {
  if (given !== undefined && typeof given !== "boolean") {
    throw new InvalidOption({ option, found: textOf(given), expected: "true or false" })
  }
}

/** Throws `InvalidOption` for what is neither an `AbortSignal` nor left out. */
export function checkSignal(given: unknown): void {
  if (given !== undefined) checkMethods("signal", given, ["throwIfAborted", "addEventListener", "removeEventListener"], "an AbortSignal")
}

/** One of the words; the first if it was left out. Throws `InvalidOption`. */
export function oneOf<Word extends string>(option: string, given: unknown, words: readonly [Word, ...Word[]]): Word {
  if (given === undefined) return words[0]
  const found = words.find((word) => word === given)
  if (found !== undefined) return found
  throw new InvalidOption({ option, found: textOf(given), expected: words.map((word) => quote(word)).join(" or ") })
}

/** The version that must be there, of the options of a write. Throws `InvalidOption`. */
export function expectedOf(options: { readonly ifVersion?: unknown } | undefined): string | null | undefined {
  const expected = options?.ifVersion
  if (expected === undefined || expected === null || typeof expected === "string") return expected
  throw new InvalidOption({ option: "ifVersion", found: textOf(expected), expected: "a version or null" })
}
