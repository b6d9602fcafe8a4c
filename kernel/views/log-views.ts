/**
 * What every log's frames tell, whoever reads them: how far it has each writer, who continued whom, who wrote here, what is known of remotes,
 * and who brought what. A server keeps no more than this; a store's views add the records.
 *
 *   writers   table of the writers that frames name      vector    how far the log has each writer
 *   lineage   who continued whom                         own       writers that wrote into this log
 *   remotes   cursors, what remotes have and refuse      owners    the principal that a writer belongs to
 *
 * A frame is folded links first, then operations part by part, then the vector is pruned (rules S31, S33), then what it tells of a remote.
 */
import { BlockColumns } from "../format/block-columns.ts"
import type { ByteReader } from "../format/bytes.ts"
import type { FrameReader } from "../format/frame.ts"
import { PartType } from "../format/frame.ts"
import { decodeBlock } from "../format/operation-block.ts"
import { WriterTable } from "../model/identifiers.ts"
import { Lineage } from "../model/lineage.ts"
import type { Dots } from "../model/operation.ts"
import { type Pair, Vector } from "../model/vector.ts"
import { CorruptBytes } from "../errors.ts"
import { RemotesView, type WriterRange } from "./remotes.ts"
import { globalDots } from "./stored-version.ts"

export class LogViews {
  readonly writers: WriterTable = new WriterTable()
  readonly lineage: Lineage = new Lineage()
  readonly vector: Vector = new Vector(this.lineage)
  /** Writers that wrote into this log, in the order in which they came. */
  readonly own: Set<number> = new Set()
  /** Labels of replicas, by the replica's hex digits. */
  readonly labels: Map<string, string> = new Map()
  readonly remotes: RemotesView = new RemotesView(this.lineage, this.writers)
  /** The principal that first named a writer as its own, by the writer's index; only where frames have receipts. */
  readonly owners: Map<number, string> = new Map()
  /** Index of each writer that the block at hand names. */
  protected readonly writerMap: number[] = []
  readonly #block = new BlockColumns()

  /** Folds a frame that was read. Throws `CorruptBytes` or `FormatTooNew`; the views are then not to be used any more. */
  foldFrame(frame: FrameReader): void {
    const { change, receipt } = frame
    const brought: WriterRange[] = []
    let news = false
    if (frame.parts > 1) {
      frame.rewind()
      while (frame.nextPart()) if (frame.partType === PartType.block && this.#foldLinks(this.#decode(frame))) news = true
      if (news) this.vector.prune()
    }
    frame.rewind()
    while (frame.nextPart()) {
      if (frame.partType === PartType.settings) this.onSetting(frame.reader)
      if (frame.partType !== PartType.block) continue
      const block = this.#decode(frame)
      this.foldBlock(block, frame.local, false)
      if (change?.cursor !== undefined) brought.push({ writer: this.writerMap[0]!, to: block.to })
    }
    if (news) this.onLinks()
    if (change !== undefined && this.remotes.fold(change, brought)) this.onClockOffset()
    if (receipt !== undefined) {
      for (const id of receipt.own) {
        const writer = this.writers.indexOf(id)
        if (!this.owners.has(writer)) this.owners.set(writer, receipt.principal)
      }
    }
  }

  #decode(frame: FrameReader): BlockColumns {
    decodeBlock(frame.reader, this.#block)
    frame.reader.expectEnd()
    return this.#block
  }

  /** Folds one block; `hashed` says that its `hashes` are filled. */
  foldBlock(block: BlockColumns, local: boolean, hashed: boolean): void {
    const news = this.#foldLinks(block)
    const { vector } = this, writer = this.writerMap[0]!
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
    this.onRows(block, hashed, overlaps ? this.#newsOf(block, vector.pairOf(writer)) : undefined)
    if (overlaps || block.withheld.length > 0) this.#joinPair(writer, block)
    else vector.raise(writer, block.to)
    // An entry that others imply goes once nothing is withheld any more, so after an overlap too.
    if (known === undefined || news || overlaps) vector.prune(writer)
    if (local) this.own.add(writer)
    if (news) this.onLinks()
  }

  /** Tells the rows that the log does not have from those that it has (rule S13); asked for each row, so the pair is looked up once. */
  #newsOf({ seqs }: BlockColumns, { seq, withheld }: Pair): (row: number) => boolean {
    const open = new Set(withheld)
    return (row) => seqs[row]! > seq || open.has(seqs[row]!)
  }

  /** The operations of a block that `isNew` lets through; `writerMap` leads from the block's numbers to indexes. */
  protected onRows(_block: BlockColumns, _hashed: boolean, _isNew: ((row: number) => boolean) | undefined): void {}

  /** A setting of how records are shown; `reader` is to be read to its end. */
  protected onSetting(_reader: ByteReader): void {}

  /** Links came later than an operation that may name their writer. */
  protected onLinks(): void {}

  /** The correction of this device's clock is another one now. */
  protected onClockOffset(): void {}

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
    const map = this.writerMap
    if (map.length !== block.writers.length) map.length = block.writers.length
    for (let i = 0; i < map.length; i++) map[i] = this.writers.indexOf(block.writers[i]!)
    if (block.from !== 0) return false
    if (block.label !== undefined) this.labels.set(this.writers.replicaOf(map[0]!), block.label)
    const links: Dots = block.links === undefined ? [] : globalDots(block.links, map)
    return this.lineage.add(map[0]!, links) && links.length > 0
  }
}
