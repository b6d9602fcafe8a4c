/** A bad day: servers and devices, each a process of its own with its own files, that end with the test, however that ends. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Device, type DeviceOptions } from "./device.ts"
import { Server, type ServerOptions } from "./server.ts"

export class BadDay implements AsyncDisposable {
  readonly folder: string
  readonly #devices: Device[] = []
  readonly #servers: Server[] = []

  private constructor(folder: string) {
    this.folder = folder
  }

  static async begin(): Promise<BadDay> {
    return new BadDay(await mkdtemp(join(tmpdir(), "persist-bad-day-")))
  }

  /** A server that listens. */
  async server(name: string = "server", options: ServerOptions = {}): Promise<Server> {
    const server = new Server(name, join(this.folder, `${name}.db`))
    this.#servers.push(server)
    await server.start(options)
    return server
  }

  /** A device whose store is open and does not sync yet. */
  async device(name: string, options: DeviceOptions = {}): Promise<Device> {
    const device = this.deviceAt(name)
    await device.start(options)
    return device
  }

  /** A device that is not started: something is to happen to its files before. */
  deviceAt(name: string): Device {
    const device = new Device(name, join(this.folder, `${name}.db`))
    this.#devices.push(device)
    return device
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#devices, ...this.#servers].map((one) => one.kill()))
    await rm(this.folder, { recursive: true, force: true })
  }
}

/** Has devices sync, one after another, until each has what the others had: twice is enough, since one server lies between any two. */
export async function meet(...devices: readonly Device[]): Promise<void> {
  for (const device of [...devices, ...devices]) await device.sync()
}
