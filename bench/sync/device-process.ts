/** One device of the sync rows: a store on disk that does what it is told. */
import { join } from "node:path"
import process from "node:process"
import { type Adapter, type Collection, createStore, enableSync, type Store, type SyncHandle } from "@cuitty/persist"
import { fileAdapter } from "@cuitty/persist/adapters/file"
import { sqliteAdapter } from "@cuitty/persist/adapters/sqlite"
import { toParent } from "../../conformance/processes/child.ts"
import { countedAdapter, noCounts } from "./counted-adapter.ts"
import type { Command, Counts, DeviceMessage, DeviceOrder } from "./messages.ts"
import { usage } from "./usage.ts"

const BATCH_CITIES = 1000
/** Batches under way at once. */
const BATCHES_AT_ONCE = 8

class Device {
  readonly #order: DeviceOrder
  readonly #tell: (message: DeviceMessage) => void
  readonly #storage = noCounts()
  #opened: Store | undefined
  #handle: SyncHandle | undefined

  constructor(order: DeviceOrder, tell: (message: DeviceMessage) => void) {
    this.#order = order
    this.#tell = tell
  }

  /** Does what it is told; answers the counts if it is asked for them. */
  async run(command: Command): Promise<Counts | undefined> {
    switch (command.do) {
      case "open":
        await this.#opened?.close()
        this.#opened = await createStore(command.store, { adapter: countedAdapter(this.#adapterFor(command.store), this.#storage) })
        return undefined
      case "enable":
        this.#handle = await enableSync(this.#store, {
          remote: command.remote,
          live: command.live,
          compress: command.compress,
          interval: command.intervalMillis,
        })
        return undefined
      case "load":
        await import("./cities.ts")
        return undefined
      case "write":
        await this.#write(command.from, command.to)
        return undefined
      case "await":
        await this.#await(command.cities, command.last)
        return undefined
      case "put":
        await this.#puts.put(command.key, true)
        return undefined
      case "watch":
        this.#puts.subscribe({}, (changes) => {
          for (const { key } of changes) this.#tell({ what: "seen", key })
        })
        return undefined
      case "sync":
        await this.#handle!.sync()
        return undefined
      case "count":
        return { storage: this.#storage, requests: {}, ...usage() }
    }
  }

  #adapterFor(store: string): Adapter {
    const { adapter, folder } = this.#order
    return adapter === "sqlite" ? sqliteAdapter({ path: join(folder, `${store}.db`) }) : fileAdapter({ path: folder })
  }

  get #store(): Store {
    if (this.#opened === undefined) throw new Error("no store is open")
    return this.#opened
  }

  get #puts(): Collection<boolean> {
    return this.#store.collection<boolean>("puts")
  }

  async #write(from: number, to: number): Promise<void> {
    const { cityKeyOf, cityOf } = await import("./cities.ts") // by those alone that write: what a collector of garbage has to go through counts
    const underWay = new Set<Promise<unknown>>()
    for (let next = from; next < to; next += BATCH_CITIES) {
      const batch = Array.from({ length: Math.min(BATCH_CITIES, to - next) }, (_, index) => next + index)
      const written: Promise<unknown> = this.#store.records.putMany(
        batch.map((number) => ({ key: cityKeyOf(number), value: cityOf(number) })),
      )
      underWay.add(written)
      void written.finally(() => underWay.delete(written)).catch(() => {}) // rejects below
      if (underWay.size >= BATCHES_AT_ONCE) await Promise.race(underWay)
    }
    await Promise.all(underWay)
  }

  /** The last city comes with the last frame, so all before it are there then; they are counted nevertheless. */
  async #await(cities: number, last: string): Promise<void> {
    const { records } = this.#store
    if (!await records.has(last)) {
      await new Promise<void>((resolve) => {
        const stop = records.subscribe(last, () => {
          stop()
          resolve()
        })
      })
    }
    const found = await records.count()
    if (found !== cities) throw new Error(`${found} cities are there with the last of ${cities}`)
  }
}

const device = new Device(JSON.parse(process.argv[2]!), (message) => tell(message))
const tell = toParent<DeviceMessage>((line) => {
  device.run(JSON.parse(line)).then((counts) => tell({ what: "done", counts }), (error) => {
    console.error(error)
    process.exit(1)
  })
})
tell({ what: "ready", pid: process.pid })
