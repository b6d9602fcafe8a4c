/**
 * Figures of whole processes: how long a log takes to replay, what it needs of memory and of disk.
 *
 *   node bench/lifecycle.ts fill <adapter> <folder> <records>      writes batches of 1,000 and closes
 *   node bench/lifecycle.ts open <adapter> <folder>                opens in a fresh process; prints one line of JSON
 */
import { readdirSync, statSync } from "node:fs"
import { join } from "node:path"
import { encodeValue } from "../kernel/format/msgpack.ts"
import { ByteWriter } from "../kernel/format/bytes.ts"
import { keyOf, recordOf } from "./input.ts"
import { type DiskAdapter, openBench, putBatch } from "./persist.ts"

export interface OpenFigures {
  readonly records: number
  readonly millis: number
  /** Memory that the process needed more than before, garbage collected where that can be asked for. */
  readonly processBytes: number | undefined
  /** What the store says its records take: keys, values and index. */
  readonly memoryBytes: number
  readonly diskBytes: number
  /** Encoded bytes of one value, on average. */
  readonly valueBytes: number
}

/** Bytes of all files under a folder. */
export function bytesUnder(folder: string): number {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .reduce((sum, entry) => sum + (entry.isFile() ? statSync(join(entry.parentPath, entry.name)).size : 0), 0)
}

async function fill(adapter: DiskAdapter, folder: string, records: number): Promise<void> {
  const store = await openBench(adapter, folder, "normal")
  for (let from = 0; from < records; from += 1000) await putBatch(store, from, Math.min(from + 1000, records))
  await store.close()
}

async function open(adapter: DiskAdapter, folder: string): Promise<OpenFigures> {
  const before = heldBytes()
  const start = performance.now()
  const store = await openBench(adapter, folder, "normal")
  await store.records.get(keyOf(0))
  const millis = performance.now() - start
  const after = heldBytes()
  const { records, memoryBytes } = store.status()
  const out = new ByteWriter(), sampled = Math.min(records, 10_000)
  for (let i = 0; i < sampled; i++) encodeValue(recordOf(scaled(i, sampled, records)), out, "")
  const processBytes = before === undefined || after === undefined ? undefined : after - before
  const figures = { records, millis, processBytes, memoryBytes, diskBytes: bytesUnder(folder), valueBytes: out.length / sampled }
  await store.close()
  return figures
}

const scaled = (i: number, of: number, to: number): number => Math.floor((i * to) / of)

/** Heap and buffers in use after a collection; undefined where a collection cannot be asked for. */
function heldBytes(): number | undefined {
  const { gc }: { gc?: (() => void) | undefined } = globalThis
  if (gc === undefined) return undefined
  gc()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

if (import.meta.main) {
  const [, , command, adapter, folder, records] = process.argv
  if ((adapter !== "file" && adapter !== "sqlite") || folder === undefined) {
    throw new Error("usage: lifecycle.ts fill|open file|sqlite <folder> [records]")
  }
  if (command === "fill") await fill(adapter, folder, Number(records))
  else console.log(JSON.stringify(await open(adapter, folder)))
}
