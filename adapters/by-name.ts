/** Adapters by name, on runtimes with a file system; each is loaded when it is asked for. */
import { InvalidOption } from "../kernel/errors.ts"
import type { Adapter } from "../kernel/ports/log-storage.ts"
import type { PlaceOptions } from "./place-options.ts"

export type { PlaceOptions } from "./place-options.ts"

const path = (options: PlaceOptions, fallback: string): string => {
  const { path = fallback } = options
  if (typeof path === "string" && path !== "") return path
  throw new InvalidOption({ option: "path", found: String(path), expected: "a path that is not empty" })
}
const folders = (options: PlaceOptions): { readonly createFolders?: boolean } =>
  options.createFolders === undefined ? {} : { createFolders: options.createFolders }

/** Names that {@link adapterByName} knows. */
export const adapterNames: readonly string[] = ["sqlite", "libsql", "file", "memory"]

/** Makes the adapter of a name; undefined for a name that is not known. `storeName` gives the default place. */
export async function adapterByName(name: string, storeName: string, options: PlaceOptions): Promise<Adapter | undefined> {
  switch (name) {
    case "sqlite": {
      const { sqliteAdapter } = await import("./sqlite/mod.ts")
      const prefix = options.tablePrefix === undefined ? {} : { tablePrefix: options.tablePrefix }
      return sqliteAdapter({ path: path(options, `./${await fileNameOf(storeName)}.db`), ...folders(options), ...prefix })
    }
    case "libsql": {
      const { libsqlAdapter } = await import("./libsql/mod.ts")
      const { url, token, syncUrl, tablePrefix } = options
      const at = url === undefined || options.path !== undefined ? path(options, `./${await fileNameOf(storeName)}.db`) : undefined
      return libsqlAdapter({ url, path: at, token, syncUrl, tablePrefix, ...folders(options) })
    }
    case "file": {
      const { fileAdapter } = await import("./file/mod.ts")
      return fileAdapter({ path: path(options, "./persist"), ...folders(options) })
    }
    case "memory": {
      const { memoryAdapter } = await import("./memory/mod.ts")
      return memoryAdapter()
    }
    default:
      return undefined
  }
}

/** A store's name as a file name that cannot leave its folder. */
async function fileNameOf(storeName: string): Promise<string> {
  const { encodeStoreName } = await import("./system/store-names.ts")
  return encodeStoreName(storeName)
}
