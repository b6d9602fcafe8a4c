/** One open store on a pretended disk; the layout is in `disk-adapter.ts`. */
import {
  CorruptFrame,
  FramesTrimmed,
  FrameTooLarge,
  InvalidOption,
  NotAStore,
  PositionOutOfRange,
  PositionTaken,
  ReadOnly,
  SnapshotMissing,
  StoreClosed,
} from "../../kernel/errors.ts"
import type { Bytes, LogStorage, OpenOptions, Position, Recovery, SnapshotInfo } from "../../kernel/ports/log-storage.ts"
import { type Disk, type DiskFault, join, LOCATION, sealed, sumOf, wordAt, words } from "./disk.ts"

/** Opens the store whose files are under `path`. */
export const openLog = (
  disk: Disk,
  faults: ReadonlySet<DiskFault>,
  storeName: string,
  path: string,
  options: OpenOptions,
  created: boolean,
): LogStorage => {
  const files = faults.has("writes frames only when it is flushed or closed") ? new Map(disk.files) : disk.files
  const isChecked = !faults.has("checks no sums") && !faults.has("writes a frame in two steps, without a sum")
  const frameFile = (position: Position): string => `${path}/f${position}`
  const write = (): void => {
    for (const [name, bytes] of files === disk.files ? [] : files) disk.files.set(name, bytes)
  }

  /** What a file of ours holds, or undefined if it is missing or damaged. */
  const contentOf = (name: string): Bytes | undefined => {
    const bytes = files.get(name)
    if (bytes === undefined || bytes.length < 4) return undefined
    const content = bytes.slice(4)
    return !isChecked || wordAt(bytes, 0) === sumOf(content) ? content : undefined
  }
  let ownBase = 0
  const base = (): Position => {
    const content = contentOf(`${path}/base`)
    return Math.max(ownBase, content === undefined ? 0 : wordAt(content, 0))
  }
  let known = base()
  const head = (): Position => {
    known = Math.max(known, base())
    while (files.has(frameFile(known + 1))) known += 1
    return known
  }
  /** Positions of the files with this letter, newest first. */
  const positions = (letter: string): readonly Position[] => {
    const prefix = `${path}/${letter}`
    const found = [...files.keys()].filter((name) => name.startsWith(prefix)).map((name) => Number(name.slice(prefix.length)))
    return found.sort((left, right) => right - left)
  }

  /** The first position that is there and not shown. */
  let hiddenFrom = Number.POSITIVE_INFINITY
  const recover = (): Recovery | undefined => {
    if (files.has(`${path}/base`) && contentOf(`${path}/base`) === undefined) {
      throw new NotAStore({ location: LOCATION, reason: "its base is damaged" })
    }
    const last = positions("f")[0] ?? base()
    for (let position = base() + 1; position <= last; position += 1) {
      if (contentOf(frameFile(position)) !== undefined) continue
      const reason = "its sum is another"
      if (faults.has("takes damage for the end of the log")) {
        for (let behind = position; behind <= last; behind += 1) files.delete(frameFile(behind))
        return { kind: "torn_tail", position, bytes: 0, reason }
      }
      if (position === last) {
        if (faults.has("reports a torn tail and does not cut it")) hiddenFrom = position
        else files.delete(frameFile(position))
        return { kind: "torn_tail", position, bytes: 0, reason: "the last frame was not whole" }
      }
      if (options.readPrefix === true) {
        hiddenFrom = position
        return { kind: "prefix_only", position, bytes: 0, reason }
      }
      if (!faults.has("leaves out frames that are damaged")) throw new CorruptFrame({ location: LOCATION, position, reason })
    }
    return undefined
  }
  const recovery = recover()
  const visibleHead = (): Position =>
    Math.max(Math.min(head(), hiddenFrom - 1), faults.has("remembers heads outside of the store") ? disk.memory.get(storeName) ?? 0 : 0)

  if (faults.has("drops the last frame of a store that was not closed")) {
    if (files.has(`${path}/open`)) files.delete(frameFile(head()))
    known = base()
    files.set(`${path}/open`, words(0))
  }
  if (faults.has("writes at every open")) files.set(`${path}/opened`, words(Math.floor(Math.random() * 2 ** 32)))

  let isOpen = true
  const use = (call: string): void => {
    if (!isOpen) throw new StoreClosed({ store: storeName, call })
  }

  const partsOf = (at: Position): readonly Bytes[] | undefined => {
    const content = contentOf(`${path}/s${at}`)
    if (content === undefined || content.length < 4) return undefined
    let end = 4 + 4 * wordAt(content, 0)
    return Array.from({ length: wordAt(content, 0) }, (_, index) => content.slice(end, end += wordAt(content, index + 1)))
  }
  const ownSnapshots = new Map<Position, readonly Bytes[]>()
  const snapshots = (): readonly { readonly at: Position; readonly slices: readonly Bytes[] }[] => {
    const kept = faults.has("keeps snapshots in memory")
      ? [...ownSnapshots].map(([at, slices]) => ({ at, slices })).reverse()
      : positions("s").flatMap((at) => {
        const slices = partsOf(at)
        return slices === undefined ? [] : [{ at, slices }]
      })
    return kept.slice(0, 2)
  }
  const keep = (at: Position, slices: readonly Bytes[]): void => {
    if (faults.has("keeps snapshots in memory")) ownSnapshots.set(at, slices)
    else files.set(`${path}/s${at}`, sealed(join([words(slices.length, ...slices.map((slice) => slice.length)), ...slices])))
    for (const older of positions("s").slice(2)) files.delete(`${path}/s${older}`)
  }
  const checkAt = (at: Position): void => {
    const newest = snapshots()[0]?.at ?? 0
    if (!Number.isSafeInteger(at) || at < newest || at > head()) throw new PositionOutOfRange({ position: at, head: head() })
  }

  return {
    opened: { created, location: LOCATION, recovery },
    head() {
      use("head")
      return visibleHead()
    },
    append(position, frame) {
      use("append")
      if (options.readPrefix === true && recovery !== undefined) {
        throw new ReadOnly({ location: LOCATION, reason: "it was opened with readPrefix" })
      }
      if (frame.length === 0) throw new InvalidOption({ option: "frame", found: "0 bytes", expected: "at least 1 byte" })
      if (frame.length > 4_000_000) throw new FrameTooLarge({ bytes: frame.length, bytesMax: 4_000_000 })
      if (position !== visibleHead() + 1) throw new PositionTaken({ position, head: visibleHead() })
      const whole = sealed(frame.slice())
      disk.memory.set(storeName, position)
      if (!faults.has("writes a frame in two steps, without a sum")) return void files.set(frameFile(position), whole)
      files.set(frameFile(position), whole.slice(0, 4 + (frame.length >> 1)))
      return Promise.resolve().then(() => void files.set(frameFile(position), whole))
    },
    read(after, { maxFrames, maxBytes }) {
      use("read")
      if (!Number.isSafeInteger(after) || after < 0 || after > visibleHead()) {
        throw new PositionOutOfRange({ position: after, head: visibleHead() })
      }
      if (after < base()) throw new FramesTrimmed({ after, base: base() })
      const page: Bytes[] = []
      let bytes = 0
      for (let position = after + 1; position <= visibleHead() && page.length < maxFrames; position += 1) {
        const frame = contentOf(frameFile(position))
        if (frame === undefined && faults.has("leaves out frames that are damaged")) continue
        if (frame === undefined) throw new CorruptFrame({ location: LOCATION, position, reason: "its sum is another" })
        bytes += frame.length
        if (bytes > maxBytes && page.length > 0) break
        page.push(frame)
      }
      return page
    },
    trim(through) {
      use("trim")
      const before = base()
      if (!Number.isSafeInteger(through) || through < 0) throw new PositionOutOfRange({ position: through, head: head() })
      const next = Math.max(before, Math.min(through, snapshots()[1]?.at ?? 0))
      ownBase = next
      if (next > before && !faults.has("records a base only when it is closed")) files.set(`${path}/base`, sealed(words(next)))
      for (let position = before + 1; position <= next; position += 1) {
        if (!faults.has("trims without freeing bytes")) files.delete(frameFile(position))
      }
      return next
    },
    snapshots: {
      list(): readonly SnapshotInfo[] {
        use("snapshots.list")
        return snapshots().map(({ at, slices }) => ({ at, sliceBytes: slices.map((slice) => slice.length) }))
      },
      async write(at, slices) {
        use("snapshots.write")
        checkAt(at)
        const written: Bytes[] = []
        for await (const slice of slices) {
          written.push(slice.slice())
          if (faults.has("shows a snapshot from its first slice on")) keep(at, written)
        }
        use("snapshots.write")
        checkAt(at)
        keep(at, written)
      },
      readSlice(at, index) {
        use("snapshots.readSlice")
        const isKept = !faults.has("keeps snapshots in memory") && positions("s").slice(0, 2).includes(at)
        const slice = (isKept ? partsOf(at) : ownSnapshots.get(at))?.[index]
        if (slice === undefined) throw new SnapshotMissing({ at, index })
        return slice
      },
    },
    watch: () => () => undefined,
    flush() {
      use("flush")
      write()
    },
    close() {
      if (!isOpen) return
      isOpen = false
      write()
      if (ownBase > 0) files.set(`${path}/base`, sealed(words(base())))
      files.delete(`${path}/open`)
      disk.handles.set(storeName, (disk.handles.get(storeName) ?? 1) - 1)
    },
  }
}
