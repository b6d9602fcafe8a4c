/** Views that a test feeds one operation at a time, with the values of users and without a log. */
import { encodeNotedBlock, type OperationNotation } from "../format/block-notation.ts"
import { ByteWriter } from "../format/bytes.ts"
import { encodeValue } from "../format/msgpack.ts"
import { HybridClock } from "../model/clock.ts"
import { bytesToHex } from "../model/identifiers.ts"
import { NameTable } from "../views/name-table.ts"
import { EMPTY_BASE, type RecordsBase } from "../views/records-base.ts"
import { StoreViews } from "../views/store-views.ts"
import { readBlockBytes } from "./read-block.ts"

/** What an operation had seen: dots of the feeder's writers, which are single bytes. */
export type FedDot = readonly [writer: number, seq: number]

export interface FedOptions {
  readonly collection?: string
  readonly writer?: number
  readonly context?: readonly FedDot[]
  readonly keeps?: readonly FedDot[]
  readonly settles?: readonly FedDot[]
  readonly millis?: number
}

const encoder = new TextEncoder()

/** The encoded bytes of a value, as hexadecimal text. */
export function encodedHex(value: unknown): string {
  const out = new ByteWriter()
  encodeValue(value, out, "")
  return bytesToHex(out.buffer, 0, out.length)
}

export class ViewFeeder {
  readonly names: NameTable = new NameTable()
  readonly views: StoreViews
  #millis = 1000
  readonly #seqs = new Map<number, number>()

  constructor(base: RecordsBase = EMPTY_BASE) {
    this.views = new StoreViews(this.names, new HybridClock(), () => 1e6, 1, base)
  }

  /** Folds one operation; answers its row. A `hex` value stands for itself. */
  feed(kind: OperationNotation["kind"], key: string, hex: string | null, options: FedOptions = {}): number {
    const { collection = "", writer = 1, context = [], keeps = [], settles, millis = this.#millis++ } = options
    const from = this.#seqs.get(writer) ?? 0, writers = [writer]
    const numbered = (dots: readonly FedDot[]): [number, number][] =>
      dots.map(([writer, seq]) => {
        if (!writers.includes(writer)) writers.push(writer)
        return [writers.indexOf(writer), seq]
      })
    const operation: OperationNotation = {
      kind,
      seq: from + 1,
      millis,
      counter: 0,
      collection: 0,
      context: numbered(context),
      keeps: numbered(keeps),
      settles: settles === undefined ? null : numbered(settles),
      key,
      value: hex,
    }
    const bytes = encodeNotedBlock({
      writers: writers.map((byte) => byte.toString(16).padStart(2, "0").repeat(16)),
      from,
      to: from + 1,
      withheld: [],
      origin: null,
      links: null,
      label: null,
      names: [collection],
      operations: [operation],
    })
    this.#seqs.set(writer, from + 1)
    this.views.foldBlock(readBlockBytes(bytes), false, false)
    return this.rowOf(key, collection)
  }

  /** Writes over whatever is there, as a store would. */
  put(key: string, value: unknown, collection: string = ""): number {
    const row = this.rowOf(key, collection), { rows } = this.views.records
    const context: FedDot[] = row < 0 ? [] : [[this.views.writers.idOf(rows.writerOf(row))[0]!, rows.seqOf(row)]]
    return this.feed("put", key, encodedHex(value), { collection, context })
  }

  rowOf(key: string, collection: string = ""): number {
    const { records } = this.views, bytes = encoder.encode(key), index = this.names.indexOf(collection)
    return records.find(bytes, 0, bytes.length, index, records.hash(bytes, 0, bytes.length, index))
  }

  /** The key of a row, from the bytes that the view keeps. */
  keyOf(row: number): string {
    const { rows, arena } = this.views.records, at = rows.keyAt(row)
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(arena.chunks[rows.chunkOf(row)]!.subarray(at, at + rows.keyBytes(row)))
  }
}
