/**
 * Child: a parent's hold on one process that it started: what that tells, line by line, and how it ends.
 *
 *   started ── lines of JSON ──▶ take()          its standard input stays open: when that ends, so does the process
 *      └─ kill() or its own end ─▶ ended
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { createInterface } from "node:readline"

const ERROR_CHARS_MAX = 4000

/** What a process gets beside its order. */
export interface ChildSettings {
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>> | undefined
  /** The user that it runs as, by number; only root may say so. */
  readonly user?: number | undefined
}

export class Child<Message extends { readonly what: string }> {
  readonly name: string
  readonly ended: Promise<void>
  isKilled: boolean = false
  readonly #process: ChildProcessWithoutNullStreams
  #pid: number | undefined
  #errors = ""
  #end: string | undefined

  /** Starts `program` by `command` with `order` as its argument; `take` is called with each message. `name` is for people. */
  constructor(
    name: string,
    command: readonly string[],
    program: string,
    order: unknown,
    take: (message: Message) => void,
    { env, user }: ChildSettings = {},
  ) {
    this.name = name
    const [runtime = "node", ...args] = command
    this.#process = spawn(runtime, [...args, program, JSON.stringify(order)], {
      env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "node-compile-cache"), ...env },
      ...(user === undefined ? {} : { uid: user, gid: user }),
      stdio: ["pipe", "pipe", "pipe"],
    })
    this.#process.stdin.on("error", () => {}) // it ended before it read: told by `ended`
    this.#process.stderr.setEncoding("utf8").on("data", (text: string) => this.#errors = (this.#errors + text).slice(-ERROR_CHARS_MAX))
    createInterface({ input: this.#process.stdout }).on("line", (line) => {
      let message: Message
      try {
        message = JSON.parse(line)
      } catch {
        this.#errors += `${line}\n` // what a runtime prints, or a line that a kill cut off
        return
      }
      if ("pid" in message && typeof message.pid === "number") this.#pid = message.pid // what was started may be a launcher
      take(message)
    })
    this.ended = new Promise((resolve) => {
      this.#process.on("error", (error) => this.#errors += error.message)
      this.#process.on("close", (code, signal) => {
        this.#end = `${signal ?? `exit code ${code}`}`
        resolve()
      })
    })
  }

  get isRunning(): boolean {
    return this.#end === undefined
  }

  /** How it ended, for people; undefined while it runs. */
  get end(): string | undefined {
    return this.#end === undefined ? undefined : `${this.#end}${this.#errors === "" ? "" : `\n${this.#errors.trimEnd()}`}`
  }

  /** Stops it, until it is told to go on. */
  stop(): void {
    process.kill(this.#pid ?? this.#process.pid!, "SIGSTOP")
  }

  /** Lets it go on. */
  goOn(): void {
    process.kill(this.#pid ?? this.#process.pid!, "SIGCONT")
  }

  /** Gives it a line. */
  tell(line: string): void {
    this.#process.stdin.write(`${line}\n`)
  }

  /** Throws if it has ended in another way than it should have. */
  check(): void {
    if (this.isKilled || this.#end === undefined || this.#end === "exit code 0") return
    throw new Error(`${this.name} ended with ${this.#end}\n${this.#errors.trimEnd()}`)
  }

  /** Ends it at once; resolves when all that it told was read. */
  async kill(): Promise<void> {
    this.isKilled = true
    try {
      if (this.isRunning) process.kill(this.#pid ?? this.#process.pid!, "SIGKILL")
    } catch (error) {
      if (Object(error).code !== "ESRCH") throw error
    }
    await this.ended
  }

  /** Lets it end by itself; resolves when it has. */
  async dismiss(): Promise<void> {
    this.#process.stdin.end()
    await this.ended
  }
}

/** For the child: tells the parent. Ends this process when the parent is gone; `onLine` hears what it says. */
export function toParent<Message>(onLine: (line: string) => void = () => {}): (message: Message) => void {
  const lines = createInterface({ input: process.stdin })
  lines.on("line", onLine)
  lines.on("close", () => process.exit(0))
  return (message) => void process.stdout.write(`${JSON.stringify(message)}\n`)
}
