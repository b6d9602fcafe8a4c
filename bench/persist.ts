/** Persist as a contender, through its public interface. */
import { join } from "node:path"
import { createStore, type Durability, type Store } from "@cuitty/persist"
import { keyOf, recordOf, scattered, type Task } from "./input.ts"
import type { Contender, Round } from "./contender.ts"

export type DiskAdapter = "file" | "sqlite"
type Work = "awaited" | "unawaited" | "batches" | "get" | "peek"

/** Opens the bench's store in a folder. */
export const openBench = (adapter: DiskAdapter, folder: string, durability: Durability): Promise<Store<Task>> =>
  createStore<Task>("bench", { adapter, durability, path: join(folder, adapter === "file" ? "stores" : "store.db") })

/** Puts the records from `from` up to `to` in one batch. */
export async function putBatch(store: Store<Task>, from: number, to: number): Promise<void> {
  await store.records.putMany(Array.from({ length: to - from }, (_, i) => ({ key: keyOf(from + i), value: recordOf(from + i) })))
}

export function persist(adapter: DiskAdapter, durability: Durability, work: Work, operations: number, rows: number = 0): Contender {
  return {
    name: `persist ${adapter}`,
    durability,
    async open(folder): Promise<Round> {
      const store = await openBench(adapter, folder, durability), { records } = store
      for (let from = 0; from < rows; from += 1000) await putBatch(store, from, Math.min(from + 1000, rows))
      const works: Record<Work, Round["chunk"]> = {
        async awaited(iteration) {
          for (let i = 0; i < operations; i++) await records.put(keyOf(iteration * operations + i), recordOf(iteration * operations + i))
        },
        async unawaited(iteration) {
          const puts: Promise<unknown>[] = []
          for (let i = 0; i < operations; i++) {
            puts.push(records.put(keyOf(iteration * operations + i), recordOf(iteration * operations + i)))
          }
          await Promise.all(puts)
        },
        async batches(iteration) {
          for (let from = 0; from < operations; from += 1000) {
            await putBatch(store, iteration * operations + from, iteration * operations + from + 1000)
          }
        },
        async get(iteration) {
          for (let i = 0; i < operations; i++) await records.get(keyOf(scattered(iteration * operations + i, rows)))
        },
        async peek(iteration) {
          for (let i = 0; i < operations; i++) {
            records.peek(keyOf(scattered(iteration * operations + i, rows)))
            await undefined // so that the loop is the baseline's
          }
        },
      }
      return { chunk: works[work], close: () => store.close() }
    },
  }
}
