/**
 * The lock of a store: one file, made by whoever has the store open, removed when it is closed.
 *
 *   lock               {"persist":"lock","host":…,"boot":…,"space":…,"pid":…,"started":…,"token":…,"beat":"0000000042"}
 *   lock-<token>.tmp   a lock on its way: written whole, then linked to its name, so that nobody reads half of one
 *   lock-<token>       who is about to remove the lock with this token
 *
 *                     link(tmp, lock)
 *       ┌────────────── EEXIST ◀──┤──▶ held
 *       ▼
 *   read the holder ── runs, is elsewhere, or is not readable ──▶ StoreLocked
 *       │ is gone
 *       ▼
 *   acquire lock-<token of the holder>     the same steps with this name; then read `lock` again:
 *       │                                  still that token? remove it, else leave it
 *       ▼
 *   remove lock-<token>, begin again
 *
 * Tokens are random and never used again, and whoever holds `lock-<token>` is the only one who may remove the lock with that token.
 * So a slow thief cannot remove the lock of a faster one. A thief that dies is itself gone, and its name is acquired the same way.
 *
 * A holder is gone if it ran on this machine under an earlier boot, or if no process has its number and start time. If it ran in
 * another container of this machine, its number means nothing here: then its beat is watched, which it moves every two seconds.
 */
import { randomBytes } from "node:crypto"
import { join } from "node:path"
import { clearInterval, setInterval } from "node:timers"
import { setTimeout as sleep } from "node:timers/promises"
import { StoreLocked } from "../../kernel/errors.ts"
import { quote } from "../../kernel/text.ts"
import { systemCode, systemError } from "../system/errors.ts"
import type { FileCalls } from "../system/file-calls.ts"
import { openFile, readFileWhole, removeFile, UNFINISHED, writeFully } from "./files.ts"
import { judgeProcess, type ProcessIdentity } from "./process-identity.ts"

export const LOCK_FILE = "lock"
const LOCK_BYTES_MAX = 4096
/** Attempts before somebody who comes and goes all the time is taken for the holder. */
const ATTEMPTS_MAX = 100
/** Who watches a beat waits for this many of them. */
const BEATS_WATCHED = 2.5
/** What `link` answers on file systems without it. */
const NO_LINKS = new Set(["EPERM", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EMLINK", "NotSupported", "NotCapable"])

export interface LockSettings {
  readonly calls: FileCalls
  readonly own: ProcessIdentity
  /** Time between two beats. */
  readonly beatMillis: number
}

interface Holder extends ProcessIdentity {
  readonly token: string
  readonly beat: string
}

/** A lock file that is ours. */
interface Held {
  readonly path: string
  readonly descriptor: number
  readonly holder: Holder
}

const encodeHolder = (holder: Holder): Uint8Array => new TextEncoder().encode(`${JSON.stringify({ persist: "lock", ...holder })}\n`)

/** Who holds a lock file: undefined if there is no such file, "unreadable" if it is none of ours. */
const readHolder = (calls: FileCalls, path: string): Holder | "unreadable" | undefined => {
  const bytes = readFileWhole(calls, path, LOCK_BYTES_MAX)
  if (bytes === undefined) return undefined
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return isHolder(value) ? value : "unreadable"
  } catch (cause) {
    if (cause instanceof SyntaxError) return "unreadable"
    throw cause
  }
}

const isHolder = (value: unknown): value is Holder => {
  if (typeof value !== "object" || value === null) return false
  const fields = value as Record<string, unknown>
  return ["host", "boot", "space", "started", "beat"].every((name) => typeof fields[name] === "string") &&
    Number.isSafeInteger(fields["pid"]) && typeof fields["token"] === "string" && /^[0-9a-f]{32}$/.test(fields["token"])
}

/** Makes the lock file at `path`; undefined if there is one. */
const create = (path: string, folder: string, { calls, own }: LockSettings): Held | undefined => {
  const holder: Holder = { ...own, token: randomBytes(16).toString("hex"), beat: "0".repeat(10) }
  const unfinished = join(folder, `${LOCK_FILE}-${holder.token}${UNFINISHED}`)
  let descriptor: number | undefined
  try {
    descriptor = openFile(calls, unfinished, "wx+")
    writeFully(calls, descriptor, encodeHolder(holder), 0)
    try {
      calls.linkSync(unfinished, path)
      calls.unlinkSync(unfinished)
    } catch (cause) {
      if (!NO_LINKS.has(systemCode(cause) ?? "")) throw cause
      // Here a process that dies between the next two lines leaves an empty lock, which a person has to remove.
      const exclusive = openFile(calls, path, "wx+")
      writeFully(calls, exclusive, encodeHolder(holder), 0)
      calls.closeSync(descriptor)
      descriptor = exclusive
      calls.unlinkSync(unfinished)
    }
    return { path, descriptor, holder }
  } catch (cause) {
    if (descriptor !== undefined) {
      calls.closeSync(descriptor)
      removeFile(calls, unfinished)
    }
    if (systemCode(cause) === "EEXIST") return undefined
    throw systemError(cause, "lock", folder, true)
  }
}

/** Takes a lock. Rejects with `StoreLocked` if somebody else has it, with `PathNotFound` if the folder is gone. */
export const acquireLock = async (folder: string, storeName: string, settings: LockSettings, signal?: AbortSignal): Promise<Lock> =>
  new Lock(await acquire(join(folder, LOCK_FILE), folder, storeName, settings, signal), folder, storeName, settings)

const acquire = async (path: string, folder: string, storeName: string, settings: LockSettings, signal?: AbortSignal): Promise<Held> => {
  const { calls } = settings
  let holder: Holder | "unreadable" | undefined
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    signal?.throwIfAborted()
    const held = create(path, folder, settings)
    if (held !== undefined) return held
    holder = readHolder(calls, path)
    if (holder === undefined) continue
    if (holder === "unreadable" || !(await isGone(holder, path, settings, signal))) break
    const thief = await acquire(join(folder, `${LOCK_FILE}-${holder.token}`), folder, storeName, settings, signal)
    try {
      const now = readHolder(calls, path)
      if (now !== undefined && now !== "unreadable" && now.token === holder.token) calls.unlinkSync(path)
    } catch (cause) {
      throw systemError(cause, "remove the old lock of", folder, true)
    } finally {
      calls.closeSync(thief.descriptor)
      removeFile(calls, thief.path)
    }
  }
  throw new StoreLocked({ store: storeName, location: folder, holder: describe(holder, path, settings.own) })
}

