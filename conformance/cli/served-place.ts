/**
 * Served place: server processes over one SQLite file, for as many stores as there are cases.
 *
 *   first ── another one beside it, when a case asks for it ── restart: both are killed and come back at their ports ── wipe: without the file
 */
import { randomBytes } from "node:crypto"
import { copyFile, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import type { Person, RemoteSubject } from "../mod.ts"
import { Child } from "../processes/child.ts"
import { type ServedStore, servedSubject } from "./served-store.ts"
import type { ServerMessage, ServerOrder } from "./server-order.ts"

const PROGRAM = fileURLToPath(new URL("./server-process.ts", import.meta.url))
const PERSONS: readonly Person[] = ["owner", "neighbour", "author", "reader"]
/** How this runtime runs a program. */
const COMMAND: readonly string[] = "Deno" in globalThis ? [process.execPath, "run", "-A", "--no-check"] : [process.execPath]

/** One server process that can be killed and started again at its port. */
class ServerProcess {
  readonly #order: Omit<ServerOrder, "port">
  #child: Child<ServerMessage> | undefined
  #port = 0

  constructor(order: Omit<ServerOrder, "port">) {
    this.#order = order
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve, reject) => {
      const child = new Child<ServerMessage>("the server", COMMAND, PROGRAM, { ...this.#order, port: this.#port }, ({ port }) => {
        this.#port = port
        resolve()
      })
      child.ended.then(() => {
        child.check()
        reject(new Error("the server ended before it listened"))
      }).catch(reject)
      this.#child = child
    })
    return this
  }

  async kill(): Promise<void> {
    await this.#child?.kill()
  }
}

const ignoreMissing = (error: unknown): void => {
  if (Object(error).code !== "ENOENT") throw error
}

export class ServedPlace {
  readonly #folder: string
  readonly #order: Omit<ServerOrder, "port">
  readonly #servers: ServerProcess[] = []
  #stores = 0

  private constructor(folder: string, origin: string | undefined) {
    this.#folder = folder
    const tokens = PERSONS.map((person) => [person, `${person}-${randomBytes(16).toString("hex")}`] as const)
    this.#order = { path: join(folder, "stores.db"), tokensByPerson: Object.fromEntries(tokens) as Record<Person, string>, origin }
  }

  /** Starts the first server; pages of `origin` may speak to it. */
  static async start(origin?: string): Promise<ServedPlace> {
    const place = new ServedPlace(await mkdtemp(join(tmpdir(), "persist-served-")), origin)
    try {
      await place.#server(0)
      return place
    } catch (error) {
      await place.end()
      throw error
    }
  }

  /** A store that no other case has. */
  subject(): RemoteSubject {
    return servedSubject(this.takeStore())
  }

  /** The same as what a subject is made of, for one that is elsewhere. */
  takeStore(): ServedStore {
    this.#stores += 1
    return {
      name: `case-${this.#stores}`,
      tokensByPerson: this.#order.tokensByPerson,
      urlOf: async (index) => (await this.#server(index)).url,
      restart: () => this.#restart(),
      roll: () => this.#roll(),
      wipe: () => this.#restart(() => this.#removeFiles()),
      backUp: () => this.#backUp(),
    }
  }

  async #server(index: number): Promise<ServerProcess> {
    return this.#servers[index] ??= await new ServerProcess(this.#order).start()
  }

  async #restart(between: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.kill()))
    await between()
    for (const server of this.#servers) await server.start()
  }

  /** Kills each and starts it again, while the others answer. */
  async #roll(): Promise<void> {
    for (const server of this.#servers) {
      await server.kill()
      await server.start()
    }
  }

  /** Copies the file while nobody has it open, with what a killed process left beside it; answers what restores it. */
  async #backUp(): Promise<() => Promise<void>> {
    const { path } = this.#order, copy = `${path}.copy-${this.#stores}`
    const copyAll = async (from: string, to: string): Promise<void> => {
      // The file of shared memory is made anew from the other two.
      for (const suffix of ["", "-wal"]) await copyFile(`${from}${suffix}`, `${to}${suffix}`).catch(ignoreMissing)
    }
    await this.#restart(() => copyAll(path, copy))
    return () =>
      this.#restart(async () => {
        await this.#removeFiles()
        await copyAll(copy, path)
      })
  }

  async #removeFiles(): Promise<void> {
    for (const suffix of ["", "-wal", "-shm"]) await rm(`${this.#order.path}${suffix}`, { force: true })
  }

  /** Kills the servers and removes what they kept. */
  async end(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.kill()))
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 3 })
  }
}
