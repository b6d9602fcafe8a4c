/**
 * Writing into and reading from ranges of bytes: the primitives of every layout in this folder.
 *
 *   u8       one byte
 *   varint   unsigned LEB128, 0 to 2^53 - 1, in the fewest bytes (1 to 8): seven bits a byte, lowest first, the top bit says "more"
 *   zigzag   a varint of 2n for n >= 0 and of -2n - 1 for n < 0, so -2^52 to 2^52 - 1
 *   msg…     MessagePack (its specification, "Formats"), always in the shortest form
 *
 * Writers and readers are made once and used again (`reset`, `point`); no method of the hot path allocates.
 */
export { ByteReader } from "./byte-reader.ts"
export { ByteWriter, writeMsgStr } from "./byte-writer.ts"
