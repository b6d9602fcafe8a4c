import assert from "node:assert/strict"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { describe, it } from "node:test"
import { fileURLToPath } from "node:url"
import { serverMissing, TestServer } from "../../adapters/libsql/testing/server.ts"
import { main } from "../sync-race.ts"
import type { ServerPlace } from "./messages.ts"
import { SyncRace, type SyncRaceOptions, type SyncRaceResult } from "./run.ts"

const { bun, deno } = process.versions
const SMALL = {
  servers: 2,
  devices: 4,
  writes: 80,
  turn: 15,
  kills: 1,
  seed: 7,
  runtime: bun !== undefined ? "bun" : deno !== undefined ? "deno" : "node",
} as const

async function race(place: (folder: string) => ServerPlace, options: Partial<SyncRaceOptions> = {}): Promise<SyncRaceResult> {
  const folder = await mkdtemp(join(tmpdir(), "persist-sync-race-"))
  try {
    return await new SyncRace({ place: place(folder), folder, ...SMALL, ...options }).run()
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
const inFile = (folder: string): ServerPlace => ({ adapter: "sqlite", options: { path: join(folder, "servers.db") } })
const programAt = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

describe("SyncRace", () => {
  it("finds every write of four devices that sync through two servers over one SQLite file, one of them killed", async () => {
    const { devices, servers, frames } = await race(inFile)
    assert.equal(devices.reduce((sum, { writes }) => sum + writes, 0), SMALL.devices * SMALL.writes)
    assert.equal(servers.reduce((sum, { kills }) => sum + kills, 0), 1)
    assert.ok(frames > 0)
  })

  it("finds them over one libSQL server, too", { skip: serverMissing }, async () => {
    const server = await TestServer.start()
    try {
      const { devices } = await race(() => ({ adapter: "libsql", options: { url: server.http } }), { writes: 40, turn: 10 })
      assert.equal(devices.length, SMALL.devices)
    } finally {
      await server.dispose()
    }
  })

  it("fails when a device was told that a write is stored, and it is nowhere", async () => {
    await assert.rejects(
      race(inFile, { deviceProgram: programAt("careless-device.ts"), kills: 0 }),
      /records of device 1: found 79, expected 80/,
    )
  })

  it("fails when a process fails, with what it said", async () => {
    await assert.rejects(race(inFile, { deviceProgram: programAt("no-such-device.ts") }), /no-such-device/)
  })
})

describe("npm run sync-race", () => {
  it("exits with 2 when the call makes no sense", async (t) => {
    const said: unknown[] = []
    t.mock.method(console, "error", (text: unknown) => said.push(text))
    for (const args of [["--adapter", "file"], ["--writes", "0"], ["--option", "=x"], ["--sqld", "--adapter", "sqlite"], ["stray"]]) {
      assert.equal(await main(args), 2, args.join(" "))
      assert.match(String(said.pop()), /usage: npm run sync-race/)
    }
  })
})
