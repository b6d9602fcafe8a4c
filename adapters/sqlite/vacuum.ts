/** Gives pages that were freed back to the file system, in a database of ours. */
import { setImmediate as nextTurn } from "node:timers/promises"
import type { Awaitable } from "../../kernel/ports/log-storage.ts"
import type { Connection } from "./connection.ts"

/** Pages that one step moves: others wait for it. */
const STEP_PAGES = 512

/** Shrinks the database a step at a time; stops when `isOver` says so, or when others want to write, or when there is no room to do it. */
export const vacuum = (connection: Connection, isOver: () => boolean = () => false): Promise<void> =>
  unlessBusy(connection, async () => {
    // Works row by row, so it must be read to its end, which Deno's `exec` does not do.
    const step = connection.prepare(`PRAGMA incremental_vacuum(${STEP_PAGES})`)
    for (let pages = freePages(connection), left = 0; pages > 0 && !isOver(); pages = left) {
      step.all()
      left = freePages(connection)
      // A file that was made without incremental vacuum keeps its pages for later frames.
      if (left === pages) return
      await nextTurn()
    }
  })

/** Writes a database without stores anew: dropped rows leave their bytes in pages that are still in use, `secure_delete` or not. */
export const vacuumEmpty = (connection: Connection): Promise<void> => unlessBusy(connection, () => connection.execute("VACUUM"))

const unlessBusy = async (connection: Connection, run: () => Awaitable<void>): Promise<void> => {
  try {
    await run()
  } catch (cause) {
    const meaning = connection.meaningOf(cause)
    if (meaning !== "busy" && meaning !== "full") throw connection.errorOf(cause, "shrink")
  }
}

const freePages = (connection: Connection): number => Number(connection.pragma("freelist_count"))
