/**
 * Builds frames from pending writes and folds them: where operations get their number, stamp and context.
 *
 * A write was checked and encoded when it was called; the build only looks up what its key shows, in the frame at hand first and in
 * the records view after that. After a lost race it runs again on the newer views (rule S2), so nothing outside the block and the
 * `failure`, `seq`, `existed` and `written` of the writes is changed here.
 */
import { BatchTooLarge, FrameTooLarge, NotLoaded, VersionMismatch } from "../errors.ts"
import { BlockColumns, NO_CONTEXT } from "../format/block-columns.ts"
import { ByteWriter } from "../format/bytes.ts"
import type { Checksum } from "../format/checksum.ts"
import { beginFrame, beginPart, endFrame, endPart, type FrameHead, type FrameReader, PartType } from "../format/frame.ts"
import { encodeBlock } from "../format/operation-block.ts"
import { readUtf8 } from "../format/utf8.ts"
import { BATCH_BYTES_MAX, BATCH_OPERATIONS_MAX, PARTS_BYTES_MAX } from "../limits.ts"
import type { Author } from "../log/author.ts"
import type { HybridClock } from "../model/clock.ts"
import { OperationKind } from "../model/operation.ts"
import type { Awaitable, Bytes } from "../ports/log-storage.ts"
import type { Platform } from "../ports/platform.ts"
import { isDisowned } from "../sync/refusals.ts"
import type { StoredWrite, WriteConfirmer } from "../sync/write-confirmation.ts"
import type { StoreViews } from "../views/store-views.ts"
import { BlockTables } from "./block-tables.ts"
import { FrameContexts } from "./frame-contexts.ts"
import { FrameScratch } from "./frame-scratch.ts"
import type { PendingWrite, StagedOperation } from "./pending-write.ts"
import { stageKey, type Staging } from "./staging.ts"
import type { Strategies } from "./strategies.ts"
import { SyncFrames } from "./sync-frames.ts"
import type { Writer } from "./writer.ts"

/** Bytes of columns that an operation is counted with, beside its key and value. */
export const OPERATION_OVERHEAD_BYTES = 16

export interface FrameAuthorOptions {
  readonly staging: Staging
  readonly writer: Writer
  readonly clock: HybridClock
  readonly platform: Platform
  readonly checksum: Checksum
  readonly label: string | undefined
  readonly frameBytesMax: number
  readonly confirmers: readonly WriteConfirmer[]
  readonly makeViews: () => StoreViews
  /** What reads and covers versions that were written apart. */
  readonly strategies: () => Strategies
  /** Called when other views are shown, since the log was replaced. */
  readonly onViews: () => void
  /** Called after each frame that was folded. */
  readonly onFrame: () => void
}

export class FrameAuthor implements Author<PendingWrite> {
  views: StoreViews
  /** Views of the log that replaced the one that `views` show, while it is being folded. */
  #next: StoreViews | undefined
  readonly #options: FrameAuthorOptions
  readonly #block = new BlockColumns()
  readonly #scratch = new FrameScratch()
  readonly #tables = new BlockTables(this.#block)
  readonly #contexts: FrameContexts
  readonly #sync: SyncFrames
  /** The last build was a sync's. */
  #isSync = false
  /** Keys that callbacks of the last build asked for and that were not in memory. */
  #wanted: { readonly collection: number; readonly key: Bytes }[] = []
  #useScratch = false
  #bytes = 0
  /** Bytes of keys and values that were stored, ever, and what frames of a sync brought. */
  writtenBytes: number = 0

  constructor(options: FrameAuthorOptions) {
    this.#options = options
    this.#contexts = new FrameContexts(this.#block, this.#tables, options.staging)
    this.#sync = new SyncFrames(options)
    this.views = options.makeViews()
  }

