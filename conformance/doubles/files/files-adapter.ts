/**
 * An adapter over plain files that several processes may share: right, but for the faults it is told to have. For cases with real processes.
 *
 *   <root>/<store>/head        magic                  linked: without it there is no store
 *   <root>/<store>/base        sum · position         renamed: the last position dropped
 *   <root>/<store>/f<position> sum · frame            linked: who comes second is refused
 *   <root>/<store>/s<position> sum · count · lengths · slices            renamed
 *
 * <store> is the name's code units in hex. Names with a dot in front are of what is not finished, or is being removed.
 */
import fs from "node:fs"
import { InvalidStoreName, NotAStore, StoreLocked, StoreNotFound } from "../../../kernel/errors.ts"
import type { Adapter } from "../../../kernel/ports/log-storage.ts"
import { MAGIC } from "../disk.ts"
import type { FileFault } from "./file-fault.ts"
import { openFilesLog } from "./files-log.ts"
import { codeOf, flushPath, freshPath, isThere, toOurs, tryRemove, writeFile } from "./whole-files.ts"

const pathOf = (storeName: string): string =>
  Array.from({ length: storeName.length }, (_, index) => storeName.charCodeAt(index).toString(16).padStart(4, "0")).join("")
const nameOf = (path: string): string => String.fromCharCode(...(path.match(/.{4}/g) ?? []).map((unit) => Number.parseInt(unit, 16)))

/** How many handles of each store are open in this process. */
const handles = new Map<string, number>()

export const filesAdapter = (root: string, faults: ReadonlySet<FileFault>): Adapter => {
  const isExclusive = faults.has("lets a second process in, and claims that it does not") ||
    faults.has("keeps a lock that a killed process has left")
  const list = (): readonly string[] => {
    try {
      return fs.readdirSync(root).filter((path) => /^([0-9a-f]{4})+$/.test(path) && isThere(`${root}/${path}/head`)).map(nameOf)
    } catch (error) {
      if (codeOf(error) === "ENOENT" || faults.has("takes what it may not read for an empty place")) return []
      throw toOurs(error, root, true)
    }
  }
  const missing = (store: string): StoreNotFound => new StoreNotFound({ store, location: root, stores: list() })

  /** The head of a store: whether it is there, and ours. */
  const hasHead = (path: string): boolean => {
    let head: string
    try {
      head = fs.readFileSync(`${path}/head`, "latin1")
    } catch (error) {
      const isMissing = codeOf(error) === "ENOENT" || faults.has("takes a head that cannot be opened for none") ||
        faults.has("takes what it may not read for an empty place")
      if (isMissing) return false
      throw toOurs(error, path, true)
    }
    if (head !== String.fromCharCode(...MAGIC)) throw new NotAStore({ location: path, reason: "its head is not one of ours" })
    return true
  }

  /** Makes a store; answers whether it was this call that did. */
  const create = (path: string): boolean => {
    if (faults.has("takes a head that cannot be opened for none")) fs.rmSync(path, { recursive: true, force: true })
    fs.mkdirSync(path, { recursive: true })
    if (faults.has("fills in a new store's head in place")) {
      writeFile(`${path}/head`, MAGIC, faults)
      return true
    }
    const unfinished = freshPath(path)
    try {
      writeFile(unfinished, MAGIC, faults)
      flushPath(unfinished)
      if (faults.has("looks whether there is a store, then makes it")) {
        fs.renameSync(unfinished, `${path}/head`)
      } else fs.linkSync(unfinished, `${path}/head`)
      for (const folder of [path, root]) flushPath(folder)
      return true
    } catch (error) {
      if (codeOf(error) === "EEXIST") return false
      fs.rmSync(`${path}/head`, { force: true })
      throw error
    } finally {
      tryRemove(unfinished)
    }
  }

  return {
    name: "files",
    capabilities: {
      durable: true,
      levels: ["full", "normal"],
      multiHandle: !isExclusive,
      multiProcess: !isExclusive,
      snapshots: true,
      watch: true,
    },

    open(storeName, options) {
      options.signal?.throwIfAborted()
      if (storeName === "" || storeName.length > 60) throw new InvalidStoreName({ name: storeName, reason: "1 to 50 letters are allowed" })
      const path = `${root}/${pathOf(storeName)}`
      const isMade = hasHead(path)
      if (!isMade && (options.create === false || options.readPrefix === true)) throw missing(storeName)
      if (isExclusive && (handles.get(path) ?? 0) > 0) throw new StoreLocked({ store: storeName, location: path, holder: "this process" })
      let created: boolean
      try {
        created = !isMade && create(path)
      } catch (error) {
        throw toOurs(error, path, true)
      }
      if (faults.has("keeps a lock that a killed process has left")) {
        try {
          fs.writeFileSync(`${path}/lock`, "", { flag: "wx" })
        } catch (cause) {
          throw new StoreLocked({ store: storeName, location: path, holder: "somebody" }, { cause })
        }
      }
      const storage = openFilesLog(path, storeName, faults, options, created, () => {
        handles.set(path, handles.get(path)! - 1)
        fs.rmSync(`${path}/lock`, { force: true })
      })
      handles.set(path, (handles.get(path) ?? 0) + 1)
      return storage
    },

    list,

    destroy(storeName) {
      if (!list().includes(storeName)) throw missing(storeName)
      const path = `${root}/${pathOf(storeName)}`
      if ((handles.get(path) ?? 0) > 0) throw new StoreLocked({ store: storeName, location: path, holder: "this process" })
      if (faults.has("removes a store file by file, its head last")) {
        for (const name of fs.readdirSync(path).sort((left, right) => Number(left === "head") - Number(right === "head"))) {
          fs.rmSync(`${path}/${name}`)
        }
        fs.rmdirSync(path)
        return
      }
      const doomed = freshPath(root)
      fs.renameSync(path, doomed)
      fs.rmSync(doomed, { recursive: true })
    },
  }
}
