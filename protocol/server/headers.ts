/**
 * Headers of requests, read without regular expressions that could go back, so that a long one costs its length and no more.
 *
 * A body has no encoding, or exactly one layer of gzip (W-10). Anything else is refused by name; encodings are never chained, so what a body
 * can grow to is bounded by one counter (`body.ts`).
 */
import { printable } from "../../kernel/text.ts"
import { wireError } from "../errors.ts"

/** Without the blanks and tabs around it: what HTTP calls optional white space, and nothing that only looks like it. */
export function trimBlanks(text: string): string {
  let start = 0, end = text.length
  const isBlank = (at: number): boolean => text[at] === " " || text[at] === "\t"
  while (start < end && isBlank(start)) start++
  while (end > start && isBlank(end - 1)) end--
  return text.slice(start, end)
}

export type ContentEncoding = "none" | "gzip"

/** The encoding that a `Content-Encoding` header names; `null` is no header. Throws `unsupported_encoding`. */
export function contentEncodingOf(header: string | null): ContentEncoding {
  const name = trimBlanks(header ?? "").toLowerCase()
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
  return trimBlanks(semicolon < 0 ? header : header.slice(0, semicolon)).toLowerCase() === expected
}
