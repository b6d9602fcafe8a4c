import { BlockColumns } from "../format/block-columns.ts"
import { ByteReader } from "../format/bytes.ts"
import { decodeBlock } from "../format/operation-block.ts"

/** The block that fills `bytes`, read into `block`. */
export function readBlockBytes(bytes: Uint8Array, block: BlockColumns = new BlockColumns()): BlockColumns {
  const reader = new ByteReader("a block")
  reader.point(bytes, 0, bytes.length)
  decodeBlock(reader, block)
  reader.expectEnd()
  return block
}
