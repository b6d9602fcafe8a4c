/** Errors about what the caller gave: nothing was stored. */
import { printable, quote } from "../text.ts"
import { PersistError } from "./base.ts"

/** A key is empty, too long, or no well-formed string; nothing was stored. */
export class InvalidKey extends PersistError<{ readonly key: string; readonly reason: string }> {
  readonly _tag = "InvalidKey"
  readonly code = "invalid_key"
  override readonly storedNothing: boolean = true
  override readonly hint: string = "use a well-formed string of 1 to 1024 bytes in UTF-8"

  constructor(details: { readonly key: string; readonly reason: string }, options?: ErrorOptions) {
    super(`Cannot use the key ${quote(details.key)}: ${printable(details.reason)}`, details, options)
  }
}

/** A value holds something outside the value domain; `path` leads to it inside of the value, "" is the value itself; nothing was stored. */
export class InvalidValue extends PersistError<{ readonly path: string; readonly reason: string }> {
  readonly _tag = "InvalidValue"
  readonly code = "invalid_value"
  override readonly storedNothing: boolean = true
  override readonly hint: string = "store null, booleans, numbers, strings, 64-bit bigints, dates, Uint8Array, arrays and plain objects"

  constructor(details: { readonly path: string; readonly reason: string }, options?: ErrorOptions) {
    const place = details.path === "" ? "" : ` at ${quote(details.path, 400)}`
    super(`Cannot store the value${place}: ${printable(details.reason)}`, details, options)
  }
}

/** A value is over a limit of size; nothing was stored. */
export class ValueTooLarge extends PersistError<{ readonly key: string; readonly bytes: number; readonly bytesMax: number }> {
  readonly _tag = "ValueTooLarge"
  readonly code = "value_too_large"
  override readonly storedNothing: boolean = true
  override readonly hint: string = "split the value over several keys, or keep large content in files and store their names"

  constructor(details: { readonly key: string; readonly bytes: number; readonly bytesMax: number }, options?: ErrorOptions) {
    super(
      `Cannot store the value of ${quote(details.key)}: it has ${details.bytes} bytes, at most ${details.bytesMax} are allowed`,
      details,
      options,
    )
  }
}

/** A batch is over a limit; nothing of it was stored. */
export class BatchTooLarge
  extends PersistError<{ readonly bytes: number; readonly bytesMax: number; readonly operations: number; readonly operationsMax: number }> {
  readonly _tag = "BatchTooLarge"
  readonly code = "batch_too_large"
  override readonly storedNothing: boolean = true
  override readonly hint: string = "split it into several batches"

  constructor(
    details: { readonly bytes: number; readonly bytesMax: number; readonly operations: number; readonly operationsMax: number },
    options?: ErrorOptions,
  ) {
    super(
      `Cannot store the batch: it has ${details.bytes} bytes in ${details.operations} operations, at most ${details.bytesMax} bytes in ${details.operationsMax} are allowed`,
      details,
      options,
    )
  }
}

/** An argument or option is not usable; nothing was done. */
export class InvalidOption extends PersistError<{ readonly option: string; readonly found: string; readonly expected: string }> {
  readonly _tag = "InvalidOption"
  readonly code = "invalid_option"
  override readonly storedNothing: boolean = true
  override readonly hint: string = "pass what is expected, or leave it out"

  constructor(details: { readonly option: string; readonly found: string; readonly expected: string }, options?: ErrorOptions) {
    super(
      `Cannot use the option ${quote(details.option)}: found ${quote(details.found)}, expected ${printable(details.expected)}`,
      details,
      options,
    )
  }
}

/** A name of a store or collection is not usable; nothing was made. */
export class InvalidStoreName extends PersistError<{ readonly name: string; readonly reason: string }> {
  readonly _tag = "InvalidStoreName"
  readonly code = "invalid_store_name"
  override readonly storedNothing: boolean = true
  override readonly hint: string = "use a well-formed string of 1 to 200 bytes in UTF-8"

  constructor(details: { readonly name: string; readonly reason: string }, options?: ErrorOptions) {
    super(`Cannot use the name ${quote(details.name)}: ${printable(details.reason)}`, details, options)
  }
}

/** No adapter has this name here. */
export class UnknownAdapter extends PersistError<{ readonly adapter: string; readonly known: readonly string[] }> {
  readonly _tag = "UnknownAdapter"
  readonly code = "unknown_adapter"
  override readonly storedNothing: boolean = true
  override readonly hint: string = "use one of these names, or pass an adapter object"

  constructor(details: { readonly adapter: string; readonly known: readonly string[] }, options?: ErrorOptions) {
    super(
      `Cannot find the adapter ${quote(details.adapter)}: known here are ${details.known.map((name) => quote(name)).join(", ")}`,
      details,
      options,
    )
  }
}

/** The adapter has no such durability level; nothing was opened. */
export class UnsupportedDurability
  extends PersistError<{ readonly adapter: string; readonly durability: string; readonly levels: readonly string[] }> {
  readonly _tag = "UnsupportedDurability"
  readonly code = "unsupported_durability"
  override readonly storedNothing: boolean = true
  override readonly hint: string = "leave the option out, or choose another adapter"

  constructor(
    details: { readonly adapter: string; readonly durability: string; readonly levels: readonly string[] },
    options?: ErrorOptions,
  ) {
    super(
      `Cannot open with durability ${quote(details.durability)}: the adapter ${quote(details.adapter)} offers ${
        details.levels.map((level) => quote(level)).join(", ")
      }`,
      details,
      options,
    )
  }
}

/** A callback that must be synchronous gave a promise; nothing was stored. */
export class CallbackNotSynchronous extends PersistError<{ readonly callback: string }> {
  readonly _tag = "CallbackNotSynchronous"
  readonly code = "callback_not_synchronous"
  override readonly storedNothing: boolean = true
  override readonly hint: string = "await what you need first, then call it with a synchronous function"

  constructor(details: { readonly callback: string }, options?: ErrorOptions) {
    super(`Cannot use a promise from ${details.callback}: it must answer at once`, details, options)
  }
}

/** The record is not at the version that `ifVersion` names; nothing was stored. */
export class VersionMismatch
  extends PersistError<{ readonly key: string; readonly expected: string | null; readonly found: string | null }> {
  readonly _tag = "VersionMismatch"
  readonly code = "version_mismatch"
  override readonly storedNothing: boolean = true
  override readonly hint: string = "read the record again and decide anew"

  constructor(details: { readonly key: string; readonly expected: string | null; readonly found: string | null }, options?: ErrorOptions) {
    super(
      `Cannot write ${quote(details.key)}: it is at ${details.found === null ? "no version" : `version ${details.found}`}, ${
        details.expected === null ? "no version" : `version ${quote(details.expected)}`
      } was expected`,
      details,
      options,
    )
  }
}

/** `peek` was asked for a record whose slice is not in memory. */
export class NotLoaded extends PersistError<{ readonly key: string }> {
  readonly _tag = "NotLoaded"
  readonly code = "not_loaded"
  override readonly storedNothing: boolean = true
  override readonly hint: string = "use get, which loads it"

  constructor(details: { readonly key: string }, options?: ErrorOptions) {
    super(`Cannot peek at ${quote(details.key)}: it is not in memory yet`, details, options)
  }
}
