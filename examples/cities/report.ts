/** What the example tells: lines while it runs, a table of measurements at the end. */
import Table from "cli-table3"

export const number = (value: number, digits: number = 0): string =>
  value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })
export const millis = (value: number): string => `${number(value, value < 100 ? 1 : 0)} ms`
export const megabytes = (bytes: number): string => `${number(bytes / 1e6, 1)} MB`

interface Measured {
  readonly what: string
  readonly count: number
  readonly millis: number
}

export class Report {
  readonly #measured: Measured[] = []
  #step = 0

  /** Begins the next step. */
  step(title: string): void {
    console.log(`\n${++this.#step}. ${title}`)
  }

  /** One line about the step. */
  tell(line: string): void {
    console.log(`   ${line}`)
  }

  /** Runs `work`, which answers how many things it did, and keeps the time for the table. Answers the time in milliseconds. */
  async measure(what: string, work: () => Promise<number>): Promise<number> {
    const started = performance.now()
    const count = await work()
    const spent = performance.now() - started
    this.note(what, count, spent)
    return spent
  }

  note(what: string, count: number, spentMillis: number): void {
    this.#measured.push({ what, count, millis: spentMillis })
  }

  /** Prints what was measured. */
  table(): void {
    const table = new Table({
      head: ["", "count", "time", "per second"],
      style: { head: [], border: [], compact: true },
      colAligns: ["left", "right", "right", "right"],
    })
    for (const { what, count, millis: spent } of this.#measured) {
      table.push([what, number(count), millis(spent), count === 1 ? "" : number(count / spent * 1000)])
    }
    console.log(`\n${table}`)
  }
}