const isGone = async (holder: Holder, path: string, { calls, own, beatMillis }: LockSettings, signal?: AbortSignal): Promise<boolean> => {
  const standing = judgeProcess(holder, own)
  if (standing !== "out-of-sight") return standing === "gone"
  await sleep(beatMillis * BEATS_WATCHED, undefined, { signal })
  const later = readHolder(calls, path)
  return later !== undefined && later !== "unreadable" && later.token === holder.token && later.beat === holder.beat
}

/** The holder, and what to do, for people. */
const describe = (holder: Holder | "unreadable" | undefined, path: string, own: ProcessIdentity): string => {
  const remedy = `once no process uses the store, remove ${quote(path, 400)}`
  if (holder === undefined) return "a process that comes and goes"
  if (holder === "unreadable") return `a lock file that is not readable (${remedy})`
  if (holder.host !== own.host) {
    return `process ${holder.pid} on the machine ${quote(holder.host)}, which cannot be asked from here (${remedy})`
  }
  if (holder.space !== own.space) return `process ${holder.pid} in another container of this machine`
  return holder.pid === own.pid ? "another handle of this process" : `process ${holder.pid}`
}

/** Removes what contenders that died have left beside the lock; only whoever holds the lock may call it. */
export const sweepLocks = (folder: string, names: readonly string[], { calls, own }: LockSettings): void => {
  for (const name of names) {
    if (!/^lock-[0-9a-f]{32}(?:\.tmp)?$/.test(name)) continue
    const path = join(folder, name)
    const holder = readHolder(calls, path)
    if (holder !== undefined && holder !== "unreadable" && judgeProcess(holder, own) === "gone") removeFile(calls, path)
  }
}

/** A lock that is held, its beat, and the means to find out that somebody took it over all the same. */
export class Lock {
  readonly #held: Held
  readonly #folder: string
  readonly #storeName: string
  readonly #settings: LockSettings
  readonly #timer: NodeJS.Timeout
  #beat = 0
  #lost: StoreLocked | undefined
  #isReleased = false

  constructor(held: Held, folder: string, storeName: string, settings: LockSettings) {
    this.#held = held
    this.#folder = folder
    this.#storeName = storeName
    this.#settings = settings
    this.#timer = setInterval(() => this.#tick(), settings.beatMillis)
    // A store that is open does not keep a process alive.
    this.#timer.unref()
  }

  /** Who took the lock over, once that is known; `check` finds out. */
  get lost(): StoreLocked | undefined {
    return this.#lost
  }

  /** Looks whether the lock is still ours; answers what `lost` does. A file that cannot be read says nothing. */
  check(): StoreLocked | undefined {
    if (this.#lost !== undefined || this.#isReleased) return this.#lost
    const { path, holder } = this.#held
    const { calls, own } = this.#settings
    let now: Holder | "unreadable" | undefined
    try {
      now = readHolder(calls, path)
    } catch {
      // Out of file descriptors, say: no reason to give up a lock. What is wrong with the medium shows at the next write.
      return undefined
    }
    if (now !== undefined && now !== "unreadable" && now.token === holder.token) return undefined
    clearInterval(this.#timer)
    const taker = now === undefined ? "whoever removed its lock file" : describe(now, path, own)
    return this.#lost = new StoreLocked({ store: this.#storeName, location: this.#folder, holder: taker })
  }

  /** Gives the lock back; one that was taken over is left alone. Idempotent. Throws what the system says. */
  release(): void {
    if (this.#isReleased) return
    const isOurs = this.check() === undefined
    this.#isReleased = true
    clearInterval(this.#timer)
    this.#settings.calls.closeSync(this.#held.descriptor)
    if (isOurs) removeFile(this.#settings.calls, this.#held.path)
  }

  #tick(): void {
    if (this.check() !== undefined) return
    const { descriptor, holder } = this.#held
    const beat = String(++this.#beat % 10 ** 10).padStart(10, "0")
    try {
      // Always as long as before, and through the file that we made: never into the lock of another.
      writeFully(this.#settings.calls, descriptor, encodeHolder({ ...holder, beat }), 0)
    } catch {
      // A beat that is missed is only noticed if many are.
    }
  }
}
