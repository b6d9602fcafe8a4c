/**
 * All views of one log and the fold that feeds them: a pure function of the frames, whatever handle wrote them.
 *
 *   names, writers   tables of what frames name        vector    how far the log has each writer
 *   lineage          who continued whom                own       writers that wrote into this log
 *   records          versions of each record
 *
 * A frame is folded links first, then operations part by part, then the vector is pruned (rules S31, S33).
 */
import { BlockColumns } from "../format/block-columns.ts"
import type { FrameReader } from "../format/frame.ts"
import { PartType } from "../format/frame.ts"
import { decodeBlock } from "../format/operation-block.ts"
import type { HybridClock } from "../model/clock.ts"
import { WriterTable } from "../model/identifiers.ts"
import { Lineage } from "../model/lineage.ts"
import type { Dots } from "../model/operation.ts"
import { Vector } from "../model/vector.ts"
import { CorruptBytes } from "../errors.ts"
import type { NameTable } from "./name-table.ts"
import { EMPTY_BASE, type RecordsBase } from "./records-base.ts"
import { RecordsView } from "./records.ts"
import { globalDots } from "./stored-version.ts"

export class StoreViews {
  readonly writers: WriterTable = new WriterTable()
  /** Outlives these views, since collections hold indexes into it. */
  readonly names: NameTable
  readonly lineage: Lineage = new Lineage()
  readonly vector: Vector = new Vector(this.lineage)
  /** Writers that wrote into this log, in the order in which they came. */
  readonly own: Set<number> = new Set()
  /** Labels of replicas, by the replica's hex digits. */
  readonly labels: Map<string, string> = new Map()
  readonly records: RecordsView
  readonly #clock: HybridClock
  readonly #now: () => number
  readonly #block = new BlockColumns()
  readonly #writerMap: number[] = []
  readonly #nameMap: number[] = []

  constructor(names: NameTable, clock: HybridClock, now: () => number, hashSeed: number, base: RecordsBase = EMPTY_BASE) {
    this.names = names
    this.#clock = clock
    this.#now = now
    this.records = new RecordsView(this.lineage, (a, b) => this.writers.compare(a, b), hashSeed, base)
  }

  /** Folds a frame that was read. Throws `CorruptBytes` or `FormatTooNew`; the views are then not to be used any more. */
  foldFrame(frame: FrameReader): void {
    let news = false
    if (frame.parts > 1) {
      frame.rewind()
      while (frame.nextPart()) if (frame.partType === PartType.block && this.#foldLinks(this.#decode(frame))) news = true
      if (news) this.vector.prune()
    }
    frame.rewind()
    while (frame.nextPart()) {
      if (frame.partType === PartType.block) this.foldBlock(this.#decode(frame), frame.local, false)
    }
    if (news) this.records.judgeAgain()
  }

  /** The opaque version of a record: the dots of all its siblings, the one shown first. */
  versionOf(row: number): string {
    const { rows } = this.records
    const shown = this.writers.versionOf(rows.writerOf(row), rows.seqOf(row))
    if (!this.records.isComplex(row)) return shown
    const others = this.records.versionsOf(row).map((version) => this.writers.versionOf(version.writer, version.seq))
    return [shown, ...others.filter((version) => version !== shown).sort()].join("+")
  }

  #decode(frame: FrameReader): BlockColumns {
    decodeBlock(frame.reader, this.#block)
    frame.reader.expectEnd()
    return this.#block
  }

  /** Folds one block; `hashed` says that its `hashes` are filled. */
  foldBlock(block: BlockColumns, local: boolean, hashed: boolean): void {
    const news = this.#foldLinks(block)
    const writers = this.#writerMap, names = this.#nameMap
    const writer = writers[0]!
    if (names.length !== block.names.length) names.length = block.names.length
    for (let i = 0; i < names.length; i++) names[i] = this.names.indexOf(block.names[i]!)
    const { vector } = this
    const known = vector.entries.get(writer)
    const before = known !== undefined && known.seq >= block.from ? known : vector.pairOf(writer)
    if (block.from > before.seq) {
      throw new CorruptBytes({
        what: "an operation block",
        byteOffset: 0,
        reason: `numbers ${before.seq + 1} to ${block.from} of its writer are missing`,
      })
    }
    const overlaps = block.from < before.seq || before.withheld.length > 0
    this.records.fold(block, writers, names, hashed, overlaps ? (row) => !vector.has(writer, block.seqs[row]!) : undefined)
    if (overlaps || block.withheld.length > 0) this.#joinPair(writer, block)
    else vector.raise(writer, block.to)
    // An entry that others imply goes once nothing is withheld any more, so after an overlap too.
    if (known === undefined || news || overlaps) vector.prune(writer)
    if (local) this.own.add(writer)
    // The last stamp need not be the greatest: a writer whose clock was wrong goes on with lesser ones.
    const now = this.#now()
    for (let row = 0; row < block.count; row++) this.#clock.receive(block.millis[row]!, block.counters[row]!, now)
    if (news) this.records.judgeAgain()
  }

  /** Ranges may overlap (rule S13); a number that was withheld and now comes is had. */
  #joinPair(writer: number, block: BlockColumns): void {
    const before = this.vector.pairOf(writer)
    const listed = new Set(block.seqs.subarray(0, block.count))
    const withheld = before.withheld.filter((seq) => !listed.has(seq))
    for (const seq of block.withheld) if (seq > before.seq) withheld.push(seq)
    this.vector.set(writer, { seq: Math.max(before.seq, block.to), withheld })
  }

  /** Maps the block's writers and takes its links; answers whether they were news. */
  #foldLinks(block: BlockColumns): boolean {
    const map = this.#writerMap
    if (map.length !== block.writers.length) map.length = block.writers.length
    for (let i = 0; i < map.length; i++) map[i] = this.writers.indexOf(block.writers[i]!)
    if (block.from !== 0) return false
    if (block.label !== undefined) this.labels.set(this.writers.replicaOf(map[0]!), block.label)
    const links: Dots = block.links === undefined ? [] : globalDots(block.links, map)
    return this.lineage.add(map[0]!, links) && links.length > 0
  }
}
