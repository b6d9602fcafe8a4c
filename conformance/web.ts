/**
 * `node conformance/web.ts`: runs the subjects of this package that need neither files nor processes in a real browser and in a real Worker.
 *
 *   node conformance/web.ts                          all of them, in Chromium and in workerd
 *   node conformance/web.ts --runtime chromium       one runtime
 *   node conformance/web.ts --row "remote http"      one subject (may be repeated)
 *   node conformance/web.ts --only push/retry        cases by id or group (may be repeated)
 *
 * A runtime that this platform cannot have counts as skipped, with the reason; one that `npm ci` should have brought has failed.
 * Exit code: 0 all conform · 1 one does not, or could not be run · 2 the call was wrong. The last line is `N passed, N failed, N skipped`.
 */
import process from "node:process"
import { parseArgs } from "node:util"
import { oneOf } from "./arguments.ts"
import { describeError } from "./expect.ts"
import { formatTotals } from "./report.ts"
import { findChromium } from "./web/chromium.ts"
import { runRows } from "./web/runtime.ts"
import { WEB_ROWS } from "./web/row-names.ts"
import { findWorkerd } from "./web/workerd.ts"

const FINDS = { chromium: findChromium, workerd: findWorkerd }
const NAME_WIDTH = 8
const NAMES = Object.keys(FINDS) as (keyof typeof FINDS)[]

/** Runs the call; answers the exit code. */
const main = async (args: readonly string[]): Promise<number> => {
  let runtimes: readonly (keyof typeof FINDS)[], rows: readonly string[], only: readonly string[] | undefined
  try {
    const multiple = { type: "string", multiple: true } as const
    const { values } = parseArgs({ args: [...args], options: { runtime: multiple, row: multiple, only: multiple } })
    runtimes = values.runtime?.map((name) => oneOf("runtime", name, NAMES)) ?? NAMES
    rows = values.row?.map((name) => oneOf("row", name, WEB_ROWS)) ?? WEB_ROWS
    only = values.only
  } catch (error) {
    if (!(error instanceof TypeError)) throw error // parseArgs throws these too
    console.error(`${error.message}\nusage: node conformance/web.ts [--runtime chromium|workerd]... [--row ROW]... [--only id|group]...`)
    return 2
  }
  const totals = { passed: 0, failed: 0, skipped: 0 }
  // Beside each other: most of the time both wait for the servers of their remotes.
  await Promise.all(runtimes.map(async (runtime) => {
    const started = performance.now()
    const say = (text: string): void => console.log(text.replace(/^/gm, `${runtime.padEnd(NAME_WIDTH)}  `))
    try {
      const found = await FINDS[runtime]()
      if (typeof found === "string") {
        totals.skipped += 1
        return say(`skip ${found}`)
      }
      const reports = await runRows(found, { rows, only, say })
      for (const [row, report] of reports) {
        say(`${found.name}, ${row}: ${formatTotals(report)}`)
        for (const name of ["passed", "failed", "skipped"] as const) totals[name] += report[name]
      }
      say(`${Math.round((performance.now() - started) / 1000)} s`)
    } catch (error) {
      totals.failed += 1
      say(`FAIL ${describeError(error)}`)
    }
  }))
  console.log(formatTotals(totals))
  return totals.failed > 0 ? 1 : 0
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2))
