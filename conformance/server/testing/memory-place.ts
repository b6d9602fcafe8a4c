/** A place in memory that outlives the servers over it: it can be wiped, copied and restored. */
import { memoryAdapter } from "../../../adapters/memory/mod.ts"
import type { Adapter } from "../../../kernel/ports/log-storage.ts"
import type { OurServerOptions } from "./our-server.ts"

const OPEN = { durability: "none", create: true, readPrefix: false } as const
const ALL = { maxFrames: 1_000_000, maxBytes: 1_000_000_000 }

/** A copy of all logs, frame by frame. */
const copyOf = async (adapter: Adapter): Promise<Adapter> => {
  const copy = memoryAdapter()
  for (const name of await adapter.list()) {
    const [from, to] = [await adapter.open(name, OPEN), await copy.open(name, OPEN)]
    for (const [at, frame] of (await from.read(0, ALL)).entries()) await to.append(at + 1, frame)
    await from.close()
    await to.close()
  }
  return copy
}

/** What the options of a server of the tests need for it. */
export const memoryPlace = (): Required<Pick<OurServerOptions, "storage" | "wipe" | "backUp">> => {
  let adapter: Adapter = memoryAdapter()
  return {
    storage: (): Adapter => adapter,
    wipe: (): void => void (adapter = memoryAdapter()),
    backUp: async (): Promise<() => Promise<void>> => {
      const copy = await copyOf(adapter)
      return async () => void (adapter = await copyOf(copy))
    },
  }
}
