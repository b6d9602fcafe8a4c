/**
 * Base of every error of ours. Plain classes, so that declarations stay free of Effect and `catchTag` still works.
 *
 *   _tag           class name, constant under minifiers         code      snake case, the same string on the wire
 *   details        what was tried and found, as data            hint      one thing to do
 *   retryable      the same call may succeed later with nothing changed
 *   storedNothing  the call is known to have changed nothing on the medium
 *
 * Every code has a section in `docs/errors.md` (cause, state afterwards, remedy); a tool checks it.
 */
export abstract class PersistError<Details extends object = object> extends Error {
  abstract readonly _tag: string
  abstract readonly code: string
  readonly retryable: boolean = false
  readonly storedNothing: boolean = false
  readonly hint: string | undefined = undefined
  readonly details: Details

  constructor(message: string, details: Details, options?: ErrorOptions) {
    super(message, options)
    this.details = details
  }

  override get name(): string {
    return this._tag
  }
}
