/**
 * The sync rows: device A ─▶ server process ─▶ fresh device B, processes of their own on loopback, all of them keeping what they take on disk.
 *
 *   passed     cities a second, from A's first write until B holds all of them, both in sync by hints
 *   hop        bytes over the wire, headers and all, against the bytes that A stored; A had written before it began to sync
 *   gzip       the same, compressed, as bytes an operation
 *   latency    from the call of a put on A until B is shown it, with the way to both processes and back
 *   idle       what the server asks of its storage for a poll that finds nothing
 *   memory     what the server has, while ten times as many cities pass
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { median } from "./rounds.ts"
import { cityKeyOf } from "./sync/cities.ts"
import { CountingProxy } from "./sync/counting-proxy.ts"
import type { Command, Counts, DeviceOrder } from "./sync/messages.ts"
import { BenchDevice, BenchServer, type RuntimeCommand } from "./sync/processes.ts"

export interface SyncFigure {
  /** Names the target. */
  readonly id: string
  readonly title: string
  readonly value: number
  /** Decimals that mean something. */
  readonly digits: number
  /** What else there is to say. */
  readonly detail: string
}

export interface SyncScale {
  readonly adapter: DeviceOrder["adapter"]
  readonly cities: number
  readonly rounds: number
  readonly puts: number
  readonly idleMillis: number
}

const IDLE_INTERVAL_MILLIS = 100
/** Nothing is to come of the interval where hints are measured. */
const LONG_INTERVAL_MILLIS = 60_000
const MEMORY_PASSES = 10

interface Place {
  readonly server: BenchServer
  start(name: string): Promise<BenchDevice>
}

