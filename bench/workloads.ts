/** The workloads of the table, with the baseline of each. `scale` 1 is the full size. */
import type { Workload } from "./contender.ts"
import { type DiskAdapter, persist } from "./persist.ts"
import { rawFile } from "./raw-file.ts"
import { rawSqlite } from "./raw-sqlite.ts"

export function workloads(scale: number, adapters: readonly DiskAdapter[]): Workload[] {
  const awaited = 500, unawaited = Math.round(100_000 * scale), batch = 10_000, reads = 1000, rows = Math.round(100_000 * scale)
  const iterations = (count: number): number => Math.max(3, Math.round(count * scale))
  return [
    {
      id: "awaited",
      title: "awaited puts, one after another",
      operations: awaited,
      iterations: iterations(40),
      contenders: [rawSqlite("awaited", awaited), ...adapters.map((adapter) => persist(adapter, "normal", "awaited", awaited))],
    },
    {
      id: "unawaited",
      title: "puts that nobody awaits one by one",
      operations: unawaited,
      iterations: 1,
      contenders: [rawSqlite("unawaited", unawaited), ...adapters.map((adapter) => persist(adapter, "normal", "unawaited", unawaited))],
    },
    {
      id: "batches",
      title: "batches of 1,000",
      operations: batch,
      iterations: iterations(10),
      contenders: [rawSqlite("batches", batch), ...adapters.map((adapter) => persist(adapter, "normal", "batches", batch))],
    },
    {
      id: "full",
      title: "awaited puts, flushed one by one",
      operations: 100,
      iterations: iterations(20),
      contenders: [
        rawFile(100),
        ...adapters.filter((adapter) => adapter === "file").map((adapter) => persist(adapter, "full", "awaited", 100)),
      ],
    },
    {
      id: "get",
      title: `get, ${rows} records`,
      operations: reads,
      iterations: iterations(50),
      contenders: [rawSqlite("get", reads, rows), ...adapters.map((adapter) => persist(adapter, "normal", "get", reads, rows))],
    },
    {
      id: "peek",
      title: "peek, 10,000 records, warm",
      operations: reads,
      iterations: iterations(100),
      contenders: [rawSqlite("get", reads, 10_000), ...adapters.map((adapter) => persist(adapter, "normal", "peek", reads, 10_000))],
    },
  ]
}
