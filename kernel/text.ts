/** Text for people: names, keys and messages that came from outside, made harmless. Imports nothing of ours. */

/** What could change a terminal, begin a line of a log or turn a reading direction: Unicode's controls, formats, line ends, lone surrogates. */
const HARMFUL = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu
const HARMFUL_IN_QUOTES = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}"\\]/gu

function escape(character: string): string {
  const hex = character.codePointAt(0)!.toString(16)
  return hex.length > 4 ? `\\u{${hex}}` : `\\u${hex.padStart(4, "0")}`
}

const shorten = (text: string, lengthMax: number): string => (text.length > lengthMax ? `${text.slice(0, lengthMax)}…` : text)

/** `text` shortened, with every character escaped that could change a terminal, a log line or a reading direction. */
export const printable = (text: string, lengthMax: number = 1000): string => shorten(text, lengthMax).replace(HARMFUL, escape)

/** The same in double quotes, which nothing inside of it can end. */
export const quote = (text: string, lengthMax: number = 80): string => `"${shorten(text, lengthMax).replace(HARMFUL_IN_QUOTES, escape)}"`

/** The longest beginning of `text` that has at most `bytesMax` bytes in UTF-8; what is not well-formed in it becomes U+FFFD. */
export function clip(text: string, bytesMax: number): string {
  const bytes = new Uint8Array(bytesMax), { written } = new TextEncoder().encodeInto(text, bytes)
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(0, written))
}

/** What was given where something else belongs, as text; runs no code of it, so that describing an error cannot throw another one. */
export const textOf = (value: unknown): string =>
  typeof value === "function" || (typeof value === "object" && value !== null) ? `[${typeof value}]` : String(value)
