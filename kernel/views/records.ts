/**
 * Records view: which versions each record has, and where their keys and values lie.
 *
 *   base      what a snapshot holds, sorted and searched in place; empty until snapshots are written
 *   overlay   what was folded since: a hash table over rows (record-rows.ts) over bytes in an arena (arena.ts)
 *
 * The fold keeps siblings and knows no strategy (rule S6); a row holds the one version that the collection's setting shows. The common case, an operation whose context names the version that is
 * there, is decided without lineage and allocates nothing. Values stay encoded until somebody reads them.
 */
import { type BlockColumns, MANY_CONTEXT, NO_CONTEXT } from "../format/block-columns.ts"
import { compareBytes } from "../format/utf8.ts"
import { bytesToHex } from "../model/identifiers.ts"
import type { Lineage } from "../model/lineage.ts"
import { type Dots, NO_DOTS, OperationKind } from "../model/operation.ts"
import { type Shown, shownOf } from "../model/strategy.ts"
import { addVersion } from "../model/versions.ts"
import type { Awaitable } from "../ports/log-storage.ts"
import { Arena } from "./arena.ts"
import { hashKey, KeyTable } from "./key-table.ts"
import { type BaseVersion, EMPTY_BASE, type RecordsBase } from "./records-base.ts"
import { RecordRows, RowFlag } from "./record-rows.ts"
import type { SettingsView } from "./settings.ts"
import { globalDots, type StoredVersion, versionInBlock, versionInRow } from "./stored-version.ts"

/** Garbage below this many bytes is not worth a collection. */
const GARBAGE_BYTES_MIN = 4_194_304
/** From this many rows on a block's slots are touched together. */
const TOUCHED_ROWS_MIN = 8
/** Keys of which the base was asked in vain and which are remembered; after that many it is asked again. */
const ABSENT_MAX = 100_000

/** Called with each row that a fold changed. */
export type RowListener = (row: number) => void

export class RecordsView {
  readonly rows: RecordRows = new RecordRows()
  arena: Arena = new Arena()
  /** What touching slots gave; nobody reads it. */
  touched: number = 0
  /** Set while somebody wants to know what folds change. */
  onChange: RowListener | undefined = undefined
  readonly #table = new KeyTable()
  readonly #base: RecordsBase
  readonly #seed: number
  readonly #lineage: Lineage
  readonly #settings: SettingsView
  readonly #compareWriters: (a: number, b: number) => number
  /** All versions of the records that are flagged complex, by row. */
  readonly #versions = new Map<number, readonly StoredVersion[]>()
  /** Contexts with several entries of the versions in rows, by row. */
  readonly #contexts = new Map<number, Dots>()
  /** Bytes of keys and values that rows and versions refer to; the rest of the arena is garbage. */
  #referredBytes = 0
  /** Live records, by collection. */
  readonly #live: number[] = []
  /** Rows of which nobody asked yet what the base holds. */
  readonly #unread = new Set<number>()
  /** Keys that neither the overlay nor the base has, as far as somebody asked. */
  readonly #absent = new Set<string>()

  constructor(
    lineage: Lineage,
    settings: SettingsView,
    compareWriters: (a: number, b: number) => number,
    seed: number,
    base: RecordsBase = EMPTY_BASE,
  ) {
    this.#lineage = lineage
    this.#settings = settings
    this.#compareWriters = compareWriters
    this.#seed = seed
    this.#base = base
  }

  /** Records of a collection that are not deleted. */
  liveCount(collection: number): number {
    return this.#live[collection] ?? 0
  }

  /** Bytes of memory that the view holds: rows, table, keys and values. */
  get memoryBytes(): number {
    return this.rows.bytes + this.#table.bytes + this.arena.bytes
  }

