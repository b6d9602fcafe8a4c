/**
 * Golden stores: stores as a version wrote them, on each medium, and what they must read as for ever.
 *
 *   v0/content.json                 what every one of them shows
 *   v0/file.json, sqlite.json …     the files of a place, each packed by gzip, as base64
 *
 * They were made once, by `make-stores.ts`, and are never made again: what a released version wrote is not what a later one would write.
 */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { gunzipSync, gzipSync } from "node:zlib"
import {
  type AdapterOptions,
  type Collection,
  type CrdtCollection,
  createStore,
  enableSync,
  type RecordsReader,
  type Store,
} from "@cuitty/persist"
import { addWinsSet, type AddWinsSetEditor, counter, type CounterEditor, registerMap, type RegisterMapEditor } from "@cuitty/persist/crdt"

/** Adapters that keep files. */
export const MEDIA = ["file", "sqlite", "libsql"] as const
export type Medium = (typeof MEDIA)[number]

/** Where a version's stores lie. */
export const folderOf = (version: string): string => join(import.meta.dirname, version)
/** Its name, and that of a second one in the same place. */
export const STORE = "golden"
export const EMPTY_STORE = "empty"
/** A snapshot beside its frames, as an adapter keeps it; what is in it is no matter to adapters. */
export const SNAPSHOT: { readonly at: number; readonly slices: readonly string[] } = {
  at: 3,
  slices: ["the first slice", "", "x".repeat(5000)],
}
/** Where a medium keeps its stores below a folder. */
export const placeIn = (medium: Medium, folder: string): AdapterOptions => ({
  adapter: medium,
  path: join(folder, medium === "file" ? "stores" : "stores.db"),
})

/** Files by their path, packed. */
export type Packed = Readonly<Record<string, string>>

/** All files below a folder, but for locks. */
export const pack = async (folder: string): Promise<Packed> => {
  const packed: Record<string, string> = {}
  for (const [path, bytes] of Object.entries(await filesIn(folder))) packed[path] = gzipSync(bytes, { level: 9 }).toString("base64")
  return packed
}

/** Puts packed files into a folder. */
export const unpack = async (packed: Packed, folder: string): Promise<void> => {
  for (const [path, text] of Object.entries(packed)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), gunzipSync(Buffer.from(text, "base64")))
  }
}

/** All files below a folder by their path, with slashes; locks and shared memory are no part of what is kept. */
export const filesIn = async (folder: string): Promise<Readonly<Record<string, Uint8Array>>> => {
  const files: Record<string, Uint8Array> = {}
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name), name = path.slice(folder.length + 1).replaceAll("\\", "/")
    if (!entry.isFile() || /(?:\/lock|-shm)$/.test(name)) continue
    try {
      files[name] = await readFile(path)
    } catch (error) {
      // The package libsql removes an empty log when it likes.
      if (Object(error).code !== "ENOENT" || !name.endsWith("-wal")) throw error
    }
  }
  return Object.fromEntries(Object.entries(files).sort(([a], [b]) => a < b ? -1 : 1))
}

const union = (local: unknown, remote: unknown): unknown =>
  [...new Set([local, remote].flatMap((value) => value as readonly string[]))].sort()

/** Its collections: one of each way to show records. */
export interface GoldenCollections {
  readonly plain: Collection<unknown>
  readonly todos: Collection<unknown>
  readonly tags: Collection<unknown>
  readonly settings: Collection<unknown>
  readonly votes: CrdtCollection<number, CounterEditor>
  readonly members: CrdtCollection<readonly string[], AddWinsSetEditor<string>>
  readonly profile: CrdtCollection<Readonly<Record<string, unknown>>, RegisterMapEditor<unknown>>
}

/** Opens its collections with the functions and types that a log does not hold. */
export const collectionsOf = (store: Store): GoldenCollections => ({
  plain: store.records,
  todos: store.collection("todos", { strategy: "manual" }),
  tags: store.collection("tags", { strategy: "merge", merge: (local, remote) => union(local.value, remote.value) }),
  settings: store.collection("settings", { strategy: "last-write-wins" }),
  votes: store.collection("votes", { type: counter() }),
  members: store.collection("members", { type: addWinsSet<string>() }),
  profile: store.collection("profile", { type: registerMap() }),
})

/** A value as JSON; where that has no word for it, as an object of one member. */
const noted = (value: unknown): unknown => {
  if (typeof value === "bigint") return { $bigint: String(value) }
  if (typeof value === "number" && !Number.isFinite(value)) return { $number: String(value) }
  if (value instanceof Date) return { $date: value.toISOString() }
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString("hex") }
  if (Array.isArray(value)) return value.map(noted)
  if (typeof value !== "object" || value === null) return value ?? null
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, noted(member)]))
}

/** What a place shows, as JSON. `remote` is the URL of the server that its store has synced with, where nobody listens any more. */
export const contentOf = async (place: AdapterOptions, remote: string): Promise<unknown> => {
  const empty = await createStore(EMPTY_STORE, { ...place, create: false })
  const store = await createStore(STORE, { ...place, create: false })
  try {
    const collections: Record<string, unknown> = {}
    for (const [name, collection] of Object.entries<RecordsReader<unknown>>({ ...collectionsOf(store) })) {
      const records = (await Array.fromAsync(collection.list()))
        .map(({ key, value }) => [key, noted(value)])
      const conflicts = (await collection.conflicts({ settled: true })).map(({ key, settledBy, versions }) => ({
        key,
        settledBy: settledBy ?? null,
        versions: versions.map(({ value, deleted, updatedAt, label }) => [noted(value), deleted, updatedAt, label ?? null]),
      }))
      collections[name] = { records, conflicts }
    }
    const history = await Array.fromAsync(store.records.history("history"))
    const letters = (await store.deadLetters.list()).map(({ collection, key, value, code, message, own }) => ({
      collection,
      key,
      value: noted(value),
      code,
      message,
      own,
    }))
    const { head, records, replica, label } = store.status()
    const sync = await enableSync(store, { remote, live: false })
    sync.pause()
    const { pendingOperations, conflicts } = sync.status()
    await sync.stop()
    return {
      empty: { head: empty.status().head, records: empty.status().records },
      digest: await store.digest(),
      status: { head, records, replica, label: label ?? null, conflicts },
      sync: { pendingOperations },
      deadLetters: letters,
      history: history.map(({ value, deleted }) => [noted(value), deleted]),
      collections,
    }
  } finally {
    await store.close()
    await empty.close()
  }
}
