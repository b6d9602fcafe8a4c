/** The server in Python (`python/server.py`) as a process of its own: what it has to know is told line by line. */
import assert from "node:assert/strict"
import { spawn, spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

/** The path of a program in Python of these tests. */
export const pythonProgram = (name: string): string => fileURLToPath(new URL(`python/${name}`, import.meta.url))

/** Why tests of programs in Python are left out; false where they are not. */
export const skipsPython: string | false = spawnSync("python3", ["--version"]).status === 0 ? false : "there is no python3"

/** What somebody may do there. */
export interface PythonGrant {
  readonly principal: string
  readonly namespace: string
  readonly rights: readonly string[]
  readonly expiresMillis?: number | undefined
}

/** One that runs. */
export class PythonServer {
  readonly #child = spawn("python3", [pythonProgram("server.py")], { stdio: ["pipe", "pipe", "pipe"] })
  readonly #lines = createInterface({ input: this.#child.stdout })
  readonly #ended = once(this.#child, "close")
  /** What it said on its standard error. */
  errors = ""
  /** Where it listens; empty before `begin` has resolved. */
  url = ""

  private constructor() {
    this.#child.stderr.on("data", (chunk) => this.errors += String(chunk))
  }

  /** Resolves when it listens. */
  static async begin(): Promise<PythonServer> {
    const server = new PythonServer(), { port } = await server.#line()
    server.url = `http://127.0.0.1:${port}`
    return server
  }

  /** Has it know a token of somebody; answers the token. */
  async know(grant: PythonGrant): Promise<string> {
    const token = randomBytes(16).toString("hex"), known = this.#line()
    this.#child.stdin.write(`${JSON.stringify({ token, ...grant })}\n`)
    await known
    return token
  }

  /** Resolves when it has ended. */
  async end(): Promise<void> {
    this.#child.stdin.end()
    await this.#ended
  }

  async #line(): Promise<Readonly<Record<string, unknown>>> {
    const ended = this.#ended.then(() => assert.fail(`it ended: ${this.errors}`))
    const [line] = await Promise.race([once(this.#lines, "line"), ended])
    return JSON.parse(String(line))
  }
}
