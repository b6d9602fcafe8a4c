/**
 * What one process sees of a disk: a storage whose every call is an effect of the scheduler, with the faults of disks.
 *
 *   at once    as a synchronous driver: the call has happened when it returns
 *   later      the call happens at some time, and its answer arrives then or at some time after
 *
 * An append may fail though it was stored, or was not, or is stored whenever somebody likes.
 */
import { StorageFailed } from "../kernel/errors.ts"
import type {
  Adapter,
  Awaitable,
  Bytes,
  Capabilities,
  Durability,
  LogStorage,
  Opened,
  OpenOptions,
  Position,
  ReadLimits,
  SnapshotStorage,
} from "../kernel/ports/log-storage.ts"
import type { Disk } from "./disk.ts"
import type { Faults } from "./faults.ts"
import type { Actor, Scheduler } from "./scheduler.ts"

const CAPABILITIES: Partial<Capabilities> = { levels: ["normal", "full", "relaxed"], multiHandle: true, multiProcess: true, watch: true }

/** When calls are answered: at once, later, or now so and now so. */
export type Timing = "at once" | "later" | "mixed"

/** Whose storage it is, and how it behaves. */
export interface ProcessDisk {
  readonly process: Actor
  readonly scheduler: Scheduler
  readonly faults: Faults
  readonly timing: Timing
  /** Hints of other handles' appends come. */
  readonly isWatched: boolean
}

/** An adapter of one process; `diskOf` finds the disk of a store, or makes it. */
export const processAdapter = (place: ProcessDisk, diskOf: (storeName: string) => Awaitable<Disk>): Adapter => ({
  name: "simulated",
  capabilities: { ...CAPABILITIES, watch: place.isWatched },
  open: async (storeName: string, { durability }: OpenOptions): Promise<LogStorage> =>
    new ProcessStorage(place, await diskOf(storeName), durability),
  list: () => [],
  destroy: () => {},
})

const NO_SNAPSHOTS: SnapshotStorage = {
  list: () => [],
  write: () => {},
  readSlice: () => new Uint8Array(0),
}

class ProcessStorage implements LogStorage {
  readonly opened: Opened = { created: false }
  readonly snapshots: SnapshotStorage = NO_SNAPSHOTS
  readonly #place: ProcessDisk
  readonly #disk: Disk
  readonly #durability: Durability
  #isHinted = false

  constructor(place: ProcessDisk, disk: Disk, durability: Durability) {
    this.#place = place
    this.#disk = disk
    this.#durability = durability
  }

  head(): Awaitable<Position> {
    return this.#call("head", () => this.#disk.head)
  }

  append(position: Position, frame: Bytes): Awaitable<void> {
    const copy = frame.slice()
    return this.#call(`append ${position}`, () => this.#append(position, copy))
  }

  read(after: Position, limits: ReadLimits): Awaitable<readonly Bytes[]> {
    return this.#call(`read after ${after}`, () => this.#disk.read(after, limits))
  }

  trim(): Position {
    return 0
  }

  watch(listener: () => void): () => void {
    const { process, scheduler } = this.#place
    return this.#disk.watch(() => {
      if (this.#isHinted) return
      this.#isHinted = true
      scheduler.add(process, "hint of an append", () => {
        this.#isHinted = false
        listener()
      })
    }, process)
  }

  flush(): Awaitable<void> {
    const { head } = this.#disk // what was appended before the call
    return this.#call("flush", () => {
      this.#disk.flushed = Math.max(this.#disk.flushed, head)
    })
  }

  close(): void {
    this.#disk.leave(this.#place.process)
  }

  #append(position: Position, frame: Bytes): void {
    const { process, faults, scheduler } = this.#place, disk = this.#disk
    const isUnknown = faults.strikes("appendUnknown"), isStored = !isUnknown || scheduler.random.chance(0.5)
    if (isStored) {
      disk.append(position, frame, process)
      if (this.#durability === "full") disk.flushed = position
    } else if (faults.strikes("appendLate")) {
      scheduler.add(disk, `append ${position} lands`, () => landLate(disk, position, frame, process), scheduler.random.below(1000))
    }
    if (isUnknown) throw new StorageFailed({ location: disk.name, call: "append to", reason: "the connection broke" })
  }

  #call<T>(label: string, work: () => T): Awaitable<T> {
    const { process, scheduler, timing } = this.#place
    const { random } = scheduler
    const run = (): T => {
      if (scheduler.millis >= this.#disk.downUntilMillis) return work()
      throw new StorageFailed({ location: this.#disk.name, call: "reach", reason: "it does not answer" })
    }
    if (timing === "at once" || (timing === "mixed" && random.chance(0.5))) return run()
    return new Promise((resolve, reject) => {
      scheduler.add(process, label, () => {
        let settle: () => void
        try {
          const answer = run()
          settle = () => resolve(answer)
        } catch (error) {
          settle = () => reject(error)
        }
        if (random.chance(0.5)) settle()
        else scheduler.add(process, `${label}: answer`, settle)
      })
    })
  }
}

/** Nobody hears what becomes of it. */
function landLate(disk: Disk, position: Position, frame: Bytes, process: Actor): void {
  if (disk.head === position - 1) disk.append(position, frame, process)
}
