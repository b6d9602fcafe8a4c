/** A client in any language, as a command line of the shell. */
import { clientCases, clientSuite } from "../mod.ts"
import type { Planned } from "./plan.ts"

/** The client that `command` starts; `isSlow`: also what takes a minute. Rejects with `TypeError` where the package of the server that misbehaves is missing. */
export const planClient = async (command: string, isSlow: boolean, name: string = `client ${command}`): Promise<Planned> => {
  try {
    await import("@cuitty/persist/server")
  } catch (cause) {
    if (!/\bhono\b/.test(String(cause))) throw cause
    throw new TypeError('"client" needs a package for the server that misbehaves: npm install --save-dev hono', { cause })
  }
  const start = (): ReturnType<Planned["start"]> =>
    Promise.resolve({ suite: clientSuite(command, { name, isSlow }), end: () => Promise.resolve() })
  return { name, cases: clientCases, start }
}
