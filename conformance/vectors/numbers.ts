/** Vectors of the smallest pieces: varints, zigzags, checksums, hashes. */
import { fromHex } from "../../kernel/format/block-notation.ts"
import { ByteWriter } from "../../kernel/format/bytes.ts"
import { crc32 } from "../../kernel/format/checksum.ts"
import { Sha256 } from "../../kernel/format/sha256.ts"
import { toHex } from "./notation.ts"

export interface NumberVectors {
  readonly varints: readonly { readonly number: number; readonly hex: string }[]
  readonly zigzags: readonly { readonly number: number; readonly hex: string }[]
  readonly refusedVarints: readonly { readonly name: string; readonly hex: string }[]
  readonly crc32: readonly { readonly bytes: string; readonly sum: string }[]
  readonly sha256: readonly { readonly bytes: string; readonly digest: string }[]
}

const written = (write: (out: ByteWriter) => void): string => {
  const out = new ByteWriter()
  write(out)
  return toHex(out.buffer, 0, out.length)
}
const digest = (bytes: Uint8Array): string => {
  const hash = new Sha256()
  hash.update(bytes, 0, bytes.length)
  return toHex(hash.digest())
}

export function numberVectors(): NumberVectors {
  const edges = [7, 14, 21, 28, 31, 32, 35, 42, 48, 49].flatMap((bits) => [2 ** bits - 1, 2 ** bits])
  const texts = [
    "",
    "00",
    "ff".repeat(8),
    toHex(new TextEncoder().encode("123456789")),
    toHex(new TextEncoder().encode("abc")),
    "a5".repeat(64),
  ]
  return {
    varints: [0, 1, ...edges, Number.MAX_SAFE_INTEGER].map((number) => ({ number, hex: written((out) => out.varint(number)) })),
    zigzags: [0, -1, 1, -2, 2, -64, 64, -(2 ** 31), 2 ** 31, -(2 ** 52), 2 ** 52 - 1].map((number) => ({
      number,
      hex: written((out) => out.zigzag(number)),
    })),
    refusedVarints: [
      { name: "cut short", hex: "80" },
      { name: "0 in two bytes", hex: "8000" },
      { name: "1 in three bytes", hex: "818000" },
      { name: "2^53", hex: "8080808080808010" },
      { name: "nine bytes", hex: "ffffffffffffffff01" },
      { name: "no end", hex: "ff".repeat(12) },
    ],
    crc32: texts.map((bytes) => ({ bytes, sum: crc32(fromHex(bytes)).toString(16).padStart(8, "0") })),
    sha256: texts.map((bytes) => ({ bytes, digest: digest(fromHex(bytes)) })),
  }
}
