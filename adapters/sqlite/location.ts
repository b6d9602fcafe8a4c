/** Where a database lies: the path that the option names. */
import { resolve } from "node:path"
import { InvalidOption } from "../../kernel/errors.ts"

/** The absolute path of the database that the option names. Throws `InvalidOption`. */
export const locationOf = (path: string): string => {
  const refuse = (expected: string): never => {
    throw new InvalidOption({ option: "path", found: String(path), expected })
  }
  if (typeof path !== "string" || path === "") refuse("the path of a database file")
  if (path.includes("\0")) refuse("a path without NUL")
  if (path === ":memory:" || path.startsWith("file:")) {
    refuse(path === ":memory:" ? 'the path of a file; in memory is what the adapter "memory" is for' : "a path, not a URL")
  }
  return resolve(path)
}
