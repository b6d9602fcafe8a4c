/** Tables of the block that is being built: which number stands for which writer and collection of the views. */
import { type BlockColumns, MANY_CONTEXT, NO_CONTEXT } from "../format/block-columns.ts"
import type { Dots } from "../model/operation.ts"
import type { StoreViews } from "../views/store-views.ts"
import type { Writer } from "./writer.ts"

export class BlockTables {
  /** Index in the views of each writer that the block names. */
  readonly writers: number[] = []
  /** Index in the views of each collection that the block names. */
  readonly collections: number[] = []
  readonly #block: BlockColumns

  constructor(block: BlockColumns) {
    this.#block = block
  }

  /** The tables of the last block stay if they name one writer and one collection, as nearly always. */
  begin(writer: Writer, collection: number): void {
    const block = this.#block
    if (this.writers.length !== 1 || this.writers[0] !== writer.index || block.writers[0] !== writer.id) {
      this.writers.length = block.writers.length = 0
      this.writers.push(writer.index)
      block.writers.push(writer.id)
    }
    if (this.collections.length > 1 || this.collections[0] !== collection) this.collections.length = block.names.length = 0
  }

  /** A writer's first block says whom it continues, and its replica's label (rules S5, S33). */
  begins(writer: Writer, label: string | undefined, views: StoreViews): void {
    if (this.#block.from !== 0) return
    const links = writer.links(views)
    if (links.length > 0) this.#block.links = this.dots(links, views)
    this.#block.label = label
  }

  numberOfWriter(index: number, views: StoreViews): number {
    const known = this.writers.indexOf(index)
    if (known >= 0) return known
    this.#block.writers.push(views.writers.idOf(index))
    return this.writers.push(index) - 1
  }

  numberOfCollection(index: number, views: StoreViews): number {
    const known = this.collections.indexOf(index)
    if (known >= 0) return known
    this.#block.names.push(views.names.names[index]!)
    return this.collections.push(index) - 1
  }

  /** Dots of the views' writers as dots of the block's. */
  dots(dots: Dots, views: StoreViews): Dots {
    return dots.map((number, at) => (at % 2 === 0 ? this.numberOfWriter(number, views) : number))
  }

  setContext(row: number, context: Dots, views: StoreViews): void {
    const block = this.#block
    if (context.length === 0) block.contextWriters[row] = NO_CONTEXT
    else if (context.length === 2) {
      block.contextWriters[row] = this.numberOfWriter(context[0]!, views)
      block.contextSeqs[row] = context[1]!
    } else {
      block.contextWriters[row] = MANY_CONTEXT
      block.contexts.set(row, this.dots(context, views))
    }
  }
}
