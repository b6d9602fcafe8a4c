/**
 * Observer: sees every frame that is stored in one log, reads it with the second reader (written from `docs/format.md` alone), and judges from
 * outside the rules of sync.
 *
 *   positions dense, each frame naming the one before          no number ever taken twice with different content
 *   an operation only where all is that its author had seen    batches whole
 *   (where devices may not relay: had written)
 *   what the vector implies is what a vector with every writer says      cursors never go back
 *   nobody brings as its own what another login brought first
 *   no server holds what it refuses                            no stamp of an own writer further ahead than a server takes
 */
import { Refused, toHex, toText } from "../conformance/vectors/reader/cursor.ts"
import { Fold } from "../conformance/vectors/reader/fold.ts"
import { type Block, type Change, CHOICE, type Frame, type Operation, readBlock, readFrame } from "../conformance/vectors/reader/frame.ts"
import { bringsBack, isAnswer, replacedByAnswer } from "./answers.ts"
import { readValue } from "../conformance/vectors/reader/value.ts"
import type { Bytes } from "../kernel/ports/log-storage.ts"
import { type KnownOperation, type Ledger, notReplaced, settledBy } from "./ledger.ts"
import { type Author, COUNTED, handlingOf, replacedBy } from "./strategies.ts"

const NO_BYTES = new Uint8Array(0)
/** Stamps of own writers may be so far ahead of a server's clock. */
const CLOCK_AHEAD_MILLIS_MAX = 300_000

/** What is judged by, and who is told. */
export interface Judge {
  readonly ledger: Ledger
  /** Some devices may not relay: only what a log wrote itself is sure to come before what it wrote later. */
  readonly isRestricted: boolean
  violation(title: string, detail: string): void
  count(name: string): void
}

/** Whose log it is. */
export interface Observed {
  readonly name: string
  readonly tenant: string
  readonly isServer: boolean
  /** A server that takes what others refuse. */
  readonly isLenient: boolean
}

export class Observer {
  readonly fold: Fold = new Fold()
  /** Every operation that the log lists. */
  readonly operations: Set<KnownOperation> = new Set()
  /** By record, what the log shows by what the ledger knows. */
  readonly shown: Map<string, Set<KnownOperation>> = new Map()
  /** How far the log has every writer; nothing is implied here. */
  readonly full: Map<string, number> = new Map()
  readonly #judge: Judge
  readonly #observed: Observed
  readonly #cursors = new Map<string, number>()

  constructor(judge: Judge, observed: Observed) {
    this.#judge = judge
    this.#observed = observed
  }

  /** A frame of a log that was judged before: a copy of it goes on. */
  replay(bytes: Bytes): void {
    this.#take(bytes, undefined)
  }

  /** A frame that a process stored just now; answers the operations that the log wrote itself. */
  see(bytes: Bytes, by: Author): readonly KnownOperation[] {
    return this.#take(bytes, by)
  }

