/**
 * `--only paths`: the same writes by every way to a database, from a file here to a libSQL server on loopback.
 *
 * The server is a real sqld. What it acknowledges it has handed to its operating system, so its level is `relaxed`.
 */
import { join } from "node:path"
import { createStore, type CreateStoreOptions } from "@cuitty/persist"
import { TestServer } from "../adapters/libsql/testing/server.ts"
import type { Contender, Round, Workload } from "./contender.ts"
import { keyOf, recordOf, type Task } from "./input.ts"
import { putBatch } from "./persist.ts"
import { rawSqlite } from "./raw-sqlite.ts"

interface Path {
  readonly name: string
  readonly durability: "normal" | "relaxed"
  optionsIn(folder: string): CreateStoreOptions
}

const pathsTo = (server: TestServer): readonly Path[] => [
  { name: "persist sqlite", durability: "normal", optionsIn: (folder) => ({ adapter: "sqlite", path: join(folder, "store.db") }) },
  { name: "persist libsql file:", durability: "normal", optionsIn: (folder) => ({ adapter: "libsql", path: join(folder, "store.db") }) },
  { name: "persist libsql http:", durability: "relaxed", optionsIn: () => ({ adapter: "libsql", url: server.http }) },
  { name: "persist libsql ws:", durability: "relaxed", optionsIn: () => ({ adapter: "libsql", url: server.ws }) },
]

let stores = 0

const contender = ({ name, durability, optionsIn }: Path, work: "awaited" | "batches", operations: number): Contender => ({
  name,
  durability,
  async open(folder): Promise<Round> {
    const options = { ...optionsIn(folder), durability, create: true }
    const store = await createStore<Task>(`bench-${stores += 1}`, options)
    return {
      async chunk(iteration) {
        const from = iteration * operations
        if (work === "batches") await putBatch(store, from, from + operations)
        else for (let i = from; i < from + operations; i++) await store.records.put(keyOf(i), recordOf(i))
      },
      close: () => store.close(),
    }
  },
})

/** The workloads by path; `dispose` ends their server. */
export async function pathWorkloads(scale: number): Promise<{ readonly workloads: readonly Workload[]; dispose(): Promise<void> }> {
  const server = await TestServer.start(), paths = pathsTo(server), awaited = 100, batch = 1000
  const iterations = Math.max(3, Math.round(20 * scale))
  const workloads: readonly Workload[] = [
    {
      id: "paths",
      title: "awaited puts, by path",
      operations: awaited,
      iterations,
      contenders: [rawSqlite("awaited", awaited), ...paths.map((path) => contender(path, "awaited", awaited))],
    },
    {
      id: "paths",
      title: "batches of 1,000, by path",
      operations: batch,
      iterations,
      contenders: [rawSqlite("batches", batch), ...paths.map((path) => contender(path, "batches", batch))],
    },
  ]
  return { workloads, dispose: () => server.dispose() }
}
