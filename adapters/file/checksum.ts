/** The checksum of frames and slices: the runtime's own where it is faster. */
import { crc32 as native } from "node:zlib"
import { type Checksum, chooseChecksum } from "../../kernel/format/checksum.ts"

export const checksum: Checksum = chooseChecksum(native)
