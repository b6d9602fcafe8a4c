/**
 * Whether an answer fits the request that it was given to. A server is not trusted: what it says that cannot be true is not taken, so that no
 * lie makes a client ask for ever, go back, or believe that somebody has what nobody was given. `SPEC.md`, section 10.
 *
 * Each check answers what is wrong, or undefined.
 */
import { BlockColumns } from "../../kernel/format/block-columns.ts"
import { readBlockHead } from "../../kernel/format/block-head.ts"
import { ByteReader } from "../../kernel/format/bytes.ts"
import { PartType } from "../../kernel/format/frame.ts"
import { decodeBlock } from "../../kernel/format/operation-block.ts"
import { bytesToHex } from "../../kernel/model/identifiers.ts"
import type { Cursor, Part, PullAnswer, PullRequest, PushAnswer, PushRequest } from "../../kernel/ports/remote.ts"
import type { HandshakeAnswer } from "../messages.ts"
import { REQUIRED_PREFIX } from "../version.ts"

/** Versions and features that were not offered are not in use. */
export function wrongHandshake(versions: readonly number[], features: readonly string[], answer: HandshakeAnswer): string | undefined {
  if (!versions.includes(answer.protocol)) return `it selects version ${answer.protocol}, which was not offered`
  const offered = new Set(features.map((name) => name.startsWith(REQUIRED_PREFIX) ? name.slice(REQUIRED_PREFIX.length) : name))
  if (answer.features.some((name) => !offered.has(name))) return "it uses a feature that was not offered"
  return undefined
}

/** The last number that a push brings of each writer; by the writer's id in hexadecimal. */
function lastSeqsOf(parts: readonly Part[]): ReadonlyMap<string, number> {
  const reader = new ByteReader("a block to be sent"), last = new Map<string, number>()
  for (const { type, content } of parts) {
    if (type !== PartType.block) continue
    reader.point(content, 0, content.length)
    const { writer, to } = readBlockHead(reader), name = bytesToHex(writer)
    last.set(name, Math.max(last.get(name) ?? 0, to))
  }
  return last
}

const nameOf = (writer: Uint8Array, seq: number): string => `${bytesToHex(writer)} ${seq}`

/** The operations that a push lists: numbers that are void or withheld were not sent. */
function listedIn(parts: readonly Part[]): ReadonlySet<string> {
  const reader = new ByteReader("a block to be sent"), block = new BlockColumns(), listed = new Set<string>()
  for (const { type, content } of parts) {
    if (type !== PartType.block) continue
    reader.point(content, 0, content.length)
    decodeBlock(reader, block)
    for (let row = 0; row < block.count; row++) listed.add(nameOf(block.writers[0]!, block.seqs[row]!))
  }
  return listed
}

/** Pairs are those of the writers that were named, and say that all of it is there; only what was sent is refused or forbidden. */
export function wrongPushAnswer({ basis, parts }: PushRequest, answer: PushAnswer): string | undefined {
  switch (answer.kind) {
    case "ok": {
      const sent = lastSeqsOf(parts)
      for (const { writer, seq } of answer.pairs) {
        const last = sent.get(bytesToHex(writer))
        if (last === undefined) return `it gives a pair for the writer ${bytesToHex(writer)}, which was not named`
        if (seq < last) return `it has the writer ${bytesToHex(writer)} up to ${seq} only, ${last} was sent`
      }
      if (answer.pairs.length < sent.size) return `it gives pairs for ${answer.pairs.length} of ${sent.size} writers`
      const before = basis.find((cursor) => isBefore(answer.last, cursor))
      if (before !== undefined) return `its last frame ${answer.last.position} is before ${before.position}, on which the push builds`
      return undefined
    }
    case "refused": {
      const listed = listedIn(parts), other = answer.refused.find(({ writer, seq }) => !listed.has(nameOf(writer, seq)))
      return other === undefined ? undefined : `it refuses operation ${nameOf(other.writer, other.seq)}, which was not sent`
    }
    case "forbidden": {
      const sent = lastSeqsOf(parts), other = answer.writers.find((writer) => !sent.has(bytesToHex(writer)))
      return other === undefined ? undefined : `it forbids the writer ${bytesToHex(other)}, which was not sent`
    }
    case "unknown":
      return undefined
  }
}

const isSame = (a: Cursor, b: Cursor): boolean => a.position === b.position && a.id.every((byte, at) => byte === b.id[at])
const isBefore = (a: Cursor, b: Cursor): boolean => a.position < b.position || (a.position === b.position && !isSame(a, b))

/** A page goes forward and says truly whether it is the last; a restart leads elsewhere. */
export function wrongPullAnswer({ cursor, have }: PullRequest, answer: PullAnswer): string | undefined {
  if (answer.kind === "restart") {
    if (cursor.position === 0) return "it wants a restart of a pull that began at the first frame"
    if (isSame(answer.at, cursor)) return "it wants a restart at the same cursor"
    // Behind a frame only together with a state, which this version does not have: what lies before would never come.
    return answer.at.position === 0 ? undefined : "it wants a restart behind frames that it does not bring"
  }
  const { parts, ranges, next, upToDate, head } = answer
  if (isBefore(next, cursor)) return `it goes back from ${cursor.position} to ${next.position}`
  const moves = next.position > cursor.position
  if (!moves && parts.length + ranges.length > 0) return "it brings something and does not move"
  if (head < next.position) return `it goes up to ${next.position}, behind its head ${head}`
  if (upToDate !== (head === next.position)) return `it says ${upToDate ? "" : "not "}up to date at ${next.position} with head ${head}`
  if (!moves && !upToDate) return "it brings nothing and is not up to date"
  if (ranges.length === 0) return undefined
  const has = new Map(have.map(({ writer, seq }) => [bytesToHex(writer), seq]))
  const other = ranges.find(({ writer, seq }) => seq > (has.get(bytesToHex(writer)) ?? 0))
  return other === undefined ? undefined : `it leaves out ${nameOf(other.writer, other.seq)}, which the puller does not have`
}
