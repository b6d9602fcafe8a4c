/** Which names a store may have, whatever keeps it; for every runtime. */
import { InvalidStoreName } from "../../kernel/errors.ts"
import { STORE_NAME_BYTES_MAX } from "../../kernel/limits.ts"

const LONE_SURROGATE = /\p{Surrogate}/u
const utf8 = new TextEncoder()

/** Throws `InvalidStoreName` unless `name` is a well-formed string of 1 to 200 bytes in UTF-8 without NUL. */
export const checkStoreName = (name: string): void => {
  const refuse = (reason: string): never => {
    throw new InvalidStoreName({ name: String(name), reason })
  }
  if (typeof name !== "string") refuse("it is no string")
  if (name === "") refuse("it is empty")
  // Before it is encoded: a name of a gigabyte is refused at once.
  if (name.length > STORE_NAME_BYTES_MAX) refuse(`it has more than ${STORE_NAME_BYTES_MAX} bytes`)
  if (LONE_SURROGATE.test(name)) refuse("it is not well-formed (a lone surrogate)")
  if (name.includes("\0")) refuse("it has a NUL character")
  const bytes = utf8.encode(name).length
  if (bytes > STORE_NAME_BYTES_MAX) refuse(`it has ${bytes} bytes, at most ${STORE_NAME_BYTES_MAX} are allowed`)
}
