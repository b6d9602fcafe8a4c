/**
 * Makes the golden stores of a version, once: `node conformance/golden/make-stores.ts v1`. A folder that is there is left as it is.
 *
 *   two devices write apart ── a server between them, which refuses some ── one of them, on each medium, is what is kept
 *
 * Whatever the format has is in them: values of every kind, batches, deletes, collections with their settings, conflicts that are open, settled and
 * resolved, CRDT states, dead letters, what is known of a remote, several opens of one device, a snapshot, and a write that nobody was told of.
 */
import { existsSync } from "node:fs"
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { type Adapter, type AdapterOptions, createStore, enableSync, type Store, type SyncHandle } from "@cuitty/persist"
import { fileAdapter } from "@cuitty/persist/adapters/file"
import { libsqlAdapter } from "@cuitty/persist/adapters/libsql"
import { memoryAdapter } from "@cuitty/persist/adapters/memory"
import { sqliteAdapter } from "@cuitty/persist/adapters/sqlite"
import { allowAnyone, createSyncServer, listen } from "@cuitty/persist/server"
import { collectionsOf, contentOf, EMPTY_STORE, folderOf, MEDIA, type Medium, pack, placeIn, SNAPSHOT, STORE } from "./stores.ts"

/** The adapter of a medium over its place. */
const adapterOf = (medium: Medium, { path = "" }: { readonly path?: string | undefined }): Adapter =>
  medium === "file" ? fileAdapter({ path }) : medium === "sqlite" ? sqliteAdapter({ path }) : libsqlAdapter({ path })

const openDevice = async (place: AdapterOptions, label: string): Promise<Store> =>
  await createStore(STORE, { ...place, create: true, label })

/** What both devices write while they are apart, and each for itself. */
const writeApart = async (device: Store, label: string): Promise<void> => {
  const { plain, todos, tags, settings, votes, members, profile } = collectionsOf(device)
  await todos.put("open", `of the ${label}`)
  await todos.put("chosen", `of the ${label}`)
  await todos.put("answered", `of the ${label}`)
  await tags.put("post", [label, "both"])
  await settings.put("theme", label)
  await plain.put("either", { by: label })
  await votes.update("post", (counter) => counter.increment(label === "phone" ? 2 : 5))
  await members.update("club", (set) => set.add(label, "everybody"))
  await profile.update("me", (map) => map.set(label, true))
}

/** What the first open of the kept device writes, before it has ever synced. */
const writeFirst = async (device: Store): Promise<void> => {
  const { plain } = collectionsOf(device)
  const values = {
    null: null,
    booleans: [true, false],
    numbers: [0, -1, 127, 128, 65_536, 2 ** 32, 2 ** 53 - 1, -(2 ** 31), 0.1, Infinity, NaN],
    bigints: [0n, -(2n ** 63n), 2n ** 64n - 1n],
    texts: ["", "a", "é", "鍵", "🔑", "\u0000", "x".repeat(300)],
    bytes: [new Uint8Array(0), Uint8Array.of(0, 255, 128)],
    dates: [new Date(0), new Date(-1), new Date("2026-10-17T00:00:00.000Z"), new Date("9999-12-31T23:59:59.999Z")],
    nested: { list: [[[]], {}], map: { "": 1, "a b": { deep: [{}] } } },
  }
  for (const [key, value] of Object.entries(values)) await plain.put(key, value)
  await plain.put("🔑 é\u0001", "a key")
  await plain.put("deleted", 1)
  await plain.delete("deleted")
  for (const version of [1, 2, 3]) await plain.put("history", { version })
  await plain.delete("history")
  await plain.put("history", { version: 4 })
  await device.batch((transaction) => {
    transaction.put("batch 1", 1)
    transaction.put("batch 2", 2)
    transaction.collection("settings").put("of a batch", true)
  })
  await plain.putMany(Array.from({ length: 120 }, (_, at) => ({ key: `many ${String(at).padStart(3, "0")}`, value: { at } })))
}

const make = async (medium: Medium, folder: string): Promise<{ readonly content: unknown; readonly remote: string }> => {
  const place = placeIn(medium, folder)
  const refuse = ({ key, value }: { readonly key: string; value(): unknown }): string | undefined =>
    key.startsWith("dear") && Object(value()).price > 1000 ? "too dear" : undefined
  const server = await listen(createSyncServer({ storage: memoryAdapter(), authenticate: allowAnyone(), refuse }))
  const meet = async (...handles: readonly SyncHandle[]): Promise<void> => {
    for (const handle of [...handles, ...handles]) await handle.sync()
  }

  await (await createStore(EMPTY_STORE, { ...place, create: true })).close()
  const other = await createStore(STORE, { adapter: "memory", label: "laptop" })
  let device = await openDevice(place, "phone")
  collectionsOf(device)
  await writeFirst(device)
  await device.close()

  device = await openDevice(place, "phone")
  const options = { remote: server.url, live: false } as const
  const handles = [await enableSync(device, options), await enableSync(other, options)]
  await meet(...handles)
  for (const handle of handles) handle.pause()
  await writeApart(device, "phone")
  await writeApart(other, "laptop")
  await meet(...handles)
  const { todos, plain, settings } = collectionsOf(device)
  for (const conflict of await todos.conflicts()) {
    if (conflict.key === "chosen") await todos.resolve("chosen", conflict.remote)
    if (conflict.key === "answered") await todos.resolve("answered", "an answer of its own")
  }
  await settings.delete("of a batch")
  await plain.put("dear lamp", { price: 40 })
  await meet(...handles)
  await plain.put("dear lamp", { price: 4000 })
  await plain.put("dear chair", { price: 5000 })
  await plain.put("cheap", { price: 5 })
  await meet(...handles)
  const [chair] = (await device.deadLetters.list()).filter(({ key }) => key === "dear chair")
  if (chair !== undefined) await device.deadLetters.discard(chair)
  await meet(...handles)
  await collectionsOf(other).plain.put("of the other one", [1, 2, 3])
  await meet(...handles)
  await device.close()

  // A later open, which never meets the server again.
  device = await openDevice(place, "phone")
  await device.records.put("pending", "nobody was told of it")
  await device.close()
  await other.close()
  await server.stop()

  const adapter = adapterOf(medium, place as { readonly path?: string })
  const log = await adapter.open(STORE, { durability: "normal", create: false })
  await log.snapshots.write(SNAPSHOT.at, SNAPSHOT.slices.map((text) => new TextEncoder().encode(text)))
  await log.close()
  return { content: await contentOf(place, server.url), remote: server.url }
}

const main = async (version: string | undefined): Promise<number> => {
  if (version === undefined || !/^v[0-9]+$/.test(version) || existsSync(join(folderOf(version), "content.json"))) {
    console.error(
      "usage: node conformance/golden/make-stores.ts v<number>, of a version that has none yet: what was written is never written anew",
    )
    return 2
  }
  await mkdir(folderOf(version), { recursive: true })
  const content: Record<string, unknown> = {}
  for (const medium of MEDIA) {
    const folder = await mkdtemp(join(tmpdir(), "persist-golden-"))
    const made = await make(medium, folder)
    content[medium] = made
    const files = await pack(folder)
    await writeFile(
      join(folderOf(version), `${medium}.json`),
      `${JSON.stringify({ format: Number(version.slice(1)), files }, undefined, 2)}\n`,
    )
    await rm(folder, { recursive: true })
  }
  await writeFile(join(folderOf(version), "content.json"), `${JSON.stringify(content, undefined, 2)}\n`)
  return 0
}

if (import.meta.main) process.exitCode = await main(process.argv[2])
