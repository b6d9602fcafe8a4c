/** Errors about a store as a whole: opening, closing, finding it. */
import { printable, quote } from "../text.ts"
import { PersistError } from "./base.ts"

/** The store was closed; nothing was done. */
export class StoreClosed extends PersistError<{ readonly store: string; readonly call: string }> {
  readonly _tag = "StoreClosed"
  readonly code = "store_closed"
  override readonly storedNothing: boolean = true
  override readonly hint: string = "open it again with createStore"

  constructor(details: { readonly store: string; readonly call: string }, options?: ErrorOptions) {
    super(`Cannot call ${printable(details.call)}: the store ${quote(details.store)} is closed`, details, options)
  }
}

/** There is no such store, and it was not to be made. */
export class StoreNotFound extends PersistError<{ readonly store: string; readonly location: string; readonly stores: readonly string[] }> {
  readonly _tag = "StoreNotFound"
  readonly code = "store_not_found"
  override readonly storedNothing: boolean = true
  override readonly hint: string = "check name and path, or pass create: true"

  constructor(details: { readonly store: string; readonly location: string; readonly stores: readonly string[] }, options?: ErrorOptions) {
    super(
      `Cannot find the store ${quote(details.store)} in ${quote(details.location, 400)}: ${
        details.stores.length === 0
          ? "no stores are there"
          : `there are ${details.stores.slice(0, 20).map((name) => quote(name)).join(", ")}`
      }`,
      details,
      options,
    )
  }
}

/** Another handle holds the store; nothing was opened or changed. */
export class StoreLocked extends PersistError<{ readonly store: string; readonly location: string; readonly holder: string }> {
  readonly _tag = "StoreLocked"
  readonly code = "store_locked"
  override readonly retryable: boolean = true
  override readonly storedNothing: boolean = true
  override readonly hint: string = "close it there, or use the sqlite adapter, which several processes may share"

  constructor(details: { readonly store: string; readonly location: string; readonly holder: string }, options?: ErrorOptions) {
    super(
      `Cannot open the store ${quote(details.store)} in ${quote(details.location, 400)}: ${printable(details.holder)} holds it`,
      details,
      options,
    )
  }
}

/** Others kept the store busy for too long; nothing was stored. */
export class StoreBusy extends PersistError<{ readonly store: string; readonly waitedMillis: number }> {
  readonly _tag = "StoreBusy"
  readonly code = "store_busy"
  override readonly retryable: boolean = true
  override readonly storedNothing: boolean = true
  override readonly hint: string = "try again; if it lasts, find the process that keeps a transaction open"

  constructor(details: { readonly store: string; readonly waitedMillis: number }, options?: ErrorOptions) {
    super(`Cannot reach the store ${quote(details.store)}: it was busy for ${details.waitedMillis} ms`, details, options)
  }
}

/** What lies there was not made by Persist, or is damaged beyond recognition; it was not changed. */
export class NotAStore extends PersistError<{ readonly location: string; readonly reason: string }> {
  readonly _tag = "NotAStore"
  readonly code = "not_a_store"
  override readonly storedNothing: boolean = true
  override readonly hint: string = "choose another path; nothing there was changed"

  constructor(details: { readonly location: string; readonly reason: string }, options?: ErrorOptions) {
    super(`Cannot open ${quote(details.location, 400)}: ${printable(details.reason)}`, details, options)
  }
}

/** The data has a format version that this release does not know; it was not changed. */
export class FormatTooNew extends PersistError<{ readonly location: string; readonly found: number; readonly known: number }> {
  readonly _tag = "FormatTooNew"
  readonly code = "format_too_new"
  override readonly storedNothing: boolean = true
  override readonly hint: string = "update @cuitty/persist"

  constructor(details: { readonly location: string; readonly found: number; readonly known: number }, options?: ErrorOptions) {
    super(
      `Cannot read ${quote(details.location, 400)}: it has format version ${details.found}, this release knows ${details.known}`,
      details,
      options,
    )
  }
}

/** The path cannot be made or reached. */
export class PathNotFound extends PersistError<{ readonly location: string; readonly reason: string }> {
  readonly _tag = "PathNotFound"
  readonly code = "path_not_found"
  override readonly storedNothing: boolean = true
  override readonly hint: string = "make its parent folder, or pass createFolders: true"

  constructor(details: { readonly location: string; readonly reason: string }, options?: ErrorOptions) {
    super(`Cannot reach ${quote(details.location, 400)}: ${printable(details.reason)}`, details, options)
  }
}

/** The operating system or runtime denies access. */
export class PermissionDenied extends PersistError<{ readonly location: string; readonly reason: string }> {
  readonly _tag = "PermissionDenied"
  readonly code = "permission_denied"
  override readonly storedNothing: boolean = true
  override readonly hint: string = "give this process the right to read and write there"

  constructor(details: { readonly location: string; readonly reason: string }, options?: ErrorOptions) {
    super(`Cannot open ${quote(details.location, 400)}: ${printable(details.reason)}`, details, options)
  }
}

/** No driver for this adapter is in this runtime. */
export class DriverMissing extends PersistError<{ readonly adapter: string; readonly tried: readonly string[] }> {
  readonly _tag = "DriverMissing"
  readonly code = "driver_missing"
  override readonly storedNothing: boolean = true
  override readonly hint: string = "use a newer runtime, or install the driver (npm install libsql)"

  constructor(details: { readonly adapter: string; readonly tried: readonly string[] }, options?: ErrorOptions) {
    super(
      `Cannot open with the adapter ${quote(details.adapter)}: none of its drivers is here (${printable(details.tried.join(", "))})`,
      details,
      options,
    )
  }
}
