/**
 * Messages between the bench and its processes, one JSON text a line.
 *
 *   device ─▶ bench    ready · done · seen …          bench ─▶ device   a command; each is answered with `done`
 *   server ─▶ bench    listening · done · memory …    bench ─▶ server   "count"
 */
import type { StorageCounts } from "./counted-adapter.ts"

/** What a server process is told as it starts. */
export interface ServerOrder {
  /** Path of its SQLite database. */
  readonly path: string
}

/** What a device process is told as it starts. */
export interface DeviceOrder {
  readonly adapter: "sqlite" | "file"
  /** An empty folder of its own, for its stores. */
  readonly folder: string
}

/** What a device is told to do. */
export type Command =
  /** Closes the store that it has, and opens a new one. */
  | { readonly do: "open"; readonly store: string }
  /** Begins to sync; done when the engine runs. */
  | {
    readonly do: "enable"
    readonly remote: string
    readonly live: boolean
    readonly compress: "always" | "never"
    readonly intervalMillis: number
  }
  /** Reads the cities into memory, so that writing them need not. */
  | { readonly do: "load" }
  /** Writes cities; done when they are stored here. */
  | { readonly do: "write"; readonly from: number; readonly to: number }
  /** Done when the store holds so many cities, the last of which has this key. */
  | { readonly do: "await"; readonly cities: number; readonly last: string }
  /** Puts one record; done when it is stored here. */
  | { readonly do: "put"; readonly key: string }
  /** Tells `seen` of every record of the collection of puts from now on. */
  | { readonly do: "watch" }
  /** Done when nothing is left to push or pull. */
  | { readonly do: "sync" }
  | { readonly do: "count" }

export interface Counts {
  readonly storage: StorageCounts
  /** Requests that a server has answered, by route. */
  readonly requests: Readonly<Record<string, number>>
  readonly rssBytes: number
  /** Time that it has had of all processors since its start. */
  readonly cpuMillis: number
}

export type DeviceMessage =
  | { readonly what: "ready"; readonly pid: number }
  | { readonly what: "done"; readonly counts?: Counts | undefined }
  | { readonly what: "seen"; readonly key: string }

export type ServerMessage =
  | { readonly what: "listening"; readonly pid: number; readonly port: number }
  | { readonly what: "done"; readonly counts: Counts }
  /** Told from time to time. */
  | { readonly what: "memory"; readonly rssBytes: number }
