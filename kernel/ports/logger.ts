/** Where a store tells what nobody waits for: recoveries, listeners that threw, background failures. Never keys, values or tokens. */
export interface Logger {
  warn(message: string, details?: object): void
  error(message: string, details?: object): void
}

/** Says nothing. */
export const silentLogger: Logger = { warn() {}, error() {} }
