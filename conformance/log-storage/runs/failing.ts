/**
 * Calls to the operating system that fail beneath another process, and whether what it says of it is true.
 *
 *   refused, "nothing was stored"   the head is as before, at once and when the store is opened again
 *   refused, nothing is said        the outcome is unknown until the position is read back: stored once, or not
 *   a flush that failed             final: neither an append nor a flush succeeds on this handle
 *   tried again                     goes through, if the call fails only once
 */
import { areSameBytes, ensure, equal, fail } from "../../expect.ts"
import { formatReply, type OtherProcess } from "../../processes/other-process.ts"
import type { Fault, TraceSet } from "../../processes/trace.ts"
import type { LogStorageTrial } from "../trial.ts"
import { Ledger } from "./ledger.ts"
import { runAtSteps, type StepRun } from "./steps.ts"
import { type Action, perform } from "./work.ts"

const TRIES_MAX = 4

export interface FailingWork {
  /** In a process of its own, without a fault. */
  readonly prepare?: readonly Action[] | undefined
  /** In the same process, without a fault. */
  readonly before?: readonly Action[] | undefined
  readonly work: readonly Action[]
  readonly set: TraceSet
  readonly faults: readonly Fault[]
  readonly isWanted?: ((text: string) => boolean) | undefined
  readonly runsMax: number
  /** Default: the first one that is claimed. */
  readonly durability?: Ledger["durability"] | undefined
  /** Names of errors that would be false. */
  readonly wrongErrors?: readonly string[] | undefined
  /** Whether what fails again and again may go through in a new process only. Default false. */
  readonly mayNeedProcess?: boolean | undefined
  /** Looks at what the calls behind the fault have answered. */
  readonly check?: ((what: string, told: readonly string[]) => void) | undefined
}

/** One process on its way through the work, of which a call to the system fails. */
class Worker {
  readonly ledger: Ledger
  /** Names of errors that it was told, in order. */
  readonly told: string[] = []
  readonly #what: string
  readonly #process: OtherProcess
  readonly #wrongErrors: readonly string[]
  readonly #onOtherBytes: (text: string) => void
  #isOpen = false

  constructor({ what, process }: StepRun, ledger: Ledger, wrongErrors: readonly string[], onOtherBytes: (text: string) => void) {
    this.ledger = ledger
    this.#what = what
    this.#process = process
    this.#wrongErrors = wrongErrors
    this.#onOtherBytes = onOtherBytes
  }

  /** Does it, again if it fails; answers whether it was done in the end. Fails at an answer that is not true. */
  async do(action: Action): Promise<boolean> {
    const target = this.ledger.acknowledged + 1
    for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
      if (action.do !== "open" && action.do !== "destroy" && !this.#isOpen && !await this.#open()) continue
      if (action.do === "append" && this.ledger.acknowledged >= target) return true // found to be stored
      const reply = await perform(this.#process, this.ledger, action)
      if (reply.kind === "value") {
        if (action.do === "open") this.#noteOpened(reply.value as { readonly head: number })
        if (action.do === "close") this.#isOpen = false
        if (action.do === "read") this.#checkRead(reply.value as readonly string[])
        return true
      }
      this.#note(action.do, reply)
      if (action.do === "close") this.#isOpen = false
      if (action.do === "append") await this.#examineAppend(reply)
      if (isFlushFailed(reply)) await this.#examineFlush()
      else if (tries > 1 && this.#isOpen) await this.#close()
    }
    return false
  }

  async #open(): Promise<boolean> {
    const reply = await this.ledger.open(this.#process)
    if (reply.kind === "value") {
      this.#noteOpened(reply.value)
      return true
    }
    this.#note("open", reply)
    return false
  }

  #noteOpened({ head }: { readonly head: number }): void {
    this.#isOpen = true
    this.ledger.find(head, `${this.#what}: opened`)
  }

  async #close(): Promise<void> {
    this.#isOpen = false
    const reply = await this.#process.ask("close", {})
    if (reply.kind !== "value") this.#note("close", reply)
  }

  #note(call: string, reply: Refused): void {
    if (reply.kind === "ended") return fail(`${this.#what}: ${call}: ${formatReply(reply)}`)
    this.told.push(reply.error.name)
    if (this.#wrongErrors.includes(reply.error.name)) fail(`${this.#what}: ${call}: it failed with ${formatReply(reply)}, which is not so`)
  }

