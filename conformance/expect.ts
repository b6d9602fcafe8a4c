/** The few assertions that cases need; plain JavaScript, so that they run wherever a subject does. */
import { PersistError } from "../kernel/errors.ts"
import { quote } from "../kernel/text.ts"

/** A rule was found broken. */
export class RuleBroken extends Error {
  override get name(): string {
    return "RuleBroken"
  }
}

/** Ends the case: the rule is broken, as `message` tells. */
export const fail = (message: string, cause?: unknown): never => {
  throw new RuleBroken(message, cause === undefined ? undefined : { cause })
}

/** Fails with `message` unless `condition` holds. */
export const ensure: (condition: boolean, message: string) => asserts condition = (condition, message) => {
  if (!condition) fail(message)
}

/** Compares plain values (scalars, arrays, objects) by content. */
export const equal = (found: unknown, expected: unknown, what: string): void => {
  const [foundText, expectedText] = [describe(found), describe(expected)]
  if (foundText !== expectedText) fail(`${what}: found ${foundText}, expected ${expectedText}`)
}

/** Compares bytes; a difference is told with its place. */
export const equalBytes = (found: Uint8Array | undefined, expected: Uint8Array, what: string): void => {
  if (!(found instanceof Uint8Array)) return fail(`${what}: found ${describe(found)}, expected ${expected.length} bytes`)
  if (found.length !== expected.length) fail(`${what}: found ${found.length} bytes, expected ${expected.length}`)
  for (let index = 0; index < expected.length; index += 1) {
    if (found[index] !== expected[index]) fail(`${what}: byte ${index} is ${found[index]}, expected ${expected[index]}`)
  }
}

/** Whether two byte strings are the same. */
export const areSameBytes = (left: Uint8Array, right: Uint8Array): boolean =>
  left.length === right.length && left.every((byte, index) => byte === right[index])

/** A class of ours whose instances a call may reject with. */
export type ErrorClass = new (...args: never[]) => PersistError

/** How a call ended: with a value, or with what it threw or rejected with. */
export type Outcome<T> = { readonly kind: "value"; readonly value: T } | { readonly kind: "error"; readonly error: unknown }

/** Calls `call` and waits; throwing and rejecting are the same. */
export const outcomeOf = async <T>(call: () => T | Promise<T>): Promise<Outcome<T>> => {
  try {
    return { kind: "value", value: await call() }
  } catch (error) {
    return { kind: "error", error }
  }
}

/** The error that `call` fails with: an instance of one of `classes`, with a code, and marked as having stored nothing. */
export const rejects = async <C extends readonly ErrorClass[]>(
  what: string,
  call: () => unknown,
  ...classes: C
): Promise<InstanceType<C[number]>> => {
  const outcome = await outcomeOf(call)
  if (outcome.kind === "value") return fail(`${what}: it succeeded, expected ${namesOf(classes)}`)
  return ensureError(what, outcome.error, ...classes)
}

/** `error` as an instance of one of `classes` with the members that callers rely on. */
export const ensureError = <C extends readonly ErrorClass[]>(what: string, error: unknown, ...classes: C): InstanceType<C[number]> => {
  if (!isOneOf(error, classes)) return fail(`${what}: it failed with ${describeError(error)}, expected ${namesOf(classes)}`, error)
  if (!/^[a-z]+(_[a-z]+)*$/.test(error.code)) fail(`${what}: ${error.name} has the code ${describe(error.code)}`, error)
  if (!error.storedNothing) fail(`${what}: ${error.name} must say storedNothing`, error)
  return error
}

const namesOf = (classes: readonly ErrorClass[]): string => classes.map((one) => one.name).join(" or ")
const isOneOf = <C extends readonly ErrorClass[]>(error: unknown, classes: C): error is InstanceType<C[number]> =>
  classes.some((one) => error instanceof one)

/** A promise with the function that settles it. */
export const makeGate = (): { readonly opened: Promise<void>; readonly open: () => void } => {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => open = resolve)
  return { opened, open }
}

/** An error as words: its class and message. */
export const describeError = (error: unknown): string =>
  error instanceof Error ? `${error instanceof PersistError ? error._tag : error.name}: ${error.message}` : describe(error)

/** A value as words, short enough for a line. */
export const describe = (value: unknown): string => {
  if (typeof value === "string") return quote(value)
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (Array.isArray(value)) return `[${value.map(describe).join(", ")}]`
  if (value !== null && typeof value === "object") {
    return `{ ${
      Object.entries(value).filter(([, member]) => member !== undefined).map(([name, member]) => `${name}: ${describe(member)}`).join(", ")
    } }`
  }
  return Object.is(value, -0) ? "-0" : String(value)
}
