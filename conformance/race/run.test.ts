import assert from "node:assert/strict"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { describe, it } from "node:test"
import { fileURLToPath } from "node:url"
import { main } from "../race.ts"
import { PLACES } from "./places.ts"
import { Race, type RaceOptions, type RaceResult } from "./run.ts"

const { bun, deno } = process.versions
const SMALL = {
  processes: 4,
  increments: 60,
  turn: 25,
  stopMillis: 300,
  seed: 7,
  runtime: bun !== undefined ? "bun" : deno !== undefined ? "deno" : "node",
} as const

const race = async (adapter: "sqlite" | "file", options: Partial<RaceOptions> = {}): Promise<RaceResult> => {
  const folder = await mkdtemp(join(tmpdir(), "persist-race-"))
  const { optionsIn, isShared } = PLACES[adapter]!
  try {
    return await new Race({ subject: { adapter, store: "race", options: optionsIn(folder) }, isShared, folder, ...SMALL, ...options }).run()
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
const programAt = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

describe("Race", () => {
  it("finds every increment of processes that share a store of the sqlite adapter, one of them stopped, one killed", async () => {
    const { sum, landed, contestants, madeDuringStop } = await race("sqlite")
    assert.equal(sum, SMALL.processes * SMALL.increments + landed)
    assert.deepEqual(contestants.map(({ isKilled }) => isKilled).filter(Boolean), [true])
    assert.ok(madeDuringStop > 0, "nobody went on while one was stopped")
  })

  it("finds every increment of processes that take turns with a store of the file adapter, whose lock a killed one leaves", async () => {
    const { sum, landed, contestants } = await race("file")
    assert.equal(sum, SMALL.processes * SMALL.increments + landed)
    assert.deepEqual(contestants.map(({ isKilled }) => isKilled).filter(Boolean), [true])
    assert.ok(contestants.some(({ locked }) => locked > 0), "nobody was refused")
  })

  it("fails when a process writes over what another one wrote", async () => {
    await assert.rejects(race("sqlite", { program: programAt("careless-racer.ts") }), /an increment is lost/)
  })

  it("fails when a process fails, with what it said", async () => {
    await assert.rejects(race("sqlite", { program: programAt("no-such-racer.ts") }), /no-such-racer/)
  })
})

describe("npm run race", () => {
  it("exits with 2 when the call makes no sense", async (t) => {
    const said: unknown[] = []
    t.mock.method(console, "error", (text: unknown) => said.push(text))
    for (const args of [["--adapter", "nope"], ["--processes", "1"], ["--option", "=x"], ["--stop-seconds", "-1"], ["stray"]]) {
      assert.equal(await main(args), 2, args.join(" "))
      assert.match(String(said.pop()), /usage: npm run race/)
    }
  })
})
