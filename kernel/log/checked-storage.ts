/**
 * The storage of an adapter that nobody vouches for: what it answers is checked, and what it throws becomes an error of ours, so that a
 * sloppy adapter makes calls fail and never makes the store lie.
 *
 *   append   passed on as it is: the log awaits whatever it answers and reads back whatever it throws
 *   flush    a failure of an unknown kind is taken as final, since what the device holds is not known then
 *   others   unknown errors and answers of the wrong type are `StorageFailed`
 *
 * What is answered at once is passed on at once.
 */
import { FlushFailed, PersistError, StorageFailed } from "../errors.ts"
import type { Adapter, Awaitable, LogStorage, OpenOptions } from "../ports/log-storage.ts"
import { quote, textOf } from "../text.ts"

const reasonOf = (
  error: unknown,
): string => (error instanceof Error
  ? `the adapter threw ${error.name}: ${quote(error.message, 400)}`
  : `the adapter threw ${quote(textOf(error))}`)

const failure = (error: unknown, location: string, call: string): PersistError =>
  error instanceof PersistError ? error : new StorageFailed({ location, call, reason: reasonOf(error) }, { cause: error })

/** Runs a call of an adapter; `check` says what is wrong with its answer. */
function guard<T>(
  run: () => Awaitable<T>,
  check: (answer: T) => string | undefined,
  translate: (error: unknown) => PersistError,
): Awaitable<T> {
  const checked = (answer: T): T => {
    const problem = check(answer)
    if (problem !== undefined) throw translate(new TypeError(problem))
    return answer
  }
  try {
    const answer = run()
    if (!isThenable(answer)) return checked(answer)
    return Promise.resolve(answer).catch((error) => {
      throw translate(error)
    }).then(checked)
  } catch (error) {
    throw translate(error)
  }
}

const isThenable = <T>(answer: Awaitable<T>): answer is Promise<T> =>
  typeof answer === "object" && answer !== null && "then" in answer && typeof answer.then === "function"

const anything = (): undefined => undefined

/** Opens a store of an adapter. Rejects with errors of ours, or the signal's reason. */
export async function openStorage(adapter: Adapter, name: string, options: OpenOptions): Promise<LogStorage> {
  let storage: LogStorage
  try {
    storage = await adapter.open(name, options)
    if (typeof Object(storage).opened !== "object" || storage.opened === null) throw new TypeError("open() did not answer a log")
  } catch (error) {
    if (options.signal?.aborted === true) throw error
    throw failure(error, String(adapter.name), "open a store of the adapter")
  }
  return checkedStorage(storage)
}

function checkedStorage(storage: LogStorage): LogStorage {
  const { opened } = storage, location = opened.location ?? "memory"
  const guarded = <T>(call: string, run: () => Awaitable<T>, check: (answer: T) => string | undefined = anything): Awaitable<T> =>
    guard(run, check, (error) => failure(error, location, call))
  return {
    opened,
    snapshots: storage.snapshots,
    head: () =>
      guarded(
        "read the head of",
        () => storage.head(),
        (head) => (Number.isSafeInteger(head) && head >= 0 ? undefined : "head() is no position"),
      ),
    append: (position, frame) => storage.append(position, frame),
    read: (after, limits) =>
      guarded("read", () => storage.read(after, limits), (page) => (Array.isArray(page) ? undefined : "read() is no list")),
    trim: (through) => guarded("trim", () => storage.trim(through)),
    watch(listener) {
      try {
        const stop: unknown = storage.watch(listener)
        return typeof stop === "function" ? () => void stop() : () => {}
      } catch (error) {
        throw failure(error, location, "watch")
      }
    },
    flush: () =>
      guard(
        () => storage.flush(),
        anything,
        (error) => (error instanceof PersistError ? error : new FlushFailed({ location, reason: reasonOf(error) }, { cause: error })),
      ),
    close: () => guarded("close", () => storage.close()),
  }
}
