/**
 * Re-cuts blocks of one writer, which follow one another, into one: by columns, the values as they are.
 *
 * A number of the range that is left out is void, unless it is named as withheld (section 3 of `docs/format.md`). What starts at 0 keeps
 * links and label (rule S33).
 */
import { BlockColumns, MANY_CONTEXT, NO_CONTEXT } from "../format/block-columns.ts"
import { ByteReader, ByteWriter } from "../format/bytes.ts"
import { decodeBlock, encodeBlock } from "../format/operation-block.ts"
import { bytesToHex } from "../model/identifiers.ts"
import type { Dots } from "../model/operation.ts"
import type { Bytes } from "../ports/log-storage.ts"

/** What becomes of a number: it is listed, named as withheld, or left out since an operation that goes along covers it. */
export type Fate = "listed" | "withheld" | "void"

export class BlockCutter {
  readonly #source = new BlockColumns()
  readonly #target = new BlockColumns()
  readonly #reader = new ByteReader("an operation block")
  readonly #keys = new ByteWriter()
  readonly #values = new ByteWriter()
  readonly #out = new ByteWriter()
  #writers = new Map<string, number>()
  /** Numbers in the target's tables of the writers and names of the source. */
  #writerMap: number[] = []
  #nameMap: number[] = []

  /**
   * One block of all numbers above `after` in `contents`, which are content of parts, in order and without a gap. Numbers above `coveredTo` that are
   * void in them are named as withheld.
   */
  cut(contents: readonly Bytes[], after: number, fateOf: (seq: number) => Fate, coveredTo: number = Infinity): Bytes {
    const target = this.#target
    target.reset()
    this.#keys.reset()
    this.#values.reset()
    this.#writers = new Map()
    for (const [at, content] of contents.entries()) {
      this.#reader.point(content, 0, content.length)
      decodeBlock(this.#reader, this.#source)
      this.#mapTables()
      if (at === 0) this.#begin(after)
      this.#takeVoids(Math.max(after, target.to, coveredTo))
      this.#take(Math.max(after, target.to), fateOf)
      target.to = this.#source.to
    }
    target.withheld.sort((a, b) => a - b)
    this.#out.reset()
    encodeBlock(target, this.#keys.buffer, this.#values.buffer, this.#out)
    return this.#out.buffer.slice(0, this.#out.length)
  }

  #begin(after: number): void {
    const { from, links, label } = this.#source
    this.#target.from = this.#target.to = Math.max(from, after)
    if (this.#target.from > 0) return
    this.#target.links = links === undefined ? undefined : this.#dots(links)
    this.#target.label = label
  }

  #mapTables(): void {
    this.#writerMap = this.#source.writers.map((id) => {
      const text = bytesToHex(id), known = this.#writers.get(text)
      if (known !== undefined) return known
      const number = this.#target.writers.push(id.slice()) - 1
      this.#writers.set(text, number)
      return number
    })
    this.#nameMap = this.#source.names.map((name) => this.#target.nameIndex(name))
  }

  #dots(dots: Dots): Dots {
    return dots.map((number, at) => (at % 2 === 0 ? this.#writerMap[number]! : number))
  }

  /** Names the void numbers of the source above `after` as withheld. */
  #takeVoids(after: number): void {
    const { withheld, seqs, count, from, to } = this.#source, first = Math.max(from, after) + 1
    if (first > to) return
    const named = new Set([...seqs.subarray(0, count), ...withheld])
    for (let seq = first; seq <= to; seq++) if (!named.has(seq)) this.#target.withheld.push(seq)
  }

  #take(after: number, fateOf: (seq: number) => Fate): void {
    const { withheld, seqs, count } = this.#source
    for (const seq of withheld) if (seq > after) this.#target.withheld.push(seq)
    for (let row = 0; row < count; row++) {
      const seq = seqs[row]!
      if (seq <= after) continue
      const fate = fateOf(seq)
      if (fate === "listed") this.#copyRow(row)
      else if (fate === "withheld") this.#target.withheld.push(seq)
    }
  }

  #copyRow(row: number): void {
    const source = this.#source, target = this.#target, to = target.count
    target.reserve(to + 1)
    target.kinds[to] = source.kinds[row]!
    target.seqs[to] = source.seqs[row]!
    target.millis[to] = source.millis[row]!
    target.counters[to] = source.counters[row]!
    target.collections[to] = this.#nameMap[source.collections[row]!]!
    const writer = source.contextWriters[row]!
    target.contextWriters[to] = writer >= MANY_CONTEXT ? writer : this.#writerMap[writer]!
    target.contextSeqs[to] = source.contextSeqs[row]!
    if (writer === MANY_CONTEXT) target.contexts.set(to, this.#dots(source.contexts.get(row)!))
    else if (writer === NO_CONTEXT) target.contextSeqs[to] = 0
    const side = source.sides.get(row)
    if (side !== undefined) {
      const { keeps, settles } = side
      target.sides.set(to, { keeps: this.#dots(keeps), settles: settles === undefined ? undefined : this.#dots(settles) })
    }
    target.keyStarts[to] = this.#keys.length
    this.#keys.bytes(source.bytes, source.keyStarts[row]!, source.keyEnds[row]!)
    target.keyEnds[to] = this.#keys.length
    target.valueStarts[to] = this.#values.length
    if (source.hasValue(row)) this.#values.bytes(source.bytes, source.valueStarts[row]!, source.valueEnds[row]!)
    target.valueEnds[to] = this.#values.length
    target.count = to + 1
  }
}
