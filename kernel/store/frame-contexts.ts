/**
 * Contexts of the operations of the frame at hand: which versions each replaces, with all that they had seen, and which it leaves open (S4, S9).
 *
 *   written in this frame before    that operation; what it left open stays so
 *   several versions stored         those that are covered; the others are kept
 *   one version stored              that one: nearly always, and without a list of entries
 */
import { InvalidKey } from "../errors.ts"
import { type BlockColumns, MANY_CONTEXT, NO_CONTEXT } from "../format/block-columns.ts"
import { readUtf8 } from "../format/utf8.ts"
import { CONTEXT_ENTRIES_MAX } from "../limits.ts"
import { type Dots, NO_DOTS } from "../model/operation.ts"
import { contextOf, keptBy } from "../model/versions.ts"
import type { StoredVersion } from "../views/stored-version.ts"
import type { StoreViews } from "../views/store-views.ts"
import type { BlockTables } from "./block-tables.ts"
import type { Staging } from "./staging.ts"

export class FrameContexts {
  readonly #block: BlockColumns
  readonly #tables: BlockTables
  readonly #staging: Staging

  constructor(block: BlockColumns, tables: BlockTables, staging: Staging) {
    this.#block = block
    this.#tables = tables
    this.#staging = staging
  }

  /** Of a key that an earlier row of this frame wrote; `parents`, versions from before this frame, are covered as well. */
  inFrame(row: number, earlier: number, parents: readonly StoredVersion[], views: StoreViews): void {
    const block = this.#block, writer = block.contextWriters[earlier]!, seq = block.seqs[earlier]!, { lineage } = views
    block.contextWriters[row] = 0
    block.contextSeqs[row] = seq
    this.#keep(row, this.#without(block.sides.get(earlier)?.keeps ?? NO_DOTS, parents))
    if (parents.length === 0 && (writer === NO_CONTEXT || writer === 0)) return
    const before = block.contextOf(earlier).map((number, at) => (at % 2 === 0 ? this.#tables.writers[number]! : number))
    this.#set(row, lineage.join([before, contextOf(parents, lineage), [this.#tables.writers[0]!, seq]]), views)
  }

  /** Of a key with several versions, of which `parents` are covered. */
  ofParents(row: number, parents: readonly StoredVersion[], siblings: readonly StoredVersion[], views: StoreViews): void {
    this.#set(row, contextOf(parents, views.lineage), views)
    const keeps = keptBy(parents, siblings, views.lineage)
    if (keeps.length > 0) this.#keep(row, this.#tables.dots(keeps, views))
  }

  /** Of a key with one version, and all that this had seen. */
  ofStored(row: number, stored: number, views: StoreViews): void {
    const { records, lineage } = views, { rows } = records
    const writer = rows.writerOf(stored), seen = rows.contextWriterOf(stored)
    const isSimple = seen !== MANY_CONTEXT && !records.isComplex(stored) &&
      (seen === NO_CONTEXT || seen === writer || lineage.implies(writer, seen, rows.contextSeqOf(stored)))
    if (!isSimple) return this.#set(row, contextOf(records.versionsOf(stored), lineage), views)
    this.#block.contextWriters[row] = this.#tables.numberOfWriter(writer, views)
    this.#block.contextSeqs[row] = rows.seqOf(stored)
  }

  /** Of a choice: what it settles, as dots of the views. */
  settle(row: number, settles: Dots, views: StoreViews): void {
    this.#requireReadable(row, settles)
    this.#block.sides.set(row, { keeps: this.#block.sides.get(row)?.keeps ?? NO_DOTS, settles: this.#tables.dots(settles, views) })
  }

  #keep(row: number, keeps: Dots): void {
    if (keeps.length === 0) return
    this.#requireReadable(row, keeps)
    this.#block.sides.set(row, { keeps, settles: undefined })
  }

  /** Dots of the block but those of these versions. */
  #without(dots: Dots, versions: readonly StoredVersion[]): Dots {
    if (dots.length === 0 || versions.length === 0) return dots
    const left: number[] = []
    for (let at = 0; at < dots.length; at += 2) {
      const writer = this.#tables.writers[dots[at]!]!, seq = dots[at + 1]!
      if (!versions.some((version) => version.writer === writer && version.seq === seq)) left.push(dots[at]!, seq)
    }
    return left
  }

  #set(row: number, context: Dots, views: StoreViews): void {
    this.#requireReadable(row, context)
    this.#tables.setContext(row, context, views)
  }

  /** Readers refuse more entries, and with them the whole log. */
  #requireReadable(row: number, { length }: Dots): void {
    const block = this.#block, entries = length / 2
    if (entries <= CONTEXT_ENTRIES_MAX) return
    const key = readUtf8(this.#staging.keys.out.buffer, block.keyStarts[row]!, block.keyEnds[row]!)
    const reason = `its versions are of ${entries} copies that did not know of each other, at most ${CONTEXT_ENTRIES_MAX} are allowed`
    throw new InvalidKey({ key, reason })
  }
}
