/**
 * A model of what a device holds after a power cut, kept beside the real calls. It promises what POSIX does, and nothing that one
 * file system gives beyond it:
 *
 *   write, truncate                pending for the file until that is flushed: by a cut any sectors of any of them may be there
 *   make, link, rename, unlink     pending for the folder until that is flushed: by a cut any of them may have happened, in any order
 *   fsync, fdatasync of a file     what was pending for it when the call began is on the device when it returns; its name need not be
 *   fsync of a folder              what was pending for its entries; not what is in the files that they name
 *
 * Where a file became longer and its bytes did not come, there are zeros, or whatever the device held there before. A rename happens
 * as one. Locks, modes and times are not modelled.
 */
import fs, { constants } from "node:fs"
import { basename, dirname, join, relative } from "node:path"
import type { Bytes } from "../../../kernel/ports/log-storage.ts"
import { type FileCalls, fileCalls } from "../../system/file-calls.ts"
import type { Image } from "./workbench.ts"

const SECTOR = 512

/** Numbers from 0 up to 1. */
export type Random = () => number

type Write =
  | { readonly kind: "write"; readonly byteOffset: number; readonly bytes: Bytes }
  | { readonly kind: "truncate"; readonly length: number }

type EntryChange =
  | { readonly kind: "add"; readonly name: string; readonly node: Node }
  | { readonly kind: "remove"; readonly name: string }
  | { readonly kind: "rename"; readonly name: string; readonly from: string; readonly node: Node }

/** A file, whatever its names are. */
class File {
  pending: Write[] = []
  durable: Bytes

  constructor(durable: Bytes = new Uint8Array(0)) {
    this.durable = durable
  }

  /** Takes changes as being on the device. */
  settle(changes: readonly Write[]): void {
    let bytes = this.durable
    for (const change of changes) bytes = write(bytes, change, () => true, () => 0)
    this.durable = bytes
    this.pending = this.pending.filter((change) => !changes.includes(change))
  }

  draw(random: Random): Bytes {
    const happens = drawFate(random)
    const isStale = random() < 0.3
    let bytes = this.durable
    for (const change of this.pending) bytes = write(bytes, change, happens, () => isStale ? Math.floor(random() * 256) : 0)
    return bytes
  }
}

class Folder {
  pending: EntryChange[] = []
  readonly durable: Map<string, Node> = new Map()
  readonly now: Map<string, Node> = new Map()

  change(change: EntryChange): void {
    this.pending.push(change)
    apply(this.now, change)
  }

  settle(changes: readonly EntryChange[]): void {
    for (const change of changes) apply(this.durable, change)
    this.pending = this.pending.filter((change) => !changes.includes(change))
  }

  draw(random: Random): Map<string, Node> {
    const happens = drawFate(random)
    const entries = new Map(this.durable)
    for (const change of this.pending) if (happens()) apply(entries, change)
    return entries
  }
}

type Node = File | Folder

export class PowerLoss {
  readonly calls: FileCalls
  readonly #rootPath: string
  readonly #root: Folder
  readonly #nodes = new Map<number, Node>()

  /** Takes what is below `root` now as being on the device. */
  constructor(root: string) {
    this.#rootPath = root
    this.#root = takeFolder(root)
    this.calls = this.#wrap()
  }

  /** One state of the device after a cut now. */
  image(random: Random): Image {
    const image = new Map<string, Bytes>()
    const draw = (path: string, folder: Folder): void => {
      for (const [name, node] of folder.draw(random)) {
        if (node instanceof Folder) draw(join(path, name), node)
        else image.set(join(path, name), node.draw(random))
      }
    }
    draw("", this.#root)
    return image
  }

  /** The node at a path now; undefined outside of the root. */
  #find(path: string): Node | undefined {
    const steps = relative(this.#rootPath, path)
    if (steps.startsWith("..")) return undefined
    let node: Node | undefined = this.#root
    for (const step of steps === "" ? [] : steps.split(/[\\/]/)) node = node instanceof Folder ? node.now.get(step) : undefined
    return node
  }

  #change(path: string, change: (name: string) => EntryChange): void {
    const folder = this.#find(dirname(path))
    if (folder instanceof Folder) folder.change(change(basename(path)))
  }

