/**
 * Transaction: reads and writes of one synchronous function, in the build of one frame, all or nothing.
 *
 * It sees the stored state and its own writes. After a lost race the function runs again on the newer state, so it must not do
 * anything but read and write here.
 */
import { InvalidValue, StoreClosed } from "../errors.ts"
import { decodeValue, freezeDeep } from "../format/msgpack.ts"
import { OperationKind } from "../model/operation.ts"
import { refusePromise } from "./callback.ts"
import type { OperationSide } from "./pending-write.ts"
import type { StoreCore } from "./store-core.ts"

/** The records of one collection inside a transaction. */
export interface TransactionRecords<T> {
  /** The value of a key as this transaction sees it, frozen, or undefined. */
  peek(key: string): T | undefined
  /** Writes a record. Throws `InvalidKey`, `InvalidValue` or `ValueTooLarge`. */
  put(key: string, value: T): void
  /** Deletes a record; answers whether it existed. */
  delete(key: string): boolean
  /** Writes what `change` makes of the value of a key. */
  update(key: string, change: (value: T | undefined) => T): void
}

/** All records of a store inside a transaction: those of the default collection, and others by name. */
export interface Transaction<T> extends TransactionRecords<T> {
  collection<U = T>(name: string): TransactionRecords<U>
}

/** The new value of an update. Throws for a promise and for `undefined`, which is nearly always a forgotten `return`. */
export function changedValue(change: (value: never) => unknown, value: unknown, key: string): unknown {
  const changed = change(value as never)
  refusePromise(changed, "the function given to update()")
  if (changed === undefined) {
    throw new InvalidValue({ path: key, reason: "the function given to update() answered undefined; it must return the new value" })
  }
  return changed
}

class BuildRecords<T> implements TransactionRecords<T> {
  readonly #core: StoreCore
  readonly #collection: number
  readonly #isOver: () => boolean

  constructor(core: StoreCore, collection: number, isOver: () => boolean) {
    this.#core = core
    this.#collection = collection
    this.#isOver = isOver
  }

  peek(key: string): T | undefined {
    this.#assertRunning()
    return readInBuild(this.#core, this.#collection, key, true) as T | undefined
  }

  put(key: string, value: T): void {
    this.#assertRunning()
    writeInBuild(this.#core, OperationKind.put, this.#collection, key, value)
  }

  delete(key: string): boolean {
    this.#assertRunning()
    return writeInBuild(this.#core, OperationKind.delete, this.#collection, key, undefined)
  }

  update(key: string, change: (value: T | undefined) => T): void {
    this.#assertRunning()
    const value = readInBuild(this.#core, this.#collection, key, false)
    this.put(key, changedValue(change, value, key) as T)
  }

  #assertRunning(): void {
    if (this.#isOver()) throw new StoreClosed({ store: this.#core.name, call: "a transaction that has ended" })
  }
}

/** Where a key is: the row of the frame at hand that wrote it last, else its row in the views; -1 for none. */
export function findInBuild(core: StoreCore, collection: number, key: string): { readonly inFrame: number; readonly row: number } {
  const { author, records, staging } = core
  const keyPlace = staging.keys.place
  staging.add(key, undefined, false)
  const keys = staging.keys.out.buffer, start = keyPlace - staging.keys.base, end = staging.keys.out.length
  const hash = records.hash(keys, start, end, collection)
  const inFrame = author.rowInFrame(collection, start, end, hash)
  const row = inFrame >= 0 ? -1 : records.find(keys, start, end, collection, hash)
  staging.keys.truncate(keyPlace)
  return { inFrame, row }
}

/** The value that a key shows in the frame at hand, else in the views. */
export function readInBuild(core: StoreCore, collection: number, key: string, frozen: boolean): unknown {
  const { author, records, staging } = core
  author.need(collection, key)
  const { inFrame, row: stored } = findInBuild(core, collection, key)
  if (inFrame >= 0) {
    const range = author.valueInFrame(inFrame)
    if (range === undefined) return undefined
    const value = core.strategies.toShown(collection, decodeValue(staging.values.out.buffer, range.start, range.end))
    return frozen ? freezeDeep(value) : value
  }
  if (stored < 0 || records.isDeleted(stored)) return undefined
  return frozen ? core.decoded.shared(stored) : core.decoded.fresh(stored)
}

/** Stages one operation and adds it to the frame at hand; answers whether its key showed a record. */
export function writeInBuild(
  core: StoreCore,
  kind: OperationKind,
  collection: number,
  key: string,
  value: unknown,
  side?: OperationSide,
): boolean {
  core.author.need(collection, key)
  const { keys, values } = core.staging
  const keyStart = keys.place, valueStart = values.place
  core.staging.add(key, value, kind !== OperationKind.delete)
  return core.author.addOperation({
    kind,
    collection,
    keyStart,
    keyEnd: keys.place,
    valueStart,
    valueEnd: values.place,
    expected: undefined,
    side,
  })
}

/** Runs `work` in the build at hand. */
export function runTransaction<T>(core: StoreCore, work: (transaction: Transaction<T>) => unknown): void {
  let over = false
  const isOver = (): boolean => over
  const records = new BuildRecords<T>(core, 0, isOver)
  const transaction: Transaction<T> = {
    peek: (key) => records.peek(key),
    put: (key, value) => records.put(key, value),
    delete: (key) => records.delete(key),
    update: (key, change) => records.update(key, change),
    collection: <U>(name: string) => new BuildRecords<U>(core, core.collectionIndex(name), isOver),
  }
  try {
    refusePromise(work(transaction), "the function given to batch()")
  } finally {
    over = true
  }
}
