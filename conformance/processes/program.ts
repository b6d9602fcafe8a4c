/**
 * The child: a program that opens the place of a subject by a module of the author's, and does as it is told (`orders.ts`).
 *
 *   started with a Setup ── import the module, openAdapter(place) ──▶ ready ── orders, one after another ──▶ its input ends
 *
 * It tells by one `writev` a line, which waits until the line is in the pipe: what was told had happened, and faults that are put on the calls with
 * which adapters write do not meet what is told.
 */
import { mkdirSync, writevSync } from "node:fs"
import process from "node:process"
import { createInterface } from "node:readline"
import { PersistError } from "../../kernel/errors.ts"
import { type Adapter, capabilitiesOf, type LogStorage } from "../../kernel/ports/log-storage.ts"
import { readAll } from "../log-storage/frames.ts"
import { slicesFor } from "../log-storage/snapshots.ts"
import { setClock } from "./clock.ts"
import { type Answers, type CallName, frameOf, type Orders, type Setup, type Told, type ToldError } from "./orders.ts"
import { raceFor } from "./racer.ts"
import { Random } from "./random.ts"

const END_OF_LINE = new TextEncoder().encode("\n")

const tell = (message: Told): void => {
  let line = new TextEncoder().encode(JSON.stringify(message))
  let end: Uint8Array = END_OF_LINE
  while (line.length + end.length > 0) {
    let written = 0
    try {
      written = writevSync(1, [line, end])
    } catch (error) {
      if (Object(error).code !== "EAGAIN") throw error // the pipe is full until the parent reads
    }
    const ofLine = Math.min(written, line.length)
    line = line.subarray(ofLine)
    end = end.subarray(written - ofLine)
  }
}

const toToldError = (error: unknown): ToldError => {
  const { name, message, code, cause } = Object(error)
  const isOurs = error instanceof PersistError
  return {
    isOurs,
    name: isOurs ? error._tag : typeof name === "string" ? name : typeof error,
    code: typeof code === "string" ? code : undefined,
    storedNothing: isOurs && error.storedNothing,
    message: typeof message === "string" ? message : String(error),
    system: typeof Object(cause).code === "string" ? Object(cause).code : isOurs ? undefined : code,
  }
}

type Calls = { readonly [Name in CallName]: (order: Orders[Name]) => Promise<Answers[Name]> }

const callsOf = (adapter: Adapter): Calls => {
  let opened: LogStorage | undefined
  const storage = (): LogStorage => {
    if (opened === undefined) throw new Error("the store is not open")
    return opened
  }
  return {
    async open({ storeName, durability, create, readPrefix }) {
      opened = await adapter.open(storeName, { durability, create, readPrefix })
      return { head: await opened.head(), created: opened.opened.created, isRecovered: opened.opened.recovery !== undefined }
    },
    async append(order) {
      await storage().append(order.position, frameOf(order))
      return null
    },
    async appendOn({ seed, bytesMax }) {
      for (let position = await storage().head() + 1;; position += 1) {
        tell({ what: "storing", position })
        await storage().append(position, frameOf({ position, bytes: new Random(seed, position).spread(bytesMax) }))
        tell({ what: "stored", position })
      }
    },
    head: async () => await storage().head(),
    read: async ({ after }) => (await readAll(storage(), after)).map((frame) => Buffer.from(frame).toString("base64")),
    async flush() {
      await storage().flush()
      return null
    },
    async snapshot({ at }) {
      await storage().snapshots.write(at, slicesFor(at))
      return null
    },
    trim: async ({ through }) => await storage().trim(through),
    async watch() {
      storage().watch(() => tell({ what: "changed" }))
      return null
    },
    async close() {
      await storage().close()
      return null
    },
    async destroy({ storeName }) {
      await adapter.destroy(storeName)
      return null
    },
    list: async () => await adapter.list(),
    async mark({ name }) {
      try {
        mkdirSync(`/persist-mark/${name}`) // there is no such folder
      } catch { /* It is seen in the trace. */ }
      return null
    },
    race: (order) => raceFor(adapter, capabilitiesOf(adapter), order),
  }
}

const main = async ({ module, place, clockMillis }: Setup): Promise<void> => {
  setClock(clockMillis)
  const { openAdapter } = await import(module) as { readonly openAdapter?: unknown }
  if (typeof openAdapter !== "function") throw new Error(`${module} exports no function openAdapter(place)`)
  const calls = callsOf(await openAdapter(place) as Adapter)
  tell({ what: "ready", pid: process.pid })
  for await (const line of createInterface({ input: process.stdin })) {
    const { id, call, with: order } = JSON.parse(line) as { readonly id: number; readonly call: CallName; readonly with: never }
    try {
      tell({ what: "value", id, value: await calls[call](order) })
    } catch (error) {
      tell({ what: "error", id, error: toToldError(error) })
    }
  }
  process.exit(0) // the parent is gone, or has no more orders
}

await main(JSON.parse(process.argv[2]!))
