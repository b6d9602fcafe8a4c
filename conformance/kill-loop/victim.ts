/**
 * Victim: the parent's hold on one child. It reads what the child reports and kills it.
 *
 *   started ─▶ ready ─▶ go ─▶ … reports … ─▶ kill ─▶ ended     the pipe is read to its end: what was written before the kill counts
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { RuleBroken } from "../expect.ts"
import { type Runtime, RUNTIMES } from "../processes/runtimes.ts"
import { formatOrder, parseReport, type ReportKind } from "./reports.ts"
import type { Subject } from "./subject.ts"

/** Where Node keeps compiled modules by default, once it is told to: a child then starts in a third of the time. */
const NODE_COMPILE_CACHE = join(tmpdir(), "node-compile-cache")
const SILENCE_MILLIS_MAX = 30_000
const ERROR_CHARS_MAX = 4000

export class Victim {
  /** The call that it was told to begin with, the last one it made, and the last one that was acknowledged to it. */
  first: number = 0
  called: number = 0
  acknowledged: number = 0
  /** What it found when it opened the store. */
  opened: { readonly head: number; readonly cut: number | undefined } | undefined
  readonly #process: ChildProcessWithoutNullStreams
  readonly #ended: Promise<void>
  /** How often it said each thing, and with which number the last time. */
  readonly #said = new Map<ReportKind, { count: number; last: number }>()
  #pid: number | undefined
  #rest = ""
  #errors = ""
  #isOver = false
  #onReport: () => void = () => {}

  constructor(program: string, runtime: Runtime, subject: Subject) {
    const [command, ...args] = RUNTIMES[runtime]
    this.#process = spawn(command, [...args, program, JSON.stringify(subject)], {
      env: { ...process.env, NODE_COMPILE_CACHE },
      stdio: ["pipe", "pipe", "pipe"],
    })
    this.#process.stdin.on("error", () => {}) // it was killed before it read its order: told by `ended`
    this.#process.stdout.setEncoding("utf8").on("data", (text: string) => this.#read(text))
    this.#process.stderr.setEncoding("utf8").on("data", (text: string) => this.#errors = (this.#errors + text).slice(-ERROR_CHARS_MAX))
    this.#ended = new Promise((resolve) => {
      this.#process.on("error", (error) => this.#errors += error.message)
      this.#process.on("close", () => {
        this.#isOver = true
        this.#onReport()
        resolve()
      })
    })
  }

  /** Lets it open the store and make `calls` calls from number `first` on. */
  async go(first: number, calls: number): Promise<void> {
    await this.until(() => this.has("ready"))
    this.first = first
    this.called = this.acknowledged = first - 1
    this.#process.stdin.end(formatOrder(first, calls))
  }

  has(kind: ReportKind): boolean {
    return this.#said.has(kind)
  }

  count(kind: ReportKind): number {
    return this.#said.get(kind)?.count ?? 0
  }

  /** The number that it said last with this. */
  readonly last = (kind: ReportKind): number | undefined => this.#said.get(kind)?.last

  /** How many of its calls were acknowledged. */
  get acknowledgements(): number {
    return this.acknowledged - this.first + 1
  }

  /** Resolves as soon as a report makes `isReached` true. Fails if the child ends before, or says nothing for half a minute. */
  until(isReached: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      let timer: ReturnType<typeof setTimeout> | undefined
      const end = (settle: () => void): void => {
        clearTimeout(timer)
        this.#onReport = () => {}
        settle()
      }
      this.#onReport = () => {
        clearTimeout(timer)
        timer = setTimeout(
          () => end(() => reject(this.#failure(`the child said nothing for ${SILENCE_MILLIS_MAX} ms`))),
          SILENCE_MILLIS_MAX,
        )
        if (isReached()) end(resolve)
        else if (this.#isOver) end(() => reject(this.#failure("the child ended by itself")))
      }
      this.#onReport()
    })
  }

  /** Ends it at once with SIGKILL; resolves when all that it reported was read. Fails if it had ended by itself with an error. */
  async kill(): Promise<void> {
    try {
      // What was started may be a launcher of the runtime; the child told its own number.
      if (!this.#isOver) process.kill(this.#pid ?? this.#process.pid!, "SIGKILL")
    } catch (error) {
      if (Object(error).code !== "ESRCH") throw error
    }
    await this.#ended
    if (this.#errors !== "" && !this.has("closed")) throw this.#failure("the child failed")
  }

  /** Lets a child go that was given no order: it ends by itself. */
  async dismiss(): Promise<void> {
    this.#process.stdin.end()
    await this.#ended
  }

  #failure(what: string): RuleBroken {
    return new RuleBroken(`${what}${this.#errors === "" ? "" : `\n${this.#errors.trimEnd()}`}`)
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split("\n")
    this.#rest = lines.pop()! // a line that has no end was not said
    for (const line of lines) this.#take(line)
    this.#onReport()
  }

  #take(line: string): void {
    const { kind, numbers: [number = 0, other = 0] } = parseReport(line)
    this.#said.set(kind, { count: this.count(kind) + 1, last: number })
    if (kind === "ready") this.#pid = number
    if (kind === "opened") this.opened = { head: number, cut: other === 0 ? undefined : other }
    if (kind === "called") this.called = number
    // Calls that share a frame may resolve in any order; what is stored is a prefix, so the last one vouches for all.
    if (kind === "stored") this.acknowledged = Math.max(this.acknowledged, number)
  }
}
