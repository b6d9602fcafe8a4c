/**
 * The lock of a store: one file, made by whoever has the store open, removed when it is closed.
 *
 *   lock               {"persist":"lock","host":…,"boot":…,"space":…,"pid":…,"started":…,"token":…,"beat":"0000000042"}
 *   lock-<token>.tmp   a lock on its way: written whole, flushed, then linked to its name, so that nobody ever reads half of one
 *   lock-<token>       who is about to remove the lock with this token
 *
 *                     link(tmp, lock)
 *       ┌────────────── EEXIST ◀──┤──▶ held
 *       ▼
 *   read the holder ── runs, is on another machine, or is no lock of ours ──▶ StoreLocked
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
 * another container of this machine, its number means nothing here: then its beat is watched, which it moves every two seconds, also
 * while it only writes and never comes back to the event loop. Before it writes again after a longer pause it looks whether the lock
 * is still its own. Where boots have no names, a lock that nobody has touched since the machine started is watched as well.
 *
 * A lock file that is cut short names nobody. Only a crash leaves one, and only on a file system without hard links, where the name
 * has to be there before the text is: it is watched as long, and taken over if nobody finishes it.
 */
import { createHash, randomBytes } from "node:crypto"
import { basename, join } from "node:path"
import { performance } from "node:perf_hooks"
import { clearInterval, setInterval } from "node:timers"
import { setTimeout as sleep } from "node:timers/promises"
import { StoreLocked } from "../../kernel/errors.ts"
import { quote } from "../../kernel/text.ts"
import { systemCode, systemError } from "../system/errors.ts"
import type { FileCalls } from "../system/file-calls.ts"
import { openFile, removeFile, tryClose, tryRemove, UNFINISHED, writeFully } from "./files.ts"
import { encodeHolder, type Holder, isSame, readHolder, type Reading, RELEASED } from "./lock-file.ts"
import { judgeProcess, type ProcessIdentity, startOfMachine } from "./process-identity.ts"