  /** Hash of a key of a collection in this view. */
  hash(bytes: Uint8Array, start: number, end: number, collection: number): number {
    return hashKey(bytes, start, end, collection, this.#seed)
  }

  /** Nothing has to be loaded before it can be found. */
  get isLoaded(): boolean {
    return this.#base.isEmpty
  }

  /** Is all that is known of a key in memory: its row has what the base holds of it, or the base said that it has nothing? */
  isKeyLoaded(bytes: Uint8Array, start: number, end: number, collection: number): boolean {
    if (this.#base.isEmpty) return true
    const row = this.find(bytes, start, end, collection, this.hash(bytes, start, end, collection))
    return row < 0 ? this.#absent.has(nameOf(bytes, start, end, collection)) : !this.#unread.has(row)
  }

  /** Brings what the base holds of a record into the overlay; at once, unless a slice has to be read. */
  load(bytes: Uint8Array, start: number, end: number, collection: number): Awaitable<void> {
    if (this.isKeyLoaded(bytes, start, end, collection)) return
    const key = bytes.slice(start, end), found = this.#base.find(collection, key)
    return found instanceof Promise ? found.then((versions) => this.#adopt(key, collection, versions)) : this.#adopt(key, collection, found)
  }

  /**
   * Takes what the base holds of a record. The record may have been written meanwhile, or folded before anybody asked for it: siblings
   * do not depend on the order in which they come.
   */
  #adopt(key: Uint8Array, collection: number, versions: readonly BaseVersion[] = []): void {
    if (this.isKeyLoaded(key, 0, key.length, collection)) return
    const hash = this.hash(key, 0, key.length, collection)
    let row = this.find(key, 0, key.length, collection, hash)
    const isNew = row < 0, wasLive = !isNew && !this.isDeleted(row), before = isNew ? [] : this.versionsOf(row)
    if (isNew && versions.length === 0) return this.#noteAbsent(nameOf(key, 0, key.length, collection))
    let merged: readonly StoredVersion[] = before
    for (const version of versions) merged = addVersion(merged, this.#store(key, version), this.#lineage, this.#compareWriters)
    if (isNew) row = this.#addRow(key, 0, key.length, collection, hash)
    this.#unread.delete(row)
    if (merged === before) return
    this.#putVersions(row, merged)
    this.#countLive(row, collection, wasLive)
    // What was only loaded did not change; what was folded without it may show something else now.
    if (!isNew && this.onChange !== undefined) this.onChange(row)
  }

  #store(key: Uint8Array, version: BaseVersion): StoredVersion {
    const { arena } = this
    arena.reserve(key.length + version.value.length)
    const place = { chunk: arena.chunk, keyAt: arena.copy(key, 0, key.length), keyBytes: key.length }
    return { ...version, ...place, valueAt: arena.copy(version.value, 0, version.value.length), valueBytes: version.value.length }
  }

  #noteAbsent(name: string): void {
    if (this.#absent.size >= ABSENT_MAX) this.#absent.clear()
    this.#absent.add(name)
  }

  /** The row of a key in the overlay, or -1. */
  find(bytes: Uint8Array, start: number, end: number, collection: number, hash: number): number {
    const table = this.#table, rows = this.rows, chunks = this.arena.chunks, length = end - start
    for (let slot = table.first(hash);; slot = table.next(slot)) {
      const row = table.rowAt(slot, hash)
      if (row === -2) return -1
      if (row === -1 || rows.keyBytes(row) !== length || rows.collectionOf(row) !== collection) continue
      const chunk = chunks[rows.chunkOf(row)]!, keyAt = rows.keyAt(row)
      let same = 0
      while (same < length && chunk[keyAt + same] === bytes[start + same]) same++
      if (same === length) return row
    }
  }

  /** Does a row show no record: was it deleted? */
  isDeleted(row: number): boolean {
    return (this.rows.flagsOf(row) & RowFlag.tombstone) !== 0
  }

  /** Are the versions of a record kept beside its row: several, or one that keeps or settles? */
  isComplex(row: number): boolean {
    return (this.rows.flagsOf(row) & RowFlag.complex) !== 0
  }

  /** Orders two rows by the bytes of their keys. */
  compareKeys(a: number, b: number): number {
    const { rows, arena } = this
    const aAt = rows.keyAt(a), bAt = rows.keyAt(b)
    return compareBytes(
      arena.chunks[rows.chunkOf(a)]!,
      aAt,
      aAt + rows.keyBytes(a),
      arena.chunks[rows.chunkOf(b)]!,
      bAt,
      bAt + rows.keyBytes(b),
    )
  }

  /** All versions of a record, of which none supersedes another: its siblings. */
  versionsOf(row: number): readonly StoredVersion[] {
    return this.#versions.get(row) ?? [versionInRow(this.rows, row, this.contextOf(row))]
  }

  /** What is shown of a record, by the name of its collection's strategy. */
  shownOf(row: number): Shown<StoredVersion> {
    return this.#shownOf(row, this.versionsOf(row))
  }

  #shownOf(row: number, versions: readonly StoredVersion[]): Shown<StoredVersion> {
    return shownOf(versions, this.#settings.of(this.rows.collectionOf(row)), this.#compareWriters)
  }

  /** The context of the version in a row. */
  contextOf(row: number): Dots {
    const writer = this.rows.contextWriterOf(row)
    if (writer === NO_CONTEXT) return NO_DOTS
    return writer === MANY_CONTEXT ? this.#contexts.get(row)! : [writer, this.rows.contextSeqOf(row)]
  }

  /**
   * Folds the operations of a block that `isNew` lets through (all, if it is undefined). `writers` and `collections` lead from the
   * block's numbers to the view's. `hashes` of the block are filled unless `hashed`.
   */
  fold(
    block: BlockColumns,
    writers: readonly number[],
    collections: readonly number[],
    hashed: boolean,
    isNew: ((row: number) => boolean) | undefined,
  ): void {
    const { count, bytes, kinds, keyStarts, keyEnds, valueStarts, valueEnds } = block
    if (count === 0) return
    const keysFrom = keyStarts[0]!, keysTo = keyEnds[count - 1]!
    const valuesTo = valueEnds[count - 1]!
    // Values lie behind keys, with little between: one copy takes both.
    const end = Math.max(keysTo, valuesTo)
    this.arena.reserve(end - keysFrom)
    const shift = this.arena.copy(bytes, keysFrom, end) - keysFrom
    if (!hashed) this.#hash(block, collections)
    if (count > TOUCHED_ROWS_MIN) this.touched = this.#table.touch(block.hashes, count)
    for (let i = 0; i < count; i++) {
      if (isNew !== undefined && !isNew(i)) continue
      const kind = kinds[i]!
      if (kind === OperationKind.event || kind === OperationKind.forget) continue
      this.#foldOne(block, i, writers, collections[block.collections[i]!]!, keyStarts[i]! + shift, valueStarts[i]! + shift)
    }
    if (this.arena.usedBytes > this.#referredBytes * 2 + GARBAGE_BYTES_MIN) this.#collect()
  }

  /** Moves what is referred to into a new arena, when more than half of the old one is garbage. */
  #collect(): void {
    const { rows, arena: old } = this, arena = this.arena = new Arena()
    const move = (
      chunk: number,
      keyAt: number,
      keyBytes: number,
      valueAt: number,
      valueBytes: number,
    ): { chunk: number; keyAt: number; valueAt: number } => {
      arena.reserve(keyBytes + valueBytes)
      const from = old.chunks[chunk]!
      return {
        chunk: arena.chunk,
        keyAt: arena.copy(from, keyAt, keyAt + keyBytes),
        valueAt: arena.copy(from, valueAt, valueAt + valueBytes),
      }
    }
    for (let row = 0; row < rows.count; row++) {
      const versions = this.#versions.get(row)
      const place = versions === undefined
        ? move(rows.chunkOf(row), rows.keyAt(row), rows.keyBytes(row), rows.valueAt(row), rows.valueBytes(row))
        : this.#moveVersions(
          row,
          versions.map((one) => ({ ...one, ...move(one.chunk, one.keyAt, one.keyBytes, one.valueAt, one.valueBytes) })),
        )
      rows.move(row, place.chunk, place.keyAt, place.valueAt)
    }
  }

  #moveVersions(row: number, versions: readonly StoredVersion[]): StoredVersion {
    this.#versions.set(row, versions)
    return this.#shownOf(row, versions).version
  }

