/**
 * Ledger: the checker's own memory of a run. Every operation by its dot, what it deliberately replaced, what its application was told, and
 * what was destroyed.
 *
 * What replaced what is noted when a log's own frame appears: whoever wrote it had seen everything that this log showed. It is kept as sets of
 * operations; no context, lineage or vector of the product is read for it.
 */
import { order } from "./order.ts"

/** One operation that some store wrote. */
export interface KnownOperation {
  /** Writer in hexadecimal, "-", number. */
  readonly dot: string
  readonly writer: string
  readonly seq: number
  /** Collection and key. */
  readonly record: string
  readonly isDelete: boolean
  /** The token inside of its value. */
  readonly uid: string | undefined
  /** Every server refuses it but a lenient one. */
  readonly isPoison: boolean
  /** Stands for its value where operations are compared. */
  readonly likeness: string
  /** All that it replaced, directly or not. */
  readonly past: ReadonlySet<KnownOperation>
  /** What it left open beside itself. */
  readonly left: ReadonlySet<KnownOperation>
  /** Of a choice: what it settled, with all that this had replaced, without the choices among them. */
  readonly settled: ReadonlySet<KnownOperation> | undefined
  /** Of a counter: the increments that its state has. */
  readonly counts: ReadonlySet<KnownOperation>
  /** Last number of the frame that it was written in. */
  readonly batchEnd: number
  /** How far its log had each writer when it was written. */
  readonly seen: ReadonlyMap<string, number>
  /** The writers of its log at that time. */
  readonly own: ReadonlySet<string>
  /** Everything else of it, so that a number with two contents is found. */
  readonly content: string
  readonly millis: number
  readonly counter: number
  /** Name of the store that wrote it. */
  readonly author: string
  readonly tenant: string
}

export class Ledger {
  readonly operations: Map<string, KnownOperation> = new Map()
  readonly byWriter: Map<string, KnownOperation[]> = new Map()
  /** By the tokens of values; a value that was written anew has several. */
  readonly byUid: Map<string, KnownOperation[]> = new Map()
  /** Of these the application was told that they are stored. */
  readonly acknowledged: Set<KnownOperation> = new Set()
  /** Of these a server, which was not restored since, said that it has them. */
  readonly confirmed: Set<KnownOperation> = new Set()
  /** Acknowledged, and destroyed with their last copy. */
  readonly excused: Set<KnownOperation> = new Set()

  add(operation: KnownOperation): void {
    this.operations.set(operation.dot, operation)
    listIn(this.byWriter, operation.writer, operation)
    if (operation.uid !== undefined) listIn(this.byUid, operation.uid, operation)
  }

  /** The application was told that the operation of this dot is stored. */
  acknowledge(dot: string): void {
    const operation = this.operations.get(dot)
    if (operation !== undefined) this.acknowledged.add(operation)
  }

  /**
   * Data was destroyed: what was acknowledged, no server has confirmed and nobody holds any more is excused. `held` and `heldByServers` are
   * the operations in the logs that are left.
   */
  noteDestruction(held: Iterable<KnownOperation>, heldByServers: Iterable<KnownOperation> | undefined): void {
    if (heldByServers !== undefined) {
      const there = withPast(heldByServers)
      for (const operation of this.confirmed) if (!there.has(operation)) this.confirmed.delete(operation)
    }
    const there = withPast(held)
    for (const operation of this.acknowledged) {
      if (!there.has(operation) && !this.confirmed.has(operation)) this.excused.add(operation)
    }
  }
}

function listIn(lists: Map<string, KnownOperation[]>, name: string, operation: KnownOperation): void {
  const list = lists.get(name)
  if (list === undefined) lists.set(name, [operation])
  else list.push(operation)
}

/** These operations and all that they replaced. */
export function withPast(operations: Iterable<KnownOperation>): Set<KnownOperation> {
  const all = new Set<KnownOperation>()
  for (const operation of operations) {
    all.add(operation)
    for (const replaced of operation.past) all.add(replaced)
  }
  return all
}

/** Of some operations on one record those that no other of them replaced. */
export const notReplaced = (rivals: Iterable<KnownOperation>): Set<KnownOperation> => {
  const all = [...rivals], left = new Set(all)
  for (const { past } of all) for (const replaced of past) left.delete(replaced)
  for (const choice of all) {
    if (choice.settled !== undefined && all.some((other) => other !== choice && ends(other, choice))) left.delete(choice)
  }
  return left
}

/** Does an operation end a choice that it did not replace, since whoever wrote it had seen all that was chosen among? (S8) */
function ends(operation: KnownOperation, choice: KnownOperation): boolean {
  const { settled = new Set() } = choice, seen = operation.settled ?? operation.past
  if (choice.past.has(operation) || operation.left.has(choice) || seen.size < settled.size) return false
  for (const one of settled) if (!seen.has(one)) return false
  for (const one of operation.left) if (choice.past.has(one)) return false
  return operation.settled === undefined || seen.size > settled.size || order(operation, choice) > 0
}

/** What a choice among these operations settles. */
export function settledBy(among: Iterable<KnownOperation>): Set<KnownOperation> {
  const settled = new Set<KnownOperation>()
  for (const one of among) {
    for (const older of one.settled ?? one.past) settled.add(older)
    if (one.settled === undefined) settled.add(one)
  }
  return settled
}
