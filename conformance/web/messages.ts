/**
 * What a page or Worker that runs suites says to the program that started it, as JSON by POST to its host.
 *
 *   /tell   the line of a case that has ended · the report of a subject · what kept a subject from being checked
 *   /ask    something about the servers over which remotes are checked, which only the program can start and kill
 */
import type { Person } from "../mod.ts"

/** Something told about the subject of a row. */
export type Told =
  | { readonly kind: "case"; readonly row: string; readonly line: string }
  | { readonly kind: "report"; readonly row: string; readonly json: string }
  | { readonly kind: "failure"; readonly row: string; readonly reason: string }

/** Something asked; `store` is the name of a store that was taken. */
export type Asked =
  | { readonly call: "takeStore" }
  | { readonly call: "urlOf"; readonly store: string; readonly index: number }
  | { readonly call: "restart" | "roll" | "wipe" | "backUp"; readonly store: string }
  | { readonly call: "restore"; readonly store: string; readonly copy: number }

/** A store that was taken. */
export interface TakenStore {
  readonly name: string
  readonly tokensByPerson: Readonly<Record<Person, string>>
}

/** Posts a message to the host; answers what that answers. Rejects with what went wrong there. */
export const post = async <Answer>(host: string, path: "/tell" | "/ask", message: Told | Asked): Promise<Answer> => {
  const response = await fetch(`${host}${path}`, { method: "POST", body: JSON.stringify(message) })
  const text = await response.text()
  if (!response.ok) throw new Error(`the host: ${text}`)
  return JSON.parse(text) as Answer // our own program's, of the same build
}
