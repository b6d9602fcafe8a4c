/**
 * A client in another language, written from the specification alone (`conformance/testing/python`): it comes to the same records as ours, at our server
 * and at one in its own language.
 */
import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, it } from "node:test"
import { fileURLToPath } from "node:url"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { silentLogger } from "../../kernel/ports/logger.ts"
import { allowAnyone, createSyncServer, listen } from "../../protocol/server/mod.ts"
import { pythonProgram, PythonServer, skipsPython } from "../testing/python-server.ts"
import { Client } from "./client.ts"
import { startCommand } from "./driver.ts"

const PYTHON = `python3 "${pythonProgram("client.py")}"`
const OURS = `node "${fileURLToPath(new URL("our-client.ts", import.meta.url))}"`
const ROUNDS = 12
const WRITES = 20
const KEYS = 15

/** A server to sync with, and a token of it. */
interface Place {
  readonly url: string
  readonly token: string
  stop(): Promise<void>
}

const PLACES: Readonly<Record<string, () => Promise<Place>>> = {
  "our server": async () => {
    const server = await listen(createSyncServer({ storage: memoryAdapter(), authenticate: allowAnyone(), logger: silentLogger }), {})
    return { url: server.url, token: "anyone", stop: () => server.stop() }
  },
  "the server in Python": async () => {
    const server = await PythonServer.begin()
    const token = await server.know({ principal: "owner", namespace: "conformance", rights: ["read", "write", "relay"] })
    return { url: server.url, token, stop: () => server.end() }
  },
}

/** Numbers below `below`, of a seed: mulberry32, public domain, by Tommy Ettinger. */
const drawsOf = (seed: number) => (below: number): number => {
  seed = (seed + 0x6D2B79F5) | 0
  let mixed = Math.imul(seed ^ (seed >>> 15), seed | 1)
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
  return ((mixed ^ (mixed >>> 14)) >>> 0) % below
}

/** Syncs until everybody has what everybody wrote. */
const settle = async (clients: readonly Client[]): Promise<void> => {
  for (const client of [...clients, ...clients]) await client.syncs("a sync of the end")
}

/** What is shown of a record, and the versions of a conflict: which of them is shown is told, the order of the others is not. */
const shownOf = async (client: Client, key: string): Promise<unknown> => {
  const { found, value, versions } = await client.get(key)
  return { found, value, open: versions.length > 1 ? versions.map((version) => JSON.stringify(version)).toSorted() : [] }
}

const sameEverywhere = async ([first, ...others]: readonly Client[], keys: readonly string[]): Promise<void> => {
  assert.ok(first !== undefined)
  const records = await first.list()
  for (const other of others) await other.lists(records)
  for (const key of keys) {
    const shown = await shownOf(first, key)
    for (const other of others) assert.deepEqual(await shownOf(other, key), shown, key)
  }
}

describe("the modules of the server and the client in Python", { skip: skipsPython }, () => {
  it("read and write the vectors of the format and of the protocol, and refuse the refused ones", () => {
    const folder = fileURLToPath(new URL("../vectors", import.meta.url))
    const { status, stdout, stderr } = spawnSync("python3", [pythonProgram("vectors.py"), folder], { encoding: "utf8" })
    assert.equal(stderr, "")
    const { counts, wrong }: { readonly counts: Readonly<Record<string, number>>; readonly wrong: readonly string[] } = JSON.parse(stdout)
    assert.deepEqual({ status, wrong }, { status: 0, wrong: [] })
    for (
      const what of [
        "values",
        "values refused",
        "blocks",
        "blocks refused",
        "frames",
        "logs",
        "requests to write",
        "answers to read",
        "answers refused",
        "hints",
      ]
    ) {
      assert.ok((counts[what] ?? 0) > 0, `no ${what} were checked`)
    }
  })
})

for (const [where, begin] of Object.entries(PLACES)) {
  describe(`clients in Python and one of ours, at ${where}`, { skip: skipsPython }, () => {
    /** Two in Python and one of ours, of one store. */
    const withClients = async (use: (clients: readonly Client[], anew: () => Promise<Client>) => Promise<void>): Promise<void> => {
      const place = await begin(), folder = await mkdtemp(join(tmpdir(), "persist-clients-"))
      const clients: Client[] = []
      const start = async (command: string, name: string): Promise<Client> => {
        const client = new Client(await startCommand(command)), { url, token } = place
        clients.push(client)
        await client.open({
          server: url,
          store: "notes",
          tokens: [token],
          folder: await mkdtemp(join(folder, name)),
          timeoutMillis: 10_000,
        })
        return client
      }
      try {
        await use([await start(PYTHON, "one"), await start(PYTHON, "two"), await start(OURS, "ours")], () => start(PYTHON, "anew"))
      } finally {
        await Promise.all(clients.map((client) => client.kill()))
        await place.stop()
        await rm(folder, { recursive: true, force: true, maxRetries: 3 })
      }
    }

    it("come to the same 1,000 records, and so does one that comes later", () =>
      withClients(async (clients, anew) => {
        for (let at = 0; at < 1000; at++) {
          await clients[at % clients.length]!.put(`note:${at}`, { at, text: "ä€😀", list: [at / 4, -at, at * 2 ** 40, null, true] })
        }
        await settle(clients)
        const late = await anew()
        await late.syncs("a sync of who comes later")
        assert.equal(Object.keys(await late.list()).length, 1000)
        await sameEverywhere([late, ...clients], ["note:0"])
        for (const client of clients) assert.equal((await client.status()).pending, 0)
      }))

    it("come to the same versions of records that all of them write and delete", () =>
      withClients(async (clients) => {
        const seed = Math.floor(Math.random() * 2 ** 31), draw = drawsOf(seed)
        const keys = Array.from({ length: KEYS }, (_, at) => `key:${at}`)
        let conflicts = 0
        try {
          for (let round = 0; round < ROUNDS; round++) {
            for (const client of clients) {
              for (let write = 0; write < WRITES; write++) {
                const key = keys[draw(KEYS)]!
                await (draw(3) === 0 ? client.delete(key) : client.put(key, { round, value: draw(1000) }))
              }
              if (draw(2) === 0) await client.syncs("a sync between writes")
            }
          }
          await settle(clients)
          await sameEverywhere(clients, keys)
          for (const key of keys) conflicts += Number((await clients[0]!.get(key)).versions.length > 1)
          assert.ok(conflicts > 0, "no record has a conflict")
        } catch (error) {
          throw new Error(`with the seed ${seed}`, { cause: error })
        }
      }))
  })
}
