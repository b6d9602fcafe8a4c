import assert from "node:assert/strict"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { describe, it } from "node:test"
import { fileURLToPath } from "node:url"
import { runKillLoop, type Totals } from "./loop.ts"
import type { Subject } from "./subject.ts"
import type { Runtime } from "../processes/runtimes.ts"

// With this seed they hit both kinds of children, in nearly all of their moments.
const KILLS = 12
const SEED = 2
const { bun, deno } = process.versions
const runtime: Runtime = bun !== undefined ? "bun" : deno !== undefined ? "deno" : "node"

const kill = async (adapter: Subject["adapter"], records?: string): Promise<Totals> => {
  const folder = await mkdtemp(join(tmpdir(), "persist-kill-loop-"))
  const path = adapter === "sqlite" ? join(folder, "store.db") : folder
  try {
    return await runKillLoop({
      subject: { adapter, path, durability: "normal", seed: SEED },
      kills: KILLS,
      runtime,
      programs: records === undefined ? {} : { records },
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

describe("runKillLoop()", () => {
  for (const adapter of ["file", "sqlite"] as const) {
    it(`finds every acknowledged call in a store of the ${adapter} adapter, whenever its process was killed`, async () => {
      const { kills, acknowledged } = await kill(adapter)
      assert.equal(kills, KILLS)
      assert.ok(acknowledged > 0)
    })
  }

  it("fails when a call was acknowledged and is not there", async () => {
    await assert.rejects(kill("sqlite", fileURLToPath(new URL("forgetful-child.ts", import.meta.url))), /the store is in no state between/)
  })

  it("fails when the child fails, with what it said", async () => {
    await assert.rejects(kill("file", fileURLToPath(new URL("no-such-child.ts", import.meta.url))), /no-such-child/)
  })
})
