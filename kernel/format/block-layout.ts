/** Numbers of the layout of an operation block, which writer and reader share; operation-block.ts draws it. */

/** Elements of the array that a block is. */
export const ELEMENTS = 24
/** Codec of values: plain MessagePack, one after another. */
export const CODEC_PLAIN = 0
/** Codes of the context column: none; one entry, of the block's writer; several. */
export const CONTEXT_NONE = 0, CONTEXT_OWN = 1, CONTEXT_GENERAL = 2
/** Flags of the side column. */
export const HAS_KEEPS = 1, HAS_SETTLES = 2
