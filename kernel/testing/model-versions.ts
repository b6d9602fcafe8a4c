/** From the oracle's operations, which name writers by text, to the kernel's versions, which number them. */
import { Lineage } from "../model/lineage.ts"
import type { Dots } from "../model/operation.ts"
import type { Version } from "../model/versions.ts"
import type { Op, OracleBlock, Seqs } from "./model-oracle.ts"

export class NumberedWriters {
  readonly #names: string[] = []

  indexOf(name: string): number {
    const known = this.#names.indexOf(name)
    return known >= 0 ? known : this.#names.push(name) - 1
  }
  nameOf(index: number): string {
    return this.#names[index]!
  }
  readonly compare: (a: number, b: number) => number = (a, b) => this.nameOf(a) < this.nameOf(b) ? -1 : a === b ? 0 : 1

  toDots(seqs: Seqs): Dots {
    return Object.entries(seqs).flatMap(([name, seq]) => [this.indexOf(name), seq])
  }
  dotsOf(dots: readonly string[]): Dots {
    return dots.flatMap((dot) => [this.indexOf(dot.slice(0, dot.indexOf(":"))), Number(dot.slice(dot.indexOf(":") + 1))])
  }
  toVersion(op: Op): Version {
    return {
      writer: this.indexOf(op.w),
      seq: op.s,
      millis: op.stamp,
      counter: 0,
      context: this.toDots(op.ctx),
      keeps: this.dotsOf(op.keeps),
      settles: op.settles === undefined ? undefined : this.toDots(op.settles),
    }
  }
  /** The lineage of all blocks. */
  lineageOf(blocks: readonly OracleBlock[]): Lineage {
    const lineage = new Lineage()
    for (const { w, from, links } of blocks) if (from === 0) lineage.add(this.indexOf(w), this.toDots(links))
    return lineage
  }
}