  #take(bytes: Bytes, by: Author | undefined): readonly KnownOperation[] {
    const isNew = by !== undefined
    try {
      const frame = readFrame(bytes), blocks = frame.parts.filter(({ type }) => type === 1).map(({ content }) => blockOf(content))
      const isLocal = frame.flags % 2 === 1, brought = isLocal && isNew ? this.#write(frame, blocks, by) : this.#find(blocks)
      // A number that the log has is skipped, though its block lists it: there it is covered by another one.
      const fresh = brought.filter(({ writer, seq }) =>
        seq > (this.full.get(writer) ?? 0) || this.fold.pairOf(writer).withheld.includes(seq)
      )
      this.fold.blocks(frame, blocks)
      for (const { writers: [writer = ""], to } of blocks) this.full.set(writer, Math.max(to, this.full.get(writer) ?? 0))
      for (const operation of brought) this.operations.add(operation)
      for (const operation of fresh) this.#show(operation)
      if (isNew) this.#judgeFresh(fresh, frame)
      if (frame.change !== null) this.#follow(frame.change, isNew)
      return isLocal ? brought : []
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      this.#violation("a frame breaks the format", error.message)
      return []
    }
  }

  #violation(title: string, detail: string): void {
    this.#judge.violation(title, `${this.#observed.name} at ${this.fold.position}: ${detail}`)
  }

  /** Notes the operations of a frame that this log wrote itself. */
  #write(frame: Frame, blocks: readonly Block[], by: Author): KnownOperation[] {
    const { ledger } = this.#judge, written: KnownOperation[] = [], seen = new Map(this.full)
    const shown = new Map<string, Set<KnownOperation>>(), inFrame = new Map<string, KnownOperation>()
    const own = new Set([...this.fold.own, ...blocks.flatMap(({ writers }) => writers.slice(0, 1))])
    for (const block of blocks) {
      const writer = block.writers[0] ?? ""
      for (const operation of block.operations) {
        const dot = dotOf(writer, operation.seq), record = recordOf(operation), { uid, isPoison, isResolution } = tokensOf(operation)
        const before = shown.get(record) ?? this.shown.get(record) ?? new Set()
        const isDelete = operation.value === null || operation.value.length === 0, isChoice = operation.kind === CHOICE
        const likeness = isDelete ? "" : uid ?? toHex(operation.value ?? NO_BYTES)
        const write = { record, isChoice, isResolution, earlier: inFrame.get(record) }
        const keeps = new Set(operation.keeps.map(([by, seq]) => dotOf(by, seq)))
        const answering = { record, isChoice, isDelete, uid, likeness, keeps }, answer = frame.change === null ? by.answering : undefined
        const isAnswering = answer !== undefined && isAnswer(answer, answering, this.shown.get(record) ?? new Set(), ledger)
        if (isAnswering && bringsBack(answer, answering, this.#accepted(before))) {
          this.#violation("a discard brings back what was replaced", `${dot} ${uid}`)
        }
        const over = isAnswering
          ? replacedByAnswer(answer, answering, before)
          : frame.change === null
          ? replacedBy(write, before, handlingOf(operation.collection, by, this.fold), by)
          : writtenAnew(before, frame.change, this.#refusedBy(frame.change.remote), likeness)
        const past = new Set(over), left = new Set([...before].filter((one) => !over.has(one)))
        for (const replaced of over) for (const older of replaced.past) past.add(older)
        const counts = new Set<KnownOperation>()
        const known: KnownOperation = {
          dot,
          writer,
          seq: operation.seq,
          record,
          isDelete,
          uid,
          isPoison,
          likeness,
          past,
          left,
          settled: isChoice ? settledBy(over) : undefined,
          counts,
          batchEnd: block.to,
          seen,
          own,
          content: contentOf(operation),
          millis: operation.millis,
          counter: operation.counter,
          author: this.#observed.name,
          tenant: this.#observed.tenant,
        }
        if (operation.collection === COUNTED && !isDelete) {
          for (const replaced of over) for (const one of replaced.counts) counts.add(one)
          if (frame.change === null && !isAnswering) counts.add(known)
        }
        if (ledger.operations.has(dot)) this.#violation("a number taken twice", dot)
        else ledger.add(known)
        shown.set(record, notReplaced([...before, known]))
        inFrame.set(record, known)
        written.push(known)
      }
    }
    return written
  }

  /** Those that are no dead letters. */
  #accepted(operations: ReadonlySet<KnownOperation>): Set<KnownOperation> {
    return new Set([...operations].filter(({ writer, seq }) => !this.fold.dead.has(String([writer, seq]))))
  }

  /** The dots that a remote is known to have refused. */
  #refusedBy(remote: string): ReadonlySet<string> {
    const refusals = this.fold.remotes.get(remote)?.refused.values() ?? []
    return new Set([...refusals].map(({ dot: [writer, seq] }) => dotOf(writer, seq)))
  }

  /** The operations of a frame that others wrote: each must be known, and be what it was. */
  #find(blocks: readonly Block[]): KnownOperation[] {
    const found: KnownOperation[] = []
    for (const { writers: [writer = ""], operations } of blocks) {
      for (const operation of operations) {
        const known = this.#judge.ledger.operations.get(dotOf(writer, operation.seq))
        if (known === undefined) this.#violation("an operation that nobody wrote", dotOf(writer, operation.seq))
        else if (known.content !== contentOf(operation)) this.#violation("a number with two contents", known.dot)
        else found.push(known)
        if (known !== undefined && known.tenant !== this.#observed.tenant) this.#violation("another tenant's operation", known.dot)
      }
    }
    return found
  }

  #show(operation: KnownOperation): void {
    this.shown.set(operation.record, notReplaced([...this.shown.get(operation.record) ?? [], operation]))
  }

  #judgeFresh(fresh: readonly KnownOperation[], { receipt }: Frame): void {
    const { isServer, isLenient } = this.#observed
    const { isRestricted } = this.#judge
    for (const { dot, writer, batchEnd, seen, own, isPoison, millis } of fresh) {
      if ((this.full.get(writer) ?? 0) < batchEnd) this.#violation("batch torn", `${dot} without ${batchEnd}`)
      for (const [cause, seq] of seen) {
        if (isRestricted && !own.has(cause)) continue
        if ((this.full.get(cause) ?? 0) < seq) this.#violation("effect before cause", `${dot} before ${cause}-${seq}`)
      }
      if (isServer && !isLenient && isPoison) this.#violation("a server holds what it refuses", dot)
      if (receipt?.own.includes(writer) && this.fold.owners.get(writer) !== receipt.principal) {
        this.#violation("taken from another login", `${dot} of ${this.fold.owners.get(writer)}, from ${receipt.principal}`)
      }
      if (receipt?.own.includes(writer) && millis > receipt.millis + CLOCK_AHEAD_MILLIS_MAX) {
        this.#violation("a stamp too far ahead taken", dot)
      }
    }
    for (const [writer, seq] of this.full) {
      const implied = this.fold.pairOf(writer).seq
      if (implied !== seq) this.#violation("vector wrong", `${writer} is had to ${seq}, the vector says ${implied}`)
    }
  }

  #follow({ remote, restart, cursor }: Change, isNew: boolean): void {
    if (cursor === null) return
    const before = this.#cursors.get(remote) ?? 0
    if (isNew && !restart && cursor.position < before) {
      this.#violation("cursor went back", `of ${remote}, from ${before} to ${cursor.position}`)
    }
    this.#cursors.set(remote, cursor.position)
  }
}

