/** The page that a browser opens: checks the subjects that its address names, one after another. */
import { runRow } from "./rows.ts"

globalThis.onerror = null // from here on failures are told by row

const parameters = new URLSearchParams(location.search)
const only = parameters.getAll("only")
for (const row of parameters.getAll("row")) await runRow(row, location.origin, only.length === 0 ? undefined : only)
