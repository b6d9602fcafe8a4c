/** Text for people: quoting of names and keys that came from outside. Imports nothing of ours. */

const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff"\\\ud800-\udfff]/g
const escape = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`

/** `text` in double quotes, shortened, with every character escaped that could change a terminal, a log line or a reading direction. */
export const quote = (text: string, lengthMax: number = 80): string =>
  `"${(text.length > lengthMax ? `${text.slice(0, lengthMax)}…` : text).replace(UNSAFE, escape)}"`

/** What was given where something else belongs, as text; runs no code of it, so that describing an error cannot throw another one. */
export const textOf = (value: unknown): string =>
  typeof value === "function" || (typeof value === "object" && value !== null) ? `[${typeof value}]` : String(value)
