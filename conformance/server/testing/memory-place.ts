/** A place in memory that outlives the servers over it: it can be wiped, copied and restored. */
import { memoryAdapter } from "../../../adapters/memory/mod.ts"
import { type Adapter, capabilitiesOf, type LogStorage } from "../../../kernel/ports/log-storage.ts"
import type { OurServerOptions } from "./our-server.ts"

const ALL = { maxFrames: 1_000_000, maxBytes: 1_000_000_000 }

const open = async (adapter: Adapter, name: string): Promise<LogStorage> =>
  await adapter.open(name, { durability: capabilitiesOf(adapter).levels[0] ?? "none", create: true })

/** Copies logs of an adapter into another one that does not have them, frame by frame; by default all. */
export const copyLogs = async (from: Adapter, to: Adapter, names?: readonly string[]): Promise<Adapter> => {
  for (const name of names ?? await from.list()) {
    const [source, target] = [await open(from, name), await open(to, name)]
    for (const [at, frame] of (await source.read(0, ALL)).entries()) await target.append(at + 1, frame)
    await source.close()
    await target.close()
  }
  return to
}

/** What the options of a server of the tests need for it. */
export const memoryPlace = (): Required<Pick<OurServerOptions, "storage" | "wipe" | "backUp">> => {
  let adapter: Adapter = memoryAdapter()
  return {
    storage: (): Adapter => adapter,
    wipe: (): void => void (adapter = memoryAdapter()),
    backUp: async (): Promise<() => Promise<void>> => {
      const copy = await copyLogs(adapter, memoryAdapter())
      return async () => void (adapter = await copyLogs(copy, memoryAdapter()))
    },
  }
}
