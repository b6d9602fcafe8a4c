/**
 * A model of what a device holds after a power cut, kept beside the real calls.
 *
 *   write, truncate    pending for the file until it is flushed: by a cut any of its sectors may be there, or not
 *   make, rename, link, unlink    pending for the folder until it is flushed: by a cut a beginning of them has happened
 *   fsync, fdatasync   what is pending for the file, or the folder, is on the device
 *
 * `image` draws one of the states that a cut may leave at this moment. One level of folders below the root is enough here.
 */
import fs from "node:fs"
import { basename, dirname, relative } from "node:path"
import { constants } from "node:fs"
import type { Bytes } from "../../../kernel/ports/log-storage.ts"
import { type FileCalls, fileCalls } from "../../system/file-calls.ts"
import type { Image } from "./workbench.ts"

const SECTOR = 512

type Change = { readonly kind: "write"; readonly byteOffset: number; readonly bytes: Bytes } | {
  readonly kind: "truncate"
  readonly length: number
}

/** A file, whatever its names are. */
interface Inode {
  durable: Bytes
  pending: Change[]
}

type EntryChange = { readonly kind: "add"; readonly name: string; readonly inode: Inode } | {
  readonly kind: "remove"
  readonly name: string
}

interface Folder {
  readonly durable: Map<string, Inode>
  readonly now: Map<string, Inode>
  pending: EntryChange[]
}

export class PowerLoss {
  readonly calls: FileCalls
  readonly #root: string
  readonly #folders = new Map<string, Folder>()
  readonly #files = new Map<number, Inode>()
  readonly #folderDescriptors = new Map<number, Folder>()

  /** Takes what is below `root` now as being on the device. */
  constructor(root: string) {
    this.#root = root
    for (const entry of fs.readdirSync(root, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const path = `${entry.parentPath}/${entry.name}`
      const folder = this.#folder(path)
      const inode: Inode = { durable: new Uint8Array(fs.readFileSync(path)), pending: [] }
      folder.durable.set(entry.name, inode)
      folder.now.set(entry.name, inode)
    }
    this.calls = this.#wrap()
  }

  /** One state of the device after a cut now; `random` answers numbers from 0 up to 1. */
  image(random: () => number): Image {
    const image = new Map<string, Bytes>()
    for (const [path, folder] of this.#folders) {
      const names = new Map(folder.durable)
      const happened = Math.floor(random() * (folder.pending.length + 1))
      for (const change of folder.pending.slice(0, happened)) apply(names, change)
      for (const [name, inode] of names) image.set(relative(this.#root, `${path}/${name}`), contents(inode, random))
    }
    return image
  }

  #folder(path: string): Folder {
    return this.#folderAt(dirname(path))
  }

  #folderAt(path: string): Folder {
    let folder = this.#folders.get(path)
    if (folder === undefined) this.#folders.set(path, folder = { durable: new Map(), now: new Map(), pending: [] })
    return folder
  }

  #change(path: string, change: EntryChange): void {
    const folder = this.#folder(path)
    folder.pending.push(change)
    apply(folder.now, change)
  }

  #flush(descriptor: number): void {
    const inode = this.#files.get(descriptor)
    if (inode !== undefined) {
      inode.durable = contents(inode, undefined)
      inode.pending = []
    }
    const folder = this.#folderDescriptors.get(descriptor)
    if (folder !== undefined) {
      for (const change of folder.pending) apply(folder.durable, change)
      folder.pending = []
    }
  }

  #wrap(): FileCalls {
    const power = this
    const calls = {
      ...fileCalls,
      openSync(path: string, flags: number | "r", mode?: number): number {
        const isNew = typeof flags === "number" && (flags & constants.O_CREAT) !== 0
        const descriptor = fs.openSync(path, flags, mode)
        if (isNew) power.#change(path, { kind: "add", name: basename(path), inode: { durable: new Uint8Array(0), pending: [] } })
        if (fs.fstatSync(descriptor).isDirectory()) power.#folderDescriptors.set(descriptor, power.#folderAt(path))
        else power.#files.set(descriptor, power.#folder(path).now.get(basename(path))!)
        return descriptor
      },
      closeSync(descriptor: number): void {
        power.#files.delete(descriptor)
        power.#folderDescriptors.delete(descriptor)
        fs.closeSync(descriptor)
      },
      writeSync(descriptor: number, bytes: Uint8Array, index: number, length: number, byteOffset: number): number {
        power.#files.get(descriptor)!.pending.push({
          kind: "write",
          byteOffset,
          bytes: new Uint8Array(bytes.subarray(index, index + length)),
        })
        return fs.writeSync(descriptor, bytes, index, length, byteOffset)
      },
      writevSync(descriptor: number, pieces: Uint8Array[], byteOffset: number): number {
        const bytes = new Uint8Array(Buffer.concat(pieces))
        power.#files.get(descriptor)!.pending.push({ kind: "write", byteOffset, bytes })
        return fs.writevSync(descriptor, pieces, byteOffset)
      },
      ftruncateSync(descriptor: number, length: number): void {
        power.#files.get(descriptor)!.pending.push({ kind: "truncate", length })
        fs.ftruncateSync(descriptor, length)
      },
      renameSync(from: string, to: string): void {
        const inode = power.#folder(from).now.get(basename(from))!
        fs.renameSync(from, to)
        power.#change(to, { kind: "add", name: basename(to), inode })
        power.#change(from, { kind: "remove", name: basename(from) })
      },
      linkSync(from: string, to: string): void {
        fs.linkSync(from, to)
        power.#change(to, { kind: "add", name: basename(to), inode: power.#folder(from).now.get(basename(from))! })
      },
      unlinkSync(path: string): void {
        fs.unlinkSync(path)
        power.#change(path, { kind: "remove", name: basename(path) })
      },
      fsyncSync: (descriptor: number): void => power.#flush(descriptor),
      fdatasyncSync: (descriptor: number): void => power.#flush(descriptor),
      fdatasync(descriptor: number, callback: (cause: null) => void): void {
        // What was written before the call is covered, and not more.
        power.#flush(descriptor)
        queueMicrotask(() => callback(null))
      },
    }
    // Only the shapes that the adapter uses are here; `node:fs` has more of each.
    return calls as unknown as FileCalls
  }
}

const apply = (names: Map<string, Inode>, change: EntryChange): void => {
  if (change.kind === "add") names.set(change.name, change.inode)
  else names.delete(change.name)
}

/** A file with what is pending for it: all of it, or with `random` some sectors of each write, and some of the cuts. */
const contents = ({ durable, pending }: Inode, random: (() => number) | undefined): Bytes => {
  let bytes = durable.slice()
  const fate = random?.() ?? 1
  // Nothing, everything, or anything in between.
  const happens = (): boolean => random === undefined || fate > 0.8 || (fate > 0.2 && random() < 0.5)
  for (const change of pending) {
    if (change.kind === "truncate") {
      if (!happens()) continue
      const cut = new Uint8Array(change.length)
      cut.set(bytes.subarray(0, change.length))
      bytes = cut
      continue
    }
    const { byteOffset } = change
    const end = byteOffset + change.bytes.length
    for (let at = byteOffset; at < end;) {
      const next = Math.min(end, (Math.floor(at / SECTOR) + 1) * SECTOR)
      if (happens()) {
        if (next > bytes.length) {
          const longer = new Uint8Array(next)
          longer.set(bytes)
          bytes = longer
        }
        bytes.set(change.bytes.subarray(at - byteOffset, next - byteOffset), at)
      }
      at = next
    }
  }
  return bytes
}
