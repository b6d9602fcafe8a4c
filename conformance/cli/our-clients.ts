/** How each client of this package is started as one under test: by the runtime that runs this. */
import { fileURLToPath } from "node:url"
import { ownCommand } from "../processes/runtimes.ts"

/** Command lines by the name of where the client keeps its log. */
export type ClientCommandLines = Readonly<Record<string, string>>

const lineOf = (...words: readonly string[]): string => words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ")

export const ourClients: ClientCommandLines = {
  sqlite: lineOf(...ownCommand(), fileURLToPath(new URL("../client/our-client.ts", import.meta.url))),
}
