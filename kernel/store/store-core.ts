/**
 * The parts of an open store, put together once: what collections, transactions and the store itself share.
 *
 *   staging ─▶ log ─▶ author ─▶ views ─▶ decoded values, sorted keys, subscriptions
 */
import { InvalidStoreName, StoreClosed } from "../errors.ts"
import { ByteWriter } from "../format/bytes.ts"
import { type Checksum, chooseChecksum } from "../format/checksum.ts"
import { decodeValue, encodeValue } from "../format/msgpack.ts"
import { utf8Length } from "../format/utf8.ts"
import { COLLECTION_NAME_BYTES_MAX, COLLECTIONS_MAX } from "../limits.ts"
import { textOf } from "../text.ts"
import { Log } from "../log/log.ts"
import { Turns } from "../log/turns.ts"
import { HybridClock } from "../model/clock.ts"
import { OperationKind } from "../model/operation.ts"
import type { Durability, LogStorage } from "../ports/log-storage.ts"
import type { Logger } from "../ports/logger.ts"
import type { Platform } from "../ports/platform.ts"
import type { WriteGate } from "../sync/queue-gate.ts"
import type { SyncCommit, SyncedLog } from "../sync/synced-log.ts"
import type { WriteConfirmer } from "../sync/write-confirmation.ts"
import { DeadLettersView } from "../views/dead-letters.ts"
import { DecodedValues } from "../views/decoded-values.ts"
import { NameTable } from "../views/name-table.ts"
import type { RecordsView } from "../views/records.ts"
import { SortedKeys } from "../views/sorted-keys.ts"
import { StoreViews } from "../views/store-views.ts"
import { FrameAuthor } from "./frame-author.ts"
import { type Answer, PendingWrite } from "./pending-write.ts"
import { stageKey, Staging } from "./staging.ts"
import { Strategies } from "./strategies.ts"
import { Subscriptions } from "./subscriptions.ts"
import { Writer } from "./writer.ts"

export interface CoreOptions {
  readonly name: string
  readonly storage: LogStorage
  readonly platform: Platform
  readonly logger: Logger
  readonly durability: Durability
  readonly exclusive: boolean
  readonly frameBytesMax: number
  readonly label: string | undefined
  readonly readOnly: boolean
}

/** A read looks through at most this many waiting writes for its key; behind more it waits for all. */
const SEARCHED_WRITES_MAX = 64

export class StoreCore {
  readonly name: string
  readonly log: Log<PendingWrite>
  readonly turns: Turns
  readonly staging: Staging = new Staging()
  readonly names: NameTable = new NameTable()
  readonly subscriptions: Subscriptions
  readonly author: FrameAuthor
  readonly writer: Writer
  readonly strategies: Strategies
  readonly options: CoreOptions
  readonly checksum: Checksum
  isClosed: boolean = false
  /** Asked before writes are stored. */
  readonly gates: WriteGate[] = []
  /** Asked after writes are stored: each call ends only when all of them have. */
  readonly confirmers: WriteConfirmer[] = []
  /** Values of the views as they are now, with a cache that follows them. */
  decoded!: DecodedValues
  /** What remotes do not take and nobody has answered. */
  deadLetters!: DeadLettersView
  /** Says what was said of collections to a log that took the place of the one it was said to. */
  readonly declared: Map<number | undefined, () => void> = new Map()
  /** The log is closed too: not even a sync writes any more. */
  isEnded: boolean = false
  readonly #closeListeners = new Set<() => void>()
  readonly #closers = new Set<() => Promise<void>>()
  readonly #frameListeners = new Set<() => void>()
  #sorted = new Map<number, SortedKeys>()
  readonly #key = new ByteWriter(4096)
  #synced: SyncedLog | undefined

  constructor(options: CoreOptions) {
    const { name, platform, logger, storage, durability, exclusive } = options
    const checksum = this.checksum = chooseChecksum(platform.crc32)
    const clock = new HybridClock()
    const seedBytes = platform.randomBytes(4)
    const seed = new DataView(seedBytes.buffer, seedBytes.byteOffset).getUint32(0)
    this.name = name
    this.options = options
    this.writer = new Writer(platform.randomBytes)
    this.subscriptions = new Subscriptions(this, logger)
    this.strategies = new Strategies(this, logger, platform.now)
    this.author = new FrameAuthor({
      staging: this.staging,
      writer: this.writer,
      clock,
      platform,
      checksum,
      label: options.label,
      frameBytesMax: options.frameBytesMax,
      confirmers: this.confirmers,
      strategies: () => this.strategies,
      makeViews: () => new StoreViews(this.names, clock, platform.now, seed),
      onViews: () => {
        this.#follow(this.views)
        for (const declare of this.declared.values()) declare()
        this.subscriptions.noteAll()
        this.subscriptions.deliver()
      },
      onFrame: () => {
        this.subscriptions.deliver()
        for (const listener of this.#frameListeners) listener()
      },
    })
    this.#follow(this.views)
    this.turns = new Turns(platform)
    this.log = new Log({ name, storage, author: this.author, platform, checksum, logger, turns: this.turns, durability, exclusive })
  }

  get views(): StoreViews {
    return this.author.views
  }
  get records(): RecordsView {
    return this.author.views.records
  }

  /** This store as syncing sees it. */
  get synced(): SyncedLog {
    return this.#synced ??= syncedLogOf(this)
  }

  /** New views are shown: at open, and when the log was replaced. What is derived from them follows. */
  #follow(views: StoreViews): void {
    this.strategies.clear()
    const decoded = this.decoded = new DecodedValues(views.records, this.names, this.strategies)
    this.#sorted = new Map()
    decoded.isWatched = (row) => this.subscriptions.isWatched(row)
    const deadLetters = this.deadLetters = new DeadLettersView(views.records, views.remotes)
    views.records.onChange = (row) => {
      decoded.forget(row)
      deadLetters.note(row)
      this.subscriptions.note(row)
    }
  }

