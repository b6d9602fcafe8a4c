/**
 * From the oracle's blocks to frames, and to what the kernel's views make of them: histories once as plain objects, once as bytes.
 *
 *   OracleBlock ─▶ BlockNotation ─▶ bytes of a frame ─▶ StoreViews ─▶ the oracle's words, to be compared
 */
import fc from "fast-check"
import { type BlockNotation, encodeNotedBlock, type NumberedDot, type OperationNotation, pairsOf } from "../format/block-notation.ts"
import { ByteWriter } from "../format/bytes.ts"
import { chooseChecksum } from "../format/checksum.ts"
import { beginFrame, beginPart, endFrame, endPart, FRAME_FLAG_LOCAL, FrameReader, PartType } from "../format/frame.ts"
import { decodeValue, encodeValue } from "../format/msgpack.ts"
import { HybridClock } from "../model/clock.ts"
import { bytesToHex, FRAME_ID_BYTES, WRITER_BYTES } from "../model/identifiers.ts"
import type { Dots } from "../model/operation.ts"
import type { Bytes } from "../ports/log-storage.ts"
import { NameTable } from "../views/name-table.ts"
import { StoreViews } from "../views/store-views.ts"
import { dotOf, newest, type Op, type OracleBlock, type OracleViews, type Seqs } from "./model-oracle.ts"

const checksum = chooseChecksum(undefined)

/** Id of a writer whose name is at most 16 letters: the letters, so that ids are ordered as the names are. */
export const writerIdOf = (name: string): string => bytesToHex(new TextEncoder().encode(name)).padEnd(WRITER_BYTES * 2, "0")
const writerNameOf = (id: Uint8Array): string => new TextDecoder().decode(id).replaceAll("\0", "")

function valueHex(value: number | undefined): string {
  if (value === undefined) return ""
  const out = new ByteWriter()
  encodeValue(value, out, "")
  return bytesToHex(out.buffer, 0, out.length)
}

/** A block of the oracle as the format writes it down; every operation is in the default collection. */
export function noteOracleBlock({ w, from, to, ops, withheld, links }: OracleBlock): BlockNotation {
  const writers = [w]
  const numberOf = (name: string): number => {
    const known = writers.indexOf(name)
    return known >= 0 ? known : writers.push(name) - 1
  }
  const fromSeqs = (seqs: Seqs): NumberedDot[] => Object.entries(seqs).map(([name, seq]) => [numberOf(name), seq])
  const fromDot = (dot: string): NumberedDot => [numberOf(dot.slice(0, dot.indexOf(":"))), Number(dot.slice(dot.indexOf(":") + 1))]
  const operations = ops.map((op): OperationNotation => ({
    kind: op.kind,
    seq: op.s,
    millis: op.stamp,
    counter: 0,
    collection: 0,
    context: fromSeqs(op.ctx),
    keeps: op.keeps.map(fromDot),
    settles: op.settles === undefined ? null : fromSeqs(op.settles),
    key: op.key,
    value: op.kind === "delete" ? null : valueHex(op.value),
  }))
  const linked = from === 0 ? fromSeqs(links) : []
  return {
    writers: writers.map(writerIdOf),
    from,
    to,
    withheld,
    origin: null,
    links: linked.length > 0 ? linked : null,
    label: null,
    names: [""],
    operations,
  }
}

const frameId = (position: number): Bytes => {
  const id = new Uint8Array(FRAME_ID_BYTES)
  if (position > 0) new DataView(id.buffer).setUint32(0, position)
  return id
}

/** A frame of these blocks; its id is its position. */
export function encodeOracleFrame(
  blocks: readonly OracleBlock[],
  position: number,
  isLocal: boolean = false,
  previous: Bytes = frameId(position - 1),
): Bytes {
  const out = new ByteWriter(), flags = isLocal ? FRAME_FLAG_LOCAL : 0
  beginFrame(out, { position, id: frameId(position), previous, flags }, blocks.length)
  for (const block of blocks) {
    const bytes = encodeNotedBlock(noteOracleBlock(block)), mark = beginPart(out, PartType.block)
    out.bytes(bytes, 0, bytes.length)
    endPart(out, mark)
  }
  endFrame(out, checksum)
  return out.buffer.slice(0, out.length)
}

/** Views without a store; the clock of their machine stands still. */
export const newViews = (clock: HybridClock = new HybridClock(), now: number = 1e6): StoreViews =>
  new StoreViews(new NameTable(), clock, () => now, 1)

/** Folds one frame. */
export function foldBytes(views: StoreViews, bytes: Uint8Array): void {
  const reader = new FrameReader(checksum)
  reader.read(bytes)
  views.foldFrame(reader)
}

