/**
 * A device of a bad day as its test holds it: a process over a SQLite database, which can be killed, and opened again over the same or another one.
 *
 *   start() ─▶ calls … ─▶ kill() ─▶ what happens to its files ─▶ start() …
 */
import { setTimeout as startTimer } from "node:timers"
import { fileURLToPath } from "node:url"
import type { SyncStatus } from "@cuitty/persist"
import { Child } from "../processes/child.ts"
import { DatabaseFiles } from "./database-files.ts"
import { type DeviceCalls, type DeviceMessage, type DeviceOrder, type Failure, STORE, type SyncOrder, TOKEN } from "./messages.ts"
import { NODE } from "./node.ts"

const PROGRAM = fileURLToPath(new URL("device-process.ts", import.meta.url))
/** Nothing that a test waits for takes so long, unless it hangs. */
const PATIENCE_MILLIS = 10_000

/** What a call in a device rejected with. */
export class DeviceFailure extends Error {
  readonly code: string

  constructor({ code, message }: Failure, device: string) {
    super(`${device}: ${message}`)
    this.code = code
  }
}

export interface DeviceOptions {
  /** How far its clock is ahead, in milliseconds; below 0: behind. */
  readonly clockMillis?: number | undefined
  readonly store?: string | undefined
}

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (reason: unknown) => void
}

export class Device {
  readonly name: string
  readonly files: DatabaseFiles
  /** Every status since it was last started to sync, oldest first. */
  statuses: SyncStatus[] = []
  #child: Child<DeviceMessage> | undefined
  #ready: (() => void) | undefined
  #lastId = 0
  readonly #answers = new Map<number, Waiting>()
  readonly #watchers = new Set<() => void>()

  constructor(name: string, path: string) {
    this.name = name
    this.files = new DatabaseFiles(path)
  }

  /** Starts its process; resolves when its store is open. */
  async start({ clockMillis = 0, store = STORE }: DeviceOptions = {}): Promise<void> {
    const order: DeviceOrder = { path: this.files.path, store, clockMillis }
    const ready = new Promise<void>((resolve) => this.#ready = resolve)
    this.#child = new Child(this.name, NODE, PROGRAM, order, (message: DeviceMessage) => this.#take(message))
    await this.#alive(ready)
  }

  /** Kills its process, if it has one. */
  async kill(): Promise<void> {
    await this.#child?.kill()
    this.#child = undefined
  }

  put(key: string, value: unknown): Promise<void> {
    return this.#ask("put", key, value)
  }

  delete(key: string): Promise<void> {
    return this.#ask("delete", key)
  }

  records(): Promise<Readonly<Record<string, unknown>>> {
    return this.#ask("records")
  }

  conflicts(): Promise<Readonly<Record<string, readonly unknown[]>>> {
    return this.#ask("conflicts")
  }

  history(key: string): Promise<readonly unknown[]> {
    return this.#ask("history", key)
  }

  digest(): Promise<string> {
    return this.#ask("digest")
  }

  /** Begins to sync with these remotes. */
  async enableSync(remotes: readonly string[], options: Omit<Partial<SyncOrder>, "remotes"> = {}): Promise<void> {
    this.statuses = []
    await this.#ask("enableSync", { remotes, token: TOKEN, ...options })
  }

  /** From now on its token function gives this. */
  login(token: string): Promise<void> {
    return this.#ask("login", token)
  }

  sync(): Promise<void> {
    return this.#ask("sync")
  }

  push(): Promise<void> {
    return this.#ask("push")
  }

  pull(): Promise<void> {
    return this.#ask("pull")
  }

  resume(): Promise<void> {
    return this.#ask("resume")
  }

  stop(): Promise<void> {
    return this.#ask("stop")
  }

  /** What `status()` said last. */
  get status(): SyncStatus {
    const last = this.statuses.at(-1)
    if (last === undefined) throw new Error(`${this.name} has told no status`)
    return last
  }

  /** Resolves with the first status from now on that `predicate` holds for, the present one included. */
  async until(predicate: (status: SyncStatus) => boolean): Promise<SyncStatus> {
    let found = this.statuses.slice(-1).find(predicate)
    let seen = this.statuses.length, onStatus = (): void => {}
    const holds = found !== undefined ? Promise.resolve() : new Promise<void>((resolve) => {
      onStatus = () => {
        found ??= this.statuses.slice(seen).find(predicate)
        seen = this.statuses.length
        if (found !== undefined) resolve()
      }
      this.#watchers.add(onStatus)
    })
    await this.#alive(holds).finally(() => this.#watchers.delete(onStatus))
    return found ?? this.status
  }

  #ask<Call extends keyof DeviceCalls>(call: Call, ...args: Parameters<DeviceCalls[Call]>): Promise<ReturnType<DeviceCalls[Call]>> {
    const id = ++this.#lastId
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#answers.set(id, { resolve, reject })
      this.#child?.tell(JSON.stringify({ id, call, args }))
    })
    return this.#alive(answer, call) as Promise<ReturnType<DeviceCalls[Call]>>
  }

  #take(message: DeviceMessage): void {
    switch (message.what) {
      case "ready":
        this.#ready?.()
        break
      case "answered": {
        const waiting = this.#answers.get(message.id)
        this.#answers.delete(message.id)
        if (message.failure === undefined) waiting?.resolve(message.value)
        else waiting?.reject(new DeviceFailure(message.failure, this.name))
        break
      }
      case "status":
        this.statuses.push(message.status)
        for (const watcher of this.#watchers) watcher()
        break
    }
  }

  /** Waits for something that its process is to tell, for as long as that runs and patience lasts. */
  async #alive<T>(told: Promise<T>, what: string = "what was waited for"): Promise<T> {
    const child = this.#child
    if (child === undefined) throw new Error(`${this.name} does not run`)
    let timer: ReturnType<typeof startTimer> | undefined
    const late = new Promise<never>((_, reject) => {
      timer = startTimer(() => {
        const { state, lastError, isSynced } = this.statuses.at(-1) ?? {}
        reject(new Error(`${this.name}: ${what} did not come; its status: ${JSON.stringify({ state, lastError, isSynced })}`))
      }, PATIENCE_MILLIS)
    })
    const ended = child.ended.then((): never => {
      child.check()
      throw new Error(`${this.name} has ended`)
    })
    try {
      return await Promise.race([told, ended, late])
    } finally {
      clearTimeout(timer)
    }
  }
}
