/**
 * The storage of an adapter that nobody vouches for: what it answers is checked, and what it throws becomes an error of ours, so that a
 * sloppy adapter makes calls fail and never makes the store lie.
 *
 *   append          passed on as it is: the log awaits whatever it answers, and reads back whatever it throws
 *   read            a list of at most as many byte arrays as were asked for; what is in them, replay checks
 *   flush           a failure of an unknown kind is taken as final, since what the device holds is not known then
 *   snapshots       passed on: nobody calls them yet
 *   all             errors that are not ours, and answers of the wrong type, are `StorageFailed`
 *
 * What is answered at once is passed on at once.
 */
import { FlushFailed, PersistError, StorageFailed } from "../errors.ts"
import type { Adapter, Awaitable, Bytes, LogStorage, Opened, OpenOptions, ReadLimits } from "../ports/log-storage.ts"
import { quote, textOf } from "../text.ts"

const CALLS = ["head", "append", "read", "trim", "watch", "flush", "close"] as const

const reasonOf = (error: unknown): string =>
  `the adapter threw ${error instanceof Error ? `${error.name}: ${quote(error.message, 400)}` : quote(textOf(error))}`

const failure = (error: unknown, location: string, call: string): PersistError =>
  error instanceof PersistError ? error : new StorageFailed({ location, call, reason: reasonOf(error) }, { cause: error })

const isThenable = <T>(answer: Awaitable<T>): answer is Promise<T> =>
  typeof answer === "object" && answer !== null && "then" in answer && typeof answer.then === "function"

/** Runs a call of an adapter: `check` sees its answer, `translate` makes an error of ours of what it throws. */
function guard<T>(run: () => Awaitable<T>, check: (answer: T) => T, translate: (error: unknown) => PersistError): Awaitable<T> {
  let answer: Awaitable<T>
  try {
    answer = run()
    if (!isThenable(answer)) return check(answer)
  } catch (error) {
    throw translate(error)
  }
  return Promise.resolve(answer).then(check).catch((error) => {
    throw translate(error)
  })
}

const unchecked = <T>(answer: T): T => answer

const isPosition = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0

function isOpened(opened: unknown): opened is Opened {
  const { location, recovery } = Object(opened)
  if (typeof opened !== "object" || opened === null || (location !== undefined && typeof location !== "string")) return false
  if (recovery === undefined) return true
  const { kind, position, reason } = Object(recovery)
  return (kind === "torn_tail" || kind === "prefix_only") && isPosition(position) && position > 0 && typeof reason === "string"
}

/** Opens a store of an adapter. Rejects with errors of ours, or the signal's reason. */
export async function openStorage(adapter: Adapter, name: string, options: OpenOptions): Promise<LogStorage> {
  const location = textOf(adapter.name), call = "open a store of the adapter"
  let storage: LogStorage
  try {
    storage = await adapter.open(name, options)
  } catch (error) {
    options.signal?.throwIfAborted()
    throw failure(error, location, call)
  }
  try {
    if (CALLS.every((call) => typeof Object(storage)[call] === "function") && isOpened(storage.opened)) return checkedStorage(storage)
    throw new StorageFailed({ location, call, reason: "the adapter did not answer a log" })
  } catch (error) {
    await Promise.resolve().then(() => Object(storage).close?.()).catch(() => {}) // what is wrong with it, the error below says
    throw failure(error, location, call)
  }
}

/** Names of the stores of an adapter. */
export async function listStorages(adapter: Adapter): Promise<string[]> {
  const location = textOf(adapter.name), call = "list the stores of the adapter"
  const names = await guard(() => adapter.list(), unchecked, (error) => failure(error, location, call))
  if (Array.isArray(names) && names.every((name) => typeof name === "string")) return [...names]
  throw new StorageFailed({ location, call, reason: "the adapter did not answer a list of names" })
}

/** Removes a store of an adapter. */
export async function destroyStorage(adapter: Adapter, name: string): Promise<void> {
  await guard(() => adapter.destroy(name), unchecked, (error) => failure(error, textOf(adapter.name), "remove a store of the adapter"))
}

function checkedStorage(storage: LogStorage): LogStorage {
  const { opened, snapshots } = storage, location = opened.location ?? "memory"
  const guarded = <T>(call: string, run: () => Awaitable<T>, isSound: (answer: T) => boolean = () => true): Awaitable<T> =>
    guard(run, (answer) => {
      if (isSound(answer)) return answer
      throw new StorageFailed({ location, call, reason: "the adapter did not answer what the contract says" })
    }, (error) => failure(error, location, call))
  const isPage = (page: readonly Bytes[], { maxFrames }: ReadLimits): boolean =>
    Array.isArray(page) && page.length <= maxFrames && page.every((frame) => frame instanceof Uint8Array)
  return {
    opened,
    snapshots,
    head: () => guarded("read the head of", () => storage.head(), isPosition),
    append: (position, frame) => storage.append(position, frame),
    read: (after, limits) => guarded("read", () => storage.read(after, limits), (page) => isPage(page, limits)),
    trim: (through) => guarded("trim", () => storage.trim(through), isPosition),
    watch(listener) {
      try {
        const stop: unknown = storage.watch(listener)
        if (typeof stop === "function") return () => void guarded("stop watching", () => stop())
      } catch (error) {
        throw failure(error, location, "watch")
      }
      return () => {}
    },
    flush: () =>
      guard(
        () => storage.flush(),
        unchecked,
        (error) => (error instanceof PersistError ? error : new FlushFailed({ location, reason: reasonOf(error) }, { cause: error })),
      ),
    close: () => guarded("close", () => storage.close()),
  }
}
