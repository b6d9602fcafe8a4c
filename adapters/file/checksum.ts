/** The checksum of frames and slices: the runtime's own where it is faster. */
import { crc32 as native } from "node:zlib"
import { chooseChecksum, type Checksum } from "../../kernel/format/checksum.ts"

export const checksum: Checksum = chooseChecksum(native)
