/** The baseline: a key-value table of JSON text in SQLite, through `node:sqlite` (Node, Deno and Bun have it), as little as one can do. */
import { join } from "node:path"
import { keyOf, recordOf, scattered } from "./input.ts"
import type { Contender, Round } from "./contender.ts"

type Work = "awaited" | "unawaited" | "batches" | "get"

/** A table with `rows` records, WAL, synchronous NORMAL. */
export function rawSqlite(work: Work, operations: number, rows: number = 0): Contender {
  return {
    name: "raw SQLite table",
    durability: "normal",
    async open(folder): Promise<Round> {
      const { DatabaseSync } = await import("node:sqlite")
      const database = new DatabaseSync(join(folder, "raw.db"))
      database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; CREATE TABLE kv (k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID")
      const insert = database.prepare("INSERT OR REPLACE INTO kv VALUES (?, ?)"), select = database.prepare("SELECT v FROM kv WHERE k = ?")
      const inOne = (from: number, to: number): void => {
        database.exec("BEGIN")
        for (let i = from; i < to; i++) insert.run(keyOf(i), JSON.stringify(recordOf(i)))
        database.exec("COMMIT")
      }
      for (let from = 0; from < rows; from += 1000) inOne(from, Math.min(from + 1000, rows))
      const works: Record<Work, Round["chunk"]> = {
        async awaited(iteration) {
          for (let i = 0; i < operations; i++) {
            const number = iteration * operations + i
            insert.run(keyOf(number), JSON.stringify(recordOf(number)))
            await undefined // a caller of an asynchronous interface waits a turn too
          }
        },
        unawaited(iteration) {
          for (let i = 0; i < operations; i++) {
            insert.run(keyOf(iteration * operations + i), JSON.stringify(recordOf(iteration * operations + i)))
          }
        },
        batches(iteration) {
          for (let from = 0; from < operations; from += 1000) inOne(iteration * operations + from, iteration * operations + from + 1000)
        },
        async get(iteration) {
          for (let i = 0; i < operations; i++) {
            const row = select.get(keyOf(scattered(iteration * operations + i, rows)))
            JSON.parse(String(row!["v"]))
            await undefined
          }
        },
      }
      return { chunk: works[work], close: () => database.close() }
    },
  }
}