/** One delivery of a history: frames of one block or several, with ranges that overlap and operations that come later. */
export type Delivery = readonly (readonly OracleBlock[])[]

/**
 * Blocks as logs of others could bring them: those of each writer in their order, the writers in any, some put together to one block,
 * some again, some with a number withheld that comes later or never.
 */
export function deliver(blocks: readonly OracleBlock[], choices: readonly number[]): Delivery {
  const queues = new Map<string, OracleBlock[]>()
  for (const block of blocks) queues.set(block.w, [...queues.get(block.w) ?? [], block])
  let at = 0
  const choose = (count: number): number => (choices[at++ % choices.length] ?? 0) % count
  const frames: OracleBlock[][] = [], again: OracleBlock[] = []
  while (queues.size > 0 || again.length > 0) {
    const frame: OracleBlock[] = []
    for (let left = 1 + choose(3); left > 0; left--) {
      if (again.length > 0 && (queues.size === 0 || choose(3) === 0)) {
        frame.push(...again.splice(choose(again.length), 1))
        continue
      }
      const names = [...queues.keys()], name = names[choose(names.length)]
      if (name === undefined) continue
      const queue = queues.get(name)!, taken = queue.splice(0, 1 + choose(3)), [first] = taken
      if (queue.length === 0) queues.delete(name)
      const whole: OracleBlock = { ...first!, to: taken.at(-1)!.to, ops: taken.flatMap(({ ops }) => ops) }
      const how = choose(6), op = whole.ops[choose(whole.ops.length)]!
      if (how === 0) frame.push({ ...whole, ops: whole.ops.filter((other) => other !== op), withheld: [op.s] })
      else frame.push(whole)
      // What was withheld comes whole, or alone among void numbers; or the same range comes once more.
      if (how < 2 && choose(3) > 0) again.push(choose(2) === 0 ? whole : { ...whole, ops: [op], withheld: [] })
    }
    if (frame.length > 0) frames.push(frame)
  }
  return frames
}

/** Blocks in some delivery, from a history. */
export const anyDelivery = (history: fc.Arbitrary<readonly OracleBlock[]>): fc.Arbitrary<Delivery> =>
  fc.tuple(history, fc.array(fc.nat(1000), { minLength: 8, maxLength: 40 })).map(([blocks, choices]) => deliver(blocks, choices))

/** What the kernel's views hold, in the oracle's words. */
export function showKernel(views: StoreViews): unknown {
  const { records, writers, vector } = views, { rows, arena } = records
  const name = (index: number): string => writerNameOf(writers.idOf(index))
  const seqs = (dots: Dots): Seqs => Object.fromEntries(pairsOf(dots).map(([writer, seq]) => [name(writer), seq]))
  const shown = Array.from({ length: rows.count }, (_, row) => {
    const chunk = arena.chunks[rows.chunkOf(row)]!, at = rows.keyAt(row)
    return records.versionsOf(row).map((version): Op => ({
      w: name(version.writer),
      s: version.seq,
      stamp: version.millis,
      kind: (["put", "delete", "choice"] as readonly Op["kind"][])[version.kind]!,
      key: new TextDecoder().decode(chunk.subarray(at, at + rows.keyBytes(row))),
      value: version.valueBytes === 0
        ? undefined
        : decodeValue(arena.chunks[version.chunk]!, version.valueAt, version.valueAt + version.valueBytes) as number,
      ctx: seqs(version.context),
      keeps: pairsOf(version.keeps).map(([writer, seq]) => `${name(writer)}:${seq}`),
      settles: version.settles === undefined ? undefined : seqs(version.settles),
    }))
  })
  return show(
    shown,
    Object.fromEntries([...vector.entries].map(([writer, pair]) => [name(writer), pair])),
    records.liveCount(0),
    shown.filter((versions) => versions.length > 1).length,
  )
}

/** The same of the oracle's. */
export function showOracle({ records, vector }: OracleViews): unknown {
  const all = [...records.values()]
  const live = all.filter((versions) => newest(versions)!.value !== undefined).length
  return show(all, vector, live, all.filter((versions) => versions.length > 1).length)
}

function show(
  records: readonly (readonly Op[])[],
  vector: Readonly<Record<string, { readonly seq: number; readonly withheld: readonly number[] }>>,
  live: number,
  conflicts: number,
): unknown {
  return {
    records: Object.fromEntries(
      records.map((versions) => [
        versions[0]!.key,
        Object.fromEntries(versions.map((op) => [dotOf(op), { ...op, keeps: [...op.keeps].sort() }])),
      ]),
    ),
    vector: Object.fromEntries(
      Object.entries(vector).map(([w, { seq, withheld }]) => [w, { seq, withheld: [...withheld].sort((a, b) => a - b) }]),
    ),
    live,
    conflicts,
  }
}