export const LOCK_FILE = "lock"
/** Attempts before somebody who comes and goes all the time is taken for the holder. */
const ATTEMPTS_MAX = 100
/** Who watches a beat waits for this many of them: a disk may keep a process from writing for seconds. */
const BEATS_WATCHED = 5
/** How far a clock may have been set since. */
const CLOCK_SLACK_MILLIS = 60_000
/** What `link` answers on file systems without it. */
const NO_LINKS = new Set(["EPERM", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EMLINK", "NotSupported", "NotCapable"])

export interface LockSettings {
  readonly calls: FileCalls
  readonly own: ProcessIdentity
  /** Time between two beats. */
  readonly beatMillis: number
}

/** A lock file that is ours. */
interface Held {
  readonly path: string
  readonly descriptor: number
  readonly holder: Holder
}

/**
 * Makes the lock file at `path`; undefined if there is one.
 *
 * Flushed first: a name that survives a power cut without its text would be a lock that nobody holds. The name itself need not
 * survive, for no holder does.
 */
const create = (path: string, folder: string, { calls, own }: LockSettings): Held | undefined => {
  const holder: Holder = { ...own, token: randomBytes(16).toString("hex"), beat: "0".repeat(10) }
  const unfinished = join(folder, `${LOCK_FILE}-${holder.token}${UNFINISHED}`)
  let descriptor: number | undefined
  let isHeld = false
  try {
    descriptor = openFile(calls, unfinished, "wx+")
    writeFully(calls, descriptor, encodeHolder(holder), 0)
    calls.fsyncSync(descriptor)
    isHeld = publish(calls, unfinished, path)
    return isHeld ? { path, descriptor, holder } : undefined
  } catch (cause) {
    throw systemError(cause, "lock", folder, true)
  } finally {
    if (descriptor !== undefined) {
      if (!isHeld) tryClose(calls, descriptor)
      tryRemove(calls, unfinished)
    }
  }
}

/** Gives a finished lock its name. Answers false if it is taken, or if the unfinished one is gone: then to begin again helps. */
const publish = (calls: FileCalls, unfinished: string, path: string): boolean => {
  try {
    calls.linkSync(unfinished, path)
    return true
  } catch (cause) {
    const code = systemCode(cause) ?? ""
    // ENOENT: whoever has the lock took our unfinished one for one that a crash has left.
    if (code === "EEXIST" || code === "ENOENT") return false
    if (!NO_LINKS.has(code)) throw cause
  }
  // Without links an empty file claims the name. A crash between these calls leaves it: a torn lock.
  try {
    calls.closeSync(openFile(calls, path, "wx+"))
  } catch (cause) {
    if (systemCode(cause) === "EEXIST") return false
    throw cause
  }
  try {
    calls.renameSync(unfinished, path)
    return true
  } catch (cause) {
    removeFile(calls, path)
    throw cause
  }
}

/** Takes a lock. Rejects with `StoreLocked` if somebody else has it, with `PathNotFound` if the folder is gone. */
export const acquireLock = async (folder: string, storeName: string, settings: LockSettings, signal?: AbortSignal): Promise<Lock> =>
  new Lock(await acquire(join(folder, LOCK_FILE), folder, storeName, settings, signal), folder, storeName, settings)

const acquire = async (path: string, folder: string, storeName: string, settings: LockSettings, signal?: AbortSignal): Promise<Held> => {
  const { calls } = settings
  let found: Reading | undefined
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    signal?.throwIfAborted()
    const held = create(path, folder, settings)
    if (held !== undefined) return held
    found = readHolder(calls, path)
    if (found === undefined) continue
    if (!(await isGone(found, path, settings, signal))) break
    const thief = await acquire(join(folder, thiefName(found, path)), folder, storeName, settings, signal)
    try {
      if (isSame(found, readHolder(calls, path))) calls.unlinkSync(path)
    } catch (cause) {
      throw systemError(cause, "remove the old lock of", folder, true)
    } finally {
      tryClose(calls, thief.descriptor)
      tryRemove(calls, thief.path)
    }
  }
  throw new StoreLocked({ store: storeName, location: folder, holder: describe(found, path, settings.own) })
}

/** Name of the lock that its thief has to hold. A torn one has no token, so there its name stands for it. */
const thiefName = (found: Reading, path: string): string => {
  const token = typeof found === "object" ? found.token : createHash("sha256").update(basename(path)).digest("hex").slice(0, 32)
  return `${LOCK_FILE}-${token}`
}

const isGone = async (found: Reading, path: string, { calls, own, beatMillis }: LockSettings, signal?: AbortSignal): Promise<boolean> => {
  if (found === "foreign") return false
  if (typeof found === "object" && found.beat === RELEASED) return true
  let standing = found === "torn" ? "out-of-sight" : judgeProcess(found, own)
  // Where nothing tells one boot from another, a number may be another process's by now. A holder has beaten since the machine started.
  if (standing === "running" && own.boot === "" && lastBeatAt(calls, path) < startOfMachine() - CLOCK_SLACK_MILLIS) {
    standing = "out-of-sight"
  }
  if (standing !== "out-of-sight") return standing === "gone"
  await sleep(beatMillis * BEATS_WATCHED, undefined, { signal })
  return isSame(found, readHolder(calls, path))
}

/** When a lock file was last written to, in milliseconds; never, if that is not known. */
const lastBeatAt = (calls: FileCalls, path: string): number => {
  try {
    return calls.lstatSync(path).mtimeMs
  } catch {
    // It was removed just now, say: the next look tells.
    return Infinity
  }
}

/** The holder, and what to do, for people. */
const describe = (found: Reading | undefined, path: string, own: ProcessIdentity): string => {
  const remedy = `once no process uses the store, remove ${quote(path, 400)}`
  if (found === undefined) return "a process that comes and goes"
  if (found === "torn") return "a process that is just taking it"
  if (found === "foreign") return `a lock file that is none of ours (${remedy})`
  const standing = judgeProcess(found, own)
  if (standing === "elsewhere") {
    return `process ${found.pid} on the machine ${quote(found.host)}, which cannot be asked from here (${remedy})`
  }
  if (standing === "out-of-sight") return `process ${found.pid} in another container of this machine`
  return found.pid === own.pid ? "another handle of this process" : `process ${found.pid}`
}

/** Removes what contenders that died have left beside the lock; only whoever holds the lock may call it. */
export const sweepLocks = (folder: string, names: readonly string[], { calls, own }: LockSettings): void => {
  for (const name of names) {
    if (!/^lock-[0-9a-f]{32}(?:\.tmp)?$/.test(name)) continue
    const path = join(folder, name)
    // One that is not finished helps nobody while we hold the lock: whoever is about to try it begins again.
    const found = name.endsWith(UNFINISHED) ? "torn" : readHolder(calls, path)
    if (found === "torn" || (typeof found === "object" && judgeProcess(found, own) === "gone")) removeFile(calls, path)
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
  /** When the last beat was, on the clock that no one sets. */
  #beatAt = performance.now()
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

  /**
   * Before each write: who took the lock over, if somebody did. Beats, and so looks, if the timer should have and could not: because
   * the process stood still, or did nothing but write.
   */
  keep(): StoreLocked | undefined {
    if (performance.now() - this.#beatAt > this.#settings.beatMillis) this.#tick()
    return this.#lost
  }

  /** Looks whether the lock is still ours; answers what `lost` does. A file that cannot be read says nothing. */
  check(): StoreLocked | undefined {
    if (this.#lost !== undefined || this.#isReleased) return this.#lost
    const { path, holder } = this.#held
    const { calls, own } = this.#settings
    let now: Reading | undefined
    try {
      now = readHolder(calls, path)
    } catch {
      // Out of file descriptors, say: no reason to give up a lock. What is wrong with the medium shows at the next write.
      return undefined
    }
    if (typeof now === "object" && now.token === holder.token) return undefined
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
    const { calls } = this.#settings
    const { path, descriptor, holder } = this.#held
    try {
      if (isOurs) removeFile(calls, path)
    } catch {
      // It stays, and says that nobody holds it: else it would, for as long as this process runs.
      writeFully(calls, descriptor, encodeHolder({ ...holder, beat: RELEASED }), 0)
    } finally {
      tryClose(calls, descriptor)
    }
  }

  #tick(): void {
    this.#beatAt = performance.now()
    if (this.#isReleased || this.check() !== undefined) return
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
