/**
 * Errors that nobody awaits: a timer that throws, a promise that rejects with no handler. While a case runs they count as its failure.
 *
 * Node and Bun tell of them on `process`, Deno and browsers on the global object.
 */

interface ProcessLike {
  on(event: string, listener: (error: unknown) => void): void
  off(event: string, listener: (error: unknown) => void): void
}

interface LateEvent extends Event {
  readonly reason?: unknown
  readonly error?: unknown
}

/** Collects late errors until `stop` is called. */
export interface LateErrors {
  /** Those that came since the last call. */
  readonly take: () => readonly unknown[]
  readonly stop: () => void
}

/** Begins to collect. While it does, a late error does not end the process. */
export const collectLateErrors = (): LateErrors => {
  let errors: unknown[] = []
  const add = (error: unknown): void => void errors.push(error)
  const take = (): readonly unknown[] => {
    const taken = errors
    errors = []
    return taken
  }

  const { process } = globalThis as { readonly process?: Partial<ProcessLike> }
  if (!("Deno" in globalThis) && typeof process?.on === "function" && typeof process.off === "function") {
    const { on, off } = process as ProcessLike
    for (const event of ["uncaughtException", "unhandledRejection"]) on.call(process, event, add)
    return {
      take,
      stop: () => {
        for (const event of ["uncaughtException", "unhandledRejection"]) off.call(process, event, add)
      },
    }
  }

  const onEvent = (event: LateEvent): void => {
    event.preventDefault()
    add(event.reason ?? event.error)
  }
  for (const event of ["error", "unhandledrejection"]) globalThis.addEventListener(event, onEvent)
  return {
    take,
    stop: () => {
      for (const event of ["error", "unhandledrejection"]) globalThis.removeEventListener(event, onEvent)
    },
  }
}