  /** Rows of a collection in key order. */
  sorted(collection: number): SortedKeys {
    let sorted = this.#sorted.get(collection)
    if (sorted === undefined) this.#sorted.set(collection, sorted = new SortedKeys(this.records, collection))
    return sorted
  }

  /** Throws `StoreClosed` once the store is closed. */
  assertOpen(call: string): void {
    if (this.isClosed) throw new StoreClosed({ store: this.name, call })
  }

  /** Calls `listener` when the store closes, until the function that it answers is called. */
  onClose(listener: () => void): () => void {
    this.#closeListeners.add(listener)
    return () => void this.#closeListeners.delete(listener)
  }

  /** Calls `closer` when the store closes, before its log does, and waits for it, until the function that it answers is called. */
  beforeEnd(closer: () => Promise<void>): () => void {
    this.#closers.add(closer)
    return () => void this.#closers.delete(closer)
  }

  /** Calls `listener` after every frame that the views took, until the function that it answers is called. */
  onFrame(listener: () => void): () => void {
    this.#frameListeners.add(listener)
    return () => void this.#frameListeners.delete(listener)
  }

  /** Refuses new calls, ends subscriptions, lets syncs end, and frees the log. */
  async close(): Promise<void> {
    this.isClosed = true
    this.subscriptions.clear()
    for (const listener of this.#closeListeners) listener()
    await Promise.all([...this.#closers].map((closer) => closer()))
    this.isEnded = true
    await this.log.close()
  }

  /** The index of a collection. Throws `InvalidStoreName`. */
  collectionIndex(name: string): number {
    const refuse = (reason: string): never => {
      throw new InvalidStoreName({ name: textOf(name), reason })
    }
    if (typeof name !== "string") refuse("a collection's name is a string")
    const bytes = utf8Length(name)
    if (bytes < 0) refuse("it is not well-formed: a surrogate stands alone")
    if (bytes > COLLECTION_NAME_BYTES_MAX) refuse(`it has ${bytes} bytes, at most ${COLLECTION_NAME_BYTES_MAX} are allowed`)
    if (this.names.names.length >= COLLECTIONS_MAX && !this.names.names.includes(name)) {
      refuse(`a store has at most ${COLLECTIONS_MAX} collections`)
    }
    return this.names.indexOf(name)
  }

  /** What writes have to wait for, if a queue is full. Throws `QueueFull`. */
  admission(): Promise<void> | undefined {
    for (const gate of this.gates) {
      const waiting = gate.admit()
      if (waiting !== undefined) return waiting
    }
    return undefined
  }

  /** Checks, encodes and queues one operation; resolves to what `answer` says. */
  write(
    kind: OperationKind,
    collection: number,
    key: string,
    value: unknown,
    expected: string | null | undefined,
    answer: Answer,
  ): Promise<unknown> {
    const waiting = this.gates.length > 0 && kind !== OperationKind.delete ? this.admission() : undefined
    if (waiting !== undefined) {
      const copy = copyOfValue(value, key) // the caller may change it meanwhile
      return waiting.then(() => {
        this.assertOpen("write")
        return this.#stage(kind, collection, key, copy, expected, answer)
      })
    }
    return this.#stage(kind, collection, key, value, expected, answer)
  }

  #stage(
    kind: OperationKind,
    collection: number,
    key: string,
    value: unknown,
    expected: string | null | undefined,
    answer: Answer,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const { keys, values } = this.staging
      const keyStart = keys.place, valueStart = values.place
      this.staging.add(key, value, kind !== OperationKind.delete)
      this.log.submit(new PendingWrite(kind, collection, keyStart, keys.place, valueStart, values.place, expected, answer, resolve, reject))
    })
  }

