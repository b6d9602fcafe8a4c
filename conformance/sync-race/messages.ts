/**
 * Messages between the parent of a sync race and its processes, one JSON text a line.
 *
 *   device ─▶ parent   ready · wrote … turned … · done · settled        parent ─▶ device   go · finish · settle
 *   server ─▶ parent   listening · served …                            a child ends when its standard input does
 */
import type { Summary } from "./work.ts"

/** Where the servers keep the store: an adapter, and what else `createStore` is given to find the place. */
export interface ServerPlace {
  readonly adapter: "sqlite" | "libsql"
  readonly options: Readonly<Record<string, string>>
}

/** What a server process is told as it starts. */
export interface ServerOrder {
  readonly place: ServerPlace
  /** 0: any that is free. */
  readonly port: number
  /** The token of each device, in order. */
  readonly tokens: readonly string[]
}

/** What a device process is told as it starts. */
export interface DeviceOrder {
  /** Its number, from 1, of so many. */
  readonly device: number
  readonly devices: number
  /** Path of its own database. */
  readonly path: string
  /** URLs of the servers. */
  readonly remotes: readonly string[]
  readonly token: string
  readonly seed: number
  readonly writes: number
  /** It changes the server after about so many writes. */
  readonly turn: number
}

/** What a parent tells a device. */
export type Command = "go" | "finish" | "settle"

export type ServerMessage =
  | { readonly what: "listening"; readonly pid: number; readonly port: number }
  /** It has answered a request. */
  | { readonly what: "served"; readonly route: string; readonly status: number }

export type DeviceMessage =
  | { readonly what: "ready"; readonly pid: number }
  /** So many writes have been acknowledged by now. */
  | { readonly what: "wrote"; readonly writes: number }
  /** It has ended a turn with a server: in sync, or with what could not be done. */
  | { readonly what: "turned"; readonly remote: number; readonly failure: string | undefined }
  /** All its writes are made and with a server. */
  | { readonly what: "done" }
  /** It is in sync with all servers, and this is what it holds. */
  | { readonly what: "settled"; readonly summary: Summary }
