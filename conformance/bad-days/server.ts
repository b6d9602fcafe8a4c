/**
 * A server of a bad day as its test holds it: a process that serves a place on one port, and that comes back there after it was killed, over the
 * same files or others, with the same options or others.
 */
import { setTimeout as startTimer } from "node:timers"
import { fileURLToPath } from "node:url"
import { createStore } from "@cuitty/persist"
import { Child } from "../processes/child.ts"
import { DatabaseFiles } from "./database-files.ts"
import { NAMESPACE, type PortalOrder, type ServerMessage, type ServerOrder, STORE, TOKEN } from "./messages.ts"
import { NODE } from "./node.ts"
import type { Lie } from "./testing/lies.ts"

const programAt = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
/** A server that is not there after so long does not come. */
const PATIENCE_MILLIS = 10_000

/** An order, as far as it differs from a server that serves well. */
export interface ServerOptions extends Partial<Omit<ServerOrder, "path" | "port">> {
  /** No file of it may grow beyond so many bytes: what a full disk is to a process. For the adapter `file`. */
  readonly fileBytesMax?: number | undefined
}

/** A request that was answered. */
export type Served = Extract<ServerMessage, { what: "served" }>

export class Server {
  readonly name: string
  readonly files: DatabaseFiles
  /** Every answer of all of its processes. */
  readonly served: Served[] = []
  #adapter: ServerOrder["adapter"] = "sqlite"
  #port = 0
  #child: Child<ServerMessage> | undefined
  #onListening: ((port: number) => void) | undefined

  constructor(name: string, path: string) {
    this.name = name
    this.files = new DatabaseFiles(path)
  }

  /** The same as long as the test lasts. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** Starts its process; resolves when it listens. */
  async start({ fileBytesMax, adapter = "sqlite", ...options }: ServerOptions = {}): Promise<void> {
    this.#adapter = adapter
    const order: ServerOrder = { adapter, tokens: [TOKEN], ...options, path: this.files.path, port: this.#port }
    await this.#run(fileBytesMax === undefined ? NODE : limited(fileBytesMax), "server-process.ts", order)
  }

  /** From now on it answers pulls by this lie, or rightly again; resolves when it does. */
  async lie(lie: Lie | "none"): Promise<void> {
    await this.#listening(this.#child, () => this.#child?.tell(JSON.stringify(lie)))
  }

  /** Puts a captive portal into its place. */
  async startPortal(): Promise<void> {
    await this.#run(NODE, "portal-process.ts", { port: this.#port } satisfies PortalOrder)
  }

  /** Kills its process, if it has one. */
  async kill(): Promise<void> {
    await this.#child?.kill()
    this.#child = undefined
  }

  /** How many requests it has answered so. */
  count(route: string, status: number = 200): number {
    return this.served.filter((served) => served.route === route && served.status === status).length
  }

  /** Digest of a store that it keeps; where that is in the adapter `file`, it has to be killed before. */
  async digest(store: string = STORE): Promise<string> {
    const opened = await createStore(`${NAMESPACE}/${store}`, { adapter: this.#adapter, path: this.files.path, create: false })
    try {
      return await opened.digest()
    } finally {
      await opened.close()
    }
  }

  async #run(command: readonly string[], program: string, order: unknown): Promise<void> {
    const child = this.#child = new Child(this.name, command, programAt(program), order, (message: ServerMessage) => {
      if (message.what === "listening") this.#onListening?.(message.port)
      else this.served.push(message)
    })
    await this.#listening(child)
  }

  /** Waits until its process says that it listens, after `ask`. */
  async #listening(child: Child<ServerMessage> | undefined, ask: () => void = () => {}): Promise<void> {
    const listening = new Promise<number>((resolve) => this.#onListening = resolve)
    ask()
    const ended = Promise.resolve(child?.ended).then((): never => {
      child?.check()
      throw new Error(`${this.name} has ended`)
    })
    let timer: ReturnType<typeof startTimer> | undefined
    const late = new Promise<never>((_, reject) => {
      timer = startTimer(() => reject(new Error(`${this.name} does not listen`)), PATIENCE_MILLIS)
    })
    try {
      this.#port = await Promise.race([listening, ended, late])
    } finally {
      clearTimeout(timer)
    }
  }
}

/** A command for a process whose files do not grow beyond so many bytes: its writes fail, it is not ended. */
const limited = (fileBytesMax: number): readonly string[] => [
  "sh",
  "-c",
  `trap '' XFSZ; ulimit -f ${Math.ceil(fileBytesMax / 512)}; exec "$0" "$@"`,
  ...NODE,
]
