/**
 * From the files of a store to its log: where it ends, and what to do if it does not end cleanly.
 *
 *   D = the greatest durable head that is known: of any intact header, of the newest snapshot, the base
 *   p = the first position at which no intact frame is
 *
 *   nothing but zeros at p, and D < p      the log ends at p - 1; nothing is written
 *   a fault at p, or a gap, and D < p      a torn tail: what is there is saved, then cut off
 *   D ≥ p                                  frame p was on the device once: CorruptFrame, nothing is changed
 *
 * Only segments that may hold a torn tail are read: the last one, and those before it as long as D does not reach their end. The
 * frames of the others are checked when they are read. To read a prefix, all are.
 *
 * A cut goes: save the bytes to their own file · remove later segments, the last one first · truncate. Killed between any two of
 * these, the next open finds a torn tail at the same position, and nothing else: what is removed never holds the only evidence, for
 * D was below p with all of it. A saved file is named by its contents, so a cut that is repeated saves it once.
 */
import { join } from "node:path"
import { CorruptFrame } from "../../kernel/errors.ts"
import { crc32 } from "../../kernel/format/checksum.ts"
import type { Bytes, Position, Recovery } from "../../kernel/ports/log-storage.ts"
import { systemError } from "../system/errors.ts"
import type { FileCalls } from "../system/file-calls.ts"
import { flushFolder } from "../system/folders.ts"
import { decodeSegmentHead, positionInName, SEGMENT_HEAD_BYTES } from "./file-heads.ts"
import { allocate, openFile, readFileWhole, readFully, removeFile, tryClose, writeFileWhole } from "./files.ts"
import { type Scan, scanSegment } from "./scan.ts"
import { Segment } from "./segment.ts"

const COPY_BYTES = 1024 * 1024

/** Where the files are, and what is known before they are read. */
export interface LogFiles {
  readonly calls: FileCalls
  readonly folder: string
  readonly storeId: Bytes
  /** Names of the files in the folder. */
  readonly names: readonly string[]
  readonly base: Position
  /** The greatest position that something other than the segments says was on the device. */
  readonly durableHead: Position
}

/** A log that is ready to be read, and to be written unless it is a prefix. */
export interface FoundLog {
  /** In order; the last one is written on. Empty only for a prefix. */
  readonly segments: readonly Segment[]
  readonly head: Position
  readonly durableHead: Position
  readonly recovery: Recovery | undefined
}

interface Part {
  readonly segment: Segment
  readonly headFault: string | undefined
  scan?: Scan
}

interface Fault {
  readonly position: Position
  readonly reason: string
  /** Index of the part that it is in, or that ends before it. */
  readonly part: number
  /** No crash leaves this. */
  readonly isCorruption: boolean
}

/** Finds the log and repairs a torn tail. Throws `CorruptFrame`, `NotAStore` or an error of the system. */
export const recoverLog = (files: LogFiles): FoundLog => {
  const parts = findParts(files)
  const { fault, durableHead } = examine(files, parts, parts.length - 1)
  if (fault === undefined) return conclude(parts, durableHead, undefined)
  if (fault.isCorruption) {
    throw new CorruptFrame({ location: locationOf(files, parts, fault), position: fault.position, reason: fault.reason })
  }
  const recovery = cut(files, parts, fault)
  return conclude(parts, durableHead, recovery)
}

/** Finds what can be read of a log, checking every frame; changes nothing. */
export const findPrefix = (files: LogFiles): FoundLog => {
  const parts = findParts(files)
  const { fault, durableHead } = examine(files, parts, 0)
  if (fault === undefined) return conclude(parts, durableHead, undefined)
  const bytes = parts.reduce(
    (sum, { scan }, index) =>
      index < fault.part || scan === undefined ? sum : sum + scan.dataEnd - (index === fault.part ? scan.markEnd : 0),
    0,
  )
  const reason = `the frame at position ${fault.position} is not readable: ${fault.reason}`
  parts.splice(fault.part + 1)
  const found = conclude(parts, durableHead, { kind: "prefix_only", position: fault.position, bytes, reason })
  return { ...found, head: fault.position - 1, durableHead: Math.min(durableHead, fault.position - 1) }
}

/** The segments that hold frames above the base, in order. */
const findParts = ({ calls, folder, storeId, names, base }: LogFiles): Part[] => {
  const positions = names.flatMap((name) => positionInName(name, "log") ?? []).sort((a, b) => a - b)
  // A trim that was interrupted leaves segments below the base.
  while (positions.length > 1 && positions[1]! <= base + 1) positions.shift()
  return positions.map((first) => {
    const draft = new Segment(calls, folder, storeId, first, 0)
    const head = readFileWhole(calls, draft.path, SEGMENT_HEAD_BYTES) ?? new Uint8Array(0)
    const number = decodeSegmentHead(head, storeId, first)
    return typeof number === "string"
      ? { segment: draft, headFault: `the head of its segment is not usable: ${number}` }
      : { segment: new Segment(calls, folder, storeId, first, number), headFault: undefined }
  })
}

