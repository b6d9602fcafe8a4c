/**
 * All views of a store's log and the fold that feeds them: a pure function of the frames, whatever handle wrote them.
 *
 *   names     table of the collections that frames name       records   versions of each record
 *   settings  how they are shown
 *   and what every log's frames tell (log-views.ts)
 */
import type { BlockColumns } from "../format/block-columns.ts"
import type { ByteReader } from "../format/bytes.ts"
import { decodeSetting } from "../format/settings.ts"
import type { HybridClock } from "../model/clock.ts"
import { LogViews } from "./log-views.ts"
import type { NameTable } from "./name-table.ts"
import { EMPTY_BASE, type RecordsBase } from "./records-base.ts"
import { RecordsView } from "./records.ts"
import { SettingsView } from "./settings.ts"

export class StoreViews extends LogViews {
  /** Outlives these views, since collections hold indexes into it. */
  readonly names: NameTable
  readonly settings: SettingsView
  readonly records: RecordsView
  readonly #clock: HybridClock
  readonly #now: () => number
  readonly #nameMap: number[] = []

  constructor(names: NameTable, clock: HybridClock, now: () => number, hashSeed: number, base: RecordsBase = EMPTY_BASE) {
    super()
    this.names = names
    this.#clock = clock
    this.#now = now
    this.settings = new SettingsView(names)
    this.records = new RecordsView(this.lineage, this.settings, (a, b) => this.writers.compare(a, b), hashSeed, base)
  }

  /** Milliseconds since 1970-01-01 as stamps take them: this device's clock, corrected by what a remote said of it (rule S37). */
  now(): number {
    return this.#now() + this.remotes.clockOffsetMillis
  }

  /** The opaque version of a record: the dots of all its siblings, the one shown first. */
  versionOf(row: number): string {
    const { rows } = this.records
    const shown = this.writers.versionOf(rows.writerOf(row), rows.seqOf(row))
    if (!this.records.isComplex(row)) return shown
    const others = this.records.versionsOf(row).map((version) => this.writers.versionOf(version.writer, version.seq))
    return [shown, ...others.filter((version) => version !== shown).sort()].join("+")
  }

  protected override onRows(block: BlockColumns, hashed: boolean, isNew: ((row: number) => boolean) | undefined): void {
    const names = this.#nameMap
    if (names.length !== block.names.length) names.length = block.names.length
    for (let i = 0; i < names.length; i++) names[i] = this.names.indexOf(block.names[i]!)
    this.records.fold(block, this.writerMap, names, hashed, isNew)
    // The last stamp need not be the greatest: a writer whose clock was wrong goes on with lesser ones.
    const now = this.now()
    for (let row = 0; row < block.count; row++) {
      if (isNew === undefined || isNew(row)) this.#clock.receive(block.millis[row]!, block.counters[row]!, now)
    }
  }

  protected override onSetting(reader: ByteReader): void {
    if (this.settings.fold(decodeSetting(reader))) this.records.showAgain()
  }

  protected override onLinks(): void {
    this.records.judgeAgain()
  }

  /** The clock was ahead: stamps go on from the corrected time. */
  protected override onClockOffset(): void {
    this.#clock.fallBack(this.now())
  }
}
