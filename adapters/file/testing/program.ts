/** Test files that are also programs: run in a process of its own, under limits of the operating system, reporting on one line. */
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { PersistError } from "../../../kernel/errors.ts"

/** What a program prints: the error that it met, if it did, and how many records it got through. */
export interface Report {
  readonly code?: string
  readonly message?: string
  readonly hint?: string
  readonly storedNothing?: boolean
  readonly records: number
}

/** Runs until it is done, or until an error of ours. */
export const reportOf = async (run: (count: () => void) => Promise<void>): Promise<Report> => {
  let records = 0
  try {
    await run(() => records++)
    return { records }
  } catch (cause) {
    if (!(cause instanceof PersistError)) throw cause
    const { code, message, hint, storedNothing } = cause
    return { code, message, ...(hint === undefined ? {} : { hint }), storedNothing, records }
  }
}

export interface ProgramOptions {
  /** Its working folder, and home. */
  readonly folder: string
  /** What the shell does before it becomes the program. */
  readonly limit?: string
  /** Runs as a user who owns nothing, if this process is root's. */
  readonly isStranger?: boolean
}

/** Runs the module at `url` with arguments; undefined if it cannot run so, or prints no report. */
export const runProgram = (url: string, args: readonly string[], options: ProgramOptions): Report | undefined => {
  const { folder, limit = "", isStranger = false } = options
  const runtimeArgs = "Deno" in globalThis ? ["run", "-A", "--no-check"] : []
  const command = [process.execPath, ...runtimeArgs, fileURLToPath(url), ...args]
  // The runtimes' own caches belong to another user.
  const env = {
    ...process.env,
    HOME: folder,
    DENO_DIR: join(folder, "cache"),
    BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0",
    NODE_TEST_CONTEXT: "",
  }
  const user = isStranger && process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
  const { stdout, status } = spawnSync("sh", ["-c", `${limit}\nexec "$@"`, "sh", ...command], {
    env,
    ...user,
    encoding: "utf8",
    cwd: folder,
  })
  const line = stdout?.split("\n").find((one) => one.startsWith("{"))
  return status === 0 && line !== undefined ? JSON.parse(line) : undefined
}
