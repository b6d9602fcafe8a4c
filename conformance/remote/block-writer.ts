/**
 * A writer of a device that the cases play: its operations, and any blocks of them.
 *
 *   const writer = new BlockWriter(timeMillis).write(5)        numbers 1 to 5, a put each
 *   writer.part(0, 3)                                          the block of 1 to 3
 *   writer.part(1, 5, { listed: [2, 5], withheld: [3] })       of 2 to 5, with 3 withheld and 4 void
 */
import { BlockColumns, MANY_CONTEXT, NO_CONTEXT } from "../../kernel/format/block-columns.ts"
import { ByteWriter } from "../../kernel/format/bytes.ts"
import { PartType } from "../../kernel/format/frame.ts"
import { encodeValue } from "../../kernel/format/msgpack.ts"
import { encodeBlock } from "../../kernel/format/operation-block.ts"
import { WRITER_BYTES } from "../../kernel/model/identifiers.ts"
import { OperationKind } from "../../kernel/model/operation.ts"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import type { Part } from "../../kernel/ports/remote.ts"

/** A dot: a writer, and one of its numbers. */
export interface Dot {
  /** 16 bytes. */
  readonly writer: Bytes
  readonly seq: number
}

/** One operation; all but its number may be left out. */
export interface PlayedOperation {
  readonly kind?: keyof typeof OperationKind | undefined
  /** Default: that of the writer, a millisecond more each. */
  readonly millis?: number | undefined
  /** Default "notes". */
  readonly collection?: string | undefined
  /** Default: "key" and its number. UTF-8 bytes where it is to be spoilt. */
  readonly key?: string | Uint8Array | undefined
  /** Default: its number. MessagePack bytes where it is to be spoilt. */
  readonly value?: unknown
  /** What it had seen of its record. Default: nothing. */
  readonly context?: readonly Dot[] | undefined
}

/** What a block has besides the operations of its range. */
export interface PartOptions {
  /** Numbers that are listed. Default: all but the withheld. */
  readonly listed?: readonly number[] | undefined
  readonly withheld?: readonly number[] | undefined
  /** Only of a block from 0. */
  readonly links?: readonly Dot[] | undefined
}

/** Bytes that stand for an encoded value as they are. */
export class RawValue {
  readonly bytes: Uint8Array

  /** Bytes one by one, or more of them than a call has arguments as one array. */
  constructor(...bytes: readonly number[] | readonly [Uint8Array]) {
    const [first] = bytes
    this.bytes = first instanceof Uint8Array ? first : Uint8Array.from(bytes as readonly number[])
  }
}

export class BlockWriter {
  /** 16 bytes. */
  readonly id: Bytes
  readonly #firstMillis: number
  readonly #operations: PlayedOperation[] = []

  /** `timeMillis` is the stamp of its first operation. `id` is drawn, unless it is to be that of another one, as a clone's is. */
  constructor(timeMillis: number, id: Bytes = crypto.getRandomValues(new Uint8Array(WRITER_BYTES))) {
    this.id = id
    this.#firstMillis = timeMillis
  }

  /** Its last number; 0 if there is none. */
  get seq(): number {
    return this.#operations.length
  }

  /** Its operation with this number. Default: the last one. */
  dot(seq: number = this.seq): Dot {
    return { writer: this.id, seq }
  }

  /** Adds `count` operations, each as `operation` says. */
  write(count: number, operation: PlayedOperation = {}): this {
    for (let index = 0; index < count; index += 1) this.#operations.push(operation)
    return this
  }

  /** The block of all numbers after `from` up to `to`; a number that is neither listed nor withheld is void. */
  part(from: number = 0, to: number = this.seq, { listed, withheld = [], links }: PartOptions = {}): Part {
    const all = Array.from({ length: to - from }, (_, index) => from + 1 + index)
    const withheldSeqs = new Set(withheld)
    const seqs = listed ?? all.filter((seq) => !withheldSeqs.has(seq))
    const block = new BlockColumns()
    const [keys, values, out] = [new ByteWriter(), new ByteWriter(), new ByteWriter()]
    block.writers.push(this.id)
    block.from = from
    block.to = to
    block.count = seqs.length
    for (const seq of withheld) block.withheld.push(seq)
    block.reserve(seqs.length)
    for (const [row, seq] of seqs.entries()) this.#putRow(block, row, seq, keys, values)
    block.links = links?.flatMap(({ writer, seq }) => [indexOf(block, writer), seq])
    encodeBlock(block, keys.buffer, values.buffer, out)
    return { type: PartType.block, content: out.buffer.slice(0, out.length) }
  }

  /** A block of its own for each number after `from` up to `to`. */
  parts(from: number = 0, to: number = this.seq): readonly Part[] {
    return Array.from({ length: to - from }, (_, index) => this.part(from + index, from + index + 1))
  }

  #putRow(block: BlockColumns, row: number, seq: number, keys: ByteWriter, values: ByteWriter): void {
    const { kind = "put", millis = this.#firstMillis + seq, collection = "notes", key = `key ${seq}`, value = seq, context = [] } =
      this.#operations[seq - 1] ?? {}
    block.kinds[row] = OperationKind[kind]
    block.seqs[row] = seq
    block.millis[row] = millis
    block.collections[row] = block.nameIndex(collection)
    const keyBytes = typeof key === "string" ? new TextEncoder().encode(key) : key
    block.keyStarts[row] = keys.length
    keys.bytes(keyBytes, 0, keyBytes.length)
    block.keyEnds[row] = keys.length
    block.valueStarts[row] = values.length
    if (block.hasValue(row)) {
      if (value instanceof RawValue) values.bytes(value.bytes, 0, value.bytes.length)
      else encodeValue(value, values, "the value of a case")
    }
    block.valueEnds[row] = values.length
    const dots = context.flatMap(({ writer, seq }) => [indexOf(block, writer), seq])
    const [first = NO_CONTEXT, firstSeq = 0] = dots
    block.contextWriters[row] = dots.length > 2 ? MANY_CONTEXT : first
    block.contextSeqs[row] = firstSeq
    if (dots.length > 2) block.contexts.set(row, dots)
  }
}

/** The number of a writer in a block; a new one is added. */
const indexOf = (block: BlockColumns, id: Uint8Array): number => {
  const known = block.writers.findIndex((writer) => writer.every((byte, at) => byte === id[at]))
  return known >= 0 ? known : block.writers.push(id) - 1
}
