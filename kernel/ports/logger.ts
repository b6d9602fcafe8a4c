import { PersistError } from "../errors.ts"
import { printable } from "../text.ts"

/**
 * Where a store tells what nobody waits for: recoveries, listeners that threw, background failures.
 *
 * Messages are constant text. `details` are plain data with the store's name in `store`; never keys, values or tokens. Text that came from
 * outside is escaped in them, so that it cannot forge a line or change a terminal. `console` is a logger.
 */
export interface Logger {
  warn(message: string, details?: object): void
  error(message: string, details?: object): void
}

/** Says nothing. */
export const silentLogger: Logger = { warn() {}, error() {} }

/** Tells `logger` about one store; escapes what is told. A call that throws is as one that did nothing: there is nobody left to tell. */
export function storeLogger(logger: Logger, store: string): Logger {
  const tell = (level: "warn" | "error") => (message: string, details: object = {}): void => {
    const escaped: Record<string, unknown> = { store: printable(store) }
    for (const [name, value] of Object.entries(details)) escaped[name] = typeof value === "string" ? printable(value) : value
    try {
      logger[level](message, escaped)
    } catch {
      // What the store does must not depend on who listens.
    }
  }
  return { warn: tell("warn"), error: tell("error") }
}

/** Which error it was, without its message: that may hold keys and values. */
export const kindOf = (error: unknown): string =>
  error instanceof PersistError ? error.code : error instanceof Error ? error.name : typeof error
