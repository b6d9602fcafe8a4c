/** Our client, as a program of this runtime, passes every case; those that take a minute in a process of which time goes by faster. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { fileURLToPath } from "node:url"
import { inProcess } from "../cli/in-process-client.ts"
import { ownCommand } from "../processes/runtimes.ts"
import { formatResult } from "../report.ts"
import { hastyPlatform } from "../server/testing/our-server.ts"
import { clientCases, clientSuite } from "./suite.ts"

const OURS = [...ownCommand(), fileURLToPath(new URL("our-client.ts", import.meta.url))].map((word) => `'${word}'`).join(" ")
const MINUTE_MILLIS = 3000
const groups = [...new Set(clientCases.map(({ id }) => id.split("/")[0] ?? ""))]

describe("our client", () => {
  for (const group of groups) {
    it(`passes the cases ${group}/…`, { timeout: 180_000 }, async () => {
      const report = await clientSuite(OURS, { patienceMillis: 15_000 }).run({ only: [group], timeoutMillis: 60_000 })
      assert.equal(
        report.results.filter(({ outcome, reason }) => outcome !== "passed" && !/no time/.test(reason ?? "")).map(formatResult).join("\n"),
        "",
      )
      assert.deepEqual(report.results.flatMap(({ warnings }) => warnings).filter((warning) => !/no address/.test(warning)), [])
    })
  }

  it("passes what takes a minute, where that is a short one", async () => {
    const start = inProcess(() => ({
      platform: hastyPlatform(MINUTE_MILLIS),
      // Time for an answer goes by faster, too.
      drive: (ask) => async (command, fields) =>
        await ask(
          command,
          "timeoutMillis" in fields ? { ...fields, timeoutMillis: fields.timeoutMillis * 60_000 / MINUTE_MILLIS } : fields,
        ),
    }))
    const report = await clientSuite(start, { minuteMillis: MINUTE_MILLIS }).run({ only: ["listening/half-open"] })
    assert.equal(report.results.filter(({ outcome }) => outcome !== "passed").map(formatResult).join("\n"), "")
  })
})
