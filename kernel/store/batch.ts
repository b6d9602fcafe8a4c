/** Batches: several operations that are checked and encoded when they are called, and stored all or nothing. */
import { BatchTooLarge, InvalidOption, InvalidValue } from "../errors.ts"
import { BATCH_BYTES_MAX, BATCH_OPERATIONS_MAX } from "../limits.ts"
import { OperationKind } from "../model/operation.ts"
import { textOf } from "../text.ts"
import { expectedOf } from "../arguments.ts"
import { OPERATION_OVERHEAD_BYTES } from "./frame-author.ts"
import { PendingWrite, type StagedOperation } from "./pending-write.ts"
import { copyOfValue, type StoreCore } from "./store-core.ts"
import type { BatchOperation, BatchWritten, PutOptions } from "./types.ts"

/** What a batch is given, before anything is known of it. */
export interface GivenOperation extends PutOptions {
  readonly key: string
  readonly value?: unknown
}

/** Kind of an operation that names its type. */
export function kindOfType(operation: GivenOperation): OperationKind {
  const { type } = operation as Partial<BatchOperation<unknown>>
  if (type === "put") return OperationKind.put
  if (type === "delete") return OperationKind.delete
  throw new InvalidOption({ option: "type", found: textOf(type), expected: '"put" or "delete"' })
}

/** Stages and queues a batch of a collection; rejects and leaves nothing if one of its operations cannot be stored. */
export function writeBatch(
  core: StoreCore,
  call: string,
  collection: number,
  operations: Iterable<GivenOperation>,
  kindOf: (operation: GivenOperation) => OperationKind,
): Promise<BatchWritten> {
  try {
    core.assertOpen(call)
    core.staging.assertFree(call)
    const given = toArray(operations) // before anything is staged: an iterable may run code that writes
    const waiting = core.gates.length > 0 && given.some((one) => kindOf(one) !== OperationKind.delete) ? core.admission() : undefined
    if (waiting === undefined) return stageBatch(core, collection, given, kindOf)
    const copies = given.map((one) => ("value" in one ? { ...one, value: copyOfValue(one.value, one.key) } : one))
    return waiting.then(() => {
      core.assertOpen(call)
      return stageBatch(core, collection, copies, kindOf)
    })
  } catch (error) {
    return Promise.reject(error)
  }
}

function stageBatch(
  core: StoreCore,
  collection: number,
  given: readonly GivenOperation[],
  kindOf: (operation: GivenOperation) => OperationKind,
): Promise<BatchWritten> {
  const { staging, log } = core, { keys, values } = staging
  return new Promise((resolve, reject) => {
    const keyPlace = keys.place, valuePlace = values.place, queued = log.pending
    try {
      const list: StagedOperation[] = []
      let bytes = 0
      for (const operation of given) {
        const kind = kindOf(operation), { key, value } = operation, expected = expectedOf(operation)
        if (log.pending !== queued) {
          throw new InvalidValue({ path: textOf(key), reason: "another write was called while the batch was being read" })
        }
        const keyStart = keys.place, valueStart = values.place
        staging.add(key, value, kind === OperationKind.put)
        const keyEnd = keys.place, valueEnd = values.place
        list.push({ kind, collection, keyStart, keyEnd, valueStart, valueEnd, expected, side: undefined })
        bytes += keyEnd - keyStart + valueEnd - valueStart + OPERATION_OVERHEAD_BYTES
        if (bytes <= BATCH_BYTES_MAX && list.length <= BATCH_OPERATIONS_MAX) continue
        throw new BatchTooLarge({ bytes, bytesMax: BATCH_BYTES_MAX, operations: list.length, operationsMax: BATCH_OPERATIONS_MAX })
      }
      const end = (answer: unknown): void => resolve(answer as BatchWritten)
      const { put } = OperationKind
      const write = new PendingWrite(put, collection, keyPlace, keys.place, valuePlace, values.place, undefined, "operations", end, reject)
      write.list = list
      write.operations = Math.max(list.length, 1)
      log.submit(write)
    } catch (error) {
      // What was queued in between lies behind; the batch's bytes then stay until they are passed.
      if (log.pending === queued) {
        keys.truncate(keyPlace)
        values.truncate(valuePlace)
      }
      throw error
    }
  })
}

function toArray(operations: Iterable<GivenOperation>): readonly GivenOperation[] {
  const refuse = (found: unknown, expected: string): never => {
    throw new InvalidOption({ option: "operations", found: textOf(found), expected })
  }
  if (typeof Object(operations)[Symbol.iterator] !== "function") refuse(operations, "an array or another iterable")
  const given = [...operations]
  for (const operation of given) if (typeof operation !== "object" || operation === null) refuse(operation, "objects with key and value")
  return given
}
