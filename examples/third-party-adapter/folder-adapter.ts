/**
 * An adapter as a stranger would write it: a folder a store, a file a frame. `<root>/notes/7` is frame 7 of "notes", then its CRC-32.
 * A file is written under another name first; its own it gets by `link`, which fails if that is taken: compare-and-append.
 * Names with a dot in front are of what a kill has left unfinished, or of what is being destroyed.
 */
import * as fs from "node:fs"
import { crc32 } from "node:zlib"
import * as persist from "@cuitty/persist"

const NAME = /^[a-z0-9-]{1,99}$/
const seal = (frame: Uint8Array): Uint8Array => Buffer.concat([frame, new Uint8Array(new Uint32Array([crc32(frame)]).buffer)])
const isSealed = (file: Uint8Array): boolean => file.length > 4 && crc32(file) === 0x2144df1c // which any bytes and their CRC-32 give
const noSnapshot = (at: number, index: number): Promise<never> => Promise.reject(new persist.SnapshotMissing({ at, index }))
const isThere = (path: string): boolean => fs.statSync(path, { throwIfNoEntry: false }) !== undefined // what may not be looked at throws
const flushFile = (path: string): void => {
  const file = fs.openSync(path, "r")
  fs.fsyncSync(file)
  fs.closeSync(file)
}

/** Stores in the folder `root`. Their names are of lower-case letters, digits and dashes. */
export const folderAdapter = (root: string): persist.Adapter => {
  const handles = new Map<persist.LogStorage, string>()
  const list = (): string[] => isThere(root) ? fs.readdirSync(root).filter((name) => NAME.test(name)) : []
  const missing = (store: string): persist.StoreNotFound => new persist.StoreNotFound({ store, location: root, stores: list() })
  return {
    name: "folder",
    capabilities: { durable: true, levels: ["relaxed"], multiProcess: true, multiHandle: true },
    list,
    destroy(store) {
      if ([...handles.values()].includes(store)) throw new persist.StoreLocked({ store, location: root, holder: "this process" })
      if (!list().includes(store)) throw missing(store)
      const doomed = `${root}/.${crypto.randomUUID()}`
      fs.renameSync(`${root}/${store}`, doomed)
      fs.rmSync(doomed, { recursive: true })
    },
    open(store, { create, readPrefix, signal }) {
      signal?.throwIfAborted()
      if (!NAME.test(store)) throw new persist.InvalidStoreName({ name: store, reason: "only a-z, 0-9 and - are allowed" })
      if ((create === false || readPrefix) && !list().includes(store)) throw missing(store)
      const location = `${root}/${store}`, first = `${location}/1`, created = fs.mkdirSync(location, { recursive: true }) !== undefined
      if (isThere(first) && !isSealed(fs.readFileSync(first))) throw new persist.NotAStore({ location, reason: "it is damaged" })
      let head = 0, flushed = 0
      const use = (call: string): number => {
        if (!handles.has(log)) throw new persist.StoreClosed({ store, call })
        for (;; head++) if (!isThere(`${location}/${head + 1}`)) return head // other handles append, too
      }
      const log: persist.LogStorage = {
        opened: { created, location },
        head: () => use("head"),
        append(position, frame) {
          if (frame.length === 0) throw new persist.InvalidOption({ option: "frame", found: "0 bytes", expected: "at least 1 byte" })
          if (frame.length > 4_000_000) throw new persist.FrameTooLarge({ bytes: frame.length, bytesMax: 4_000_000 })
          if (position !== use("append") + 1) throw new persist.PositionTaken({ position, head })
          const unfinished = `${location}/.${crypto.randomUUID()}`
          try {
            fs.writeFileSync(unfinished, seal(frame))
            fs.linkSync(unfinished, `${location}/${position}`)
          } catch (cause) {
            throw Object(cause).code === "EEXIST" ? new persist.PositionTaken({ position, head: position }) : cause
          } finally {
            fs.rmSync(unfinished, { force: true })
          }
        },
        read(after, { maxFrames, maxBytes }) {
          if (!Number.isInteger(after) || after < 0 || after > use("read")) throw new persist.PositionOutOfRange({ position: after, head })
          const frames: persist.Bytes[] = []
          for (let position = after + 1, bytes = 0; position <= head && frames.length < maxFrames; position++) {
            const file = new Uint8Array(fs.readFileSync(`${location}/${position}`))
            if (!isSealed(file)) throw new persist.CorruptFrame({ location, position, reason: "its checksum is wrong" })
            if ((bytes += file.length - 4) > maxBytes && frames.length > 0) break // at least one, however large
            frames.push(file.subarray(0, -4))
          }
          return frames
        },
        flush() { // the kernel takes what this throws for `FlushFailed`
          for (const end = use("flush"); flushed < end; flushed++) flushFile(`${location}/${flushed + 1}`)
          for (const folder of [location, root]) flushFile(folder)
        },
        trim: () => 0,
        snapshots: { list: () => [], write: (at) => noSnapshot(at, 0), readSlice: noSnapshot },
        watch: () => () => undefined,
        close: () => void handles.delete(log),
      }
      return handles.set(log, store) && log
    },
  }
}
