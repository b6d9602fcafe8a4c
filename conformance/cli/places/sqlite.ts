/** The sqlite adapter in a folder, as this process and others open it. */
import { sqliteAdapter } from "@cuitty/persist/adapters/sqlite"
import type { Adapter } from "../../../kernel/ports/log-storage.ts"

export const openAdapter = (folder: string): Adapter => sqliteAdapter({ path: `${folder}/stores.db` })
