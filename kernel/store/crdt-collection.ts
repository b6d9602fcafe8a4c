/**
 * CRDT collection: records whose versions join by themselves, by the rules of a type. `get` and all other reads show the type's view.
 *
 * A record is written with `update` alone: it hands out an editor of the join of all versions. A delete ends what it has seen; an update that was
 * written apart from it goes on with all it knew, unless `deleteConflict` says otherwise. Values stay under the limit of all values.
 */
import { CrdtTooLarge, ValueTooLarge } from "../errors.ts"
import { checkFunction } from "../arguments.ts"
import { decodeValue } from "../format/msgpack.ts"
import { CRDT_STATE_BYTES_WARNED } from "../limits.ts"
import { bytesToHex } from "../model/identifiers.ts"
import { OperationKind } from "../model/operation.ts"
import type { CrdtEditor } from "../ports/crdt-type.ts"
import type { StoredVersion } from "../views/stored-version.ts"
import { clearCollection } from "./clear.ts"
import { resolveRecord } from "./conflicts.ts"
import type { RecordVersion } from "./record-version.ts"
import { RecordsReader } from "./records-reader.ts"
import { refusePromise } from "./callback.ts"
import type { StoreCore } from "./store-core.ts"
import { findInBuild, writeInBuild } from "./transaction.ts"
import type { PutOptions, Written } from "./types.ts"

export class CrdtCollection<View, Editor> extends RecordsReader<View> {
  /**
   * Writes what `change` makes of a record through the editor that it is given; of one that is not there it makes one. `change` is synchronous, and
   * may run again when another process was faster; what it answers is not looked at.
   *
   * Rejects with what it throws, with `CallbackNotSynchronous` for a promise, `CrdtTooLarge` if the state would have more than 1 MiB, and
   * `CorruptValue` if none of the stored versions is a state of the type; nothing is stored then. From 64 KiB on the logger is warned.
   */
  update(key: string, change: (editor: Editor) => unknown): Promise<Written> {
    const { core, index } = this
    return core.writeAdmitted("update", "version", () => {
      checkFunction("change", change)
      updateState(core, index, key, change as (editor: unknown) => unknown)
    }) as Promise<Written>
  }

  /** Deletes a record; resolves to whether there was one. Rejects with `VersionMismatch` if `ifVersion` is given and another version is there. */
  delete(key: string, options?: PutOptions): Promise<boolean> {
    return this.write("delete", OperationKind.delete, key, undefined, options, "existed") as Promise<boolean>
  }

  /** Deletes every record that is there when it is called, a thousand at a time; resolves to how many. */
  clear(): Promise<number> {
    return clearCollection(this.core, this.index)
  }

  /** Ends a conflict with one of the versions that `conflicts()` gave. Rejects with `InvalidOption` for one that the record does not have any more. */
  resolve(key: string, choice: RecordVersion<View>): Promise<Written> {
    const { core, index } = this
    return core.writeInBuild("resolve", "version", () => resolveRecord(core, index, key, choice)) as Promise<Written>
  }
}

/** In a build: the state of a record, and which stored versions it is of; undefined parents: of what this frame wrote, or of nothing. */
function stateInBuild(
  core: StoreCore,
  collection: number,
  key: string,
): { state: unknown; parents: readonly StoredVersion[] | undefined; bytes: number } {
  const type = core.strategies.typeOf(collection), { inFrame, row } = findInBuild(core, collection, key)
  if (inFrame >= 0) {
    const range = core.author.valueInFrame(inFrame)
    if (range === undefined) return { state: type.empty(), parents: undefined, bytes: 0 }
    const value = decodeValue(core.staging.values.out.buffer, range.start, range.end)
    return { state: type.decode(value), parents: undefined, bytes: range.end - range.start }
  }
  if (row < 0) return { state: type.empty(), parents: undefined, bytes: 0 }
  const { state, joined } = core.strategies.joinedToEdit(row)
  return { state, parents: joined, bytes: core.records.rows.valueBytes(row) }
}

function updateState(core: StoreCore, collection: number, key: string, change: (editor: unknown) => unknown): void {
  core.author.need(collection, key)
  const { strategies, names: { names } } = core, type = strategies.typeOf(collection)
  const { state, parents, bytes: bytesBefore } = stateInBuild(core, collection, key)
  const { writer, seq, millis } = core.author.nextOperation
  const editor = type.edit(state, { writer: bytesToHex(writer), seq, millis }) as CrdtEditor<unknown>
  refusePromise(change(editor), "the function given to update()")
  const from = core.staging.values.place
  try {
    writeInBuild(core, OperationKind.put, collection, key, type.encode(editor.state), { parents, type: type.name })
  } catch (error) {
    if (!(error instanceof ValueTooLarge)) throw error
    const { bytes, bytesMax } = error.details
    throw new CrdtTooLarge({ collection: names[collection]!, key, bytes, bytesMax }, { cause: error })
  }
  const bytes = core.staging.values.place - from
  if (bytes <= CRDT_STATE_BYTES_WARNED || bytesBefore > CRDT_STATE_BYTES_WARNED) return
  core.options.logger.warn("a CRDT state has grown large: each update stores it whole", { collection: names[collection]!, bytes })
}
