/** The libsql adapter over a local file in a folder, as this process and others open it. */
import { libsqlAdapter } from "@cuitty/persist/adapters/libsql"
import type { Adapter } from "../../../kernel/ports/log-storage.ts"

export const openAdapter = (folder: string): Adapter => libsqlAdapter({ path: `${folder}/stores.db` })