  #hash(block: BlockColumns, collections: readonly number[]): void {
    const { count, bytes, keyStarts, keyEnds, hashes } = block
    for (let i = 0; i < count; i++) hashes[i] = this.hash(bytes, keyStarts[i]!, keyEnds[i]!, collections[block.collections[i]!]!)
  }

  #foldOne(block: BlockColumns, i: number, writers: readonly number[], collection: number, keyAt: number, valueAt: number): void {
    const keyStart = block.keyStarts[i]!, keyEnd = block.keyEnds[i]!, hash = block.hashes[i]!
    const isPlain = block.sides.size === 0 || !block.sides.has(i)
    const known = this.find(block.bytes, keyStart, keyEnd, collection, hash), isNew = known === -1
    const row = isNew ? this.#addRow(block.bytes, keyStart, keyEnd, collection, hash) : known
    const wasLive = !isNew && !this.isDeleted(row)
    if (isPlain && (isNew || (!this.isComplex(row) && this.#namesStored(block, i, writers, row)))) {
      this.#replace(block, i, writers, row, keyAt, valueAt)
    } else {
      const before = isNew ? [] : this.versionsOf(row), version = versionInBlock(block, i, writers, this.arena.chunk, keyAt, valueAt)
      const after = addVersion(before, version, this.#lineage, this.#compareWriters)
      if (after === before) return
      this.#putVersions(row, after)
    }
    this.#noteChange(row, collection, wasLive)
  }

  #addRow(key: Uint8Array, start: number, end: number, collection: number, hash: number): number {
    const row = this.rows.add(collection)
    this.#table.add(hash, row)
    if (!this.#base.isEmpty && !this.#absent.delete(nameOf(key, start, end, collection))) this.#unread.add(row)
    return row
  }

  /** Puts an operation without a side into a row, in place of the only version there, if there is one. */
  #replace(block: BlockColumns, i: number, writers: readonly number[], row: number, keyAt: number, valueAt: number): void {
    const { rows } = this
    const keyBytes = block.keyEnds[i]! - block.keyStarts[i]!, valueBytes = block.valueEnds[i]! - block.valueStarts[i]!
    const local = block.contextWriters[i]!
    if (local === MANY_CONTEXT) this.#contexts.set(row, globalDots(block.contexts.get(i)!, writers))
    else if (this.#contexts.size > 0) this.#contexts.delete(row)
    this.#referredBytes += keyBytes + valueBytes - rows.keyBytes(row) - rows.valueBytes(row)
    rows.set(
      row,
      this.arena.chunk,
      keyAt,
      keyBytes,
      valueAt,
      valueBytes,
      writers[0]!,
      block.seqs[i]!,
      block.millis[i]!,
      block.counters[i]!,
      local >= MANY_CONTEXT ? local : writers[local]!,
      block.contextSeqs[i]!,
      block.kinds[i] === OperationKind.delete ? RowFlag.tombstone : 0,
    )
  }

  /** The common case: does the context of operation i name the version in the row, or a later one of its writer? */
  #namesStored(block: BlockColumns, i: number, writers: readonly number[], row: number): boolean {
    const local = block.contextWriters[i]!, writer = this.rows.writerOf(row), seq = this.rows.seqOf(row)
    if (local === NO_CONTEXT) return false
    if (local !== MANY_CONTEXT) return writers[local] === writer && block.contextSeqs[i]! >= seq
    const context = block.contexts.get(i)!
    for (let at = 0; at < context.length; at += 2) if (writers[context[at]!] === writer && context[at + 1]! >= seq) return true
    return false
  }

  #putVersions(row: number, versions: readonly StoredVersion[]): void {
    for (const { keyBytes, valueBytes } of versions) this.#referredBytes += keyBytes + valueBytes
    if (this.rows.keyBytes(row) > 0) {
      for (const { keyBytes, valueBytes } of this.versionsOf(row)) this.#referredBytes -= keyBytes + valueBytes
    }
    const shown = this.#shownOf(row, versions).version
    const complex = versions.length > 1 || shown.keeps.length > 0 || shown.settles !== undefined
    if (complex) this.#versions.set(row, versions)
    else this.#versions.delete(row)
    const { context } = shown
    if (context.length > 2) this.#contexts.set(row, context)
    else this.#contexts.delete(row)
    this.rows.set(
      row,
      shown.chunk,
      shown.keyAt,
      shown.keyBytes,
      shown.valueAt,
      shown.valueBytes,
      shown.writer,
      shown.seq,
      shown.millis,
      shown.counter,
      context.length === 0 ? NO_CONTEXT : context.length === 2 ? context[0]! : MANY_CONTEXT,
      context.length === 2 ? context[1]! : 0,
      (complex ? RowFlag.complex : 0) | (shown.valueBytes === 0 ? RowFlag.tombstone : 0),
    )
  }

  #countLive(row: number, collection: number, wasLive: boolean): void {
    const isLive = !this.isDeleted(row)
    if (isLive !== wasLive) this.#live[collection] = (this.#live[collection] ?? 0) + (isLive ? 1 : -1)
  }

  #noteChange(row: number, collection: number, wasLive: boolean): void {
    this.#countLive(row, collection, wasLive)
    if (this.onChange !== undefined) this.onChange(row)
  }

  /** Links that came later than an operation that names their writer: siblings may fall under one another (rule S36). */
  judgeAgain(): void {
    for (const [row, versions] of [...this.#versions]) {
      if (versions.length < 2) continue
      let kept: readonly StoredVersion[] = []
      for (const version of versions) kept = addVersion(kept, version, this.#lineage, this.#compareWriters)
      if (kept.length === versions.length) continue
      const wasLive = !this.isDeleted(row)
      this.#putVersions(row, kept)
      this.#noteChange(row, this.rows.collectionOf(row), wasLive)
    }
  }

  /** Settings changed: records with several versions may show another one. */
  showAgain(): void {
    for (const [row, versions] of [...this.#versions]) {
      if (versions.length < 2) continue
      const wasLive = !this.isDeleted(row)
      this.#putVersions(row, versions)
      this.#noteChange(row, this.rows.collectionOf(row), wasLive)
    }
  }

  /** The versions whose dots are `wanted`, with their rows. Looks at all rows. */
  liveVersions(wanted: (writer: number, seq: number) => boolean): { readonly row: number; readonly version: StoredVersion }[] {
    const found: { readonly row: number; readonly version: StoredVersion }[] = [], { rows } = this
    for (let row = 0; row < rows.count; row++) {
      if (this.isComplex(row)) {
        for (const version of this.versionsOf(row)) if (wanted(version.writer, version.seq)) found.push({ row, version })
      } else if (wanted(rows.writerOf(row), rows.seqOf(row))) found.push({ row, version: versionInRow(rows, row, this.contextOf(row)) })
    }
    return found
  }

  /** Rows of records with several versions. */
  rowsWithSiblings(): number[] {
    const found: number[] = []
    for (const [row, versions] of this.#versions) if (versions.length > 1) found.push(row)
    return found
  }
}

/** One text for a key and its collection. */
const nameOf = (bytes: Uint8Array, start: number, end: number, collection: number): string =>
  `${collection} ${bytesToHex(bytes, start, end)}`
