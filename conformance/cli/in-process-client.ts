/** Our client in this process as one under test, with faults where a double has some: what the suite of clients starts in place of a program. */
import type { StartClient } from "../client/driver.ts"
import { CommandFailed } from "../client/driver.ts"
import { OurClient } from "../client/our-client.ts"
import type { Ask, ClientFaults } from "../doubles/client/client-double.ts"

/** Starts one for each process that a case would start. */
export const inProcess = (make: () => ClientFaults): StartClient => () => {
  const { drive, remote, fetch, ...rest } = make()
  const client = new OurClient({ ...rest, remote, fetch: fetch === undefined ? undefined : (url, init) => fetch(String(url), init ?? {}) })
  const plain: Ask = (command, fields) => client.answer(command, fields)
  const ask = drive === undefined ? plain : drive(plain)
  return Promise.resolve({
    ask: async (command, fields) => {
      try {
        return await ask(command, fields)
      } catch (error) {
        throw new CommandFailed(command, Object(error).code ?? "failed", String(error))
      }
    },
    kill: () => client.kill(),
    end: () => client.kill(),
    errors: "",
  })
}
