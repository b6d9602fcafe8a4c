/** A92 stores of each version open and show what they showed; A11 of a later version they are refused by name, and left as they are. */
import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { after, describe, it } from "node:test"
import { createClient } from "@libsql/client/sqlite3"
import { fileAdapter } from "../../adapters/file/mod.ts"
import { libsqlAdapter } from "../../adapters/libsql/mod.ts"
import { sqliteAdapter } from "../../adapters/sqlite/mod.ts"
import { crc32 } from "../../kernel/format/checksum.ts"
import type { Adapter } from "../../kernel/ports/log-storage.ts"
import { createStore, FormatTooNew, listStores } from "../../mod.ts"
import { contentOf, EMPTY_STORE, filesIn, folderOf, MEDIA, type Medium, type Packed, placeIn, SNAPSHOT, STORE, unpack } from "./stores.ts"

/** SHA-256 of what was checked in: a version's files are never edited, a later version gets a folder of its own. */
const SUMS: Readonly<Record<string, string>> = {
  "v0/content.json": "3c8041c73817da080a2063059a329f78e8c1069811d7b4ed352c0d9cf6efdc15",
  "v0/file.json": "5f989500d65a62b93eab9d0e920a75fa6c66ad02641857ec62ff7c84d16542f0",
  "v0/libsql.json": "dad2420f0ca15703be262f165498422e8517b5fea3a7304424f80eaff876f0ec",
  "v0/sqlite.json": "b008fea7ef25645bcd3df51d76b1d863430731d9cba7adfd2c1b1b8d8c38eaf5",
}

interface Golden {
  readonly content: unknown
  readonly remote: string
}

const versions = (await readdir(import.meta.dirname, { withFileTypes: true })).filter((entry) =>
  entry.isDirectory() && /^v[0-9]+$/.test(entry.name)
)
  .map(({ name }) => name).sort()
const load = async <T>(version: string, name: string): Promise<T> =>
  JSON.parse(await readFile(join(folderOf(version), `${name}.json`), "utf8"))

const folders: string[] = []
after(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
})

/** A copy of a version's stores on a medium. */
const copyOf = async (version: string, medium: Medium): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), `persist-golden-${version}-${medium}-`))
  folders.push(folder)
  await unpack((await load<{ readonly files: Packed }>(version, medium)).files, folder)
  return folder
}

const adapterAt = (medium: Medium, folder: string): Adapter => {
  const { path = "" } = placeIn(medium, folder) as { readonly path?: string }
  return medium === "file" ? fileAdapter({ path }) : medium === "sqlite" ? sqliteAdapter({ path }) : libsqlAdapter({ path })
}

/** All files as text; a log of SQLite that holds nothing is as none. */
const bytesIn = async (folder: string): Promise<readonly (readonly [string, string])[]> =>
  Object.entries(await filesIn(folder)).filter(([name, { length }]) => length > 0 || !name.endsWith("-wal"))
    .map(([name, bytes]) => [name, Buffer.from(bytes).toString("hex")])

/** Puts all that is in the log of a database into its file. The package libsql ends connections when it likes: that must not change anything then. */
const settle = async (folder: string): Promise<void> => {
  const client = createClient({ url: `file:${join(folder, "stores.db")}` })
  await client.execute("PRAGMA wal_checkpoint(TRUNCATE)")
  client.close()
}

/** Changes bytes of a file. */
const patch = async (path: string, change: (bytes: Buffer) => void): Promise<void> => {
  const bytes = await readFile(path)
  change(bytes)
  await writeFile(path, bytes)
}

/** What a later version of a medium's own format looks like: everything as it is, and a greater number where this one stands. */
const raise: { readonly [M in Medium]: (folder: string) => Promise<void> } = {
  file: (folder) =>
    patch(join(folder, "stores", STORE, "store"), (bytes) => {
      bytes.writeUInt16LE(bytes.readUInt16LE(8) + 1, 8)
      bytes.writeUInt32LE(crc32(bytes, 0, bytes.length - 4), bytes.length - 4)
    }),
  // `user_version`: SQLite's file format, 1.3.
  sqlite: (folder) => patch(join(folder, "stores.db"), (bytes) => void bytes.writeUInt32BE(bytes.readUInt32BE(60) + 1, 60)),
  libsql: async (folder) => {
    const client = createClient({ url: `file:${join(folder, "stores.db")}` })
    await client.execute("UPDATE persist_meta SET value = value + 1 WHERE key = 'format'")
    client.close()
    await settle(folder)
  },
}

