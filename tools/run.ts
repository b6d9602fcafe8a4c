/**
 * Child processes of the tools: run to the end with their output caught, and never outlive it.
 *
 * Each child leads a process group of its own, because what is started is often a launcher (deno's is) or starts others (a kill loop):
 * ending only the child would leave the rest running, and holding the pipes.
 */
import { spawn } from "node:child_process"
import { accessSync, constants } from "node:fs"
import { constants as system } from "node:os"
import { delimiter, join } from "node:path"
import process from "node:process"
import { ROOT } from "./repository.ts"

/** How a child process ended. */
export interface Finished {
  /** -1 if it was ended by a signal or could not be started. */
  readonly code: number
  /** Standard output and standard error, in order of arrival. */
  readonly output: string
  readonly seconds: number
  /** Whether it was ended because it took longer than allowed. */
  readonly isTimedOut: boolean
}

export interface RunOptions {
  readonly cwd?: string
  /** Ends the child, and all that it started, with SIGKILL after this long. */
  readonly timeoutMillis?: number
}

/** Environment in which programs of `node_modules/.bin` come first, as in an npm script; a test that runs a tool does not show through. */
export const toolEnvironment = (): NodeJS.ProcessEnv => ({
  ...process.env,
  PATH: `${join(ROOT, "node_modules/.bin")}${delimiter}${process.env["PATH"] ?? ""}`,
  NO_COLOR: "1",
  NODE_TEST_CONTEXT: undefined,
})

/** Process groups that run now, by the id of their leader. */
const groups = new Set<number>()

const endGroup = (leader: number): void => {
  try {
    process.kill(-leader, "SIGKILL")
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error // ESRCH: all of it has ended by itself
  }
}

/** Groups of their own do not hear a Ctrl-C at the terminal, so it is passed on. */
const endWithChildren = (signal: NodeJS.Signals): void => {
  for (const leader of groups) endGroup(leader)
  process.exit(128 + system.signals[signal])
}
const ENDING = ["SIGINT", "SIGTERM", "SIGHUP"] as const

/** Runs a program to its end. Never rejects: a program that cannot be started has code -1 and says why in its output. */
export const run = (command: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> => {
  const started = performance.now()
  return new Promise((resolve) => {
    let output = ""
    let isTimedOut = false
    const child = spawn(command, args, {
      cwd: options.cwd ?? ROOT,
      env: toolEnvironment(),
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    })
    const { pid } = child
    if (pid !== undefined) {
      if (groups.size === 0) { for (const signal of ENDING) process.on(signal, endWithChildren) }
      groups.add(pid)
    }
    const timer = options.timeoutMillis === undefined || pid === undefined ? undefined : setTimeout(() => {
      isTimedOut = true
      output += `\nended after ${options.timeoutMillis} ms: ${command} ${args.join(" ")}\n`
      endGroup(pid)
    }, options.timeoutMillis)
    const finish = (code: number): void => {
      clearTimeout(timer)
      if (pid !== undefined && groups.delete(pid) && groups.size === 0) {
        for (const signal of ENDING) process.off(signal, endWithChildren)
      }
      resolve({ code, output, seconds: (performance.now() - started) / 1000, isTimedOut })
    }
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => output += text)
    child.once("error", (error) => {
      output += `${error.message}\n`
      finish(-1)
    })
    child.once("close", (code) => finish(code ?? -1))
  })
}

/** Path of the Node that the machine has by itself: the first on PATH that did not come with a package. */
export const systemNode = (): string | undefined => {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    if (folder === "" || folder.includes("node_modules")) continue
    const path = join(folder, "node")
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      continue
    }
  }
  return undefined
}
