/** Rows of the table that run where there is no file system and no process: in a page, and in a Worker. Bundled for both. */
import { memoryAdapter } from "@cuitty/persist/adapters/memory"
import { type ServedStore, servedSubject } from "../cli/served-store.ts"
import { ourTypes } from "../cli/our-types.ts"
import { adapterSuite, formatResult, remoteSuite, reportToJson, type Suite } from "../mod.ts"
import { post, type TakenStore } from "./messages.ts"

/** A store at the host's servers. */
const takeStore = async (host: string): Promise<ServedStore> => {
  const { name, tokensByPerson } = await post<TakenStore>(host, "/ask", { call: "takeStore" })
  const call = (what: "restart" | "roll" | "wipe"): Promise<void> => post(host, "/ask", { call: what, store: name })
  return {
    name,
    tokensByPerson,
    urlOf: (index) => post(host, "/ask", { call: "urlOf", store: name, index }),
    restart: () => call("restart"),
    roll: () => call("roll"),
    wipe: () => call("wipe"),
    async backUp() {
      const copy = await post<number>(host, "/ask", { call: "backUp", store: name })
      return () => post(host, "/ask", { call: "restore", store: name, copy })
    },
  }
}

/** Suites by row; `host` is where the program that started this listens. */
const SUITES: Readonly<Record<string, (host: string) => Suite>> = {
  "adapter memory": () => adapterSuite(() => memoryAdapter(), { name: "memory" }),
  "remote http": (host) => remoteSuite(async () => servedSubject(await takeStore(host)), { name: "remote http" }),
  ...Object.fromEntries(Object.entries(ourTypes).map(([name, suite]) => [`type ${name}`, suite])),
}

/** Runs the cases of a row and tells the host of each, and of the whole; also of what goes wrong around them. Never rejects but for a host that is gone. */
export const runRow = async (row: string, host: string, only: readonly string[] | undefined): Promise<void> => {
  let told: Promise<unknown> = Promise.resolve()
  try {
    const suite = SUITES[row]?.(host)
    if (suite === undefined) throw new Error(`no suite is known here for ${row}`)
    const report = await suite.run({
      only,
      // In their order, beside the cases that come.
      onResult: (result) => void (told = told.then(() => post(host, "/tell", { kind: "case", row, line: formatResult(result) }))),
    })
    await told
    await post(host, "/tell", { kind: "report", row, json: reportToJson(report) })
  } catch (error) {
    await post(host, "/tell", { kind: "failure", row, reason: String(error) })
  }
}