  prepare(group: readonly PendingWrite[]): Awaitable<void> {
    const { records } = this.views
    if (records.isLoaded) return
    const { keys } = this.#options.staging
    const loads: Promise<void>[] = []
    const load = (bytes: Bytes, start: number, end: number, collection: number): void => {
      const loaded = records.load(bytes, start, end, collection)
      if (loaded instanceof Promise) loads.push(loaded)
    }
    for (const { collection, key } of this.#wanted.splice(0)) load(key, 0, key.length, collection)
    for (const write of group) {
      if (write.callback !== undefined) continue // it says what it needs
      for (const { keyStart, keyEnd, collection } of write.list ?? [write]) {
        load(keys.out.buffer, keyStart - keys.base, keyEnd - keys.base, collection)
      }
    }
    if (loads.length > 0) return Promise.all(loads).then(() => {})
  }

  build(group: readonly PendingWrite[], out: ByteWriter, head: FrameHead): number {
    if (group[0]!.commit !== undefined) {
      this.#isSync = true
      this.#sync.build(group[0]!, this.views, out, head)
      return 1
    }
    this.#isSync = false
    for (let limit = group.length;; limit = Math.max(1, limit >> 1)) {
      const taken = this.#buildRows(group, limit)
      out.reset() // of what was too large
      if (this.#block.count === 0) return taken
      this.#encode(out, head)
      const bytesMax = Math.min(this.#options.frameBytesMax, PARTS_BYTES_MAX)
      if (out.length <= bytesMax) return taken
      if (taken === 1) {
        group[0]!.failure = { error: new FrameTooLarge({ bytes: out.length, bytesMax }) }
        out.reset()
        return taken
      }
    }
  }

  /** Fills the block with as many writes as fit, `limit` at most; answers how many. */
  #buildRows(group: readonly PendingWrite[], limit: number): number {
    const { writer, clock } = this.#options, block = this.#block
    block.clearRows()
    this.#scratch.clear()
    this.#bytes = 0
    this.#useScratch = group.length > 1 || group[0]!.list !== undefined || group[0]!.callback !== undefined
    writer.ensure(this.views, BATCH_OPERATIONS_MAX * 2)
    this.#tables.begin(writer, group[0]!.collection)
    block.from = writer.seq
    const now = this.views.now()
    let taken = 0
    for (; taken < limit; taken++) {
      const write = group[taken]!, rows = block.count, bytes = this.#bytes
      if (write.commit !== undefined || (write.startsFrame && rows > 0)) break
      write.failure = undefined
      write.existed = false
      try {
        this.#addWrite(write)
        this.#checkSize(write, rows, bytes)
      } catch (error) {
        write.failure = { error }
      }
      if (this.#wanted.length > 0) {
        this.#takeBack(rows, bytes)
        break // it runs again, in a later build, when they are loaded
      }
      const fits = this.#bytes <= BATCH_BYTES_MAX && block.count <= BATCH_OPERATIONS_MAX
      if (write.failure === undefined && (fits || rows === 0)) {
        write.written = block.count - rows
        write.seq = block.from + block.count
        if (!write.endsFrame) continue
        taken++
        break
      }
      this.#takeBack(rows, bytes)
      if (write.failure === undefined) break // it goes into the next frame
    }
    for (let row = 0; row < block.count; row++) {
      clock.send(now)
      block.millis[row] = clock.millis
      block.counters[row] = clock.counter
    }
    block.to = block.from + block.count
    return taken
  }

  #addWrite(write: PendingWrite): void {
    if (write.callback !== undefined) write.callback()
    else if (write.list === undefined) write.existed = this.addOperation(write)
    else for (const operation of write.list) this.addOperation(operation)
  }

  /** What a callback decided on is measured here, as a batch is when it is called. */
  #checkSize(write: PendingWrite, rows: number, bytes: number): void {
    const operations = this.#block.count - rows, size = this.#bytes - bytes
    if (write.callback === undefined || (operations <= BATCH_OPERATIONS_MAX && size <= BATCH_BYTES_MAX)) return
    throw new BatchTooLarge({ bytes: size, bytesMax: BATCH_BYTES_MAX, operations, operationsMax: BATCH_OPERATIONS_MAX })
  }

  #takeBack(rows: number, bytes: number): void {
    const block = this.#block
    for (const row of [...block.contexts.keys()]) if (row >= rows) block.contexts.delete(row)
    for (const row of [...block.sides.keys()]) if (row >= rows) block.sides.delete(row)
    block.count = rows
    this.#bytes = bytes
    if (!this.#useScratch) return
    this.#scratch.clear()
    const keys = this.#options.staging.keys.out.buffer
    for (let row = 0; row < rows; row++) {
      const hash = block.hashes[row]!
      const before = this.#scratch.find(hash, block, block.collections[row]!, keys, block.keyStarts[row]!, block.keyEnds[row]!)
      this.#scratch.put(hash, row, before, block.hashes)
    }
  }

