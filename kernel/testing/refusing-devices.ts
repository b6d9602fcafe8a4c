/** Devices that sync with logs which refuse what is marked as bad, by the product's own cycle, whenever a test says so. */
import assert from "node:assert/strict"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import type { Adapter } from "../ports/log-storage.ts"
import { silentLogger } from "../ports/logger.ts"
import type { Remote } from "../ports/remote.ts"
import type { DeadLetter } from "../store/dead-letter.ts"
import { openStore, type Store } from "../store/store.ts"
import { logRemote } from "../sync/log-remote.ts"
import type { ArrivingOperation } from "../sync/remote-log.ts"
import { RemoteCycle } from "../sync/remote-cycle.ts"
import { TestPlatform } from "./platform.ts"
import { RecordingLogger } from "./recording-logger.ts"

/** What records hold. */
export interface Task {
  readonly n: number
  readonly bad?: boolean
}

/** Where the clocks of all begin. */
export const NOON: number = Date.UTC(2026, 0, 1, 12)
/** Nobody gives up. */
export const NEVER: AbortSignal = new AbortController().signal
/** What is refused. */
export const bad = (n: number): Task => ({ n, bad: true })
/** Refuses it. */
export const isBad = ({ value }: ArrivingOperation): string | undefined => (Object(value()).bad === true ? "not here" : undefined)

/** A remote over memory that refuses what `refuse` says. */
export const strict = (refuse: (operation: ArrivingOperation) => string | undefined = isBad, name = "strict"): Remote =>
  logRemote(memoryAdapter(), { store: "tasks", name, platform: new TestPlatform(90, NOON), logger: silentLogger, refuse })

let devices = 0

/** A store, its log, and what syncs it with some remotes. */
export class Device {
  readonly adapter: Adapter
  readonly label: string
  readonly logger: RecordingLogger = new RecordingLogger()
  readonly platform: TestPlatform = new TestPlatform(++devices, NOON + devices)
  readonly #remotes: readonly Remote[]
  store!: Store<Task>

  private constructor(label: string, remotes: readonly Remote[], adapter: Adapter) {
    this.label = label
    this.#remotes = remotes
    this.adapter = adapter
  }

  static async open(label: string, remotes: readonly Remote[], adapter: Adapter = memoryAdapter()): Promise<Device> {
    const device = new Device(label, remotes, adapter)
    await device.reopen()
    return device
  }

  /** Closes the store, if it is open, and opens it again. */
  async reopen(): Promise<void> {
    await this.store?.close()
    this.platform.stepMillis = 1
    this.store = await openStore<Task>("tasks", this.adapter, { platform: this.platform, label: this.label, logger: this.logger })
  }

  /** A new one with a remote; with the first, unless it is said. */
  cycle(remote: Remote = this.#remotes[0]!): RemoteCycle {
    return new RemoteCycle(this.store.synced, remote)
  }

  /** With each remote: pulls, pushes what it has, pulls again. */
  async sync(): Promise<void> {
    for (const remote of this.#remotes) {
      const cycle = this.cycle(remote)
      await cycle.pull(NEVER)
      await cycle.push(NEVER)
      await cycle.pull(NEVER)
    }
  }

  /** The only letter. */
  async letter(): Promise<DeadLetter<Task>> {
    const letters = await this.store.deadLetters.list()
    assert.equal(letters.length, 1)
    return letters[0]!
  }
}

/** A device with a record that was taken, and then written over by what is refused. */
export async function refusedOver(first: Task | undefined, key = "a"): Promise<Device> {
  const device = await Device.open("one", [strict()])
  if (first !== undefined) await device.store.records.put(key, first)
  await device.sync()
  await device.store.records.put(key, bad(7))
  await device.sync()
  return device
}

/** What devices show is alike, everywhere. */
export async function assertAlike(...all: readonly Device[]): Promise<void> {
  const digests = await Promise.all(all.map(({ store }) => store.digest()))
  assert.deepEqual(digests, all.map(() => digests[0]))
}

/** All sync until all have what all had. */
export async function settle(...all: readonly Device[]): Promise<void> {
  for (let round = 0; round < 3; round++) for (const device of all) await device.sync()
  await assertAlike(...all)
}

/** Values of all versions of a record, oldest first. */
export const versions = async (device: Device, key = "a"): Promise<unknown[]> =>
  ((await device.store.records.getEntry(key))?.versions ?? [await device.store.records.getEntry(key)]).map((one) => one?.value)
