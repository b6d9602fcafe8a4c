/** Files of authors: what they export is what is checked. */
import assert from "node:assert/strict"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { InvalidOption } from "../../kernel/errors.ts"
import { startOurServer } from "../server/testing/our-server.ts"
import { planServerFile } from "./authors-file.ts"

describe("planServerFile()", () => {
  let folder = ""
  before(async () => void (folder = await mkdtemp(join(tmpdir(), "persist-authors-"))))
  after(() => rm(folder, { recursive: true, force: true }))

  const write = async (name: string, text: string): Promise<string> => {
    const path = join(folder, name)
    await writeFile(path, text)
    return path
  }

  it("starts a server with what its author says can be done with it, and stops it", async () => {
    const { subject, stop } = await startOurServer({ storage: memoryAdapter })
    let stopped = 0
    Object.assign(globalThis, { authorsServer: { ...subject, stop: () => void (stopped += 1) } })
    try {
      const path = await write("my-server.mjs", "export const startServer = () => globalThis.authorsServer")
      const { name, start } = await planServerFile(path)
      const { suite, end } = await start()
      const report = await suite.run({ only: ["trouble/full", "health"] })
      await end()
      assert.deepEqual([name, report.passed, report.failed, report.skipped, stopped], [path, 2, 0, 0, 1])
    } finally {
      await stop()
    }
  })

  it("refuses a file that exports something else, or is none", async () => {
    const empty = await write("empty.mjs", "export const startServer = 1")
    await assert.rejects(planServerFile(empty), (error) => error instanceof InvalidOption && error.message.includes("startServer"))
    await assert.rejects(planServerFile(join(folder, "missing.mjs")), InvalidOption)
  })
})
