/** Child processes of the tools: run to the end, with their output caught or passed on. */
import { spawn } from "node:child_process"
import { accessSync, constants } from "node:fs"
import { delimiter, join } from "node:path"
import process from "node:process"
import { ROOT } from "./repository.ts"

/** How a child process ended; `code` is -1 if it was ended by a signal or could not be started. */
export interface Finished {
  readonly code: number
  /** Standard output and standard error, in order of arrival; empty if they were passed on. */
  readonly output: string
  readonly seconds: number
}

export interface RunOptions {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  /** Pass output on to this process's instead of catching it. */
  readonly inherit?: boolean
  /** Ends the child with SIGKILL after this long. */
  readonly timeoutMillis?: number
  readonly onOutput?: (text: string) => void
}

/** Environment in which programs of `node_modules/.bin` come first, as in an npm script. */
export const toolEnvironment = (): NodeJS.ProcessEnv => ({
  ...process.env,
  PATH: `${join(ROOT, "node_modules/.bin")}${delimiter}${process.env["PATH"] ?? ""}`,
  NO_COLOR: "1",
})

/** Runs a program to its end. Never rejects: a program that cannot be started has code -1 and says why in its output. */
export const run = (command: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> => {
  const started = performance.now()
  return new Promise((resolve) => {
    let output = ""
    const child = spawn(command, args, {
      cwd: options.cwd ?? ROOT,
      env: options.env ?? toolEnvironment(),
      stdio: options.inherit === true ? "inherit" : ["ignore", "pipe", "pipe"],
    })
    const timer = options.timeoutMillis === undefined ? undefined : setTimeout(() => {
      output += `\nended after ${options.timeoutMillis} ms: ${command} ${args.join(" ")}\n`
      child.kill("SIGKILL")
    }, options.timeoutMillis)
    const finish = (code: number): void => {
      clearTimeout(timer)
      resolve({ code, output, seconds: (performance.now() - started) / 1000 })
    }
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        output += text
        options.onOutput?.(text)
      })
    }
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
