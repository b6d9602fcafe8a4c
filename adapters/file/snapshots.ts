/**
 * The kept snapshots of a store: two files at most, newest first.
 *
 *   write(at, slices) ── flush the log ── <at>.snapshot.tmp: head, slices, table ── flush ── rename ── flush the folder ── remove the third
 *
 * A crash before the rename leaves an unfinished file, which the next open removes; one behind it leaves three, of which the oldest
 * is not listed and goes with the next write. A snapshot whose head or table is damaged is not listed either: it covers nothing.
 */
import { randomBytes } from "node:crypto"
import { join } from "node:path"
import { PositionOutOfRange, SnapshotMissing } from "../../kernel/errors.ts"
import type { Bytes, Position, SnapshotInfo } from "../../kernel/ports/log-storage.ts"
import { systemError, withSystemErrors } from "../system/errors.ts"
import type { FileCalls } from "../system/file-calls.ts"
import { flushFolder } from "../system/folders.ts"
import { positionInName, snapshotFileName } from "./file-heads.ts"
import { openFile, tryClose, tryRemove, UNFINISHED, writeFully } from "./files.ts"
import { encodeSnapshotHead, SnapshotFile, SnapshotTable } from "./snapshot-file.ts"

const SNAPSHOTS_KEPT = 2

/** What a snapshot needs of its log. */
export interface SnapshotLog {
  head(): Position
  /** Throws if the handle may not write (closed, for reading only, lock lost). */
  checkWritable(): void
  flush(): Promise<void>
}

export class Snapshots {
  readonly #calls: FileCalls
  readonly #folder: string
  readonly #storeId: Bytes
  /** Intact ones, newest first. */
  #files: SnapshotFile[]
  /** Writes one after the other. */
  #queue: Promise<void> = Promise.resolve()

  constructor(calls: FileCalls, folder: string, storeId: Bytes, names: readonly string[]) {
    this.#calls = calls
    this.#folder = folder
    this.#storeId = storeId
    this.#files = names
      .flatMap((name) => {
        const at = positionInName(name, "snapshot")
        const file = at === undefined ? undefined : SnapshotFile.load(calls, join(folder, name), storeId, at)
        return file ?? []
      })
      .sort((a, b) => b.info.at - a.info.at)
  }

  /** The position that the newest covers: the log was flushed up to there before it was written. */
  get newest(): Position {
    return this.#files[0]?.info.at ?? 0
  }

  /** The position that the older of the two kept covers; 0 with fewer than two. */
  get older(): Position {
    return this.#files[SNAPSHOTS_KEPT - 1]?.info.at ?? 0
  }

  /** The kept ones up to `head`, newest first. */
  list(head: Position): readonly SnapshotInfo[] {
    return this.#files.slice(0, SNAPSHOTS_KEPT).filter((file) => file.info.at <= head).map((file) => file.info)
  }

  readSlice(at: Position, index: number): Bytes {
    const slice = this.#files.slice(0, SNAPSHOTS_KEPT).find((file) => file.info.at === at)?.readSlice(index)
    if (slice === undefined) throw new SnapshotMissing({ at, index })
    return slice
  }

  /**
   * Writes one. `log` is asked for its head, flushed before anything is written, and asked between slices and before the snapshot
   * appears whether it may still be written to; it throws if not.
   */
  write(at: Position, slices: AsyncIterable<Bytes> | Iterable<Bytes>, log: SnapshotLog): Promise<void> {
    const written = this.#queue.then(() => this.#write(at, slices, log))
    this.#queue = written.catch(() => undefined)
    return written
  }

  close(): void {
    for (const file of this.#files) file.close()
  }

  async #write(at: Position, slices: AsyncIterable<Bytes> | Iterable<Bytes>, log: SnapshotLog): Promise<void> {
    log.checkWritable()
    const head = log.head()
    if (!Number.isSafeInteger(at) || at < this.newest || at > head) throw new PositionOutOfRange({ position: at, head })
    await log.flush()
    const calls = this.#calls
    const path = join(this.#folder, snapshotFileName(at))
    // A name of its own: this may still run when the handle is closed and the next one writes the same snapshot.
    const unfinished = `${path}-${randomBytes(8).toString("hex")}${UNFINISHED}`
    const system = <T>(run: () => T): T => {
      try {
        return run()
      } catch (cause) {
        throw systemError(cause, "write to", path, true)
      }
    }
    const descriptor = system(() => openFile(calls, unfinished, "wx+"))
    try {
      try {
        const storeHead = encodeSnapshotHead(this.#storeId, at)
        const table = new SnapshotTable()
        let byteOffset = 0
        const write = (bytes: Bytes): void => {
          system(() => writeFully(calls, descriptor, bytes, byteOffset))
          byteOffset += bytes.length
        }
        write(storeHead)
        for await (const slice of slices) {
          log.checkWritable()
          table.add(slice)
          write(slice)
        }
        write(table.encode(storeHead))
        await flushDescriptor(calls, descriptor, path)
      } finally {
        tryClose(calls, descriptor)
      }
      log.checkWritable()
      system(() => calls.renameSync(unfinished, path))
    } catch (cause) {
      tryRemove(calls, unfinished)
      throw cause
    }
    flushFolder(this.#folder, calls)
    this.#keep(at, path)
  }

  /** Takes a new file into the list, and removes what is then too many, damaged ones included. */
  #keep(at: Position, path: string): void {
    const file = SnapshotFile.load(this.#calls, path, this.#storeId, at)
    if (file === undefined) throw systemError(new Error("what was written reads back differently"), "write to", path, false)
    const others = this.#files.filter((other) => {
      if (other.info.at !== at) return true
      other.close()
      return false
    })
    this.#files = [file, ...others]
    const kept = new Set(this.#files.slice(0, SNAPSHOTS_KEPT).map((one) => one.path))
    for (const surplus of this.#files.splice(SNAPSHOTS_KEPT)) surplus.close()
    for (const name of withSystemErrors("list", this.#folder, () => this.#calls.readdirSync(this.#folder), false)) {
      const other = join(this.#folder, name)
      // One that stays goes with the next write.
      if (positionInName(name, "snapshot") !== undefined && !kept.has(other)) tryRemove(this.#calls, other)
    }
  }
}

/** Puts a file on the device without keeping the event loop. Rejects with what our table makes of the failure, nothing stored. */
const flushDescriptor = (calls: FileCalls, descriptor: number, path: string): Promise<void> =>
  new Promise((resolve, reject) => {
    calls.fdatasync(descriptor, (cause) => cause ? reject(systemError(cause, "flush", path, true)) : resolve())
  })
