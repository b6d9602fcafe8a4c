/**
 * Syncing an open store: puts store, cycles, remotes and engine together. Loaded by the first `enableSync` alone, so that a program which
 * does not sync carries none of it.
 */
import { adapterByName } from "#adapters"
import { AlreadySyncing, InvalidOption, NotSyncable, SyncStopped } from "./kernel/errors.ts"
import { FRAME_BYTES_MAX } from "./kernel/limits.ts"
import type { Remote } from "./kernel/ports/remote.ts"
import { parseStrategy, STRATEGY_MEMBERS, type StrategyOptions } from "./kernel/store/collection-options.ts"
import type { Store } from "./kernel/store/store.ts"
import { parseSyncOptions, type RemoteOption, type RemoteSyncOptions, type SyncOptions } from "./kernel/sync/engine/sync-options.ts"
import { startSync } from "./kernel/sync/engine/supervisor.ts"
import type { SyncHandle } from "./kernel/sync/engine/sync-handle.ts"
import { QueueGate } from "./kernel/sync/queue-gate.ts"
import { RemoteCycle } from "./kernel/sync/remote-cycle.ts"
import { WriteConfirmation } from "./kernel/sync/write-confirmation.ts"
import { httpRemote } from "./protocol/client/http-remote.ts"

/**
 * How a store is synced, and what is shown of records that were written in two places at once. A strategy is that of all collections without one of
 * their own; it stands in the log from then on.
 */
// deno-lint-ignore no-explicit-any -- as a store's own default
export interface EnableSyncOptions<T = any> extends RemoteSyncOptions, StrategyOptions<T> {}

/** Names of the remotes that a store is synced with at the moment. */
const syncing = new WeakMap<Store, Set<string>>()

/** See `enableSync` of the main module. */
export async function startStoreSync<T>(store: Store<T>, given: EnableSyncOptions<T>): Promise<SyncHandle> {
  const options = parseSyncOptions(given, STRATEGY_MEMBERS), strategy = parseStrategy(given), { synced } = store
  requireSyncable(store)
  const made: Remote[] = []
  const remotes = await Promise.all(options.remotes.map(async (place) => {
    if (typeof place !== "string" && !(place instanceof URL)) return place
    const remote = await remoteAt(String(place), store, options)
    made.push(remote)
    return remote
  }))
  const names = syncing.get(store) ?? new Set<string>(), cycles: RemoteCycle[] = []
  const twice = remotes.find(({ name }) => names.has(name))
  if (twice !== undefined) throw new AlreadySyncing({ store: store.name, remote: twice.name })
  const gate = gateOf(store, options, cycles), confirmation = confirmationOf(store, options, remotes, cycles)
  for (const { name } of remotes) names.add(name)
  syncing.set(store, names)
  try {
    await store.setStrategy(strategy) // what comes from remotes is shown by it from the first frame on
  } catch (error) {
    for (const { name } of remotes) names.delete(name)
    await Promise.all(made.map((remote) => remote.close()))
    throw error
  }
  const release = async (): Promise<void> => {
    for (const { name } of remotes) names.delete(name)
    if (gate !== undefined) {
      store.gates.splice(store.gates.indexOf(gate), 1)
      gate.close(new SyncStopped({ store: store.name }))
    }
    if (confirmation !== undefined) {
      store.confirmers.splice(store.confirmers.indexOf(confirmation), 1)
      confirmation.close()
    }
    await Promise.all(made.map((remote) => remote.close()))
  }
  const handle = startSync({
    store: store.syncedStore,
    platform: synced.platform,
    logger: synced.logger,
    makeCycle: (remote) => {
      const cycle = new RemoteCycle(synced, remote)
      cycles.push(cycle)
      return cycle
    },
    onChange: () => {
      void gate?.check()
      confirmation?.check()
    },
    release,
  }, { ...options, remotes })
  if (gate !== undefined) store.gates.push(gate)
  if (confirmation !== undefined) store.confirmers.push(confirmation)
  return handle
}

function requireSyncable(store: Store): void {
  const { readOnly, adapter } = store.status(), { frameBytesMax } = store.synced
  const reason = readOnly
    ? "it is open for reading only"
    : frameBytesMax < FRAME_BYTES_MAX
    ? `its frames have at most ${frameBytesMax} bytes, ${FRAME_BYTES_MAX} are needed`
    : undefined
  if (reason !== undefined) throw new NotSyncable({ store: store.name, adapter, reason })
}

/** The remote at a URL: the protocol over HTTP, or a libSQL database that holds the log itself. */
async function remoteAt(place: string, store: Store, { token, compress }: SyncOptions<RemoteOption>): Promise<Remote> {
  const { platform, logger } = store.synced
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(place)?.[1]?.toLowerCase()
  if (scheme === "http" || scheme === "https") return httpRemote(place, { store: store.name, token, compress, platform })
  if (scheme === "libsql") {
    const adapter = await adapterByName("libsql", store.name, { url: place, token })
    if (adapter !== undefined) {
      const { logRemote } = await import("./kernel/sync/log-remote.ts") // who syncs over HTTP does without a server's part
      return logRemote(adapter, { store: store.name, name: place.replace(/[?#].*$/, ""), platform, logger })
    }
  }
  throw new InvalidOption({ option: "remote", found: scheme === undefined ? "no URL" : `${scheme}:`, expected: "https:, http: or libsql:" })
}

function gateOf(store: Store, options: SyncOptions<RemoteOption>, cycles: readonly RemoteCycle[]): QueueGate | undefined {
  const { maxQueueBytes, onFull } = options
  if (maxQueueBytes === undefined) return undefined
  return new QueueGate({
    store: store.name,
    queueBytesMax: maxQueueBytes,
    onFull,
    pendingBytes: () => Math.max(0, ...cycles.map((cycle) => cycle.status().pendingBytes)),
    writtenBytes: () => store.writtenBytes,
  })
}

function confirmationOf(
  store: Store,
  { mode, required, deadlineMillis, remotes: places }: SyncOptions<RemoteOption>,
  remotes: readonly Remote[],
  cycles: readonly RemoteCycle[],
): WriteConfirmation | undefined {
  if (mode !== "write-through") return undefined
  const names = new Set(required.map((one) => {
    const text = typeof one === "string" || one instanceof URL ? String(one) : undefined
    const at = places.findIndex((place, at) => one === place || text === String(place) || text === remotes[at]?.name)
    const remote = remotes[at]
    if (remote === undefined) {
      throw new InvalidOption({
        option: "required",
        found: "a remote that is not in the option remote",
        expected: "one of those, or its name",
      })
    }
    return remote.name
  }))
  return new WriteConfirmation({
    store: store.name,
    platform: store.synced.platform,
    views: () => store.synced.views,
    required: () => cycles.filter(({ name }) => names.has(name)),
    deadlineMillis,
  })
}