  /** The same once there is room, for callbacks that may write more than deletes. */
  writeAdmitted(call: string, answer: Answer, callback: () => void): Promise<unknown> {
    let waiting: Promise<void> | undefined
    try {
      waiting = this.gates.length > 0 ? this.admission() : undefined
    } catch (error) {
      return Promise.reject(error)
    }
    return waiting === undefined ? this.writeInBuild(call, answer, callback) : waiting.then(() => this.writeInBuild(call, answer, callback))
  }

  /** Queues a call whose operations `callback` decides on in the build. */
  writeInBuild(
    call: string,
    answer: Answer,
    callback: () => void,
    startsFrame: boolean = false,
    endsFrame: boolean = false,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.assertOpen(call)
      this.staging.assertFree(call)
      const keyPlace = this.staging.keys.place, valuePlace = this.staging.values.place
      const write = new PendingWrite(OperationKind.put, 0, keyPlace, keyPlace, valuePlace, valuePlace, undefined, answer, resolve, reject)
      write.callback = callback
      write.startsFrame = startsFrame
      write.endsFrame = endsFrame
      this.log.submit(write)
    })
  }

  /** Queues a frame of a sync, or of settings, which reads wait for; resolves to whether one was appended. */
  async commit(commit: SyncCommit, isAwaited: boolean = false): Promise<boolean> {
    if (this.isEnded) throw new StoreClosed({ store: this.name, call: "sync" })
    return await new Promise<unknown>((resolve, reject) => {
      const keyPlace = this.staging.keys.place, valuePlace = this.staging.values.place
      const write = new PendingWrite(
        OperationKind.put,
        0,
        keyPlace,
        keyPlace,
        valuePlace,
        valuePlace,
        undefined,
        "operations",
        resolve,
        reject,
      )
      write.commit = commit
      write.startsFrame = isAwaited
      write.operations = 0
      this.log.submit(write)
    }) === true
  }

  /** The row of a key, or -1. Throws `InvalidKey`. */
  rowOf(collection: number, key: string): number {
    const scratch = this.#key, { records } = this
    scratch.reset()
    stageKey(scratch, key)
    return records.find(scratch.buffer, 0, scratch.length, collection, records.hash(scratch.buffer, 0, scratch.length, collection))
  }

  /** Throws `InvalidKey` for a key that no record can have. */
  checkKey(key: unknown): void {
    this.#key.reset()
    stageKey(this.#key, key)
  }

  /** The row of a key that shows a record, or -1. */
  liveRowOf(collection: number, key: string): number {
    const row = this.rowOf(collection, key)
    return row < 0 || this.records.isDeleted(row) ? -1 : row
  }

  /** What a read of this key has to wait for: writes of it that were called before, slices that are not loaded. */
  waitFor(collection: number, key: string): Promise<void> | undefined {
    if (this.log.pending === 0 && this.records.isLoaded) return undefined
    if (this.#isWaiting(collection, key)) return this.log.settled()?.then(() => this.load(collection, key))
    const loaded = this.load(collection, key)
    return loaded instanceof Promise ? loaded : undefined
  }

  /** Is all that is known of a key in memory? */
  isLoaded(collection: number, key: string): boolean {
    if (this.records.isLoaded) return true
    const scratch = new ByteWriter()
    stageKey(scratch, key)
    return this.records.isKeyLoaded(scratch.buffer, 0, scratch.length, collection)
  }

  /** Loads the slice of a key, if it is not in memory. */
  load(collection: number, key: string): void | Promise<void> {
    if (this.records.isLoaded) return
    const scratch = new ByteWriter()
    stageKey(scratch, key)
    return this.records.load(scratch.buffer, 0, scratch.length, collection)
  }

  #isWaiting(collection: number, key: string): boolean {
    if (this.log.pending > SEARCHED_WRITES_MAX) return true
    const scratch = this.#key, { keys } = this.staging
    scratch.reset()
    stageKey(scratch, key)
    for (const write of this.log.waiting()) {
      if (write.callback !== undefined || write.startsFrame) return true
      for (const operation of write.list ?? [write]) {
        if (operation.collection !== collection || operation.keyEnd - operation.keyStart !== scratch.length) continue
        let same = 0
        for (const at = operation.keyStart - keys.base; same < scratch.length && keys.out.buffer[at + same] === scratch.buffer[same];) {
          same++
        }
        if (same === scratch.length) return true
      }
    }
    return false
  }
}

/** A value as it would be stored and read again. Throws as a write does. */
export function copyOfValue(value: unknown, key: string): unknown {
  const out = new ByteWriter()
  encodeValue(value, out, key)
  return decodeValue(out.buffer, 0, out.length)
}

const syncedLogOf = (core: StoreCore): SyncedLog => ({
  name: core.name,
  platform: core.options.platform,
  logger: core.options.logger,
  frameBytesMax: core.options.frameBytesMax,
  checksum: core.checksum,
  storage: core.options.storage,
  get views() {
    return core.views
  },
  get head() {
    return core.log.head
  },
  commit: (commit) => core.commit(commit),
  flush: () => core.log.flush(),
  refresh: () => core.log.refresh(),
})