  async #examineAppend(reply: Refused): Promise<void> {
    const head = await this.#process.ask("head", {})
    const { acknowledged } = this.ledger
    if (reply.kind === "error" && reply.error.storedNothing && !isFlushFailed(reply)) {
      if (head.kind === "value") {
        equal(head.value, acknowledged, `${this.#what}: head() after ${reply.error.name}, which has stored nothing`)
      }
      this.ledger.retract()
      return
    }
    if (head.kind === "value" && !isFlushFailed(reply)) this.ledger.find(head.value, `${this.#what}: head() after a failed append`)
    else await this.#close()
  }

  /** The handle takes nothing any more: what it would say of the device proves nothing. */
  async #examineFlush(): Promise<void> {
    if (!this.#isOpen) return
    const { acknowledged, attempted } = this.ledger
    const head = await this.#process.ask("head", {})
    const position = head.kind === "value" ? head.value + 1 : Math.max(acknowledged, attempted) + 1
    this.ledger.note({ position })
    const again = await this.#process.ask("append", { position })
    ensure(again.kind === "error", `${this.#what}: an append succeeds on a handle whose flush has failed`)
    const flush = await this.#process.ask("flush", {})
    ensure(flush.kind === "error", `${this.#what}: a flush succeeds after one that has failed`)
    await this.#close()
  }

  #checkRead(found: readonly string[]): void {
    const { acknowledged } = this.ledger
    ensure(found.length === acknowledged, `${this.#what}: read() answers ${found.length} frames, ${acknowledged} were acknowledged`)
    for (const [index, text] of found.entries()) {
      const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))
      const expected = this.ledger.frameAt(index + 1)
      if (!areSameBytes(bytes, expected)) this.#onOtherBytes(`${this.#what}: read() answers other bytes at ${index + 1}`)
    }
  }
}

type Refused = Exclude<Awaited<ReturnType<typeof perform>>, { readonly kind: "value" }>

const isFlushFailed = (reply: Refused): boolean => reply.kind === "error" && reply.error.name === "FlushFailed"

/** Does the work once for each call that is to fail, and looks at what is left when nothing fails any more. */
export const failAtEach = async (trial: LogStorageTrial, options: FailingWork): Promise<void> => {
  const { prepare, before = [], work, set, faults, isWanted, runsMax, wrongErrors = [], check } = options
  const ledgers = new Map<LogStorageTrial, Ledger>(), workers = new Map<LogStorageTrial, Worker>()
  // Where an adapter checks no frames, the kernel does: then bytes that are answered in spite of an error reach nobody.
  let isTold = false
  const onOtherBytes = (text: string): void => {
    if (trial.lacks("checked") === undefined) fail(text)
    if (!isTold) trial.warn(`${text}; the checksum of the kernel's frames finds it`)
    isTold = true
  }
  const hits = await runAtSteps(trial, {
    set,
    faults,
    isWanted,
    runsMax,
    async prepare(other) {
      const ledger = new Ledger("notes", options.durability ?? other.capabilities.levels[0] ?? "normal")
      ledgers.set(other, ledger)
      if (prepare === undefined) return
      const process = await other.startProcess()
      for (const action of prepare) {
        const reply = await perform(process, ledger, action)
        if (reply.kind !== "value") fail(`${action.do} without a fault: ${formatReply(reply)}`)
      }
      await process.dismiss()
    },
    async work(run, begin) {
      const worker = new Worker(run, ledgers.get(run.trial)!, wrongErrors, onOtherBytes)
      workers.set(run.trial, worker)
      for (const action of before) if (!await worker.do(action)) fail(`${run.what}: ${action.do} before the fault: ${worker.told}`)
      await begin()
      for (const action of work) {
        if (await worker.do(action)) continue
        // It fails for good, and so may all that follows.
        if (run.fault?.kind === "error" && run.fault.isLasting || options.mayNeedProcess === true) break
        fail(`${run.what}: ${action.do} fails again and again: ${worker.told.join(", ")}`)
      }
    },
    async judge({ trial: other, what }, hasFallen) {
      await ledgers.get(other)!.judge(other, what)
      if (hasFallen) check?.(what, workers.get(other)?.told ?? [])
      ledgers.delete(other)
      workers.delete(other)
    },
  })
  ensure(hits > 0, "no fault has fallen on a call about the place")
}
