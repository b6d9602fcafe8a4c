/** What a server that remotes are checked at is told, and what it tells. */
import type { Rights } from "../../kernel/ports/remote.ts"
import type { Person } from "../mod.ts"

export interface ServerOrder {
  /** The database file. */
  readonly path: string
  /** 0: one that is free. */
  readonly port: number
  /** Pages of this origin may use it. */
  readonly origin?: string | undefined
  readonly tokensByPerson: Readonly<Record<Person, string>>
}

export interface ServerMessage {
  readonly what: "listening"
  readonly pid: number
  readonly port: number
}

/** All stores of a run are in it. */
export const NAMESPACE = "conformance"

const ALL: Rights = { read: true, write: true, relay: true, admin: false }

/** What each person may do. */
export const RIGHTS: Readonly<Record<Person, Rights>> = {
  owner: ALL,
  neighbour: ALL,
  author: { ...ALL, relay: false },
  reader: { ...ALL, relay: false, write: false },
}
