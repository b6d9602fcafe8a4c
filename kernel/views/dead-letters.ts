/**
 * Dead letters view: the live versions that a remote does not take and that nobody has answered (rules S19, S20).
 *
 * The log keeps the dots of dead letters for ever (remotes.ts); of these the ones count that are versions of their records. Rows that hold one are
 * noted as folds change them, so that asking costs nothing where there are none; after new dots all rows are looked at once.
 */
import type { DotMap } from "./dot-map.ts"
import type { RecordsView } from "./records.ts"
import type { RefusalReason, RemotesView } from "./remotes.ts"
import type { StoredVersion } from "./stored-version.ts"

/** A live version that is a dead letter, in the row of its record. */
export interface OpenLetter {
  readonly row: number
  readonly version: StoredVersion
}

export class DeadLettersView {
  readonly #records: RecordsView
  readonly #dead: DotMap<RefusalReason>
  readonly #rows = new Set<number>()
  /** Dots of dead letters when all rows were looked at last. */
  #known = 0
  #arrivals = 0
  /** Of all rows; undefined: not counted since they changed. */
  #count: number | undefined = 0

  constructor(records: RecordsView, remotes: RemotesView) {
    this.#records = records
    this.#dead = remotes.dead
  }

  /** A fold changed a row. */
  note(row: number): void {
    if (this.#dead.size === 0) return
    if (this.#hasLetter(row)) {
      this.#rows.add(row)
      this.#arrivals++
    } else if (!this.#rows.delete(row)) return
    this.#count = undefined
  }

  /** Another number whenever there may be new ones. */
  get arrivals(): number {
    this.#look()
    return this.#arrivals
  }

  /** Rows of records with a dead letter. */
  get rows(): ReadonlySet<number> {
    this.#look()
    return this.#rows
  }

  #look(): void {
    if (this.#known === this.#dead.size) return
    this.#known = this.#dead.size
    this.#arrivals++
    this.#count = undefined
    for (const { row } of this.#records.liveVersions((writer, seq) => this.#dead.has(writer, seq))) this.#rows.add(row)
  }

  /** The dead letters of a row. */
  of(row: number): readonly StoredVersion[] {
    if (!this.rows.has(row)) return []
    return this.#records.versionsOf(row).filter(({ writer, seq }) => this.#dead.has(writer, seq))
  }

  /** All dead letters, in no order that counts. */
  all(): OpenLetter[] {
    return [...this.rows].flatMap((row) => this.of(row).map((version) => ({ row, version })))
  }

  get count(): number {
    this.#look()
    if (this.#count !== undefined) return this.#count
    this.#count = 0
    for (const row of this.rows) this.#count += this.of(row).length
    return this.#count
  }

  #hasLetter(row: number): boolean {
    const { rows } = this.#records
    if (!this.#records.isComplex(row)) return this.#dead.has(rows.writerOf(row), rows.seqOf(row))
    return this.#records.versionsOf(row).some(({ writer, seq }) => this.#dead.has(writer, seq))
  }
}
