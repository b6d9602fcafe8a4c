/** The files of one folder in memory: for tests that try thousands of damages, where a real file system takes most of the time. */
import { constants } from "node:fs"
import { basename } from "node:path"
import type { Bytes } from "../../../kernel/ports/log-storage.ts"
import type { FileCalls } from "../../system/file-calls.ts"
import { errnoError } from "./faulty-calls.ts"

interface MemoryFile {
  readonly ino: number
  bytes: Bytes
}

export class MemoryCalls {
  readonly calls: FileCalls
  readonly #files = new Map<string, MemoryFile>()
  readonly #open = new Map<number, MemoryFile>()
  #lastNumber = 0

  constructor() {
    this.calls = this.#make()
  }

  /** Makes a file, or gives it other bytes; they are not copied. */
  put(name: string, bytes: Bytes): void {
    this.#files.set(name, { ino: ++this.#lastNumber, bytes })
  }

  get(name: string): Bytes | undefined {
    return this.#files.get(name)?.bytes
  }

  names(): string[] {
    return [...this.#files.keys()]
  }

  #find(path: string): MemoryFile {
    const file = this.#files.get(basename(path))
    if (file === undefined) throw errnoError("ENOENT")
    return file
  }

  #make(): FileCalls {
    const statsOf = ({ ino, bytes }: MemoryFile) => ({
      ino,
      dev: 1,
      size: bytes.length,
      isFile: () => true,
      isSymbolicLink: () => false,
      isDirectory: () => false,
    })
    const calls = {
      openSync: (path: string, flags: number | "r"): number => {
        const descriptor = ++this.#lastNumber
        // A folder, to be flushed.
        if (flags === "r") return descriptor
        if ((flags & constants.O_CREAT) !== 0) {
          if (this.#files.has(basename(path))) throw errnoError("EEXIST")
          this.put(basename(path), new Uint8Array(0))
        }
        this.#open.set(descriptor, this.#find(path))
        return descriptor
      },
      closeSync: (descriptor: number): void => void this.#open.delete(descriptor),
      readSync: (descriptor: number, into: Uint8Array, index: number, count: number, byteOffset: number): number => {
        const from = this.#open.get(descriptor)!.bytes.subarray(byteOffset, byteOffset + count)
        into.set(from, index)
        return from.length
      },
      writeSync: (descriptor: number, from: Uint8Array, index: number, count: number, byteOffset: number): number => {
        const file = this.#open.get(descriptor)!
        const bytes = new Uint8Array(Math.max(file.bytes.length, byteOffset + count))
        bytes.set(file.bytes)
        bytes.set(from.subarray(index, index + count), byteOffset)
        file.bytes = bytes
        return count
      },
      ftruncateSync: (descriptor: number, length: number): void => {
        const file = this.#open.get(descriptor)!
        file.bytes = file.bytes.slice(0, length)
      },
      fstatSync: (descriptor: number) => statsOf(this.#open.get(descriptor)!),
      lstatSync: (path: string) => statsOf(this.#find(path)),
      fsyncSync: (): void => undefined,
      renameSync: (from: string, to: string): void => {
        this.#files.set(basename(to), this.#find(from))
        this.#files.delete(basename(from))
      },
      unlinkSync: (path: string): void => {
        this.#find(path)
        this.#files.delete(basename(path))
      },
    }
    // Only what recovery calls is here; anything else fails the test that needs it.
    return calls as unknown as FileCalls
  }
}