/** A frame of a later version behind the last one, well made but for its version. */
const appendLater = async (medium: Medium, folder: string): Promise<void> => {
  const log = await adapterAt(medium, folder).open(STORE, { durability: "normal", create: false })
  const head = await log.head(), [last] = await log.read(head - 1, { maxFrames: 1, maxBytes: 4_000_000 })
  const frame = Buffer.from(last!)
  assert.equal(frame[1], 0, "the format version of a frame")
  frame[1] = 1
  frame.writeUInt32BE(crc32(frame, 0, frame.length - 5), frame.length - 4)
  await log.append(head + 1, new Uint8Array(frame))
  await log.flush()
  await log.close()
  if (medium === "libsql") await settle(folder)
}

describe("golden stores", () => {
  it("exist for each version of the format so far, byte for byte as they were checked in", async () => {
    assert.deepEqual(versions, ["v0"])
    const sums: Record<string, string> = {}
    for (const version of versions) {
      for (const [name, bytes] of Object.entries(await filesIn(folderOf(version)))) {
        sums[`${version}/${name}`] = createHash("sha256").update(bytes).digest("hex")
      }
    }
    assert.deepEqual(sums, SUMS)
  })

  for (const version of versions) {
    for (const medium of MEDIA) {
      it(`A92 ${version} in ${medium} show what they showed, again and again, and are not changed by it`, async () => {
        const { content, remote } = (await load<Record<Medium, Golden>>(version, "content"))[medium]
        const folder = await copyOf(version, medium), place = placeIn(medium, folder)
        assert.deepEqual([...await listStores(place)].sort(), [EMPTY_STORE, STORE])
        for (let time = 0; time < 2; time += 1) assert.deepEqual(await contentOf(place, remote), content)
        assert.ok(Object(content).collections.plain.records.length > 100, "it holds something")
      })

      it(`A92 ${version} in ${medium} are written on, and keep what they had`, async () => {
        const { content } = (await load<Record<Medium, Golden>>(version, "content"))[medium]
        const folder = await copyOf(version, medium), place = placeIn(medium, folder)
        for (const turn of [1, 2]) {
          const store = await createStore(STORE, { ...place, create: false })
          const head = store.status().head
          await store.records.put(`of today ${turn}`, { turn })
          assert.equal(store.status().head, head + 1)
          await store.close()
        }
        const store = await createStore(STORE, { ...place, create: false })
        const { collections } = content as {
          readonly collections: { readonly plain: { readonly records: readonly (readonly [string, unknown])[] } }
        }
        assert.deepEqual([await store.records.get("of today 1"), await store.records.get("of today 2")], [{ turn: 1 }, { turn: 2 }])
        assert.equal(await store.records.count(), collections.plain.records.length + 2)
        await store.close()
      })

      it(`A92 ${version} in ${medium} have their snapshot, slice by slice`, async () => {
        const log = await adapterAt(medium, await copyOf(version, medium)).open(STORE, { durability: "normal", create: false })
        const texts = await Promise.all(
          SNAPSHOT.slices.map(async (_, index) => new TextDecoder().decode(await log.snapshots.readSlice(SNAPSHOT.at, index))),
        )
        assert.deepEqual([(await log.snapshots.list()).map(({ at }) => at), texts], [[SNAPSHOT.at], SNAPSHOT.slices])
        await log.close()
      })
    }
  }

  const newest = versions.at(-1)!
  for (const medium of MEDIA) {
    const isRefused = async (folder: string, found: number | undefined): Promise<void> => {
      const before = await bytesIn(folder)
      for (const options of [{}, { create: false }, { create: true }]) {
        await assert.rejects(createStore(STORE, { ...placeIn(medium, folder), ...options }), (error) => {
          assert.ok(error instanceof FormatTooNew, String(error))
          if (found !== undefined) assert.equal(error.details.found, found)
          assert.match(error.message, /format version|update/)
          return true
        })
      }
      assert.deepEqual(await bytesIn(folder), before, "its files")
    }

    it(`A11 a place of a later format is refused by name in ${medium}, and left as it is`, async () => {
      const folder = await copyOf(newest, medium)
      await raise[medium](folder)
      await isRefused(folder, undefined)
    })

    it(`A11 a frame of a later format is refused by name in ${medium}, and left as it is`, async () => {
      const folder = await copyOf(newest, medium)
      await appendLater(medium, folder)
      await isRefused(folder, 1)
    })
  }

  it("are not made anew over those that are there", async () => {
    const { spawnSync } = await import("node:child_process")
    const before = await bytesIn(folderOf(newest))
    const program = join(import.meta.dirname, "make-stores.ts")
    const runtime = "Deno" in globalThis ? ["run", "-A", "--no-check", program] : [program]
    assert.equal(spawnSync(process.execPath, [...runtime, newest]).status, 2)
    assert.deepEqual(await bytesIn(folderOf(newest)), before)
  })
})
