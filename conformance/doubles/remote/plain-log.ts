/**
 * A log as a remote, written once more: frames in an array, every rule of `protocol/SPEC.md` in a method of its own, so that a double replaces one.
 *
 *   push ──▶ basis (isKnown) ──▶ read ──▶ rights (forbids) ──▶ links, gaps ──▶ refusals ──▶ append
 *   pull ──▶ contains ──▶ page
 *
 * It shares no code with what it stands for but the reading of blocks. Nothing of it is fast.
 */
import { BatchTooLarge, CorruptBytes } from "../../../kernel/errors.ts"
import { BlockColumns } from "../../../kernel/format/block-columns.ts"
import { ByteReader } from "../../../kernel/format/bytes.ts"
import { checkValue } from "../../../kernel/format/msgpack.ts"
import { decodeBlock } from "../../../kernel/format/operation-block.ts"
import { isUtf8 } from "../../../kernel/format/utf8.ts"
import { OperationKind } from "../../../kernel/model/operation.ts"
import type { Bytes } from "../../../kernel/ports/log-storage.ts"
import type {
  Cursor,
  Handshake,
  Part,
  PassedRange,
  PullAnswer,
  PullRequest,
  PushAnswer,
  PushRequest,
  Refusal,
  RefusalCode,
  RemoteLimits,
  Rights,
} from "../../../kernel/ports/remote.ts"
import type { Person } from "../../remote/trial.ts"

export interface PlainFrame {
  readonly id: Bytes
  readonly parts: readonly Part[]
}

/** How far the log has a writer. */
export interface PlainPair {
  seq: number
  readonly withheld: Set<number>
}

/** A part of a push, read. */
export interface PlainBlock {
  readonly part: Part
  readonly writer: string
  readonly isOwn: boolean
  readonly columns: BlockColumns
}

const CLOCK_AHEAD_MILLIS_MAX = 300_000
const RIGHTS: Readonly<Record<Person, Rights>> = {
  owner: { read: true, write: true, relay: true, admin: false },
  neighbour: { read: true, write: true, relay: true, admin: false },
  author: { read: true, write: true, relay: false, admin: false },
  reader: { read: true, write: false, relay: false, admin: false },
}

export class PlainLog {
  frames: PlainFrame[] = []
  pairs: Map<string, PlainPair> = new Map()
  owners: Map<string, Person> = new Map()
  readonly limits: RemoteLimits = { partsBytesMax: 1_200_000, operationsMax: 20_000, partsMax: 2000 }
  readonly listeners: Set<(head: Cursor) => void> = new Set()

  now(): number {
    return Date.now()
  }

  drawId(): Bytes {
    return crypto.getRandomValues(new Uint8Array(16))
  }

  rightsOf(person: Person): Rights {
    return RIGHTS[person]
  }

  get head(): Cursor {
    const position = this.frames.length
    return { position, id: this.frames[position - 1]?.id ?? new Uint8Array(16) }
  }

  handshake(person: Person): Handshake {
    const { head, limits } = this
    return { head, serverTimeMillis: this.now(), limits, rights: this.rightsOf(person), durability: "durable", live: true }
  }

  push(request: PushRequest, person: Person): PushAnswer | Promise<PushAnswer> {
    if (!this.isKnown(request.basis)) return { kind: "unknown" }
    const blocks = this.read(request)
    const forbidden = new Set(blocks.filter((block) => this.brings(block) && this.forbids(block, person)).map(({ writer }) => writer))
    if (forbidden.size > 0) return { kind: "forbidden", writers: [...forbidden].map(bytesOf) }
    if (this.hasUnknownLink(blocks) || this.hasGap(blocks)) return { kind: "unknown" }
    const refused = this.refusalsOf(blocks, person)
    if (refused.length > 0) return { kind: "refused", refused, serverTimeMillis: this.now() }
    return this.take(blocks, person)
  }

  isKnown(basis: readonly Cursor[]): boolean {
    return basis.every((cursor) => this.contains(cursor))
  }

  contains({ position, id }: Cursor): boolean {
    return position === 0 || this.frames[position - 1]?.id.join() === id.join()
  }

  /** Throws `BatchTooLarge`, `CorruptBytes`. */
  read({ parts, own }: PushRequest): readonly PlainBlock[] {
    const names = new Set(own.map((writer) => writer.join()))
    const blocks = parts.map((part): PlainBlock => {
      const columns = this.decode(part)
      const writer = columns.writers[0]!.join()
      return { part: { type: part.type, content: part.content.slice() }, writer, isOwn: names.has(writer), columns }
    })
    this.checkSize(parts.reduce((sum, { content }) => sum + content.length, 0), blocks)
    return blocks
  }

