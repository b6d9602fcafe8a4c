/**
 * Storage that does what a test tells it to: a log storage around another one, with a script for each of its calls.
 *
 *   adapter ── open ──▶ FaultyStorage ── script ──▶ the storage beneath
 *                            └── calls: what was called, in order
 *
 * A step of a script gets the call beneath as a function, and may fail before or after it, wait, answer something else, or call it
 * when nobody expects it any more.
 */
import type {
  Adapter,
  Awaitable,
  Bytes,
  Capabilities,
  LogStorage,
  Opened,
  OpenOptions,
  Position,
  ReadLimits,
  SnapshotStorage,
} from "../ports/log-storage.ts"
import type { Gate } from "./gate.ts"

/** The calls that can be scripted. */
export interface ScriptedCalls {
  head(): Position
  append(position: Position, frame: Bytes): void
  read(after: Position, limits: ReadLimits): readonly Bytes[]
  flush(): void
  close(): void
}
export type CallName = keyof ScriptedCalls

/** What happens instead of a call; `call` is the call beneath. Answers may be garbage, as those of a sloppy adapter. */
export type Step<N extends CallName> = (
  call: () => Awaitable<ReturnType<ScriptedCalls[N]>>,
  ...args: Parameters<ScriptedCalls[N]>
) => unknown

type Script = { [N in CallName]: { next: Step<N>[]; always: Step<N> | undefined } }

export class FaultyStorage implements LogStorage {
  readonly opened: Opened
  readonly snapshots: SnapshotStorage
  /** Names of the calls so far, in order. */
  readonly calls: CallName[] = []
  readonly #storage: LogStorage
  readonly #script: Script

  constructor(storage: LogStorage) {
    this.#storage = storage
    this.opened = storage.opened
    this.snapshots = storage.snapshots
    const empty = <N extends CallName>(): { next: Step<N>[]; always: Step<N> | undefined } => ({ next: [], always: undefined })
    this.#script = { head: empty(), append: empty(), read: empty(), flush: empty(), close: empty() }
  }

  /** The next calls of this name run these steps, one each; those after them are as always. */
  next<N extends CallName>(name: N, ...steps: Step<N>[]): void {
    this.#script[name].next.push(...steps)
  }

  /** All further calls of this name run this step; undefined: no step. */
  always<N extends CallName>(name: N, step: Step<N> | undefined): void {
    this.#script[name].always = step
  }

  /** How often a call was made. */
  count(name: CallName): number {
    return this.calls.filter((call) => call === name).length
  }

  head(): Awaitable<Position> {
    return this.#run("head", () => this.#storage.head())
  }

  append(position: Position, frame: Bytes): Awaitable<void> {
    const copy = new Uint8Array(frame) // a step may store it when the caller has its buffer back
    return this.#run("append", () => this.#storage.append(position, copy), position, copy)
  }

  read(after: Position, limits: ReadLimits): Awaitable<readonly Bytes[]> {
    return this.#run("read", () => this.#storage.read(after, limits), after, limits)
  }

  trim(through: Position): Awaitable<Position> {
    return this.#storage.trim(through)
  }

  watch(listener: () => void): () => void {
    return this.#storage.watch(listener)
  }

  flush(): Awaitable<void> {
    return this.#run("flush", () => this.#storage.flush())
  }

  close(): Awaitable<void> {
    return this.#run("close", () => this.#storage.close())
  }

  #run<N extends CallName>(
    name: N,
    call: () => Awaitable<ReturnType<ScriptedCalls[N]>>,
    ...args: Parameters<ScriptedCalls[N]>
  ): Awaitable<ReturnType<ScriptedCalls[N]>> {
    this.calls.push(name)
    const script = this.#script[name], step = script.next.shift() ?? script.always
    // What a step answers may break the port's types: that is what some tests are for.
    return step === undefined ? call() : step(call, ...args) as Awaitable<ReturnType<ScriptedCalls[N]>>
  }
}

/** An adapter whose storages take scripts. */
export interface FaultyAdapter extends Adapter {
  /** Every storage that was opened, in order. */
  readonly storages: readonly FaultyStorage[]
  /** The storage that was opened last. */
  readonly last: FaultyStorage
}

/** Wraps an adapter; `prepare` may script a storage before the store sees it, `capabilities` change what it claims. */
export function faultyAdapter(
  adapter: Adapter,
  options: { readonly capabilities?: Partial<Capabilities>; readonly prepare?: (storage: FaultyStorage) => void } = {},
): FaultyAdapter {
  const storages: FaultyStorage[] = []
  return {
    name: adapter.name,
    capabilities: { ...adapter.capabilities, ...options.capabilities },
    storages,
    get last(): FaultyStorage {
      return storages.at(-1)!
    },
    async open(storeName: string, openOptions: OpenOptions): Promise<LogStorage> {
      const storage = new FaultyStorage(await adapter.open(storeName, openOptions))
      options.prepare?.(storage)
      storages.push(storage)
      return storage
    },
    list: () => adapter.list(),
    destroy: (storeName) => adapter.destroy(storeName),
  }
}

/** Fails, and nothing was done. */
export const failBefore = (error: unknown) => (): never => {
  throw error
}

/** Does it, then fails: the reply is lost. */
export const failAfter = (error: unknown) => async (call: () => unknown): Promise<never> => {
  await call()
  throw error
}

/** Waits at the gate, then does it. */
export const hold = (gate: Gate) => async (call: () => unknown): Promise<unknown> => {
  await gate.pass()
  return await call()
}

/** Does it, and answers when the gate is open. */
export const replyLate = (gate: Gate) => async (call: () => unknown): Promise<unknown> => {
  const answer = await call()
  await gate.pass()
  return answer
}

/** Fails at once, and does it when the gate is open; what comes of that nobody hears, but `landed`. */
export const landLater = (gate: Gate, error: unknown, landed: (failure: unknown) => void = () => {}) => (call: () => unknown): never => {
  const land = async (): Promise<void> => {
    await gate.opened
    await call()
  }
  land().then(() => landed(undefined), landed)
  throw error
}
