/** Errors of strategies: what keeps the versions of a record from becoming one. */
import { printable, quote } from "../text.ts"
import { PersistError } from "./base.ts"

/** The versions of a record could not be merged: the greatest is shown, the record is in conflict, and nothing is lost. */
export class MergeFailed extends PersistError<{ readonly collection: string; readonly key: string; readonly reason: string }> {
  readonly _tag = "MergeFailed"
  readonly code = "merge_failed"
  override readonly hint: string = "mend the function, or end the conflict with resolve()"

  constructor(details: { readonly collection: string; readonly key: string; readonly reason: string }, options?: ErrorOptions) {
    super(`Cannot merge the versions of ${quote(details.key)}: ${printable(details.reason)}`, details, options)
  }
}

/** A collection holds values of a CRDT type, and is used without it or as another one; nothing was stored. */
export class WrongCollectionType extends PersistError<{ readonly collection: string; readonly found: string; readonly expected: string }> {
  readonly _tag = "WrongCollectionType"
  readonly code = "wrong_collection_type"
  override readonly storedNothing: boolean = true
  override readonly hint: string = "give the type with collection(name, { type }), and write with update()"

  constructor(details: { readonly collection: string; readonly found: string; readonly expected: string }, options?: ErrorOptions) {
    super(
      `Cannot use the collection ${quote(details.collection)} as ${printable(details.expected)}: it holds ${printable(details.found)}`,
      details,
      options,
    )
  }
}

/** The state of a CRDT record would be larger than a value may be; nothing was stored. */
export class CrdtTooLarge
  extends PersistError<{ readonly collection: string; readonly key: string; readonly bytes: number; readonly bytesMax: number }> {
  readonly _tag = "CrdtTooLarge"
  readonly code = "crdt_too_large"
  override readonly storedNothing: boolean = true
  override readonly hint: string = "delete the record and begin it anew, or spread it over several records"

  constructor(
    details: { readonly collection: string; readonly key: string; readonly bytes: number; readonly bytesMax: number },
    options?: ErrorOptions,
  ) {
    super(
      `Cannot update ${quote(details.key)}: its state has ${details.bytes} bytes, at most ${details.bytesMax} are allowed`,
      details,
      options,
    )
  }
}