const dotOf = (writer: string, seq: number): string => `${writer}-${seq}`

/** The name of a record, for the ledger. */
export const recordName = (collection: string, key: string): string => `${collection}/${key}`
const recordOf = ({ collection, key }: Operation): string => recordName(collection, toText(key))

/** Operations of blocks that were read before are the same objects. */
const contents = new WeakMap<Operation, string>()

function contentOf(operation: Operation): string {
  let content = contents.get(operation)
  if (content === undefined) {
    const { kind, millis, counter, context, keeps, value } = operation
    content = JSON.stringify([kind, millis, counter, [...context].sort(), [...keeps].sort(), value === null ? null : toHex(value)])
    contents.set(operation, content)
  }
  return content
}

/** What an application's value says of itself. */
function tokensOf({ value }: Operation): Tokens {
  if (value === null || value.length === 0) return { uid: undefined, isPoison: false, isResolution: false }
  const { uid, poison, resolves } = Object(readValue(value))
  return { uid: typeof uid === "string" ? uid : undefined, isPoison: poison === true, isResolution: resolves === true }
}

interface Tokens {
  readonly uid: string | undefined
  readonly isPoison: boolean
  readonly isResolution: boolean
}

/** What an operation replaces that the engine wrote anew because of a refusal: the refused one alone. */
function writtenAnew(
  before: ReadonlySet<KnownOperation>,
  change: Change,
  refusedBefore: ReadonlySet<string>,
  likeness: string,
): Set<KnownOperation> {
  const named = new Set([...change.refused.map(({ dot }) => dot), ...change.dead].map(([writer, seq]) => dotOf(writer, seq)))
  const alike = [...before].filter((operation) => operation.likeness === likeness)
  const refused = alike.find(({ dot }) => named.has(dot)) ?? alike.find(({ dot }) => refusedBefore.has(dot)) ?? alike[0]
  return new Set(refused === undefined ? [] : [refused])
}

/** Blocks travel as they are, so most were read before. */
const blocks = new Map<string, Block>()
const BLOCKS_KEPT = 4096

function blockOf(content: Uint8Array): Block {
  const text = toHex(content)
  let block = blocks.get(text)
  if (block === undefined) {
    if (blocks.size >= BLOCKS_KEPT) blocks.clear()
    blocks.set(text, block = readBlock(content))
  }
  return block
}
