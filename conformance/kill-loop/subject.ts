/** What is written and killed: a store of records, and beside it a bare log of frames; where they lie and how they are opened. */
import { createStore, type Store } from "@cuitty/persist"
import type { LogStorage } from "../../kernel/ports/log-storage.ts"
import type { Value } from "./record-calls.ts"

/** What child and parent agree on. */
export interface Subject {
  readonly adapter: "file" | "sqlite" | "libsql"
  readonly path: string
  readonly durability: "normal" | "full" | "relaxed"
  /** Gives the calls. */
  readonly seed: number
}

/** Levels that the adapters offer. */
export const LEVELS: readonly Subject["durability"][] = ["normal", "full", "relaxed"]

export const openStore = ({ adapter, path, durability }: Subject): Promise<Store<Value>> =>
  createStore<Value>("records", { adapter, path, durability, create: true })

/** The log that lies beside the store, in the same folder or database, and is written through the port alone. */
export const openLog = async ({ adapter, path, durability }: Subject): Promise<LogStorage> => {
  const place = adapter === "file"
    ? (await import("@cuitty/persist/adapters/file")).fileAdapter({ path })
    : adapter === "libsql"
    ? (await import("@cuitty/persist/adapters/libsql")).libsqlAdapter({ path })
    : (await import("@cuitty/persist/adapters/sqlite")).sqliteAdapter({ path })
  return await place.open("frames", { durability, create: true })
}
