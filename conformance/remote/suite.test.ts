/** The suite itself is well made; then every case for a log in memory as a remote, one test a case. */
import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import type { Remote } from "../../kernel/ports/remote.ts"
import { logRemote } from "../../kernel/sync/log-remote.ts"
import { formatResult } from "../report.ts"
import { runCase } from "../runner.ts"
import { logStorageCases } from "../log-storage/suite.ts"
import { copyLogs } from "../server/testing/memory-place.ts"
import { remoteCases, remoteSuite } from "./suite.ts"
import { type RemoteSubject, RemoteTrial } from "./trial.ts"

/** Long enough for a machine that has much else to do. */
const CASE_MILLIS_MAX = 50_000

describe("remoteCases", () => {
  it("have ids that are group/name, unique, with cases of one group together, and in groups of their own", () => {
    const ids = remoteCases.map(({ id }) => id)
    for (const id of ids) assert.match(id, /^[a-z]+(-[a-z]+)*\/[a-z]+(-[a-z]+)*$/)
    assert.equal(new Set(ids).size, ids.length)
    const groups = ids.map((id) => id.split("/")[0]).filter((group, index, all) => group !== all[index - 1])
    assert.equal(new Set(groups).size, groups.length)
    const others = new Set(logStorageCases.map(({ id }) => id.split("/")[0]))
    assert.deepEqual(groups.filter((group) => others.has(group)), [])
  })

  it("quote rules that stand in the port or in the specification, word for word", async () => {
    const read = async (path: string): Promise<string> => await readFile(new URL(path, import.meta.url), "utf8")
    const port = (await read("../../kernel/ports/remote.ts")).replace(/^\s*(\/\*\*|\*\/|\*)/gm, " ")
    const texts = [port, await read("../../protocol/SPEC.md")].map((text) => text.replace(/\s+/g, " "))
    for (const { id, rule } of remoteCases) assert.ok(texts.some((text) => text.includes(rule)), `${id} quotes what nobody says: ${rule}`)
  })
})

/** A log of this process as a remote. */
const logSubject = (): RemoteSubject => {
  const adapter = memoryAdapter(), remotes: Remote[] = []
  const open = (store: string): Remote => {
    const remote = logRemote(adapter, { store })
    remotes.push(remote)
    return remote
  }
  const closeAll = async (): Promise<void> => void await Promise.all(remotes.map((remote) => remote.close()))
  return {
    open: () => open("notes"),
    openOther: () => open("others"),
    openBeside: () => open("notes"),
    restart: closeAll,
    roll: async () => {
      // A log remote that is closed opens its log anew with its next call.
      for (const remote of remotes) await remote.close()
    },
    backUp: async () => {
      const copy = await copyLogs(adapter, memoryAdapter())
      return async () => {
        await closeAll()
        for (const name of await adapter.list()) await adapter.destroy(name)
        await copyLogs(copy, adapter)
      }
    },
    wipe: async () => {
      await closeAll()
      await adapter.destroy("notes")
    },
  }
}

describe("remoteSuite()", () => {
  it("checks a remote that is given in one line, and names it", async () => {
    const make = (): RemoteSubject => {
      const adapter = memoryAdapter()
      return { open: () => logRemote(adapter, { store: "notes" }) }
    }
    const report = await remoteSuite(make).run({ only: ["handshake"] })
    assert.deepEqual([report.name, report.conforms, report.failed], ["memory:notes", true, 0])
  })

  it("reports a remote that cannot be opened as failed, and frees its subject", async () => {
    let freed = 0
    const broken = { open: () => Promise.reject(new Error("nobody is there")), dispose: () => void freed++ }
    const report = await remoteSuite(() => broken).run({ only: ["close"] })
    assert.deepEqual([report.failed, report.conforms, freed], [2, false, 2])
  })
})

describe("logRemote()", () => {
  // A log has no persons.
  for (const one of remoteCases.filter(({ requires }) => !requires.includes("persons"))) {
    it(`${one.title} [${one.id}]`, async () => {
      const result = await runCase(one, () => RemoteTrial.begin(logSubject()), CASE_MILLIS_MAX)
      // Of our own remotes we ask what is recommended, too; a log in memory is as durable as it says.
      const warnings = result.warnings.filter((warning) => !warning.includes("no more than buffered"))
      if (result.outcome !== "passed" || warnings.length > 0) assert.fail(formatResult(result))
    })
  }
})