/** Scans from part `from` on, or from an earlier one where that may be torn, and finds the first fault. */
const examine = (files: LogFiles, parts: Part[], from: number): { readonly fault: Fault | undefined; readonly durableHead: Position } => {
  const base = files.base
  let durableHead = Math.max(base, files.durableHead)
  if (parts.length === 0 || parts[0]!.segment.first > base + 1) {
    return { fault: { position: base + 1, reason: "its segment is missing", part: -1, isCorruption: true }, durableHead }
  }
  let start = parts.length
  let wanted = from
  for (let i = 0; i < parts.length - 1; i++) {
    const isChained = parts[i]!.headFault === undefined && parts[i + 1]!.segment.number === parts[i]!.segment.number + 1
    if (!isChained) wanted = Math.min(wanted, i)
  }
  while (start > wanted) {
    const part = parts[--start]!
    part.scan = scanSegment(files.calls, part.segment, part.headFault)
    durableHead = Math.max(durableHead, part.scan.durableHead)
    if (start > 0 && durableHead < part.segment.first - 1) wanted = Math.min(wanted, start - 1)
  }
  return { fault: findFault(parts, start, durableHead), durableHead }
}

const findFault = (parts: readonly Part[], start: number, durableHead: Position): Fault | undefined => {
  for (let part = start; part < parts.length; part++) {
    const { headFault } = parts[part]!
    const { last, fault } = parts[part]!.scan!
    const next = parts[part + 1]?.segment.first
    if (next !== undefined && last === next - 1) continue
    if (next !== undefined && last >= next) return { position: next, reason: "two segments hold it", part, isCorruption: true }
    const position = last + 1
    if (fault === undefined && next === undefined && durableHead < position) return undefined
    const reason = fault ?? (next === undefined ? "the log ends before it" : "its segment ends before it")
    // The first segment of a store was on the device before the store was.
    const isCorruption = durableHead >= position || (part === 0 && headFault !== undefined)
    return { position, reason: isCorruption ? `${reason}; it was on the device once` : reason, part, isCorruption }
  }
  return undefined
}

const conclude = (parts: readonly Part[], durableHead: Position, recovery: Recovery | undefined): FoundLog => {
  const last = parts.at(-1)
  if (last?.scan !== undefined) last.segment.end = last.scan.end
  return { segments: parts.map(({ segment }) => segment), head: last?.scan?.last ?? 0, durableHead, recovery }
}

const locationOf = ({ folder }: LogFiles, parts: readonly Part[], { part }: Fault): string => parts[part]?.segment.path ?? folder

/** Saves and cuts a torn tail; `parts` keeps what stays. Answers undefined if nothing but an empty segment had to go. */
const cut = (files: LogFiles, parts: Part[], fault: Fault): Recovery | undefined => {
  const { calls, folder } = files
  const isWholePart = parts[fault.part]!.headFault !== undefined
  const ranges = parts.slice(fault.part).map(({ segment, scan }, index) => ({
    path: segment.path,
    from: index > 0 || isWholePart ? 0 : scan!.markEnd,
    to: scan!.dataEnd,
  })).filter(({ from, to }) => to > from)
  const bytes = ranges.reduce((sum, { from, to }) => sum + to - from, 0)
  let savedTo: string | undefined
  if (bytes > 0) {
    let sum = 0
    for (const piece of readRanges(calls, ranges)) sum = crc32(piece, 0, piece.length, sum)
    const name = `torn-${String(fault.position).padStart(16, "0")}-${sum.toString(16).padStart(8, "0")}.bytes`
    savedTo = join(folder, name)
    // Also if a file of that name is there: it may be another's.
    writeFileWhole(calls, folder, name, readRanges(calls, ranges))
  }
  const kept = isWholePart ? fault.part : fault.part + 1
  try {
    for (const { segment } of parts.splice(kept).reverse()) removeFile(calls, segment.path)
    flushFolder(folder, calls)
    if (!isWholePart) truncate(calls, parts[fault.part]!)
  } catch (cause) {
    throw systemError(cause, "cut the torn tail of", folder, false)
  }
  if (bytes === 0) return undefined
  return {
    kind: "torn_tail",
    position: fault.position,
    bytes,
    savedTo,
    reason: `the frame at position ${fault.position} was not written whole: ${fault.reason}`,
  }
}

const truncate = (calls: FileCalls, { segment, scan }: Part): void => {
  const descriptor = openFile(calls, segment.path, "r+")
  try {
    calls.ftruncateSync(descriptor, scan!.markEnd)
    calls.fsyncSync(descriptor)
  } finally {
    tryClose(calls, descriptor)
  }
}

function* readRanges(
  calls: FileCalls,
  ranges: readonly { readonly path: string; readonly from: number; readonly to: number }[],
): Generator<Bytes> {
  const buffer = allocate(Math.min(COPY_BYTES, Math.max(...ranges.map(({ from, to }) => to - from))))
  for (const { path, from, to } of ranges) {
    const descriptor = openFile(calls, path, "r")
    try {
      for (let at = from; at < to;) {
        const read = readFully(calls, descriptor, buffer, 0, Math.min(buffer.length, to - at), at)
        if (read === 0) break
        yield buffer.subarray(0, read)
        at += read
      }
    } catch (cause) {
      throw systemError(cause, "read", path, true)
    } finally {
      tryClose(calls, descriptor)
    }
  }
}
