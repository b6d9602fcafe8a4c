/** A sync server in a process of its own. */
import { spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import process from "node:process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

export interface RunningServer {
  readonly url: string
  readonly token: string
  stop(): Promise<void>
}

/** Starts a server over the SQLite database at `path`. Fails if it ends before it listens. */
export const startServer = async (path: string): Promise<RunningServer> => {
  const program = fileURLToPath(new URL("server-child.ts", import.meta.url)), token = randomUUID()
  const child = spawn(process.execPath, [program, JSON.stringify({ path, token })], { stdio: ["pipe", "pipe", "inherit"] })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject)
    child.once("close", resolve)
  })
  for await (const line of createInterface({ input: child.stdout })) {
    return {
      url: line,
      token,
      async stop() {
        child.stdin.end()
        await ended
      },
    }
  }
  throw new Error(`The server ended with ${await ended} before it told where it listens`)
}
