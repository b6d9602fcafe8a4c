/** Clearing: deletes every record of a collection, a thousand at a time. */
import { COMMIT_OPERATIONS_TARGET } from "../limits.ts"
import { OperationKind } from "../model/operation.ts"
import type { StoreCore } from "./store-core.ts"
import { writeInBuild } from "./transaction.ts"
import type { BatchWritten } from "./types.ts"

/** Deletes all records that are there when it is called; answers how many. */
export async function clearCollection(core: StoreCore, collection: number): Promise<number> {
  let row = 0, rowsMax = 1, deleted = 0, own = -1, lastSeq = 0
  while (row < rowsMax) {
    const from = row
    const { operations } = await core.writeInBuild("clear", "operations", () => {
      const { records, records: { rows }, decoded, writer } = core
      if (from === 0) {
        rowsMax = rows.count
        own = writer.index
        lastSeq = writer.seq
      }
      let count = 0
      for (row = from; row < Math.min(rowsMax, rows.count) && count < COMMIT_OPERATIONS_TARGET; row++) {
        if (rows.collectionOf(row) !== collection || records.isDeleted(row)) continue
        if (rows.writerOf(row) === own && rows.seqOf(row) > lastSeq) continue // by a later call
        writeInBuild(core, OperationKind.delete, collection, decoded.keyOf(row), undefined)
        count++
      }
      if (row >= rows.count) row = rowsMax
    }, true) as BatchWritten
    deleted += operations
  }
  return deleted
}
