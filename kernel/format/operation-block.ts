/**
 * Operation block: all of one writer's numbers in (from, to], as columns. The unit of log, server and wire.
 *
 * A block is a MessagePack array of 24 elements. `nil` stands for the common case, so that it costs one byte; a column is a
 * `bin` of unsigned LEB128 varints ("signed" ones in zigzag). docs/format.md is normative.
 *
 *    0  codec            uint    how values are encoded; 0: plain MessagePack, one after another
 *    1  writers          bin     16 bytes each; number 0 is the block's writer
 *    2  from  3 to       uint    the range
 *    4  count            uint    operations that are listed; a number neither listed nor withheld is void
 *    5  withheld         column  deltas of the withheld numbers, the first from `from`; nil: none
 *    6  origin           bin     id of the frame it was written in, for tracing only; nil: unknown
 *    7  links            column  (writer number, seq) …; only where from = 0
 *    8  label            str     the replica's label; only where from = 0
 *    9  names            array   of str: collections and event types; nil: one, ""
 *   10  shapes           nil     reserved: key lists that values share
 *   11  millis 12 counter uint   stamp of the first operation
 *   13  kinds            bin     a byte each; nil: all are puts
 *   14  seqs             column  deltas, the first from `from`; nil: from + 1, from + 2, …
 *   15  millis           column  signed deltas of the second and later; nil: all 0
 *   16  counters         column  signed differences to the expected counter (delta of millis 0: one more; else 0); nil: all 0
 *   17  collections      column  name numbers; nil: all 0
 *   18  contexts         column  0: none · 1, distance: one entry, of this writer, so far back · 2, n, n × (writer number, seq)
 *   19  side             column  rows that keep or settle: row delta, flags (1 keeps, 2 settles), then n, n × (writer, seq) for each
 *   20  key lengths      column
 *   21  keys             bin     UTF-8, back to back
 *   22  value lengths    column  of the rows that carry a value; nil: none does
 *   23  values           bin     back to back; a choice with an empty one chose a delete
 */
export { decodeBlock } from "./block-decode.ts"
export { encodeBlock } from "./block-encode.ts"