/** Runs `work` with a fresh server, and ends it and all devices afterwards. */
async function inPlace<T>(command: RuntimeCommand, adapter: DeviceOrder["adapter"], work: (place: Place) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "persist-bench-")), devices: BenchDevice[] = []
  const server = await BenchServer.start(command, { path: join(folder, "server.db") })
  try {
    return await work({
      server,
      async start(name) {
        const own = join(folder, name)
        mkdirSync(own)
        const device = await BenchDevice.start(name, command, { adapter, folder: own })
        devices.push(device)
        await device.run({ do: "open", store: "cities" })
        return device
      },
    })
  } finally {
    for (const child of [...devices, server]) await child.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Syncing {
  readonly port: number
  readonly live?: boolean
  readonly compress?: boolean
  readonly intervalMillis?: number
}

const enable = (
  device: BenchDevice,
  { port, live = true, compress = false, intervalMillis = LONG_INTERVAL_MILLIS }: Syncing,
): Promise<void> =>
  device.run({ do: "enable", remote: `http://127.0.0.1:${port}`, live, compress: compress ? "always" : "never", intervalMillis })

const awaiting = (cities: number): Command => ({ do: "await", cities, last: cityKeyOf(cities - 1) })
const perSecond = (operations: number, millis: number): number => operations * 1000 / millis
const whole = (value: number): string => Math.round(value).toLocaleString("en-US")

/** One way of all cities through the three processes, from one new store to another. */
interface Passage {
  readonly millis: number
  /** Until A had stored them. */
  readonly writeMillis: number
  /** Processor time of A, the server and B. */
  readonly cpuMillis: readonly number[]
}

async function pass(a: BenchDevice, server: BenchServer, b: BenchDevice, store: string, cities: number): Promise<Passage> {
  for (const device of [a, b]) {
    await device.run({ do: "open", store })
    await enable(device, server)
    await device.run({ do: "sync" })
  }
  const processes = [a, server, b], before = await Promise.all(processes.map((one) => one.count()))
  const passed = b.run(awaiting(cities)), began = performance.now()
  await a.run({ do: "write", from: 0, to: cities })
  const writeMillis = performance.now() - began
  await passed
  const millis = performance.now() - began, after = await Promise.all(processes.map((one) => one.count()))
  return { millis, writeMillis, cpuMillis: after.map(({ cpuMillis }, index) => cpuMillis - before[index]!.cpuMillis) }
}

async function measurePassed(command: RuntimeCommand, { adapter, cities, rounds }: SyncScale): Promise<readonly SyncFigure[]> {
  return await inPlace(command, adapter, async ({ server, start }) => {
    const a = await start("A"), b = await start("B")
    await a.run({ do: "load" })
    // Compilers and caches warm up in the first two, as in all rows of the bench; what those took is told.
    const first = await pass(a, server, b, "first", cities), passages: Passage[] = []
    await pass(a, server, b, "second", cities)
    for (let round = 0; round < rounds; round++) passages.push(await pass(a, server, b, `round-${round}`, cities))
    const millis = median(passages.map((one) => one.millis)), writeMillis = median(passages.map((one) => one.writeMillis))
    const cpu = ["A", "server", "B"].map((name, at) => `${name} ${median(passages.map(({ cpuMillis }) => cpuMillis[at]!)).toFixed(0)}`)
    const detail = `${millis.toFixed(0)} ms, A stored them in ${writeMillis.toFixed(0)}; processor time: ${cpu.join(", ")} ms; ` +
      `in fresh processes ${first.millis.toFixed(0)} ms`
    return [{ id: "passed", title: `A to B, ${whole(cities)} cities, op/s`, value: perSecond(cities, millis), digits: 0, detail }]
  })
}

async function measureBytes(command: RuntimeCommand, { adapter, cities }: SyncScale, compress: boolean): Promise<readonly SyncFigure[]> {
  return await inPlace(command, adapter, async ({ server, start }) => {
    const near = await CountingProxy.start(server.port), far = await CountingProxy.start(server.port)
    try {
      const a = await start("A"), b = await start("B")
      await a.run({ do: "write", from: 0, to: cities })
      const storedBytes = (await a.count()).storage.appendedBytes
      await enable(a, { port: near.port, compress })
      await a.run({ do: "sync" })
      await enable(b, { port: far.port, compress })
      await b.run(awaiting(cities))
      await b.run({ do: "sync" })
      const stored = `stored ${(storedBytes / cities).toFixed(1)} bytes an operation`
      const hop = (name: string, bytes: number, back: number): SyncFigure => ({
        id: compress ? "gzip" : "hop",
        title: compress ? `${name}, gzip, bytes an operation` : `${name}, bytes for each stored`,
        value: compress ? bytes / cities : bytes / storedBytes,
        digits: compress ? 1 : 3,
        detail: `${(bytes / cities).toFixed(1)} bytes an operation, ${stored}; ${whole(back)} bytes the other way`,
      })
      return [hop("A to server", near.sent, near.received), hop("server to B", far.received, far.sent)]
    } finally {
      await near.stop()
      await far.stop()
    }
  })
}

async function measureLatency(command: RuntimeCommand, { adapter, puts }: SyncScale): Promise<readonly SyncFigure[]> {
  return await inPlace(command, adapter, async ({ server: { port }, start }) => {
    const a = await start("A"), b = await start("B"), millis: number[] = []
    await enable(a, { port })
    await enable(b, { port })
    await b.run({ do: "watch" })
    // Some more than are counted: the streams of hints come up meanwhile.
    for (let put = -10; put < puts; put++) {
      const key = `put ${put}`
      const seen = new Promise<void>((resolve) => b.onSeen = (found) => found === key && resolve())
      const began = performance.now()
      await Promise.all([a.run({ do: "put", key }), seen])
      if (put >= 0) millis.push(performance.now() - began)
      await sleep(5 + (put * 7 + 70) % 23)
    }
    const sorted = millis.toSorted((left, right) => left - right), at = (share: number): number => sorted[Math.ceil(puts * share) - 1]!
    const detail = `least ${sorted[0]!.toFixed(1)}, most ${at(1).toFixed(1)}, ${puts} puts`
    return [
      { id: "latency", title: "put on A shown on B, ms, median", value: at(0.5), digits: 1, detail },
      { id: "latency-p99", title: "put on A shown on B, ms, p99", value: at(0.99), digits: 1, detail },
    ]
  })
}

async function measureIdle(command: RuntimeCommand, { adapter, idleMillis }: SyncScale): Promise<readonly SyncFigure[]> {
  return await inPlace(command, adapter, async ({ server, start }) => {
    const a = await start("A"), b = await start("B")
    await enable(a, { port: server.port })
    await a.run({ do: "write", from: 0, to: 1000 })
    await a.run({ do: "sync" })
    await a.stop()
    await enable(b, { port: server.port, live: false, intervalMillis: IDLE_INTERVAL_MILLIS })
    await b.run(awaiting(1000))
    await b.run({ do: "sync" })
    const before = [await server.count(), await b.count()] as const
    await sleep(idleMillis)
    const after = [await server.count(), await b.count()] as const
    const requests = Object.entries(after[0].requests).map(([route, count]) => [route, count - (before[0].requests[route] ?? 0)] as const)
    const polls = requests.find(([route]) => route === "pull")?.[1] ?? 0
    const more = (index: 0 | 1, of: keyof Counts["storage"]): number => after[index].storage[of] - before[index].storage[of]
    const detail = `${
      requests.filter(([, count]) => count > 0).map(([route, count]) =>
        `${count} ${route}`
      ).join(", ")
    } in ${idleMillis} ms; ` +
      `B itself: ${more(1, "heads")} head(), ${more(1, "frames")} frames, ${more(1, "appends")} appends`
    return [
      { id: "idle-heads", title: "idle, head() calls of the server a poll", value: more(0, "heads") / polls, digits: 2, detail },
      {
        id: "idle-frames",
        title: "idle, frames that the server reads",
        value: more(0, "frames"),
        digits: 0,
        detail: `${more(0, "reads")} reads`,
      },
    ]
  })
}

async function measureMemory(command: RuntimeCommand, { adapter, cities }: SyncScale): Promise<readonly SyncFigure[]> {
  return await inPlace(command, adapter, async ({ server, start }) => {
    const { port } = server, a = await start("A"), b = await start("B"), peaks: number[] = []
    await enable(a, { port })
    await enable(b, { port })
    for (let pass = 1; pass <= MEMORY_PASSES; pass++) {
      const from = server.rssBytes.length, passed = b.run(awaiting(pass * cities))
      await a.run({ do: "write", from: (pass - 1) * cities, to: pass * cities })
      await passed
      peaks.push(Math.max(...server.rssBytes.slice(from), (await server.count()).rssBytes))
    }
    const megabytes = peaks.map((bytes) => bytes / 1_000_000)
    const early = Math.max(...megabytes.slice(0, 3)), late = Math.max(...megabytes.slice(3))
    return [{
      id: "memory",
      title: `server, memory beyond the first ${whole(3 * cities)} of ${whole(MEMORY_PASSES * cities)} op, MB`,
      value: Math.max(0, late - early),
      digits: 0,
      detail: `peaks: ${megabytes.map((one) => one.toFixed(0)).join(" ")} MB`,
    }]
  })
}

/** Measures all rows in one runtime, one after another. */
export async function measureSync(
  command: RuntimeCommand,
  scale: SyncScale,
  onMeasured: (figures: readonly SyncFigure[]) => void,
): Promise<readonly SyncFigure[]> {
  const all: SyncFigure[] = []
  const rows = [
    () => measurePassed(command, scale),
    () => measureBytes(command, scale, false),
    () => measureBytes(command, scale, true),
    () => measureLatency(command, scale),
    () => measureIdle(command, scale),
    () => measureMemory(command, scale),
  ]
  for (const row of rows) {
    const figures = await row()
    all.push(...figures)
    onMeasured(figures)
  }
  return all
}
