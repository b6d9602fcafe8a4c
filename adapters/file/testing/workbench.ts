/** What tests of the file adapter share: folders, images of them, frames that tell their position, adapters with settings. */
import assert from "node:assert/strict"
import fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Adapter, Bytes, LogStorage, OpenOptions, Position } from "../../../kernel/ports/log-storage.ts"
import { type FileCalls, fileCalls } from "../../system/file-calls.ts"
import { type FileAdapterSettings, makeFileAdapter } from "../file-adapter.ts"
import { ownIdentity, type ProcessIdentity } from "../process-identity.ts"

export type Image = ReadonlyMap<string, Bytes>

/** A process of this machine and boot that does not run: its number is above what Linux gives out. */
export const deadIdentity = (): ProcessIdentity => ({ ...ownIdentity(), pid: 2 ** 22 + 1, started: "1" })

/** The runtime's calls without flushes: a test that opens thousands of stores waits for none. */
export const quickCalls: FileCalls = {
  ...fileCalls,
  fsyncSync: () => undefined,
  fdatasyncSync: () => undefined,
  fdatasync: Object.assign((_: number, callback: (cause: null) => void) => callback(null), { __promisify__: () => Promise.resolve() }),
}

export const settingsOf = (settings: Partial<FileAdapterSettings> = {}): FileAdapterSettings => ({
  calls: fileCalls,
  own: ownIdentity(),
  beatMillis: 60_000,
  segmentBytesMax: 64 * 1024 * 1024,
  ...settings,
})

export const adapterAt = (path: string, settings: Partial<FileAdapterSettings> = {}): Adapter =>
  makeFileAdapter({ path }, settingsOf(settings))

export const OPEN: OpenOptions = { durability: "normal", create: true }
export const REOPEN: OpenOptions = { durability: "normal", create: false }
export const ALL = { maxFrames: 4096, maxBytes: 4_194_304 }

/** Runs with a temporary folder, removed afterwards. */
export const inTemporaryFolder = async (run: (path: string) => void | Promise<void>): Promise<void> => {
  const path = fs.mkdtempSync(join(tmpdir(), "persist-file-"))
  try {
    await run(path)
  } finally {
    fs.rmSync(path, { recursive: true, force: true })
  }
}

export const saveFolder = (root: string): Image => {
  const image = new Map<string, Bytes>()
  for (const entry of fs.readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile()) image.set(path.slice(root.length + 1), new Uint8Array(fs.readFileSync(path)))
  }
  return image
}

export const restoreFolder = (root: string, image: Image): void => {
  for (const name of fs.readdirSync(root)) fs.rmSync(join(root, name), { recursive: true })
  for (const [path, bytes] of image) {
    fs.mkdirSync(join(root, path, ".."), { recursive: true, mode: 0o700 })
    fs.writeFileSync(join(root, path), bytes, { mode: 0o600 })
  }
}

/** The frame at a position: its length and every byte follow from the position. */
export const frameAt = (position: Position, length: number = 20 + position * 37 % 150): Bytes =>
  Uint8Array.from({ length }, (_, index) => position * 31 + index * 7 + (index >> 3))

export const fillTo = async (storage: LogStorage, head: Position): Promise<void> => {
  for (let position = await storage.head() + 1; position <= head; position++) await storage.append(position, frameAt(position))
}

/** All frames after `after`, page by page. */
export const readAll = async (
  storage: LogStorage,
  after: Position = 0,
  limits: { maxFrames: number; maxBytes: number } = ALL,
): Promise<Bytes[]> => {
  const frames: Bytes[] = []
  const head = await storage.head()
  for (let at = after; at < head;) {
    const page = await storage.read(at, limits)
    assert.ok(page.length > 0, `an empty page after ${at}, the head is ${head}`)
    frames.push(...page)
    at += page.length
  }
  return frames
}

/** Fails unless a log holds exactly the frames from `after` to its head that were written there. */
export const assertFrames = async (storage: LogStorage, after: Position, head: Position): Promise<void> => {
  assert.equal(await storage.head(), head, "head")
  const frames = await readAll(storage, after)
  assert.equal(frames.length, head - after, "count of frames")
  for (const [index, frame] of frames.entries()) {
    assert.ok(Buffer.compare(frame, frameAt(after + 1 + index, frame.length)) === 0, `bytes of frame ${after + 1 + index}`)
  }
}
