/**
 * The sync race: server processes over one store, devices that write and sync with them in turn, a server that is killed in the middle.
 *
 *   servers listen ─▶ devices ready ─▶ go ─▶ … a kill, the same server again … ─▶ finish ─▶ all done ─▶ settle ─▶ all settled ─▶ judge
 *
 * Judged is that
 *   - every device holds every write that any device was told is stored, exactly once, and the counters sum up to them (`work.ts`)
 *   - so does the store at the servers; its positions are dense, and no counter in its history goes back or stands still
 *   - the digests of all devices and of the server's store are the same
 *   - at no moment does a device see half a batch, or a write without those before it
 *   - every server answered pushes, also the killed one after its restart: else nothing was tried
 */
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { createStore } from "@cuitty/persist"
import { ensure, equal, fail } from "../expect.ts"
import { Random } from "../processes/random.ts"
import { type Runtime, RUNTIMES } from "../processes/runtimes.ts"
import { Child } from "../processes/child.ts"
import type { Command, DeviceMessage, DeviceOrder, ServerMessage, ServerOrder, ServerPlace } from "./messages.ts"
import { checkCounters, checkSummary, SERVER_STORE, summarize, type Summary } from "./work.ts"

export interface SyncRaceOptions {
  readonly place: ServerPlace
  /** An empty folder of this race. */
  readonly folder: string
  readonly servers: number
  readonly devices: number
  /** Writes of each device. */
  readonly writes: number
  /** A device goes to another server after about so many writes. */
  readonly turn: number
  /** How often a server is killed. */
  readonly kills: number
  readonly seed: number
  readonly runtime: Runtime
  /** Path of another program for the devices. */
  readonly deviceProgram?: string | undefined
  /** Called now and then with how many writes have been made. */
  readonly onProgress?: ((made: number) => void) | undefined
}

/** What a sync race was. */
export interface SyncRaceResult {
  readonly devices: readonly Device[]
  readonly servers: readonly Server[]
  /** Frames of the store at the servers. */
  readonly frames: number
  /** From the start signal until all were settled. */
  readonly millis: number
  readonly settleMillis: number
}

const POLL_MILLIS = 10
/** How long a killed server stays away. */
const AWAY_MILLIS_MAX = 1000
/** The kill comes up to so many milliseconds after its share, so that it hits any moment of a request. */
const KILL_MILLIS_MAX = 20
/** Nobody tells anything for so long: something hangs. */
const SILENCE_MILLIS_MAX = 60_000

/** A device as its parent sees it. */
export interface Device {
  readonly number: number
  /** Writes that were acknowledged to it. */
  writes: number
  turns: number
  /** Turns that did not end in sync, by the code of the reason. */
  readonly failures: Map<string, number>
  isReady: boolean
  isDone: boolean
  summary: Summary | undefined
}

/** A server as its parent sees it, over all of its processes. */
export interface Server {
  readonly number: number
  port: number
  kills: number
  /** Pushes and pulls that it answered well, in all and since it was last started. */
  pushes: number
  pulls: number
  pushesSinceStart: number
  isListening: boolean
}

const programAt = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

export class SyncRace {
  readonly #options: SyncRaceOptions
  readonly #devices: (Device & { readonly child: Child<DeviceMessage> })[] = []
  readonly #servers: (Server & { child: Child<ServerMessage> })[] = []
  readonly #tokens: readonly string[]
  readonly #random: Random
  #told = performance.now()

  constructor(options: SyncRaceOptions) {
    this.#options = options
    this.#random = new Random(options.seed, 0)
    this.#tokens = Array.from({ length: options.devices }, (_, index) => `token-of-device-${index + 1}`)
  }

