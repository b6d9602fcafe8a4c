import assert from "node:assert/strict"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, it } from "node:test"
import { type Finished, run } from "../tools/run.ts"

describe("examples/cities.ts", () => {
  const everythingHeld = ({ code, output }: Finished): void => {
    assert.equal(code, 0, output)
    assert.match(output, /killed by SIGKILL after [\d,]+ acknowledged cities, with (0|500) more under way/) // or between two batches
    assert.match(output, /, 0 are lost\n/)
    assert.match(output, /all 20,000 are there, in key order/)
    assert.match(output, /ok: everything held/)
  }

  it("kills an import into SQLite and finds all that was acknowledged", async () => {
    everythingHeld(await run("node", ["examples/cities.ts", "--cities", "20000"]))
  })

  it("kills an import into files, keeps the store at --path, and leaves one alone that is there already", async () => {
    const folder = await mkdtemp(join(tmpdir(), "persist-examples-"))
    try {
      const args = ["examples/cities.ts", "--adapter", "file", "--path", join(folder, "new"), "--cities", "20000"]
      everythingHeld(await run("node", args))
      const again = await run("node", args)
      assert.equal(again.code, 1)
      assert.match(again.output, /^FAILED: There is a store "cities" in/)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  it("runs on the memory adapter, which has nothing to lose", async () => {
    const { code, output } = await run("node", ["examples/cities.ts", "--adapter", "memory", "--cities", "20000"])
    assert.equal(code, 0, output)
    assert.doesNotMatch(output, /SIGKILL|on disk/)
  })

  it("answers a wrong call with its usage and exit code 2", async () => {
    const { code, output } = await run("node", ["examples/cities.ts", "--adapter", "tape"])
    assert.equal(code, 2)
    assert.match(output, /--adapter is "tape"[\s\S]*usage: npm start/)
  })
})
