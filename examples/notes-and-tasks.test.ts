import assert from "node:assert/strict"
import { mkdtemp, readdir, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, it } from "node:test"
import { ROOT } from "../tools/repository.ts"
import { type Finished, run } from "../tools/run.ts"

/** Runs a program of this folder in an empty folder, twice: the second run finds what the first one left. */
const runTwice = async (program: string): Promise<{ readonly runs: readonly Finished[]; readonly files: readonly string[] }> => {
  const cwd = await mkdtemp(join(tmpdir(), "persist-examples-"))
  try {
    const runs = [
      await run("node", [join(ROOT, "examples", program)], { cwd }),
      await run("node", [join(ROOT, "examples", program)], { cwd }),
    ]
    return { runs, files: (await readdir(cwd)).sort() }
  } finally {
    await rm(cwd, { recursive: true, force: true })
  }
}

describe("small examples", () => {
  it("offline-notes.ts writes a note, reads it and ends, without being told to close", async () => {
    const { runs, files } = await runTwice("offline-notes.ts")
    for (const { code, output } of runs) assert.deepEqual({ code, output }, { code: 0, output: "Draft while offline\n" })
    assert.ok(files.includes("notes.db"))
  })

  it("quick-start.ts does what its comments say, also on a store that is there", async () => {
    const { runs, files } = await runTwice("quick-start.ts")
    for (const { code, output } of runs) {
      assert.equal(code, 0, output)
      assert.match(output, /done: task:1 Water the plants\nopen: task:3 Buy bread\n/)
      assert.match(output, /refused: version_mismatch\n/)
      assert.match(output, /was: Buy bread\nwas: Buy bread and milk\n/)
      assert.match(output, /2 tasks in .*tasks\.db, durability normal\n$/)
    }
    assert.deepEqual(files, ["tasks.db"])
  })
})
