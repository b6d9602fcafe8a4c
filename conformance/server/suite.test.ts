/** The suite itself is well made; then every case for our own server over memory, one test a case. */
import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import { after, before, describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { logStorageCases } from "../log-storage/suite.ts"
import { remoteCases } from "../remote/suite.ts"
import { formatReport, formatResult } from "../report.ts"
import { runCase } from "../runner.ts"
import { serverCases, serverSuite, wireCases } from "./suite.ts"
import { memoryPlace } from "./testing/memory-place.ts"
import { type Answer, hastyPlatform, type OurServer, startOurServer } from "./testing/our-server.ts"
import { ServerTrial } from "./trial.ts"

/** Long enough for a machine that has much else to do. */
const CASE_MILLIS_MAX = 50_000
/** A minute of a server that is in a hurry. */
const MINUTE_MILLIS = 6000

describe("serverCases", () => {
  it("have ids that are group/name, unique, with cases of one group together, and those about the wire in groups of their own", () => {
    const ids = serverCases.map(({ id }) => id)
    for (const id of ids) assert.match(id, /^[a-z]+(-[a-z]+)*\/[a-z]+(-[a-z]+)*$/)
    assert.equal(new Set(ids).size, ids.length)
    const groups = ids.map((id) => id.split("/")[0]).filter((group, index, all) => group !== all[index - 1])
    assert.equal(new Set(groups).size, groups.length)
    const others = new Set([...logStorageCases, ...remoteCases].map(({ id }) => id.split("/")[0]))
    assert.deepEqual(wireCases.map(({ id }) => id).filter((id) => others.has(id.split("/")[0])), [])
  })

  it("quote rules that stand in the specification, word for word", async () => {
    const spec = (await readFile(new URL("../../protocol/SPEC.md", import.meta.url), "utf8")).replace(/\s+/g, " ")
    for (const { id, rule } of wireCases) assert.ok(spec.includes(rule), `${id} quotes what nobody says: ${rule}`)
  })
})

describe("serverSuite()", () => {
  it("reports a server that nobody reaches as failed", async () => {
    const nowhere = { url: "http://127.0.0.1:1", tokens: { owner: "nobody-s" } }
    const report = await serverSuite(nowhere).run({ only: ["health"] })
    assert.deepEqual([report.name, report.failed, report.conforms], [nowhere.url, 1, false])
  })

  it("skips only what the subject says that it lacks", async () => {
    const server = await startOurServer({ storage: memoryAdapter })
    try {
      const { url, tokens: { owner } } = server.subject
      const report = await serverSuite({ url, tokens: { owner } }).run({ only: ["right", "restart/retry", "stream/minute"] })
      const skipped = report.results.filter(({ outcome }) => outcome === "skipped").map(({ id, reason }) => `${id}: ${reason}`)
      assert.deepEqual(skipped, [
        "right/reader: the subject gives no token of reader",
        "right/namespaces: the subject gives no token of stranger",
        "right/invisible: the subject gives no token of nobody",
        "right/endpoints: the subject gives no token of reader",
        "right/sender: the subject gives no token of sender",
        "right/canaries: the subject gives no token of stranger",
        "stream/minute: the subject gives no time for it",
        "restart/retry: the subject gives no restart",
      ])
      assert.deepEqual([report.passed, report.failed], [1, 0])
    } finally {
      await server.stop()
    }
  })
})

describe("createSyncServer() over memory", () => {
  let server: OurServer | undefined, hasty: OurServer | undefined
  before(async () => {
    server = await startOurServer(memoryPlace())
    hasty = await startOurServer({ storage: memoryAdapter, platform: hastyPlatform(MINUTE_MILLIS), minuteMillis: MINUTE_MILLIS })
  })
  after(async () => {
    await server?.stop()
    await hasty?.stop()
  })

  for (const one of serverCases) {
    it(`${one.title} [${one.id}]`, async () => {
      const { subject } = (one.requires.includes("minute") ? hasty : server) ?? assert.fail("no server")
      const result = await runCase(one, () => ServerTrial.begin(subject), CASE_MILLIS_MAX)
      // Of our own server we ask what is recommended, too; a log in memory is as durable as it says.
      const warnings = result.warnings.filter((warning) => !warning.includes("no more than buffered"))
      if (result.outcome !== "passed" || warnings.length > 0) assert.fail(formatResult(result))
    })
  }
})

describe("serverSuite() of a server below a path", () => {
  it("asks below that path alone", async () => {
    const elsewhere: string[] = []
    const change = (server: Answer): Answer => async (request) => {
      const url = new URL(request.url)
      // Paths that only look like those of the server are its own, too; there is nothing at the rest.
      if (!url.pathname.startsWith("/sync/")) elsewhere.push(url.pathname)
      return await server(new Request(new URL(url.pathname.replace(/^\/sync/, "") + url.search, url), request))
    }
    const server = await startOurServer({ storage: memoryAdapter, change })
    try {
      const { url, ...rest } = server.subject
      const only = ["header", "route", "version", "health", "wait", "connection", "person"]
      const report = await serverSuite({ ...rest, url: `${url}/sync` }).run({ only, timeoutMillis: CASE_MILLIS_MAX })
      assert.ok(report.conforms && report.skipped === 0, formatReport(report))
      assert.deepEqual(elsewhere, [])
    } finally {
      await server.stop()
    }
  })
})

describe("createSyncServer() with small limits", () => {
  it("announces and keeps them; the cases ask for no more", async () => {
    const limits = { partsMax: 64, operationsMax: 500, partsBytesMax: 200_000, bodyBytesMax: 1_400_000, inflatedBytesMax: 1_500_000 }
    const server = await startOurServer({ storage: memoryAdapter, limits })
    try {
      const report = await serverSuite(server.subject).run({
        only: ["limit", "size", "encoding", "pull", "block"],
        timeoutMillis: CASE_MILLIS_MAX,
      })
      assert.ok(report.conforms && report.skipped === 0, formatReport(report))
    } finally {
      await server.stop()
    }
  })
})
