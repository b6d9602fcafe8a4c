/** Every tagged error, by name: the one module that others import. */
export { PersistError } from "./errors/base.ts"
export {
  BatchTooLarge,
  CallbackNotSynchronous,
  InvalidKey,
  InvalidOption,
  InvalidStoreName,
  InvalidValue,
  NotLoaded,
  UnknownAdapter,
  UnsupportedDurability,
  ValueTooLarge,
  VersionMismatch,
} from "./errors/input.ts"
export { CrdtTooLarge, MergeFailed, WrongCollectionType } from "./errors/conflicts.ts"
export {
  DriverMissing,
  FormatTooNew,
  NotAStore,
  PathNotFound,
  PermissionDenied,
  StoreBusy,
  StoreClosed,
  StoreLocked,
  StoreNotFound,
} from "./errors/store.ts"
export {
  CorruptBytes,
  CorruptFrame,
  CorruptValue,
  FlushFailed,
  FramesTrimmed,
  FrameTooLarge,
  OutcomeUnknown,
  PositionOutOfRange,
  PositionTaken,
  ReadOnly,
  SnapshotMissing,
  StorageFailed,
  StorageFull,
  StoreUncertain,
} from "./errors/storage.ts"
export {
  AlreadySyncing,
  NoProgress,
  NotConfirmed,
  type NotConfirmedDetails,
  NotSyncable,
  ProtocolViolation,
  QueueFull,
  RemoteError,
  type RemoteErrorDetails,
  RemoteUnreachable,
  type RetryAdvice,
  SyncStopped,
  Unauthenticated,
  UnsupportedVersion,
} from "./errors/sync.ts"
