/** How each adapter of this package is checked; each is loaded only when it is asked for. */
import type { Awaitable } from "../../kernel/ports/log-storage.ts"
import { atServer, inFolder, type LogStorageSubject } from "../mod.ts"

/** Subjects by name; `url` is what was given for them, if anything was. */
export type Subjects = Readonly<Record<string, (url?: string) => Awaitable<LogStorageSubject>>>

/** Watching stores at a server ask this often, so that the cases about it take no minutes. */
const POLL_MILLIS = 50

/** The module by which another process opens what `inFolder` has made. */
const placeOf = (name: string): string => new URL(`./places/${name}.ts`, import.meta.url).href

export const ourAdapters: Subjects = {
  async memory() {
    const { memoryAdapter } = await import("@cuitty/persist/adapters/memory")
    return { adapter: memoryAdapter() }
  },
  async file() {
    const { openAdapter } = await import("./places/file.ts")
    return inFolder(openAdapter, { isLock: (path) => /(^|[/\\])lock(-|$)/.test(path), checked: true, module: placeOf("file") })()
  },
  async sqlite() {
    const { openAdapter } = await import("./places/sqlite.ts")
    return inFolder(openAdapter, { module: placeOf("sqlite") })()
  },
  async libsql(url) {
    const { libsqlAdapter } = await import("@cuitty/persist/adapters/libsql")
    if (url === ":memory:") return { adapter: libsqlAdapter({ url }) }
    if (url !== undefined) return atServer((tablePrefix) => libsqlAdapter({ url, tablePrefix, pollMillis: POLL_MILLIS }))
    // The shared memory of the log holds no data, and libsql leaves it behind.
    const { openAdapter } = await import("./places/libsql.ts")
    return inFolder(openAdapter, { isLock: (path) => path.endsWith("-shm"), module: placeOf("libsql") })()
  },
}
