/** What another process tells the device, and what it makes of a device that fails at that. */
import fs from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import type { Durability } from "../../../kernel/ports/log-storage.ts"
import { ensure } from "../../expect.ts"
import { callsBehind, pathOf, readTrace, type TracedCall, tracer } from "../../processes/trace.ts"
import type { LogStorageTrial } from "../trial.ts"
import { failAtEach } from "./failing.ts"
import { appends } from "./work.ts"

const FLUSH = / (fsync|fdatasync|sync_file_range|msync)\(/
/** A file that is opened so flushes itself at each write. */
const SYNCHRONOUS = /O_D?SYNC/

const levelsOf = (trial: LogStorageTrial): readonly Durability[] => trial.capabilities.levels.filter((level) => level !== "none")

const isFolder = (path: string): boolean => fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
const isFile = (path: string): boolean => fs.statSync(path, { throwIfNoEntry: false })?.isFile() === true

/** Fails each flush of a file that an append at the level full or a flush() makes. What a close makes may be of use to the next open alone. */
export const failEachFlush = async (trial: LogStorageTrial): Promise<void> => {
  for (const durability of levelsOf(trial)) {
    const isFull = durability === "full"
    await failAtEach(trial, {
      durability,
      before: [{ do: "open" }, ...appends(3)],
      work: [...appends(isFull ? 2 : 1), { do: "flush" }, ...appends(1), { do: "flush" }],
      set: "writes",
      isWanted: (text) => FLUSH.test(text) && !isFolder(pathOf(text)),
      faults: [{ kind: "error", errno: "EIO", isLasting: false }],
      runsMax: 8,
      check: (what, told) => ensure(told.length > 0, `${what}: no call of this handle told of it`),
    })
  }
}

/** What was seen of a process: its calls, and the paths of files that hold data. */
interface Seen {
  readonly calls: readonly TracedCall[]
  readonly folder: string
  readonly paths: readonly string[]
}

/** A process that makes a store, appends, and flushes at this level, with marks between. */
const traceCalls = async (trial: LogStorageTrial, durability: Durability): Promise<Seen> => {
  const logs = fs.mkdtempSync(join(tmpdir(), "persist-trace-")), log = join(logs, "log")
  try {
    const other = await trial.another(), folder = fs.realpathSync(other.folder)
    const process = await other.startProcess({ launcher: tracer(log, "writes and opens") })
    const mark = (name: string): Promise<null> => process.must("a mark", "mark", { name })
    await mark("making")
    await process.must("opening", "open", { storeName: "notes", durability, create: true })
    await process.must("appending", "append", { position: 1 })
    await mark("appending")
    await process.must("appending", "append", { position: 2 })
    await mark("flushing")
    await process.must("appending", "append", { position: 3 })
    await process.must("flush()", "flush", {})
    await mark("end")
    const files = other.lacks("medium") === undefined ? [...other.medium.save().keys()].map((path) => join(folder, path)) : undefined
    await process.kill()
    const calls = readTrace(log)
    const paths = (files ?? [...new Set(calls.map(({ text }) => madePathOf(text)))]).filter(isFile)
    await other.end()
    return { calls, folder, paths }
  } finally {
    fs.rmSync(logs, { recursive: true })
  }
}

/** The path that a call gives to a file, if it may be one. */
const madePathOf = (text: string): string =>
  / (rename|link)/.test(text) ? [...text.matchAll(/"([^"]+)"/g)].at(-1)?.[1] ?? "" : text.includes("O_CREAT") ? pathOf(text) : ""

/** Fails unless the device was told to flush where it must have been. */
export const seeFlushes = async (trial: LogStorageTrial): Promise<void> => {
  for (const durability of levelsOf(trial)) {
    const { calls, folder } = await traceCalls(trial, durability)
    if (calls.some(({ text }) => text.includes(folder) && SYNCHRONOUS.test(text))) continue
    const isFlushed = (mark: string): boolean => callsBehind(calls, mark, folder).some(({ text }) => FLUSH.test(text))
    if (durability === "full") ensure(isFlushed("appending"), "an append at the level full resolved, and the device was told nothing")
    ensure(isFlushed("flushing"), `flush() at the level ${durability} resolved, and the device was told nothing`)
  }
}

/** Fails unless each folder in which a file with data was made was flushed afterwards. */
export const seeFolderFlushes = async (trial: LogStorageTrial): Promise<void> => {
  for (const durability of levelsOf(trial)) {
    const { calls, paths } = await traceCalls(trial, durability)
    const end = calls.findIndex(({ text }) => text.includes("/persist-mark/end"))
    for (const path of paths) {
      const made = calls.findIndex(({ text }) => madePathOf(text) === path)
      const isFlushed = calls.slice(made + 1, end).some(({ text }) => FLUSH.test(text) && pathOf(text) === dirname(path))
      ensure(made < 0 || made > end || isFlushed, `flush() at the level ${durability} resolved, and the folder of ${path} was not flushed`)
    }
  }
}
