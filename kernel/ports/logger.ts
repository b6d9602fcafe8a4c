/** Where a store tells what nobody waits for: recoveries, listeners that threw, background failures. Never keys, values or tokens. */
export interface Logger {
  warn(message: string, details?: object): void
  error(message: string, details?: object): void
}

/** Says nothing. */
export const silentLogger: Logger = { warn() {}, error() {} }

/** `logger`, but a call that throws is as one that did nothing: there is nobody left to tell. */
export function steadyLogger(logger: Logger): Logger {
  const steady = (level: "warn" | "error") => (message: string, details?: object): void => {
    try {
      logger[level](message, details)
    } catch {
      // What the store does must not depend on who listens.
    }
  }
  return { warn: steady("warn"), error: steady("error") }
}
