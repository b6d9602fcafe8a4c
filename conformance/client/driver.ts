/**
 * Driver: the suite's hold on one client: what it is asked, what it answers, and how it ends.
 *
 *   startCommand("python3 my_client.py") ──▶ ClientLink   a process of its own: ask() · kill() · end()
 *
 * A seam: what is in this process and answers the same commands is a client as well (the doubles are).
 */
import type { ChildProcessWithoutNullStreams } from "node:child_process"
import process from "node:process"
import type { ClientAnswers, ClientCommands, CommandName } from "./contract.ts"

/** A client that runs. */
export interface ClientLink {
  /** Resolves to its answer. Rejects with {@link CommandFailed} if that is an error, else if there is none, or none that can be read. */
  ask<Name extends CommandName>(command: Name, fields: ClientCommands[Name], deadlineMillis: number): Promise<ClientAnswers[Name]>
  /** Ends it at once, as the system does with a process. Resolves when nothing of it runs. */
  kill(): Promise<void>
  /** Lets it end by itself; what does not is killed. Rejects if it did not within the deadline. */
  end(): Promise<void>
  /** What it said to people last. */
  readonly errors: string
}

/** Starts a client. */
export type StartClient = () => Promise<ClientLink>

/** A command that the client answered with an error. */
export class CommandFailed extends Error {
  readonly code: string

  constructor(command: string, code: string, message: string) {
    super(`"${command}" failed with ${code}: ${message}`)
    this.code = code
  }

  override get name(): string {
    return "CommandFailed"
  }
}

const ERROR_CHARS_MAX = 4000
/** How long a program may take to end when its standard input has. */
const END_MILLIS_MAX = 5000

interface Waiting {
  readonly id: number
  readonly command: string
  readonly resolve: (answer: never) => void
  readonly reject: (error: Error) => void
}

/** Starts a program by a command line of the shell, in a process group of its own. */
export const startCommand = async (command: string): Promise<ClientLink> => {
  const { spawn } = await import("node:child_process") // runtimes without processes have the other suites
  const child = spawn("sh", ["-c", command], { detached: true, stdio: ["pipe", "pipe", "pipe"] })
  return new ProcessLink(child)
}

class ProcessLink implements ClientLink {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #closed: Promise<void>
  #errors = ""
  #end: string | undefined
  #rest = ""
  #lastId = 0
  /** Who waits for an answer; one at a time. */
  #waiting: Waiting | undefined

  constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child
    child.stdin.on("error", () => {}) // it ended before it read: told below
    child.stderr.setEncoding("utf8").on("data", (text: string) => this.#errors = (this.#errors + text).slice(-ERROR_CHARS_MAX))
    child.stdout.setEncoding("utf8").on("data", (text: string) => this.#hear(text))
    this.#closed = new Promise((resolve) => {
      child.on("error", (error) => this.#errors += error.message)
      child.on("close", (code, signal) => {
        this.#end = signal ?? `exit code ${code}`
        this.#fail(`the client ended with ${this.#end}`)
        resolve()
      })
    })
  }

  get errors(): string {
    return this.#errors
  }

  async ask<Name extends CommandName>(command: Name, fields: ClientCommands[Name], deadlineMillis: number): Promise<ClientAnswers[Name]> {
    if (this.#waiting !== undefined) throw new Error(`"${command}" was asked while "${this.#waiting.command}" waits for its answer`)
    if (this.#end !== undefined) throw new Error(`the client ended with ${this.#end}, before "${command}"`)
    const id = this.#lastId += 1
    let timer: ReturnType<typeof setTimeout> | undefined
    try {
      return await new Promise<ClientAnswers[Name]>((resolve, reject) => {
        this.#waiting = { id, command, resolve: resolve as (answer: never) => void, reject }
        timer = setTimeout(() => this.#fail(`no answer came to "${command}" within ${deadlineMillis} ms`), deadlineMillis)
        this.#child.stdin.write(`${JSON.stringify({ id, command, ...fields })}\n`)
      })
    } finally {
      clearTimeout(timer)
    }
  }

  #hear(text: string): void {
    const lines = (this.#rest + text).split("\n")
    this.#rest = lines.pop() ?? ""
    for (const line of lines) if (line.trim() !== "") this.#take(line)
  }

  #take(line: string): void {
    let answer: { readonly id?: unknown; readonly error?: unknown }
    try {
      answer = Object(JSON.parse(line))
    } catch {
      return this.#fail(`the client wrote what is no JSON: ${line.slice(0, 200)}`)
    }
    const waiting = this.#waiting
    if (waiting === undefined) {
      this.#errors += `an answer to no command: ${line}\n`
      return
    }
    if (answer.id !== waiting.id) return this.#fail(`an answer to command ${String(answer.id)} came, "${waiting.command}" is ${waiting.id}`)
    this.#waiting = undefined
    const { error } = answer
    // A `sync` that failed says so with a code; what has a message is a command that failed.
    if (typeof error === "object" && error !== null) {
      const { code, message } = error as { readonly code?: unknown; readonly message?: unknown }
      waiting.reject(new CommandFailed(waiting.command, String(code), String(message)))
    } else waiting.resolve(answer as never)
  }

  #fail(reason: string): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    const told = this.#errors.trim() === "" ? "" : `; it told: ${this.#errors.trim()}`
    waiting?.reject(new Error(`${reason}${told}`))
  }

  async kill(): Promise<void> {
    const { pid } = this.#child
    try {
      // The group: a shell may stand between.
      if (pid !== undefined && this.#end === undefined) process.kill(-pid, "SIGKILL")
    } catch (error) {
      if (Object(error).code !== "ESRCH") throw error
    }
    await this.#closed
  }

  async end(): Promise<void> {
    if (this.#end !== undefined) return
    this.#child.stdin.end()
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<"late">((resolve) => timer = setTimeout(() => resolve("late"), END_MILLIS_MAX))
    const how = await Promise.race([this.#closed, late]).finally(() => clearTimeout(timer))
    if (how !== "late") return
    await this.kill()
    throw new Error(`the client did not end within ${END_MILLIS_MAX} ms after its standard input had`)
  }
}