  decode({ content }: Part): BlockColumns {
    const [reader, columns] = [new ByteReader("a push"), new BlockColumns()]
    reader.point(content, 0, content.length)
    decodeBlock(reader, columns)
    reader.expectEnd()
    return columns
  }

  checkSize(bytes: number, blocks: readonly PlainBlock[]): void {
    const operations = blocks.reduce((sum, { columns }) => sum + columns.count, 0)
    const { partsBytesMax: bytesMax, operationsMax, partsMax } = this.limits
    if (bytes > bytesMax || operations > operationsMax || blocks.length > partsMax) {
      throw new BatchTooLarge({ bytes, bytesMax, operations, operationsMax })
    }
  }

  pairOf(writer: string): PlainPair {
    return this.pairs.get(writer) ?? { seq: 0, withheld: new Set() }
  }

  isSeen(writer: string, seq: number): boolean {
    const pair = this.pairOf(writer)
    return seq <= pair.seq && !pair.withheld.has(seq)
  }

  seqsOf({ columns: { seqs, count } }: PlainBlock): readonly number[] {
    return [...seqs.subarray(0, count)]
  }

  brings(block: PlainBlock): boolean {
    const pair = this.pairOf(block.writer)
    return block.columns.to > pair.seq || this.seqsOf(block).some((seq) => pair.withheld.has(seq))
  }

  forbids({ isOwn }: PlainBlock, person: Person): boolean {
    const { write, relay } = this.rightsOf(person)
    return isOwn ? !write : !relay
  }

  hasUnknownLink(blocks: readonly PlainBlock[]): boolean {
    return blocks.some(({ columns: { from, links = [], writers } }) =>
      from === 0 && links.some((seq, at) => at % 2 === 1 && !this.isReached(writers[links[at - 1]!]!.join(), seq, blocks))
    )
  }

  isReached(writer: string, seq: number, blocks: readonly PlainBlock[]): boolean {
    return this.pairOf(writer).seq >= seq || blocks.some((block) => block.writer === writer && block.columns.to >= seq)
  }

  hasGap(blocks: readonly PlainBlock[]): boolean {
    const reached = new Map<string, number>()
    return blocks.some(({ writer, columns: { from, to } }) => {
      const before = reached.get(writer) ?? this.pairOf(writer).seq
      reached.set(writer, Math.max(before, to))
      return from > before
    })
  }

  refusalsOf(blocks: readonly PlainBlock[], person: Person): readonly Refusal[] {
    return blocks.flatMap((block) =>
      this.seqsOf(block).flatMap((seq, row) => {
        const code = this.isSeen(block.writer, seq) ? undefined : this.refusalOf(block, row, person)
        return code === undefined ? [] : [{ writer: bytesOf(block.writer), seq, code, message: `refused: ${code}` }]
      })
    )
  }

  refusalOf(block: PlainBlock, row: number, person: Person): RefusalCode | undefined {
    if (block.isOwn && (this.owners.get(block.writer) ?? person) !== person) return "writer_not_owned"
    if (this.isAhead(block, row)) return "clock_ahead"
    return this.isKeyValid(block, row) && this.isValueValid(block, row) ? undefined : "op_invalid"
  }

  isAhead({ isOwn, columns: { kinds, millis } }: PlainBlock, row: number): boolean {
    const isTimeless = kinds[row] === OperationKind.event || kinds[row] === OperationKind.forget
    return isOwn && !isTimeless && millis[row]! > this.now() + CLOCK_AHEAD_MILLIS_MAX
  }

  isKeyValid({ columns: { bytes, keyStarts, keyEnds } }: PlainBlock, row: number): boolean {
    return isUtf8(bytes, keyStarts[row]!, keyEnds[row]!)
  }

  isValueValid({ columns: { bytes, valueStarts, valueEnds } }: PlainBlock, row: number): boolean {
    if (valueStarts[row] === valueEnds[row]) return true
    try {
      checkValue(bytes, valueStarts[row]!, valueEnds[row]!)
      return true
    } catch (error) {
      if (error instanceof CorruptBytes) return false
      throw error
    }
  }

