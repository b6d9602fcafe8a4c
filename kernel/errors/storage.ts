/** Errors about the log and the medium beneath it. */
import { printable, quote } from "../text.ts"
import { PersistError } from "./base.ts"

/** Another frame is at the position, or the log does not reach it yet; nothing was stored. */
export class PositionTaken extends PersistError<{ readonly position: number; readonly head: number }> {
  readonly _tag = "PositionTaken"
  readonly code = "position_taken"
  override readonly retryable: boolean = true
  override readonly storedNothing: boolean = true
  override readonly hint: string = "read the frames after your position, then build again"

  constructor(details: { readonly position: number; readonly head: number }, options?: ErrorOptions) {
    super(`Cannot append at position ${details.position}: the head is ${details.head}`, details, options)
  }
}

/** A position is no position of this log. */
export class PositionOutOfRange extends PersistError<{ readonly position: number; readonly head: number }> {
  readonly _tag = "PositionOutOfRange"
  readonly code = "position_out_of_range"
  override readonly storedNothing: boolean = true
  override readonly hint: string = "use an integer from 0 to the head; if the log was restored from an older copy, open it again"

  constructor(details: { readonly position: number; readonly head: number }, options?: ErrorOptions) {
    super(`Cannot use position ${details.position}: the head is ${details.head}`, details, options)
  }
}

/** The frames asked for were dropped; snapshots cover them. */
export class FramesTrimmed extends PersistError<{ readonly after: number; readonly base: number }> {
  readonly _tag = "FramesTrimmed"
  readonly code = "frames_trimmed"
  override readonly storedNothing: boolean = true
  override readonly hint: string = "start from a snapshot, or read after the base"

  constructor(details: { readonly after: number; readonly base: number }, options?: ErrorOptions) {
    super(`Cannot read after position ${details.after}: frames up to ${details.base} are trimmed`, details, options)
  }
}

/** A frame is larger than the adapter takes; nothing was stored. */
export class FrameTooLarge extends PersistError<{ readonly bytes: number; readonly bytesMax: number }> {
  readonly _tag = "FrameTooLarge"
  readonly code = "frame_too_large"
  override readonly storedNothing: boolean = true
  override readonly hint: string = "split the batch"

  constructor(details: { readonly bytes: number; readonly bytesMax: number }, options?: ErrorOptions) {
    super(`Cannot append a frame of ${details.bytes} bytes: this adapter takes at most ${details.bytesMax}`, details, options)
  }
}

/** There is no such snapshot or slice. */
export class SnapshotMissing extends PersistError<{ readonly at: number; readonly index: number }> {
  readonly _tag = "SnapshotMissing"
  readonly code = "snapshot_missing"
  override readonly storedNothing: boolean = true
  override readonly hint: string = "list the snapshots"

  constructor(details: { readonly at: number; readonly index: number }, options?: ErrorOptions) {
    super(`Cannot read slice ${details.index} of the snapshot at ${details.at}: it is not there`, details, options)
  }
}

/** The medium is full; nothing was stored and what was stored is intact. */
export class StorageFull extends PersistError<{ readonly location: string; readonly neededBytes: number; readonly reason: string }> {
  readonly _tag = "StorageFull"
  readonly code = "storage_full"
  override readonly retryable: boolean = true
  override readonly storedNothing: boolean = true
  override readonly hint: string = "free space on the volume, then write again"

  constructor(details: { readonly location: string; readonly neededBytes: number; readonly reason: string }, options?: ErrorOptions) {
    super(`Cannot write ${details.neededBytes} bytes to ${quote(details.location, 400)}: ${printable(details.reason)}`, details, options)
  }
}

/** The medium failed; whether something was stored is not known unless `storedNothing` is true. */
export class StorageFailed extends PersistError<{ readonly location: string; readonly call: string; readonly reason: string }> {
  readonly _tag = "StorageFailed"
  readonly code = "storage_failed"
  override readonly hint: string = "check the volume; see cause for the error of the driver"

  constructor(details: { readonly location: string; readonly call: string; readonly reason: string }, options?: ErrorOptions) {
    super(`Cannot ${printable(details.call)} ${quote(details.location, 400)}: ${printable(details.reason)}`, details, options)
  }
}

