/**
 * Contestant: the parent's hold on one process of the race: what it has told so far, and the signals that it is sent.
 *
 *   started ─▶ ready ─▶ go ─▶ open, increments … ─▶ done ─▶ heard ─▶ ended
 *                               │ stop ⇄ go on            kill: at any time
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { ensure, fail } from "../expect.ts"
import { type Runtime, RUNTIMES } from "../processes/runtimes.ts"
import type { Entry } from "../processes/journal.ts"
import type { RacerOrder } from "./racer.ts"

const ERROR_CHARS_MAX = 4000

export class Contestant {
  readonly number: number
  readonly share: number
  /** Increments that it was told are stored. */
  made: number = 0
  /** Calls that somebody faster has refused, and those that failed as busy or without an answer. */
  refused: number = 0
  failed: number = 0
  reads: number = 0
  opens: number = 0
  /** How often it could not open the store, since another process had it open. */
  locked: number = 0
  /** The head that it found when it opened the store last. */
  openedHead: number = 0
  isReady: boolean = false
  isOpen: boolean = false
  isDone: boolean = false
  isKilled: boolean = false
  stoppedMillis: number = 0
  heard: (Entry & { readonly what: "heard" }) | undefined
  /** How long its increments took. */
  readonly micros: number[] = []
  readonly ended: Promise<void>
  readonly #process: ChildProcessWithoutNullStreams
  #pid: number | undefined
  #errors = ""
  #end: string | undefined

  constructor(program: string, runtime: Runtime, order: RacerOrder) {
    this.number = order.process
    this.share = order.increments
    const [command, ...args] = RUNTIMES[runtime]
    this.#process = spawn(command, [...args, program, JSON.stringify(order)], {
      env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "node-compile-cache") },
      stdio: ["pipe", "pipe", "pipe"],
    })
    this.#process.stdin.on("error", () => {}) // it ended before it read: told by `ended`
    for (const output of [this.#process.stdout, this.#process.stderr]) {
      output.setEncoding("utf8").on("data", (text: string) => this.#errors = (this.#errors + text).slice(-ERROR_CHARS_MAX))
    }
    this.ended = new Promise((resolve) => {
      this.#process.on("error", (error) => this.#errors += error.message)
      this.#process.on("close", (code, signal) => {
        this.#end = `${signal ?? `exit code ${code}`}`
        resolve()
      })
    })
  }

  go(): void {
    this.#process.stdin.write("go\n")
  }

  /** Takes in what it told. */
  take(entry: Entry): void {
    switch (entry.what) {
      case "ready":
        this.isReady = true
        this.#pid = entry.pid // what was started may be a launcher of the runtime
        break
      case "opened":
        this.opens++
        this.openedHead = entry.head
        this.isOpen = true
        break
      case "locked":
        this.locked++
        break
      case "closing":
        this.isOpen = false
        break
      case "wrote":
        this.made++
        this.micros.push(entry.micros)
        break
      case "refused":
        this.refused++
        break
      case "saw":
        this.reads++
        break
      case "failed":
      case "unknown":
        this.failed++
        break
      case "done":
        this.isDone = true
        break
      case "heard":
        this.heard = entry
    }
  }

  get isRunning(): boolean {
    return this.#end === undefined
  }

  /** Fails if it has ended in another way than it should have. */
  check(): void {
    if (this.isKilled || this.#end === undefined || this.#end === "exit code 0") return
    fail(`process ${this.number} ended with ${this.#end}\n${this.#errors.trimEnd()}`)
  }

  stop(): void {
    this.#signal("SIGSTOP")
  }

  goOn(): void {
    this.#signal("SIGCONT")
  }

  kill(): void {
    this.isKilled = true
    this.#signal("SIGKILL")
  }

  /** Kills it if it still runs, however the race ended. */
  async end(): Promise<void> {
    if (this.isRunning) this.kill()
    await this.ended
  }

  #signal(signal: NodeJS.Signals): void {
    try {
      process.kill(this.#pid ?? this.#process.pid!, signal)
    } catch (error) {
      ensure(Object(error).code === "ESRCH" && signal !== "SIGSTOP", `process ${this.number} could not be sent ${signal}: ${error}`)
    }
  }
}