  #write(descriptor: number, change: Write): void {
    const file = this.#nodes.get(descriptor)
    if (file instanceof File) file.pending.push(change)
  }

  /** Begins a flush; what it answers ends it. */
  #beginFlush(descriptor: number): () => void {
    const node = this.#nodes.get(descriptor)
    if (node instanceof File) {
      const changes = [...node.pending]
      return () => node.settle(changes.filter((change) => node.pending.includes(change)))
    }
    if (node === undefined) return () => undefined
    const changes = [...node.pending]
    return () => node.settle(changes)
  }

  #wrap(): FileCalls {
    const flush = (descriptor: number): void => this.#beginFlush(descriptor)()
    const calls = {
      ...fileCalls,
      openSync: (path: string, flags: number | "r", mode?: number): number => {
        const descriptor = fs.openSync(path, flags, mode)
        const isNew = typeof flags === "number" && (flags & constants.O_CREAT) !== 0
        if (isNew) this.#change(path, (name) => ({ kind: "add", name, node: new File() }))
        const node = this.#find(path)
        if (node !== undefined) this.#nodes.set(descriptor, node)
        return descriptor
      },
      closeSync: (descriptor: number): void => {
        this.#nodes.delete(descriptor)
        fs.closeSync(descriptor)
      },
      writeSync: (descriptor: number, bytes: Uint8Array, index: number, length: number, byteOffset: number): number => {
        this.#write(descriptor, { kind: "write", byteOffset, bytes: bytes.slice(index, index + length) as Bytes })
        return fs.writeSync(descriptor, bytes, index, length, byteOffset)
      },
      writevSync: (descriptor: number, pieces: Uint8Array[], byteOffset: number): number => {
        this.#write(descriptor, { kind: "write", byteOffset, bytes: new Uint8Array(Buffer.concat(pieces)) })
        return fs.writevSync(descriptor, pieces, byteOffset)
      },
      ftruncateSync: (descriptor: number, length: number): void => {
        this.#write(descriptor, { kind: "truncate", length })
        fs.ftruncateSync(descriptor, length)
      },
      mkdirSync: (path: string, options: { mode: number }): void => {
        fs.mkdirSync(path, options)
        this.#change(path, (name) => ({ kind: "add", name, node: new Folder() }))
      },
      renameSync: (from: string, to: string): void => {
        fs.renameSync(from, to)
        const node = this.#find(from)!
        this.#change(to, (name) => ({ kind: "rename", name, from: basename(from), node }))
      },
      linkSync: (from: string, to: string): void => {
        fs.linkSync(from, to)
        const node = this.#find(from)!
        this.#change(to, (name) => ({ kind: "add", name, node }))
      },
      unlinkSync: (path: string): void => {
        fs.unlinkSync(path)
        this.#change(path, (name) => ({ kind: "remove", name }))
      },
      rmdirSync: (path: string): void => {
        fs.rmdirSync(path)
        this.#change(path, (name) => ({ kind: "remove", name }))
      },
      rmSync: (): void => {
        throw new Error("the model knows no removal of folders")
      },
      fsyncSync: flush,
      fdatasyncSync: flush,
      fdatasync: (descriptor: number, callback: (cause: null) => void): void => {
        const end = this.#beginFlush(descriptor)
        setImmediate(() => {
          end()
          callback(null)
        })
      },
    }
    // Only the shapes that the adapter uses are here; `node:fs` has more of each.
    return calls as unknown as FileCalls
  }
}

const takeFolder = (path: string): Folder => {
  const folder = new Folder()
  for (const entry of fs.readdirSync(path, { withFileTypes: true })) {
    const below = join(path, entry.name)
    const node = entry.isDirectory() ? takeFolder(below) : new File(new Uint8Array(fs.readFileSync(below)))
    folder.settle([{ kind: "add", name: entry.name, node }])
    folder.now.set(entry.name, node)
  }
  return folder
}

/** Whether each of several changes happened: none, all, or any. */
const drawFate = (random: Random): () => boolean => {
  const fate = random()
  return () => fate > 0.8 || (fate > 0.2 && random() < 0.5)
}

const apply = (entries: Map<string, Node>, change: EntryChange): void => {
  if (change.kind === "remove") entries.delete(change.name)
  else entries.set(change.name, change.node)
  // Not what has come to that name by another change since.
  if (change.kind === "rename" && entries.get(change.from) === change.node) entries.delete(change.from)
}

/** The bytes after a change, of which only the sectors that happen are there; `stale` gives what is where a file only became longer. */
const write = (before: Bytes, change: Write, happens: () => boolean, stale: () => number): Bytes => {
  if (change.kind === "truncate") {
    if (!happens()) return before
    const bytes = new Uint8Array(change.length)
    bytes.set(before.subarray(0, change.length))
    return bytes
  }
  const { byteOffset } = change
  const end = byteOffset + change.bytes.length
  let bytes = before.slice()
  for (let at = byteOffset, next: number; at < end; at = next) {
    next = Math.min(end, (Math.floor(at / SECTOR) + 1) * SECTOR)
    if (!happens()) continue
    if (next > bytes.length) {
      const longer = new Uint8Array(next)
      longer.set(bytes)
      for (let hole = bytes.length; hole < at; hole++) longer[hole] = stale()
      bytes = longer
    }
    bytes.set(change.bytes.subarray(at - byteOffset, next - byteOffset), at)
  }
  return bytes
}
