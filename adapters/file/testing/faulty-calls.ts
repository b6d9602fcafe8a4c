/**
 * File system calls that fail, stop half-way or "kill the process" where a test says so. Every call is counted and goes to the real
 * file system until then.
 *
 *   fail    this call throws the errno; later calls work again, or with `sticky` all of the same name fail
 *   half    a write puts half of its bytes down, then as `fail` (ENOSPC, as a full disk does)
 *   kill    this call does not happen, and no later one does either: what is on disk is what a killed process leaves
 *   cut     as `kill`, but a write still puts half of its bytes down
 */
import { type FileCalls, fileCalls } from "../../system/file-calls.ts"

export interface Fault {
  /** Number of the call, from 1 on. */
  readonly at: number
  readonly kind: "fail" | "half" | "kill" | "cut"
  readonly code?: string
  readonly sticky?: boolean
  /** Counts calls of this name only. */
  readonly name?: keyof FileCalls
}

/** What a call of a killed process throws here. */
export class Killed extends Error {}

/** Whether an error comes from a process that was killed here. */
export const isKilled = (cause: unknown): boolean =>
  cause instanceof Killed || (cause instanceof Error && cause.cause !== undefined && isKilled(cause.cause))

export const errnoError = (code: string): Error => Object.assign(new Error(`${code}: injected`), { code })

type AnyCall = (...args: unknown[]) => unknown

export class FaultyCalls {
  readonly calls: FileCalls
  /** Calls so far, those of the fault's name if it has one. */
  count = 0
  isDead = false
  #fault: Fault | undefined
  readonly #base: FileCalls
  readonly #open = new Set<number>()
  readonly #flushing: number[] = []
  /** Descriptors that were used after they were closed, or closed in the middle of a flush: by then they may be another file's. */
  readonly misused: string[] = []

  constructor(fault?: Fault, base: FileCalls = fileCalls) {
    this.#fault = fault
    this.#base = base
    const wrapped: Record<string, AnyCall> = {}
    for (const name of NAMES) wrapped[name] = (...args) => this.#call(name, args)
    // The one place where the shape of `node:fs` is taken on trust: each name is passed through with its own arguments.
    this.calls = wrapped as unknown as FileCalls
  }

  arm(fault: Fault | undefined): void {
    this.#fault = fault
    this.count = 0
  }

  /** Closes what a killed process had open, as its end would have. */
  dispose(): void {
    this.isDead = true
    for (const descriptor of this.#open) this.#base.closeSync(descriptor)
    this.#open.clear()
  }

  #call(name: keyof FileCalls, args: unknown[]): unknown {
    const callback = typeof args.at(-1) === "function" ? args.pop() as (cause: Error | null) => void : undefined
    const cause = this.#check(name, args)
    if (cause !== undefined) {
      if (callback === undefined) throw cause
      queueMicrotask(() => callback(cause))
      return undefined
    }
    // A killed process hears nothing of a call that was under way.
    if (callback !== undefined) {
      args.push((cause: Error | null) => {
        this.#flushing.splice(this.#flushing.indexOf(args[0] as number), 1)
        callback(this.isDead ? new Killed(name) : cause)
      })
    }
    this.#watch(name, args[0])
    const result = (this.#base[name] as AnyCall)(...args)
    if (name === "openSync") this.#open.add(result as number)
    if (name === "closeSync") this.#open.delete(args[0] as number)
    return result
  }

  #watch(name: keyof FileCalls, descriptor: unknown): void {
    if (typeof descriptor !== "number") return
    if (!this.#open.has(descriptor)) this.misused.push(`${name} of a closed file`)
    if (name === "closeSync" && this.#flushing.includes(descriptor)) this.misused.push("a file was closed while it was flushed")
    if (name === "fdatasync") this.#flushing.push(descriptor)
  }

  #check(name: keyof FileCalls, args: unknown[]): Error | undefined {
    if (this.isDead) return new Killed(name)
    const fault = this.#fault
    if (fault === undefined || (fault.name !== undefined && fault.name !== name)) return undefined
    this.count++
    if (this.count < fault.at || (this.count > fault.at && fault.sticky !== true)) return undefined
    const isKill = fault.kind === "kill" || fault.kind === "cut"
    if ((fault.kind === "half" || fault.kind === "cut") && name === "writeSync") {
      const [descriptor, bytes, index, length, byteOffset] = args as [number, Uint8Array, number, number, number]
      this.#base.writeSync(descriptor, bytes, index, length >> 1, byteOffset)
    }
    if (isKill) this.isDead = true
    return isKill ? new Killed(name) : errnoError(fault.code ?? "EIO")
  }
}

const NAMES: readonly (keyof FileCalls)[] = [
  "closeSync",
  "fdatasync",
  "fdatasyncSync",
  "fstatSync",
  "fsyncSync",
  "ftruncateSync",
  "linkSync",
  "lstatSync",
  "mkdirSync",
  "openSync",
  "readSync",
  "readdirSync",
  "renameSync",
  "rmSync",
  "rmdirSync",
  "unlinkSync",
  "writeSync",
  "writevSync",
]
