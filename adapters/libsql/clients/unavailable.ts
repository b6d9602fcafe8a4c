/** Stands in for local.ts where there is no file system: browsers and workerd. */
import { DriverMissing } from "../../../kernel/errors.ts"

const missing = (): never => {
  throw new DriverMissing({ adapter: "libsql", tried: ["@libsql/client/sqlite3"] })
}
export const openMemory: () => never = missing
export const fileOf: () => never = missing
export const openReplica: () => never = missing
