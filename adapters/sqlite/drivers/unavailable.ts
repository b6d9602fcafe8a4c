/** Stands in where no SQLite library can be: browsers and workerd. */
import { DriverMissing } from "../../../kernel/errors.ts"
import type { Driver } from "./driver.ts"

export const loadDriver = (): Driver => {
  throw new DriverMissing({ adapter: "sqlite", tried: ["bun:sqlite", "node:sqlite", "libsql"] })
}