  take(blocks: readonly PlainBlock[], person: Person): PushAnswer | Promise<PushAnswer> {
    const taken: PlainBlock[] = []
    for (const block of blocks) {
      if (!this.brings(block)) continue
      taken.push(block)
      this.fold(block, person)
    }
    if (taken.length > 0) this.append(taken.map(({ part }) => part))
    return this.ok(blocks)
  }

  fold(block: PlainBlock, person: Person): void {
    const { writer, isOwn, columns: { to, withheld } } = block
    const pair = this.pairOf(writer)
    for (const seq of withheld) if (seq > pair.seq) pair.withheld.add(seq)
    for (const seq of this.seqsOf(block)) pair.withheld.delete(seq)
    pair.seq = Math.max(pair.seq, to)
    this.pairs.set(writer, pair)
    if (isOwn && !this.owners.has(writer)) this.owners.set(writer, person)
  }

  append(parts: readonly Part[]): void {
    this.frames.push({ id: this.drawId(), parts })
    this.tell()
  }

  tell(): void {
    for (const listener of [...this.listeners]) listener(this.head)
  }

  ok(blocks: readonly PlainBlock[]): PushAnswer {
    const writers = new Set(blocks.map(({ writer }) => writer))
    const pairs = [...writers].map((writer) => {
      const { seq, withheld } = this.pairOf(writer)
      return { writer: bytesOf(writer), seq, withheld: [...withheld].sort((a, b) => a - b) }
    })
    return { kind: "ok", pairs, last: this.head, durability: "durable", serverTimeMillis: this.now() }
  }

  pull(request: PullRequest, _person: Person): PullAnswer {
    if (!this.contains(request.cursor)) return { kind: "restart", at: this.restartAt(), serverTimeMillis: this.now() }
    return this.page(request)
  }

  restartAt(): Cursor {
    return { position: 0, id: new Uint8Array(16) }
  }

  page({ cursor, have, partsBytesMax }: PullRequest): PullAnswer {
    const parts: Part[] = []
    const ranges: PassedRange[] = []
    let position = cursor.position
    for (; position < this.frames.length; position += 1) {
      const [sent, passed] = this.split(this.frames[position]!, have)
      if (position > cursor.position && !this.fits(parts, sent, partsBytesMax)) break
      parts.push(...sent)
      ranges.push(...passed)
    }
    const next = position === cursor.position ? cursor : { position, id: this.frames[position - 1]!.id }
    const head = this.frames.length
    return { kind: "page", parts, ranges, next, upToDate: position === head, head, serverTimeMillis: this.now() }
  }

  fits(parts: readonly Part[], more: readonly Part[], partsBytesMax: number): boolean {
    const bytes = [...parts, ...more].reduce((sum, { content }) => sum + content.length, 0)
    return bytes <= Math.min(partsBytesMax, this.limits.partsBytesMax) && parts.length + more.length <= this.limits.partsMax
  }

  /** What of a frame is sent, and what goes as ranges. */
  split({ parts }: PlainFrame, have: readonly PassedRange[]): readonly [readonly Part[], readonly PassedRange[]] {
    const ranges: PassedRange[] = []
    const sent = parts.filter((part) => {
      const columns = this.decode(part)
      const range = { writer: new Uint8Array(columns.writers[0]!), seq: columns.to }
      const isPassed = this.isPassed(range, columns, have)
      if (isPassed) ranges.push(range)
      return !isPassed
    })
    return [sent.map(({ type, content }) => ({ type, content: content.slice() })), ranges]
  }

  isPassed({ writer, seq }: PassedRange, { withheld }: BlockColumns, have: readonly PassedRange[]): boolean {
    return withheld.length === 0 && have.some((entry) => entry.writer.join() === writer.join() && entry.seq >= seq)
  }

  /** What a process that starts anew does. Everything here is as good as on a disk. */
  restart(): void {}

  /** Copies the log; what it answers goes back to the copy. */
  backUp(): () => void {
    const { frames, pairs, owners } = this
    const copy = structuredClone({ frames, pairs, owners })
    return () => this.restore(structuredClone(copy))
  }

  restore({ frames, pairs, owners }: Pick<PlainLog, "frames" | "pairs" | "owners">): void {
    this.frames = frames
    this.pairs = pairs
    this.owners = owners
  }

  wipe(): void {
    this.frames = []
    this.pairs = new Map()
    this.owners = new Map()
  }
}

/** The bytes of a writer's name here. */
export const bytesOf = (writer: string): Bytes => Uint8Array.from(writer.split(",").map(Number))
