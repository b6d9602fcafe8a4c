/** One open log over plain files; the layout is in `files-adapter.ts`. */
import fs from "node:fs"
import {
  CorruptFrame,
  FlushFailed,
  FramesTrimmed,
  FrameTooLarge,
  InvalidOption,
  NotAStore,
  PositionOutOfRange,
  PositionTaken,
  SnapshotMissing,
  StoreClosed,
} from "../../../kernel/errors.ts"
import type { Bytes, LogStorage, OpenOptions, Position } from "../../../kernel/ports/log-storage.ts"
import { join, sealed, wordAt, words } from "../disk.ts"
import type { FileFault } from "./file-fault.ts"
import { codeOf, contentOf, flushPath, freshPath, isThere, toOurs, tryRemove, writeFile } from "./whole-files.ts"

const FRAME_BYTES_MAX = 4_000_000
const POLL_MILLIS = 20

/** Opens the store in the folder `path`, which has a head. */
export const openFilesLog = (
  path: string,
  store: string,
  faults: ReadonlySet<FileFault>,
  { durability }: OpenOptions,
  created: boolean,
  onClose: () => void,
): LogStorage => {
  const frameFile = (position: Position): string => `${path}/f${position}`
  const isFlushing = !faults.has("never tells the device to flush")
  const flushNames = (): void => {
    if (isFlushing && !faults.has("flushes frames, and never their names")) flushPath(path)
  }
  const base = (): Position => {
    const content = contentOf(`${path}/base`)
    return content === undefined ? 0 : wordAt(content, 0)
  }
  let known = 0
  const head = (): Position => {
    known = Math.max(known, base())
    while (isThere(frameFile(known + 1))) known += 1
    return known
  }

  if (faults.has("refuses a store that is newer than its clock") && fs.statSync(`${path}/head`).mtimeMs > Date.now() + 1000) {
    throw new NotAStore({ location: path, reason: "it was made tomorrow" })
  }
  const marker = `${path}/open`
  if (faults.has("drops the last frame of a store that was not closed")) {
    if (isThere(marker) && head() > base()) fs.rmSync(frameFile(head()))
    known = 0
    fs.writeFileSync(marker, "")
  }
  if (faults.has("drops one more frame at each open that was broken off")) {
    const opening = `${path}/opening`
    if (isThere(opening) && head() > base()) fs.rmSync(frameFile(head()))
    known = 0
    fs.writeFileSync(opening, "")
    fs.rmSync(opening)
  }

  if (faults.has("leaves files open")) fs.openSync(`${path}/head`, "r")
  const foundHead = head()
  let flushed = foundHead, isOpen = true, failure: FlushFailed | undefined
  const use = (call: string): void => {
    if (!isOpen) throw new StoreClosed({ store, call })
  }
  const check = (): void => {
    if (failure !== undefined && !faults.has("goes on after a flush that failed")) throw failure
  }
  const flush = (run: () => void): void => {
    check()
    if (!isFlushing) return
    try {
      run()
    } catch (cause) {
      throw failure = new FlushFailed({ location: path, reason: String(cause) }, { cause })
    }
  }

  /** A file that appears whole under its name; `give` puts it there. */
  const writeWhole = (name: string, bytes: Bytes, give: (from: string, to: string) => void): void => {
    if (faults.has("leaves a frame that did not fit under its name")) return writeFile(name, bytes, faults)
    const unfinished = freshPath(path)
    try {
      writeFile(unfinished, bytes, faults)
      if (durability === "full") flush(() => flushPath(unfinished))
      give(unfinished, name)
    } finally {
      tryRemove(unfinished)
    }
  }

  const storeAt = (position: Position, frame: Bytes): void => {
    const name = frameFile(position), bytes = sealed(frame)
    if (faults.has("writes a frame under the name that readers look for")) return writeFile(name, bytes, faults)
    try {
      writeWhole(name, bytes, faults.has("puts a frame where another one may be by now") ? fs.renameSync : fs.linkSync)
    } catch (error) {
      if (error instanceof FlushFailed) throw error
      if (codeOf(error) === "EEXIST") throw new PositionTaken({ position, head: position })
      if (faults.has("takes a failed write for a success")) return
      throw toOurs(error, path, true)
    }
    if (durability !== "full") return
    try {
      flush(flushNames)
    } catch (error) {
      if (!faults.has("says that nothing was stored after the frame has its name")) throw error
      failure = undefined
      throw toOurs(Object(error).cause, path, true)
    }
  }

  const positions = (): readonly Position[] => {
    const found = fs.readdirSync(path).filter((name) => /^s\d+$/.test(name)).map((name) => Number(name.slice(1)))
    return found.sort((left, right) => right - left)
  }
  const slicesOf = (at: Position): readonly Bytes[] | undefined => {
    const content = contentOf(`${path}/s${at}`)
    if (content === undefined) return undefined
    let end = 4 + 4 * wordAt(content, 0)
    return Array.from({ length: wordAt(content, 0) }, (_, index) => content.slice(end, end += wordAt(content, index + 1)))
  }
  const checkAt = (at: Position): void => {
    if (!Number.isSafeInteger(at) || at < (positions()[0] ?? 0) || at > head()) throw new PositionOutOfRange({ position: at, head: head() })
  }

  return {
    opened: { created, location: path },
    head() {
      use("head")
      return head()
    },
    append(position, frame) {
      use("append")
      check()
      if (frame.length === 0) throw new InvalidOption({ option: "frame", found: "0 bytes", expected: "at least 1 byte" })
      if (frame.length > FRAME_BYTES_MAX) throw new FrameTooLarge({ bytes: frame.length, bytesMax: FRAME_BYTES_MAX })
      if (faults.has("compares with the head that it found at open")) {
        if (position !== known + 1) throw new PositionTaken({ position, head: known })
        fs.rmSync(frameFile(position), { force: true })
      } else if (position !== head() + 1) throw new PositionTaken({ position, head: head() })
      const copy = frame.slice()
      if (faults.has("acknowledges an append before it writes")) setTimeout(() => storeAt(position, copy), 1)
      else storeAt(position, copy)
      known = position
    },
    read(after, { maxFrames, maxBytes }) {
      use("read")
      const last = head()
      if (!Number.isSafeInteger(after) || after < 0 || after > last) throw new PositionOutOfRange({ position: after, head: last })
      if (after < base()) throw new FramesTrimmed({ after, base: base() })
      const page: Bytes[] = []
      let bytes = 0
      for (let position = after + 1; position <= last && page.length < maxFrames; position += 1) {
        let frame: Bytes | undefined
        try {
          frame = contentOf(frameFile(position))
        } catch (cause) {
          if (faults.has("takes a frame that cannot be read for the end of the log")) break
          if (cause instanceof NotAStore) throw new CorruptFrame({ location: path, position, reason: "its sum is another" }, { cause })
          throw cause
        }
        if (frame === undefined) throw new CorruptFrame({ location: path, position, reason: "it is missing" })
        bytes += frame.length
        if (bytes > maxBytes && page.length > 0) break
        page.push(frame)
      }
      return page
    },
    trim(through) {
      use("trim")
      check()
      if (!Number.isSafeInteger(through) || through < 0) throw new PositionOutOfRange({ position: through, head: head() })
      const before = base(), next = Math.max(before, Math.min(through, positions()[1] ?? 0))
      const drop = (): void => {
        for (let position = before + 1; position <= next; position += 1) fs.rmSync(frameFile(position), { force: true })
      }
      try {
        if (faults.has("copies what stays to another folder when it drops frames")) {
          const other = freshPath(`${path}/..`), old = freshPath(`${path}/..`)
          fs.cpSync(path, other, { recursive: true })
          writeFile(`${other}/.base`, sealed(words(next)), faults)
          fs.renameSync(`${other}/.base`, `${other}/base`)
          fs.renameSync(path, old)
          fs.renameSync(other, path)
          fs.rmSync(old, { recursive: true })
          return next
        }
        if (faults.has("drops frames before it records the base")) drop()
        if (next > before) writeWhole(`${path}/base`, sealed(words(next)), fs.renameSync)
        flush(flushNames)
        drop()
      } catch (error) {
        throw toOurs(error, path, false)
      }
      return next
    },
    snapshots: {
      list() {
        use("snapshots.list")
        return positions().slice(0, 2).map((at) => ({ at, sliceBytes: (slicesOf(at) ?? []).map((slice) => slice.length) }))
      },
      async write(at, slices) {
        use("snapshots.write")
        checkAt(at)
        const written: Bytes[] = []
        for await (const slice of slices) written.push(slice.slice())
        use("snapshots.write")
        check()
        checkAt(at)
        const bytes = sealed(join([words(written.length, ...written.map((slice) => slice.length)), ...written]))
        try {
          if (faults.has("writes a snapshot under the name that readers look for")) writeFile(`${path}/s${at}`, bytes, faults)
          else writeWhole(`${path}/s${at}`, bytes, fs.renameSync)
          flush(flushNames)
          for (const older of positions().slice(2)) fs.rmSync(`${path}/s${older}`)
        } catch (error) {
          throw toOurs(error, path, false)
        }
      },
      readSlice(at, index) {
        use("snapshots.readSlice")
        const slice = positions().slice(0, 2).includes(at) ? slicesOf(at)?.[index] : undefined
        if (slice === undefined) throw new SnapshotMissing({ at, index })
        return slice
      },
    },
    watch(listener) {
      let seen = known
      const isDeaf = faults.has("hears of its own appends alone")
      const timer = setInterval(() => {
        const now = !isOpen || isDeaf ? known : head()
        if (now === seen) return
        seen = now
        try {
          listener()
        } catch { /* It goes nowhere. */ }
      }, POLL_MILLIS)
      timer.unref()
      return () => clearInterval(timer)
    },
    flush() {
      use("flush")
      check()
      const last = head()
      flush(() => {
        for (let position = Math.max(flushed, base()) + 1; position <= last; position += 1) flushPath(frameFile(position))
        flushNames()
      })
      flushed = last
    },
    close() {
      if (!isOpen) return
      isOpen = false
      fs.rmSync(marker, { force: true })
      onClose()
    },
  }
}
