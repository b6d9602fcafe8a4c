/**
 * Devices: several stores that sync through one log, whenever a test says so, by the product's own cycle; no engine, no network, no clock.
 *
 *   const devices = await openDevices(3, memoryAdapter)      devices.apart(…)      await syncAll(devices)
 */
import type { Adapter } from "../ports/log-storage.ts"
import { type Logger, silentLogger } from "../ports/logger.ts"
import type { Remote } from "../ports/remote.ts"
import { openStore, type Store } from "../store/store.ts"
import { logRemote, type LogRemoteOptions } from "../sync/log-remote.ts"
import { RemoteCycle } from "../sync/remote-cycle.ts"
import { TestPlatform } from "./platform.ts"

const NOON = Date.UTC(2026, 0, 1, 12)
const SIGNAL: AbortSignal = new AbortController().signal

export interface Device {
  // deno-lint-ignore no-explicit-any -- as a store's own default
  readonly store: Store<any>
  readonly adapter: Adapter
  readonly platform: TestPlatform
  readonly cycle: RemoteCycle
}

export interface DevicesOptions {
  readonly logger?: Logger
  readonly remote?: Partial<LogRemoteOptions>
}

/** Devices whose clocks stand at noon, a second apart in their order, and which know nothing of each other. */
export async function openDevices(count: number, makeAdapter: () => Adapter, options: DevicesOptions = {}): Promise<Device[]> {
  const server = makeAdapter(), { logger = silentLogger } = options
  const remote = logRemote(server, { store: "notes", name: "server", platform: new TestPlatform(99, NOON), logger, ...options.remote })
  return await Promise.all(Array.from({ length: count }, (_, index) => openDevice(index, makeAdapter(), remote, logger)))
}

async function openDevice(index: number, adapter: Adapter, remote: Remote, logger: Logger): Promise<Device> {
  const platform = new TestPlatform(index + 1, NOON + index * 1000)
  const store = await openStore("notes", adapter, { platform, logger, label: `device ${index + 1}` })
  return { store, adapter, platform, cycle: new RemoteCycle(store.synced, remote) }
}

/** One device pulls, pushes what it has, and pulls again. */
export async function sync({ cycle }: Device): Promise<void> {
  await cycle.pull(SIGNAL)
  await cycle.push(SIGNAL)
  await cycle.pull(SIGNAL)
}

/** All devices in step: all pull, all push, all pull. After it each has what all had. */
export async function syncAll(devices: readonly Device[]): Promise<void> {
  for (const { cycle } of devices) await cycle.pull(SIGNAL)
  for (const { cycle } of devices) await cycle.push(SIGNAL)
  for (const { cycle } of devices) await cycle.pull(SIGNAL)
}

/** The answer of each device, which are to be alike. */
export const ask = <T>(devices: readonly Device[], question: (store: Device["store"]) => Promise<T>): Promise<T[]> =>
  Promise.all(devices.map(({ store }) => question(store)))
