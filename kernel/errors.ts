/** Every tagged error, by name: the one module that others import. */
export { PersistError } from "./errors/base.ts"
export {
  InvalidKey,
  InvalidValue,
  ValueTooLarge,
  BatchTooLarge,
  InvalidOption,
  InvalidStoreName,
  UnknownAdapter,
  UnsupportedDurability,
  CallbackNotSynchronous,
  VersionMismatch,
  NotLoaded,
} from "./errors/input.ts"
export {
  StoreClosed,
  StoreNotFound,
  StoreLocked,
  StoreBusy,
  NotAStore,
  FormatTooNew,
  PathNotFound,
  PermissionDenied,
  DriverMissing,
} from "./errors/store.ts"
export {
  PositionTaken,
  PositionOutOfRange,
  FramesTrimmed,
  FrameTooLarge,
  SnapshotMissing,
  StorageFull,
  StorageFailed,
  FlushFailed,
  ReadOnly,
  CorruptFrame,
  CorruptValue,
  CorruptBytes,
  OutcomeUnknown,
  StoreUncertain,
} from "./errors/storage.ts"
