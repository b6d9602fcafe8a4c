/**
 * Frames of somebody else: blocks of another copy's writers, as a sync would bring them, written with the kernel's own format.
 *
 *   new ForeignWriter(1).put("a", 1).delete("b").frame(storage)   one block of two operations, appended as one frame
 */
import { BlockColumns, MANY_CONTEXT, NO_CONTEXT } from "../format/block-columns.ts"
import { ByteWriter } from "../format/bytes.ts"
import { chooseChecksum } from "../format/checksum.ts"
import { beginFrame, beginPart, endFrame, endPart, FrameReader, PartType } from "../format/frame.ts"
import { encodeValue } from "../format/msgpack.ts"
import { encodeBlock } from "../format/operation-block.ts"
import { writeUtf8 } from "../format/utf8.ts"
import { FRAME_ID_BYTES, WRITER_BYTES } from "../model/identifiers.ts"
import { OperationKind } from "../model/operation.ts"
import type { Bytes, LogStorage } from "../ports/log-storage.ts"
import type { Part } from "../ports/remote.ts"

/** A dot: the 16 bytes of a writer, and a number. */
export interface ForeignDot {
  readonly writer: Uint8Array
  readonly seq: number
}

interface ForeignOperation {
  readonly kind: OperationKind
  readonly collection: string
  readonly key: string
  readonly value: unknown
  readonly context: readonly ForeignDot[]
}

export interface ForeignOptions {
  readonly collection?: string
  /** What the operation had seen; default: nothing. */
  readonly context?: readonly ForeignDot[]
}

const checksum = chooseChecksum(undefined)

/** Reads a version as users see it back into a dot. */
export function dotOf(version: string): ForeignDot {
  const [hex = "", seq = ""] = version.split("-")
  return {
    writer: Uint8Array.from({ length: WRITER_BYTES }, (_, at) => parseInt(hex.slice(at * 2, at * 2 + 2), 16)),
    seq: parseInt(seq, 36),
  }
}

export class ForeignWriter {
  readonly id: Bytes
  /** Milliseconds of the stamps it gives. */
  millis: number
  #seq = 0
  #operations: ForeignOperation[] = []

  /** A writer whose id is made of one byte. */
  constructor(byte: number, millis: number = Date.UTC(2026, 0, 1)) {
    this.id = new Uint8Array(WRITER_BYTES).fill(byte)
    this.millis = millis
  }

  put(key: string, value: unknown, options: ForeignOptions = {}): this {
    return this.#add(OperationKind.put, key, value, options)
  }

  delete(key: string, options: ForeignOptions = {}): this {
    return this.#add(OperationKind.delete, key, undefined, options)
  }

  /** The dot of the operation that was added last. */
  get last(): ForeignDot {
    return { writer: this.id, seq: this.#seq + this.#operations.length }
  }

  #add(kind: OperationKind, key: string, value: unknown, { collection = "", context = [] }: ForeignOptions): this {
    this.#operations.push({ kind, collection, key, value, context })
    return this
  }

  /** Appends what was added since the last time as one frame; `change` may spoil its values and keys before they are framed. */
  async append(storage: LogStorage, change: (values: Uint8Array, keys: Uint8Array) => void = () => {}): Promise<void> {
    const head = await storage.head(), previous = new Uint8Array(FRAME_ID_BYTES)
    if (head > 0) {
      const [bytes] = await storage.read(head - 1, { maxFrames: 1, maxBytes: 1 })
      const reader = new FrameReader(checksum)
      reader.read(bytes!)
      previous.set(reader.id)
    }
    const id = crypto.getRandomValues(new Uint8Array(FRAME_ID_BYTES))
    const out = new ByteWriter()
    beginFrame(out, { position: head + 1, id, previous, flags: 0 }, 1)
    const mark = beginPart(out, PartType.block), keys = new ByteWriter(), values = new ByteWriter()
    const block = this.#block(keys, values)
    change(values.buffer.subarray(0, values.length), keys.buffer.subarray(0, keys.length))
    encodeBlock(block, keys.buffer, values.buffer, out)
    endPart(out, mark)
    endFrame(out, checksum)
    await storage.append(head + 1, out.buffer.slice(0, out.length))
  }

  /** What was added since the last time, as a part of a push. */
  part(): Part {
    const keys = new ByteWriter(), values = new ByteWriter(), out = new ByteWriter(), block = this.#block(keys, values)
    encodeBlock(block, keys.buffer, values.buffer, out)
    return { type: PartType.block, content: out.buffer.slice(0, out.length) }
  }

  #block(keys: ByteWriter, values: ByteWriter): BlockColumns {
    const block = new BlockColumns(), operations = this.#operations
    block.writers.push(this.id)
    block.from = this.#seq
    block.to = this.#seq += operations.length
    block.count = operations.length
    block.reserve(operations.length)
    operations.forEach((operation, row) => {
      block.kinds[row] = operation.kind
      block.seqs[row] = block.from + row + 1
      block.millis[row] = this.millis++
      block.collections[row] = block.nameIndex(operation.collection)
      block.keyStarts[row] = keys.length
      keys.reserve(operation.key.length * 3)
      keys.length = block.keyEnds[row] = writeUtf8(operation.key, keys.buffer, keys.length)
      block.valueStarts[row] = values.length
      if (operation.kind === OperationKind.put) encodeValue(operation.value, values, operation.key)
      block.valueEnds[row] = values.length
      const context = operation.context.flatMap(({ writer, seq }) => [writerIndex(block, writer), seq])
      block.contextWriters[row] = context.length === 0 ? NO_CONTEXT : context.length === 2 ? context[0]! : MANY_CONTEXT
      if (context.length === 2) block.contextSeqs[row] = context[1]!
      if (context.length > 2) block.contexts.set(row, context)
    })
    this.#operations = []
    return block
  }
}

function writerIndex(block: BlockColumns, id: Uint8Array): number {
  const known = block.writers.findIndex((writer) => writer.every((byte, at) => byte === id[at]))
  return known >= 0 ? known : block.writers.push(id) - 1
}