/** A flush failed, so what the device holds is not known; this handle takes no further writes. */
export class FlushFailed extends PersistError<{ readonly location: string; readonly reason: string }> {
  readonly _tag = "FlushFailed"
  readonly code = "flush_failed"
  override readonly hint: string = "close the store, check the volume, open it again: it then shows what the device holds"

  constructor(details: { readonly location: string; readonly reason: string }, options?: ErrorOptions) {
    super(`Cannot flush ${quote(details.location, 400)}: ${printable(details.reason)}`, details, options)
  }
}

/** The store is open for reading only; nothing was stored. */
export class ReadOnly extends PersistError<{ readonly location: string; readonly reason: string }> {
  readonly _tag = "ReadOnly"
  readonly code = "read_only"
  override readonly storedNothing: boolean = true
  override readonly hint: string = "open it without readPrefix, on a medium that can be written"

  constructor(details: { readonly location: string; readonly reason: string }, options?: ErrorOptions) {
    super(`Cannot write to ${quote(details.location, 400)}: ${printable(details.reason)}`, details, options)
  }
}

/** A frame that was once whole is damaged; nothing was changed. Frames before it are readable with `readPrefix`. */
export class CorruptFrame extends PersistError<{ readonly location: string; readonly position: number; readonly reason: string }> {
  readonly _tag = "CorruptFrame"
  readonly code = "corrupt_frame"
  override readonly storedNothing: boolean = true
  override readonly hint: string = "copy the store first; then open it with readPrefix: true to read what comes before"

  constructor(details: { readonly location: string; readonly position: number; readonly reason: string }, options?: ErrorOptions) {
    super(
      `Cannot read the frame at position ${details.position} of ${quote(details.location, 400)}: ${printable(details.reason)}`,
      details,
      options,
    )
  }
}

/** The stored bytes of a value are no value of ours; the record is kept as it is. */
export class CorruptValue extends PersistError<{ readonly collection: string; readonly key: string; readonly reason: string }> {
  readonly _tag = "CorruptValue"
  readonly code = "corrupt_value"
  override readonly storedNothing: boolean = true
  override readonly hint: string = "write the record anew; the old bytes stay in the log"

  constructor(details: { readonly collection: string; readonly key: string; readonly reason: string }, options?: ErrorOptions) {
    super(
      `Cannot decode the value of ${quote(details.key)} in ${quote(details.collection)}: ${printable(details.reason)}`,
      details,
      options,
    )
  }
}

/** Bytes break a rule of the format; `byteOffset` is where. */
export class CorruptBytes extends PersistError<{ readonly what: string; readonly byteOffset: number; readonly reason: string }> {
  readonly _tag = "CorruptBytes"
  readonly code = "corrupt_bytes"
  override readonly storedNothing: boolean = true
  override readonly hint: string = "check where the bytes come from; they are damaged, or of something else"

  constructor(details: { readonly what: string; readonly byteOffset: number; readonly reason: string }, options?: ErrorOptions) {
    super(`Cannot decode ${printable(details.what)} at byte ${details.byteOffset}: ${printable(details.reason)}`, details, options)
  }
}

/** Whether the write was stored is not known yet; the store finds out before it writes anything else. */
export class OutcomeUnknown extends PersistError<{ readonly store: string; readonly position: number }> {
  readonly _tag = "OutcomeUnknown"
  readonly code = "outcome_unknown"
  override readonly hint: string = "do not repeat it blindly: call refresh() until it answers, then read the record"

  constructor(details: { readonly store: string; readonly position: number }, options?: ErrorOptions) {
    super(`Cannot tell whether the write at position ${details.position} of ${quote(details.store)} was stored`, details, options)
  }
}

/** An earlier write of this store is not decided yet, so this one was not tried; nothing of it was stored. */
export class StoreUncertain extends PersistError<{ readonly store: string; readonly position: number }> {
  readonly _tag = "StoreUncertain"
  readonly code = "store_uncertain"
  override readonly retryable: boolean = true
  override readonly storedNothing: boolean = true
  override readonly hint: string = "try again when refresh() answers; the earlier write is decided first"

  constructor(details: { readonly store: string; readonly position: number }, options?: ErrorOptions) {
    super(
      `Cannot write to ${quote(details.store)}: whether the write at position ${details.position} was stored is not known yet`,
      details,
      options,
    )
  }
}
