/**
 * Collection: the records of one name inside a store, as users read and write them.
 *
 * Writes resolve when their frame is stored at the store's durability. Reads that begin after a write of the same store see it.
 * Every call rejects with `StoreClosed` after `close()`, and with `InvalidKey` for a key that is empty, over 1,024 bytes in UTF-8, or
 * not well-formed; nothing is stored by a call that rejects, unless the error says that the outcome is unknown.
 *
 * A write need not be awaited: it is stored all the same, in the order of the calls. If it fails and nobody handles its promise, the
 * runtime reports an unhandled rejection, which ends the process unless told otherwise, so no failure is lost in silence. Writes are
 * taken without bound, and one that waits holds about half a kilobyte beside its key and value: await some of them now and then.
 */
import { checkFunction } from "../arguments.ts"
import { OperationKind } from "../model/operation.ts"
import { kindOfType, writeBatch } from "./batch.ts"
import { clearCollection } from "./clear.ts"
import { resolveRecord } from "./conflicts.ts"
import type { RecordVersion } from "./record-version.ts"
import { RecordsReader } from "./records-reader.ts"
import { changedValue, readInBuild, writeInBuild } from "./transaction.ts"
import type { BatchOperation, BatchWritten, KeyValue, PutOptions, Written } from "./types.ts"

export class Collection<T> extends RecordsReader<T> {
  /**
   * Writes a record. The value is checked and encoded before the call returns, so it may be changed afterwards.
   *
   * Rejects with `InvalidValue` (the path inside the value is named), `ValueTooLarge` (over 1 MiB), or `VersionMismatch` if
   * `ifVersion` is given and another version is there.
   */
  put(key: string, value: T, options?: PutOptions): Promise<Written> {
    return this.write("put", OperationKind.put, key, value, options, "version") as Promise<Written>
  }

  /** Deletes a record; resolves to whether there was one. Rejects with `VersionMismatch` as `put` does. */
  delete(key: string, options?: PutOptions): Promise<boolean> {
    return this.write("delete", OperationKind.delete, key, undefined, options, "existed") as Promise<boolean>
  }

  /**
   * Writes what `change` makes of the value of a key (undefined: no record). `change` is synchronous, gets a copy of its own, and may
   * run again when another process was faster. Rejects with what it throws, with `CallbackNotSynchronous` for a promise, and with
   * `InvalidValue` for `undefined`.
   */
  update(key: string, change: (value: T | undefined) => T): Promise<Written> {
    const { core } = this
    return core.writeAdmitted("update", "version", () => {
      checkFunction("change", change)
      const value = readInBuild(core, this.index, key, false)
      writeInBuild(core, OperationKind.put, this.index, key, changedValue(change, value, key))
    }) as Promise<Written>
  }

  /** Writes several records, all or nothing. Rejects with `BatchTooLarge` over 3,500,000 bytes or 65,536 operations. */
  putMany(records: Iterable<KeyValue<T>>): Promise<BatchWritten> {
    return writeBatch(this.core, "putMany", this.index, records, () => OperationKind.put)
  }

  /**
   * Puts and deletes several records, all or nothing, in their order. Rejects with `BatchTooLarge` over 3,500,000 bytes or 65,536
   * operations, and as `put` does for each key and value.
   */
  batch(operations: Iterable<BatchOperation<T>>): Promise<BatchWritten> {
    return writeBatch(this.core, "batch", this.index, operations, kindOfType)
  }

  /**
   * Deletes every record that is there when it is called, a thousand at a time; resolves to how many. Not one unit: calls that come
   * later may be stored in between, and what they write stays.
   */
  clear(): Promise<number> {
    return clearCollection(this.core, this.index)
  }

  /**
   * Ends a conflict. With one of the versions that `conflicts()` gave it is a choice, which adds no data and gives way to whoever has
   * seen all that it settled; versions that came since it was given out stay. With anything else it is a write of that value over all versions
   * that are there when it is stored. Rejects with `InvalidOption` for a version that the record does not have any more.
   */
  resolve(key: string, choice: RecordVersion<T> | T): Promise<Written> {
    const { core } = this
    return core.writeInBuild("resolve", "version", () => resolveRecord(core, this.index, key, choice)) as Promise<Written>
  }
}
