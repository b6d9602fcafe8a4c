/** The file adapter in a folder, as this process and others open it. */
import { fileAdapter } from "@cuitty/persist/adapters/file"
import type { Adapter } from "../../../kernel/ports/log-storage.ts"

export const openAdapter = (folder: string): Adapter => fileAdapter({ path: `${folder}/stores` })
