/** The Worker: checks the subject that a request's address names, and answers when that is done. */
import { runRow } from "./rows.ts"

/** What the runtime calls. */
const worker = {
  async fetch(request: Request): Promise<Response> {
    const { searchParams: parameters } = new URL(request.url)
    const only = parameters.getAll("only")
    const host = parameters.get("host") ?? ""
    for (const row of parameters.getAll("row")) await runRow(row, host, only.length === 0 ? undefined : only)
    return new Response("done")
  },
}

export { worker as default }
