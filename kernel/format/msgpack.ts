/**
 * The profile of MessagePack in which values are stored: every value of the domain has exactly one encoding, and nothing else is read.
 *
 *   value                           bytes
 *   null, false, true               C0, C2, C3
 *   integer -2^31 to 2^32 - 1       the shortest of: 00–7F, E0–FF, CC, CD, CE (unsigned), D0, D1, D2 (negative); so no -0
 *   other number                    CB and eight bytes; NaN only as 7FF8000000000000
 *   bigint -2^63 to 2^63 - 1        D3 and eight bytes, however small: 1n and 1 stay apart
 *   bigint 2^63 to 2^64 - 1         CF and eight bytes
 *   string                          A0–BF, D9, DA, DB, the shortest; well-formed UTF-8, no byte changed
 *   Uint8Array                      C4, C5, C6, the shortest
 *   array                           90–9F, DC, DD, the shortest
 *   plain object                    80–8F, DE, DF, the shortest; keys are strings, each once, in their order, never "__proto__"
 *   Date                            timestamp (extension -1), the shortest of D6 FF, D7 FF, C7 0C FF, in whole milliseconds
 *
 * Refused are float 32, every other extension, byte C1, long forms, trailing bytes, and whatever is over the limits: depth 64, 262,144
 * nodes (each scalar, array and map; keys are none), 65,536 members of a map, 1 MiB. Integer-like keys come back in the order JavaScript
 * gives them, which is the one freedom: apart from it `encodeValue(decodeValue(bytes))` gives `bytes` again.
 *
 * One check serves the writer, a server's admission and every reader, so whatever is accepted once can be read everywhere.
 */
export { checkValue } from "./msgpack-check.ts"
export { decodeValue } from "./msgpack-decode.ts"
export { encodeValue } from "./msgpack-encode.ts"
export { freezeDeep } from "./msgpack-freeze.ts"
