/**
 * A durable adapter over a pretended disk, for the cases about crashes and damage: right, but for the faults it is told to have.
 *
 *   <store>/head        magic                        written first; without it there is no store
 *   <store>/base        sum · position               the last position dropped
 *   <store>/f<position> sum · frame                  one a frame, as in an object store
 *   <store>/s<position> sum · count · lengths · slices
 *
 * <store> is the name's code units in hex. A write of one file is one step; a kill falls between two steps. Handles and adapter objects over
 * one disk share nothing else but which stores are open.
 */
import { NotAStore, StoreLocked, StoreNotFound } from "../../kernel/errors.ts"
import type { Adapter } from "../../kernel/ports/log-storage.ts"
import type { LogStorageSubject } from "../log-storage/trial.ts"
import { type Disk, type DiskFault, EMPTY, LOCATION, MAGIC } from "./disk.ts"
import { openLog } from "./disk-log.ts"

const pathOf = (storeName: string): string =>
  Array.from({ length: storeName.length }, (_, index) => storeName.charCodeAt(index).toString(16).padStart(4, "0")).join("")
const nameOf = (path: string): string => String.fromCharCode(...(path.match(/.{4}/g) ?? []).map((unit) => Number.parseInt(unit, 16)))

/** A subject over a disk of its own, with these faults. */
export const diskSubject = (...faults: readonly DiskFault[]): LogStorageSubject => {
  const disk: Disk = { files: new Map(), handles: new Map(), memory: new Map() }
  return {
    adapter: diskAdapter(disk, new Set(faults)),
    reopen: () => diskAdapter(disk, new Set(faults)),
    medium: {
      checked: true,
      save: () => new Map([...disk.files].map(([path, bytes]) => [path, bytes.slice()])),
      restore(image) {
        disk.files.clear()
        for (const [path, bytes] of image) disk.files.set(path, bytes.slice())
      },
    },
  }
}

const diskAdapter = (disk: Disk, faults: ReadonlySet<DiskFault>): Adapter => {
  const { files, handles } = disk
  const list = (): readonly string[] => {
    if (faults.has("writes when it lists")) files.set("index", EMPTY)
    return [...files.keys()].filter((path) => path.endsWith("/head")).map((path) => nameOf(path.slice(0, -"/head".length)))
  }
  const missing = (store: string): StoreNotFound => new StoreNotFound({ store, location: LOCATION, stores: list() })
  const filesOf = (storeName: string): readonly string[] => [...files.keys()].filter((path) => path.startsWith(`${pathOf(storeName)}/`))

  return {
    name: "disk",
    capabilities: { durable: true, levels: ["normal", "full"], multiHandle: true, multiProcess: true, snapshots: true, sliceReads: true },

    open(storeName, options) {
      options.signal?.throwIfAborted()
      const path = pathOf(storeName) + (faults.has("keeps a store for each level") ? options.durability : "")
      let head = files.get(`${path}/head`)
      const isKnown = head !== undefined && String(head) === String(MAGIC)
      if (head !== undefined && !isKnown) {
        if (!faults.has("makes a new store over what it does not know")) {
          throw new NotAStore({ location: LOCATION, reason: "its head is not one of ours" })
        }
        head = undefined
      }
      if (head === undefined && (options.create === false || options.readPrefix === true)) throw missing(storeName)
      if (head === undefined) {
        for (const leftover of filesOf(storeName)) files.delete(leftover)
        if (faults.has("fills in a new store's head later")) {
          files.set(`${path}/head`, EMPTY)
          setTimeout(() => files.set(`${path}/head`, MAGIC), 1)
        } else files.set(`${path}/head`, MAGIC)
      }
      const storage = openLog(disk, faults, storeName, path, options, head === undefined)
      handles.set(storeName, (handles.get(storeName) ?? 0) + 1)
      return storage
    },

    list,

    destroy(storeName) {
      if (!list().includes(storeName)) throw missing(storeName)
      if ((handles.get(storeName) ?? 0) > 0) throw new StoreLocked({ store: storeName, location: LOCATION, holder: "an open handle" })
      for (const path of filesOf(storeName)) {
        if (path.endsWith("/head") || !faults.has("destroys a store without freeing bytes")) files.delete(path)
      }
    },
  }
}
