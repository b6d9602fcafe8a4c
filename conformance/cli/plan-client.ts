/** A client in any language, as a command line of the shell. Its suite is loaded when it is asked for: the server that misbehaves needs Hono. */
import type { Planned } from "./plan.ts"

const loadSuite = async (): Promise<typeof import("../client/suite.ts")> => {
  try {
    return await import("../client/suite.ts")
  } catch (error) {
    if (Object(error).code !== "ERR_MODULE_NOT_FOUND" && !/hono/.test(String(error))) throw error
    throw new TypeError(
      '"client" needs a package that is not installed here, for the server that misbehaves: npm install --save-dev hono',
      {
        cause: error,
      },
    )
  }
}

/** The cases for clients. Rejects with `TypeError` where Hono is missing. */
export const loadClientCases = async (): Promise<Planned["cases"]> => (await loadSuite()).clientCases

/** The client that `command` starts; `isSlow`: also what takes a minute. Rejects with `TypeError` where Hono is missing. */
export const planClient = async (command: string, isSlow: boolean): Promise<Planned> => {
  const { clientCases, clientSuite } = await loadSuite()
  const start = (): ReturnType<Planned["start"]> =>
    Promise.resolve({ suite: clientSuite(command, { isSlow }), end: () => Promise.resolve() })
  return { name: `client ${command}`, cases: clientCases, start }
}
