/**
 * Squashing: which operations of a push are void, since another one of the same push covers them (rule S12).
 *
 * Only what goes along counts: neither the views nor a later push, which may never come. Events and forgets are never void.
 */
import type { BlockColumns } from "../format/block-columns.ts"
import { bytesToHex } from "../model/identifiers.ts"
import type { Lineage } from "../model/lineage.ts"
import { type Dots, OperationKind } from "../model/operation.ts"
import { covers, type Version } from "../model/versions.ts"
import { DotMap } from "../views/dot-map.ts"
import { globalDots } from "../views/stored-version.ts"

/** An operation that is to be listed, as far as covering needs it. */
interface ListedOperation extends Version {
  readonly kind: number
  /** Bytes of key and value. */
  readonly bytes: number
}

export class Squash {
  /** Void operations, with their bytes of key and value. */
  readonly void: DotMap<number> = new DotMap()
  readonly #lineage: Lineage
  readonly #byRecord = new Map<string, ListedOperation[]>()

  constructor(lineage: Lineage) {
    this.#lineage = lineage
  }

  /** Takes a block's operations for which `isListed`; `writers` lead from its numbers to indexes. */
  add(block: BlockColumns, writers: readonly number[], isListed: (seq: number) => boolean): void {
    for (let row = 0; row < block.count; row++) {
      if (!isListed(block.seqs[row]!)) continue
      const record = `${block.names[block.collections[row]!]!} ${bytesToHex(block.bytes, block.keyStarts[row]!, block.keyEnds[row]!)}`
      const operation = operationOf(block, row, writers), others = this.#byRecord.get(record)
      if (others === undefined) this.#byRecord.set(record, [operation])
      else others.push(operation)
    }
  }

  /** Finds what is void among all that was taken. */
  run(): void {
    for (const operations of this.#byRecord.values()) {
      if (operations.length < 2) continue
      for (const one of operations) {
        if (one.kind === OperationKind.event || one.kind === OperationKind.forget) continue
        // The later of a key covers nearly always: it is asked first.
        if (operations.findLast((other) => other !== one && covers(other, one.writer, one.seq, this.#lineage)) === undefined) continue
        this.void.set(one.writer, one.seq, one.bytes)
      }
    }
  }
}

function operationOf(block: BlockColumns, row: number, writers: readonly number[]): ListedOperation {
  const side = block.sides.get(row)
  const context: Dots = globalDots(block.contextOf(row), writers)
  return {
    kind: block.kinds[row]!,
    writer: writers[0]!,
    seq: block.seqs[row]!,
    millis: block.millis[row]!,
    counter: block.counters[row]!,
    context,
    keeps: side === undefined ? [] : globalDots(side.keeps, writers),
    settles: undefined,
    bytes: block.keyEnds[row]! - block.keyStarts[row]! + block.valueEnds[row]! - block.valueStarts[row]!,
  }
}
