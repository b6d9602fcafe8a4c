import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import { describe, it } from "node:test"
import { fileURLToPath } from "node:url"
import { inProcess } from "../cli/in-process-client.ts"
import { logStorageCases } from "../log-storage/suite.ts"
import { ownCommand } from "../processes/runtimes.ts"
import { remoteCases } from "../remote/suite.ts"
import { formatResult } from "../report.ts"
import { serverCases } from "../server/suite.ts"
import { clientCases, clientSuite } from "./suite.ts"

const OURS = [...ownCommand(), fileURLToPath(new URL("our-client.ts", import.meta.url))].map((word) => `'${word}'`).join(" ")

describe("clientCases", () => {
  it("have ids that are group/name, unique, with cases of one group together, in groups of their own", () => {
    const ids = clientCases.map(({ id }) => id)
    for (const id of ids) assert.match(id, /^[a-z]+(-[a-z]+)*\/[a-z]+(-[a-z]+)*$/)
    assert.equal(new Set(ids).size, ids.length)
    const groups = ids.map((id) => id.split("/")[0]).filter((group, index, all) => group !== all[index - 1])
    assert.equal(new Set(groups).size, groups.length)
    const others = new Set([...logStorageCases, ...remoteCases, ...serverCases].map(({ id }) => id.split("/")[0]))
    assert.deepEqual(ids.filter((id) => others.has(id.split("/")[0])), [])
  })

  it("quote rules that stand in the specification, the format or the contract, word for word", async () => {
    const read = async (path: string): Promise<string> => await readFile(new URL(path, import.meta.url), "utf8")
    const pages = [
      await read("../../protocol/SPEC.md"),
      await read("../../docs/format.md"),
      (await read("contract.ts")).replace(/^ \*/gm, ""), // the words of a comment
    ].map((page) => page.replace(/\s+/g, " "))
    for (const { id, rule } of clientCases) {
      assert.ok(pages.some((page) => page.includes(rule)), `${id} quotes what nobody says: ${rule}`)
    }
  })
})

describe("clientSuite()", () => {
  it("reports a command that starts nothing as failed, with what it told", async () => {
    const report = await clientSuite("echo broken >&2; exit 3").run({ only: ["asking/valid"] })
    assert.deepEqual([report.passed, report.failed, report.conforms], [0, 1, false])
    assert.match(report.results[0]?.reason ?? "", /the client ended with exit code 3.*broken/s)
  })

  it("reports a program that answers what is no JSON, and one that answers another command", async () => {
    for (
      const [answer, seen] of [["hello", /what is no JSON: hello/], ['{"id":7}', /an answer to command 7 came, "describe" is 1/]] as const
    ) {
      const report = await clientSuite(`read line; echo '${answer}'; sleep 1`).run({ only: ["asking/valid"] })
      assert.match(report.results[0]?.reason ?? "", seen)
    }
  })

  it("skips what a client does not claim, with the reason", async () => {
    const report = await clientSuite(inProcess(() => ({
      drive: (ask) => async (command, fields) => {
        const answer = await ask(command, fields)
        return "capabilities" in answer ? { ...answer, capabilities: [] } : answer
      },
    }))).run({ only: ["asking/valid", "keeping/killed", "listening/half-open", "refused/dead-letter"] })
    assert.deepEqual(report.results.map(({ outcome, reason }) => reason ?? outcome), [
      "passed",
      "the client does not claim dead-letters",
      "the client does not claim live",
      "the client does not claim durable",
    ])
  })

  it("passes our client, as a program", { timeout: 60_000 }, async () => {
    const report = await clientSuite(OURS).run({ only: ["asking/valid", "keeping/before-it-is-sent"] })
    assert.equal(report.results.filter(({ outcome }) => outcome !== "passed").map(formatResult).join("\n"), "")
    assert.equal(report.passed, 2)
  })

  it("passes our client in the same process", { timeout: 60_000 }, async () => {
    const report = await clientSuite(inProcess(() => ({}))).run({
      only: ["answer/old-ok", "lie/pair-too-low", "sending/basis", "refused/clock-ahead", "login/next-token"],
    })
    assert.equal(report.results.filter(({ outcome }) => outcome !== "passed").map(formatResult).join("\n"), "")
    assert.equal(report.passed, 5)
  })
})
