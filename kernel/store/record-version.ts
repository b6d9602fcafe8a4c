/** One of several versions of a record, as `conflicts()` gives it; only such an object makes `resolve` a choice. */
export class RecordVersion<T> {
  /** Undefined for a delete. */
  readonly value: T | undefined
  readonly deleted: boolean
  /** By its writer's clock, in milliseconds since 1970-01-01. */
  readonly updatedAt: number
  /** Which copy of the store wrote it: 16 hex digits. */
  readonly replica: string
  /** Names it for ever; opaque. */
  readonly version: string

  constructor(value: T | undefined, deleted: boolean, updatedAt: number, replica: string, version: string) {
    this.value = value
    this.deleted = deleted
    this.updatedAt = updatedAt
    this.replica = replica
    this.version = version
  }
}

/** A record with several versions of which none has seen another. */
export interface Conflict<T> {
  readonly key: string
  /** The greatest version that this copy wrote, else the one that is shown. */
  readonly local: RecordVersion<T>
  /** The greatest other version. */
  readonly remote: RecordVersion<T>
  /** All versions, oldest first. */
  readonly versions: readonly RecordVersion<T>[]
}
