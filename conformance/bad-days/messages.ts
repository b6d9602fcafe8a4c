/**
 * Messages between a test of a bad day and its processes, one JSON text a line.
 *
 *   test ─▶ device   asked …                       device ─▶ test   ready · answered … · status …
 *   test ─▶ server   a lie …                       server, portal ─▶ test   listening, also after each lie · served …
 *
 * A child ends when its standard input does.
 */
import type { SyncStatus } from "@cuitty/persist"
import type { ServerLimits } from "@cuitty/persist/server"

/** The name of the store on every device and at every server, unless a test says otherwise. */
export const STORE = "notes"
/** What servers keep stores under. */
export const NAMESPACE = "alice"
/** The token that servers take unless a test says otherwise. */
export const TOKEN = "token-of-alice"

/** What a device process is told as it starts. */
export interface DeviceOrder {
  /** Path of its database. */
  readonly path: string
  readonly store: string
  /** How far its clock is ahead, in milliseconds; below 0: behind. */
  readonly clockMillis: number
}

/** How a device is to sync. */
export interface SyncOrder {
  /** URLs of its remotes. */
  readonly remotes: readonly string[]
  /** A token; of a list, a function gives the first, and the next one each time it is asked again, the last one for ever. */
  readonly token: string | readonly string[]
  readonly maxQueueBytes?: number | undefined
}

/** What a device can be asked for. */
export interface DeviceCalls {
  put(key: string, value: unknown): void
  delete(key: string): void
  /** All records that are shown. */
  records(): Readonly<Record<string, unknown>>
  /** Per record with several versions, settled or not, their values, oldest first; a delete is null. */
  conflicts(): Readonly<Record<string, readonly unknown[]>>
  /** The values that a record has had, oldest first; a delete is null. */
  history(key: string): readonly unknown[]
  digest(): string
  enableSync(order: SyncOrder): void
  /** From now on the token function gives this. */
  login(token: string): void
  sync(): void
  push(): void
  pull(): void
  resume(): void
  /** Ends syncing; the store stays open. */
  stop(): void
}

/** A call, with the number that its answer names. */
export interface DeviceCall {
  readonly id: number
  readonly call: keyof DeviceCalls
  readonly args: readonly unknown[]
}

/** An error of a call, as far as a line can tell. */
export interface Failure {
  readonly code: string
  readonly message: string
}

export type DeviceMessage =
  | { readonly what: "ready"; readonly pid: number }
  | { readonly what: "answered"; readonly id: number; readonly value?: unknown; readonly failure?: Failure | undefined }
  /** Told at once, and for every change. */
  | { readonly what: "status"; readonly status: SyncStatus }

/** What a server process is told as it starts. */
export interface ServerOrder {
  readonly adapter: "sqlite" | "file"
  readonly path: string
  /** 0: any that is free. */
  readonly port: number
  readonly tokens: readonly string[]
  /** A token is taken no more after so many pushes. */
  readonly pushesPerToken?: number | undefined
  readonly limits?: Partial<ServerLimits> | undefined
}

/** What the process of a captive portal is told as it starts. */
export interface PortalOrder {
  readonly port: number
}

export type ServerMessage =
  | { readonly what: "listening"; readonly pid: number; readonly port: number }
  /** It has answered a request. */
  | { readonly what: "served"; readonly route: string; readonly status: number; readonly code?: string | undefined }
