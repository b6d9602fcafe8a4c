/**
 * Disk: the log of one store, whatever processes have it open. Everything that is ever stored in it is seen by the observer.
 *
 *   process ── storage ─┐
 *   process ── storage ─┴─▶ disk ── memory adapter      copied by a clone or a backup, cut by a power loss
 */
import { memoryAdapter } from "../adapters/memory/mod.ts"
import type { Bytes, LogStorage, Position, ReadLimits } from "../kernel/ports/log-storage.ts"
import type { Actor } from "./scheduler.ts"

const ALL: ReadLimits = { maxFrames: Number.MAX_SAFE_INTEGER, maxBytes: Number.MAX_SAFE_INTEGER }

/** What sees everything that is appended to a disk; `by` is the process that did it. */
export type DiskObserver = (frame: Bytes, by: Actor) => void

export class Disk implements Actor {
  readonly name: string
  /** The last position that is known to be on the device. */
  flushed: Position = 0
  /** It answers nobody until then. */
  downUntilMillis: number = 0
  /** Called after every append. */
  observer: DiskObserver = () => {}
  readonly #log: LogStorage
  readonly #watchers = new Map<() => void, Actor>()

  private constructor(name: string, log: LogStorage) {
    this.name = name
    this.#log = log
  }

  /** A disk with these frames. */
  static async withFrames(name: string, frames: Iterable<Bytes>): Promise<Disk> {
    const log = await memoryAdapter().open(name, { durability: "none", create: true })
    let position = 0
    for (const frame of frames) await log.append(++position, frame)
    const disk = new Disk(name, log)
    disk.flushed = position
    return disk
  }

  get head(): Position {
    return this.#log.head() as Position // the memory adapter answers at once
  }

  read(after: Position, limits: ReadLimits = ALL): readonly Bytes[] {
    return this.#log.read(after, limits) as readonly Bytes[]
  }

  /** Stores a frame, or throws `PositionTaken`. */
  append(position: Position, frame: Bytes, by: Actor): void {
    void this.#log.append(position, frame)
    this.observer(frame, by)
    for (const [listener, process] of this.#watchers) if (process !== by) listener()
  }

  /** Calls `listener` when another process than this one appends. */
  watch(listener: () => void, process: Actor): () => void {
    const entry = (): void => listener()
    this.#watchers.set(entry, process)
    return () => void this.#watchers.delete(entry)
  }

  /** Forgets a process that is gone. */
  leave(process: Actor): void {
    for (const [listener, owner] of this.#watchers) if (owner === process) this.#watchers.delete(listener)
  }
}