  /** For callbacks: sees to it that what is known of a key is in memory. If it is not, stops the callback, which then runs again. */
  need(collection: number, key: string): void {
    const { records } = this.views
    if (records.isLoaded) return
    const out = new ByteWriter()
    stageKey(out, key)
    if (records.isKeyLoaded(out.buffer, 0, out.length, collection)) return
    this.#wanted.push({ collection, key: out.buffer.slice(0, out.length) })
    throw new NotLoaded({ key })
  }

  /** Names the operation that would be added next to the frame at hand, and its time as far as it is known. */
  get nextOperation(): { readonly writer: Bytes; readonly seq: number; readonly millis: number } {
    const { writer, clock } = this.#options
    return { writer: writer.id, seq: this.#block.from + this.#block.count + 1, millis: Math.max(clock.millis, this.views.now()) }
  }

  /** The row of the frame at hand that wrote this key last, or -1. */
  rowInFrame(collection: number, start: number, end: number, hash: number): number {
    if (!this.#useScratch || this.#block.count === 0) return -1
    const local = this.#tables.collections.indexOf(collection)
    return local < 0 ? -1 : this.#scratch.find(hash, this.#block, local, this.#options.staging.keys.out.buffer, start, end)
  }

  /** The range of the value that a row of the frame at hand writes; undefined for a delete. */
  valueInFrame(row: number): { readonly start: number; readonly end: number } | undefined {
    const start = this.#block.valueStarts[row]!, end = this.#block.valueEnds[row]!
    return start === end ? undefined : { start, end }
  }

  /**
   * Adds one operation to the frame at hand. Answers whether its key showed a record; a delete of none adds nothing.
   * Throws `VersionMismatch` if the key is not at the expected version.
   */
  addOperation(operation: StagedOperation): boolean {
    const { staging, strategies } = this.#options, { views } = this, block = this.#block
    const keys = staging.keys.out.buffer
    const start = operation.keyStart - staging.keys.base, end = operation.keyEnd - staging.keys.base
    const hash = views.records.hash(keys, start, end, operation.collection)
    const isApart = operation.side?.isApart === true
    const inFrame = isApart ? -1 : this.rowInFrame(operation.collection, start, end, hash)
    const stored = inFrame >= 0 ? -1 : views.records.find(keys, start, end, operation.collection, hash)
    const exists = inFrame >= 0 ? this.valueInFrame(inFrame) !== undefined : stored >= 0 && !views.records.isDeleted(stored)
    if (operation.expected !== undefined) {
      const found = !exists
        ? null
        : inFrame >= 0
        ? views.writers.versionOf(this.#options.writer.index, block.from + inFrame + 1)
        : views.versionOf(stored)
      if (found !== operation.expected) throw new VersionMismatch({ key: readUtf8(keys, start, end), expected: operation.expected, found })
    }
    if (views.settings.hasTypes && operation.kind === OperationKind.put) this.#checkType(operation)
    const parents = stored >= 0 && views.records.isComplex(stored) ? operation.side?.parents ?? strategies().coveredBy(stored) : undefined
    // Beside a delete that is shown, others may be live, which a delete takes along where a strategy would show them one day.
    if (operation.kind === OperationKind.delete && !exists && !isApart && (parents === undefined || parents.length < 2)) return false
    const row = block.count
    block.reserve(row + 1)
    const collection = this.#tables.numberOfCollection(operation.collection, views)
    block.kinds[row] = operation.kind
    block.seqs[row] = block.from + row + 1
    block.collections[row] = collection
    block.hashes[row] = hash
    block.keyStarts[row] = start
    block.keyEnds[row] = end
    block.valueStarts[row] = operation.valueStart - staging.values.base
    block.valueEnds[row] = operation.valueEnd - staging.values.base
    if (inFrame >= 0) this.#contexts.inFrame(row, inFrame, operation.side?.parents ?? [], views)
    else if (parents !== undefined) this.#contexts.ofParents(row, parents, views.records.versionsOf(stored), views)
    else if (stored >= 0) this.#contexts.ofStored(row, stored, views)
    else block.contextWriters[row] = NO_CONTEXT
    const settles = operation.side?.settles
    if (settles !== undefined) this.#contexts.settle(row, settles, views)
    block.count = row + 1
    this.#bytes += end - start + operation.valueEnd - operation.valueStart + OPERATION_OVERHEAD_BYTES
    if (this.#useScratch) this.#scratch.put(hash, row, inFrame, block.hashes)
    return exists
  }

  /** Values of CRDT types and plain ones do not meet in a collection. */
  #checkType({ collection, side }: StagedOperation): void {
    const { type } = this.views.settings.of(collection)
    if (type !== side?.type) throw this.#options.strategies().wrongType(collection, side?.type ?? "plain values")
  }

  #encode(out: ByteWriter, head: FrameHead): void {
    const { staging, label, checksum, writer } = this.#options, block = this.#block
    this.#tables.begins(writer, label, this.views)
    beginFrame(out, head, 1)
    const mark = beginPart(out, PartType.block)
    encodeBlock(block, staging.keys.out.buffer, staging.values.out.buffer, out)
    endPart(out, mark)
    endFrame(out, checksum)
    block.bytes = out.buffer
  }

  foldBuilt(): void {
    if (this.#isSync) {
      this.writtenBytes += this.#sync.foldBuilt(this.views)
      return this.#options.onFrame()
    }
    this.#options.writer.seq = this.#block.to
    this.writtenBytes += this.#bytes
    this.views.foldBlock(this.#block, true, true)
    this.#options.onFrame()
  }

  fold(frame: FrameReader): void {
    if (this.#next !== undefined) return this.#next.foldFrame(frame)
    this.views.foldFrame(frame)
    const { writer } = this.#options
    if (frame.change !== undefined && isDisowned(frame.change, writer.id)) writer.disown() // another handle was told
    // An append of this writer that was thought lost: its numbers are used.
    if (writer.index >= 0) writer.seq = Math.max(writer.seq, this.views.vector.entries.get(writer.index)?.seq ?? 0)
    this.#options.onFrame()
  }

  settle(group: readonly PendingWrite[], taken: number): void {
    const { staging, confirmers } = this.#options
    for (let at = 0; at < taken; at++) {
      const write = group[at]!
      if (write.failure !== undefined) write.fail(write.failure.error)
      else if (write.commit !== undefined) write.end(write.written > 0)
      else if (confirmers.length > 0 && write.written > 0) this.#confirm(write)
      else write.end(this.#answerOf(write))
    }
    const last = group[taken - 1]
    if (last === undefined) return
    staging.keys.release(last.keyEnd)
    staging.values.release(last.valueEnd)
  }

  #answerOf({ answer, seq, existed, written }: PendingWrite): unknown {
    if (answer === "version") return { version: this.views.writers.versionOf(this.#options.writer.index, seq) }
    return answer === "existed" ? existed : { operations: written }
  }

  /** Ends a call once all who were asked have confirmed it. Its names are copied, since the next frame takes their place. */
  #confirm(write: PendingWrite): void {
    const block = this.#block, answer = this.#answerOf(write), from = write.seq - write.written
    const records = Array.from({ length: write.written }, (_, at) => {
      const row = from - block.from + at
      const collection = this.#tables.collections[block.collections[row]!]!
      return { collection, key: block.bytes.slice(block.keyStarts[row]!, block.keyEnds[row]!) }
    })
    const stored: StoredWrite = { writer: this.#options.writer.id, from, to: write.seq, records }
    Promise.all(this.#options.confirmers.map((confirmer) => confirmer.confirm(stored)))
      .then(() => write.end(answer), (error) => write.fail(error))
  }

  foldAnew(): void {
    this.#next = this.#options.makeViews()
    this.#options.writer.retire()
  }

  endFoldAnew(): void {
    this.views = this.#next ?? this.views
    this.#next = undefined
    this.#options.onViews()
  }

  idle(): void {
    this.#options.staging.clear()
  }
}
