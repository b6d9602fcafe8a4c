/** Gives pages that were freed back to the file system, in a database of ours. */
import { setImmediate as nextTurn } from "node:timers/promises"
import type { Connection } from "./connection.ts"

/** Pages that one step moves: others wait for it. */
const STEP_PAGES = 512

/** Shrinks the database a step at a time; stops when `isOver` says so, or when others want to write, or when there is no room to do it. */
export const vacuum = async (connection: Connection, isOver: () => boolean = () => false): Promise<void> => {
  try {
    for (let pages = freePages(connection), left = 0; pages > 0 && !isOver(); pages = left) {
      connection.setPragma(`incremental_vacuum(${STEP_PAGES})`)
      left = freePages(connection)
      // A file that was made without incremental vacuum keeps its pages for later frames.
      if (left === pages) return
      await nextTurn()
    }
  } catch (cause) {
    const meaning = connection.meaningOf(cause)
    if (meaning !== "busy" && meaning !== "full") throw connection.errorOf(cause, "shrink")
  }
}

const freePages = (connection: Connection): number => Number(connection.pragma("freelist_count"))
