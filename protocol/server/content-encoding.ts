/**
 * Content encodings of requests: none, or exactly one layer of gzip (W-10). Anything else is refused by name; encodings are never chained, so
 * what a body can grow to is bounded by one counter (`body.ts`).
 */
import { printable } from "../../kernel/text.ts"
import { wireError } from "../errors.ts"

export type ContentEncoding = "none" | "gzip"

/** The encoding that a `Content-Encoding` header names; `null` is no header. Throws `unsupported_encoding`. */
export function contentEncodingOf(header: string | null): ContentEncoding {
  const name = (header ?? "").trim().toLowerCase()
  if (name === "") return "none"
  if (name === "gzip") return name
  throw wireError("unsupported_encoding", `the content encoding "${printable(name, 80)}" is not taken`, {
    details: { accepts: ["gzip"] },
  })
}

/** Whether a `Content-Type` header names the media type `expected`, with whatever parameters. */
export function isMediaType(header: string | null, expected: string): boolean {
  if (header === null) return false
  const semicolon = header.indexOf(";")
  return (semicolon < 0 ? header : header.slice(0, semicolon)).trim().toLowerCase() === expected
}