  /** Runs the race. Fails with `RuleBroken` if a rule is; no process is left then either. */
  async run(): Promise<SyncRaceResult> {
    const { devices, servers, kills } = this.#options
    try {
      for (let number = 1; number <= servers; number++) this.#addServer(number)
      await this.#until(() => this.#servers.every(({ isListening }) => isListening))
      for (let number = 1; number <= devices; number++) this.#addDevice(number)
      await this.#until(() => this.#devices.every(({ isReady }) => isReady))
      const started = performance.now()
      this.#tellAll("go")
      for (let kill = 0; kill < kills; kill++) await this.#killServer((kill + 0.3 + this.#random.next() * 0.4) / kills)
      this.#tellAll("finish")
      await this.#until(() => this.#devices.every(({ isDone }) => isDone))
      const done = performance.now()
      this.#tellAll("settle")
      await this.#until(() => this.#devices.every(({ summary }) => summary !== undefined))
      const ended = performance.now()
      for (const { child } of this.#servers) await child.kill() // the log is judged as a power cut of the processes leaves it
      return {
        frames: await this.#judge(),
        devices: this.#devices,
        servers: this.#servers,
        millis: ended - started,
        settleMillis: ended - done,
      }
    } finally {
      for (const { child } of [...this.#devices, ...this.#servers]) await child.kill()
    }
  }

  // Running

  #addServer(number: number): void {
    const server: Server = { number, port: 0, kills: 0, pushes: 0, pulls: 0, pushesSinceStart: 0, isListening: false }
    this.#servers.push(Object.assign(server, { child: this.#startServer(server) }))
  }

  #startServer(server: Server): Child<ServerMessage> {
    const { place, runtime } = this.#options
    const order: ServerOrder = { place, port: server.port, tokens: this.#tokens }
    return new Child(`server ${server.number}`, RUNTIMES[runtime], programAt("server-process.ts"), order, (message: ServerMessage) => {
      this.#told = performance.now()
      if (message.what === "listening") {
        server.port = message.port
        server.isListening = true
      } else if (message.status === 200) {
        if (message.route === "pull") server.pulls++
        if (message.route === "push") {
          server.pushes++
          server.pushesSinceStart++
        }
      }
    })
  }

  #addDevice(number: number): void {
    const { devices, folder, seed, writes, turn, runtime, deviceProgram = programAt("device-process.ts") } = this.#options
    const order: DeviceOrder = {
      device: number,
      devices,
      path: join(folder, `device-${number}.db`),
      remotes: this.#servers.map(({ port }) => `http://127.0.0.1:${port}`),
      token: this.#tokens[number - 1]!,
      seed,
      writes,
      turn,
    }
    const device: Device = { number, writes: 0, turns: 0, failures: new Map(), isReady: false, isDone: false, summary: undefined }
    const child = new Child(
      `device ${number}`,
      RUNTIMES[runtime],
      deviceProgram,
      order,
      (message: DeviceMessage) => this.#take(device, message),
    )
    this.#devices.push(Object.assign(device, { child }))
  }

  #take(device: Device, message: DeviceMessage): void {
    this.#told = performance.now()
    switch (message.what) {
      case "ready":
        device.isReady = true
        break
      case "wrote":
        device.writes = message.writes
        this.#options.onProgress?.(this.#made)
        break
      case "turned":
        device.turns++
        if (message.failure !== undefined) device.failures.set(message.failure, (device.failures.get(message.failure) ?? 0) + 1)
        break
      case "done":
        device.isDone = true
        break
      case "settled":
        device.summary = message.summary
    }
  }

  get #made(): number {
    return this.#devices.reduce((sum, { writes }) => sum + writes, 0)
  }

  #tellAll(command: Command): void {
    for (const { child } of this.#devices) child.tell(command)
  }

  /** Kills one server when this share of the writes has been made, and starts it again at the same place after a while. */
  async #killServer(share: number): Promise<void> {
    const { devices, servers, writes } = this.#options
    await this.#until(() => this.#made >= share * devices * (writes - servers)) // the last ones are kept back until all kills are over
    await sleep(this.#random.below(KILL_MILLIS_MAX))
    const server = this.#servers[this.#random.below(this.#servers.length)]!
    await server.child.kill()
    server.kills++
    server.isListening = false
    server.pushesSinceStart = 0
    await sleep(this.#random.below(AWAY_MILLIS_MAX))
    server.child = this.#startServer(server)
    await this.#until(() => server.isListening)
  }

  async #until(isReached: () => boolean): Promise<void> {
    while (!isReached()) {
      for (const { child } of [...this.#devices, ...this.#servers]) child.check()
      if (performance.now() - this.#told > SILENCE_MILLIS_MAX) fail(`nobody told anything for ${SILENCE_MILLIS_MAX} ms`)
      await sleep(POLL_MILLIS)
    }
  }

  // Judging

  /** Answers the number of frames at the servers. */
  async #judge(): Promise<number> {
    const { place: { adapter, options }, devices, writes } = this.#options
    const expected = Array.from({ length: devices }, () => writes)
    for (const { number, writes: acknowledged } of this.#devices) equal(acknowledged, writes, `acknowledged writes of device ${number}`)
    // Opening follows the chain of frames from position 1 on: each names the one before it.
    const store = await createStore(SERVER_STORE, { ...options, adapter, create: false })
    try {
      const atServers = await summarize(store, devices)
      checkSummary("the servers' store", atServers, expected)
      for (const { number, summary } of this.#devices) {
        checkSummary(`device ${number}`, summary!, expected)
        equal(summary!.digest, atServers.digest, `the digest of device ${number}, against the servers'`)
      }
      await checkCounters(store, devices)
      const { head } = store.status()
      ensure(head > 0, "nothing was ever pushed")
      for (const { number, pushes, kills, pushesSinceStart } of this.#servers) {
        ensure(pushes > 0, `server ${number} answered no push`)
        ensure(kills === 0 || pushesSinceStart > 0, `server ${number} answered no push after it was started again`)
      }
      return head
    } finally {
      await store.close()
    }
  }
}
