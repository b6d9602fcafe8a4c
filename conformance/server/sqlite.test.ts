/** Every case for our own server over SQLite, two of them over one file, one test a case. */
import assert from "node:assert/strict"
import { copyFile, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, describe, it } from "node:test"
import { sqliteAdapter } from "../../adapters/sqlite/mod.ts"
import { formatResult } from "../report.ts"
import { runCase } from "../runner.ts"
import { serverCases } from "./suite.ts"
import { type OurServer, startOurServer } from "./testing/our-server.ts"
import { ServerTrial } from "./trial.ts"

/** Long enough for a machine that has much else to do. */
const CASE_MILLIS_MAX = 50_000

describe("createSyncServer() over SQLite", () => {
  let folder = ""
  let server: OurServer | undefined
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "persist-server-"))
    const path = join(folder, "stores.db")
    const wipe = async (): Promise<void> => {
      for (const suffix of ["", "-wal", "-shm"]) await rm(`${path}${suffix}`, { force: true })
    }
    let copies = 0
    const backUp = async (): Promise<() => Promise<void>> => {
      const copy = `${path}.${copies += 1}`
      await copyFile(path, copy) // of a file that nobody has open, which holds everything
      return async () => {
        await wipe()
        await copyFile(copy, path)
      }
    }
    server = await startOurServer({ storage: () => sqliteAdapter({ path }), wipe, backUp })
  })
  after(async () => {
    await server?.stop()
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  })

  // Time is no matter of where stores are.
  for (const one of serverCases.filter(({ requires }) => !requires.includes("minute"))) {
    it(`${one.title} [${one.id}]`, async () => {
      const { subject } = server ?? assert.fail("no server")
      const result = await runCase(one, () => ServerTrial.begin(subject), CASE_MILLIS_MAX)
      // Of our own server we ask what is recommended, too.
      if (result.outcome !== "passed" || result.warnings.length > 0) assert.fail(formatResult(result))
    })
  }
})
