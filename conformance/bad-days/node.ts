/** How the processes of bad days are started: those days are the same on every runtime, so that Node alone is enough. */
import process from "node:process"

/** The Node that runs the test. */
export const NODE: readonly string[] = [process.execPath]
