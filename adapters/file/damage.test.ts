import assert from "node:assert/strict"
import fs from "node:fs"
import { basename, join } from "node:path"
import { describe, it } from "node:test"
import { crc32 } from "../../kernel/format/checksum.ts"
import { CorruptBytes, CorruptFrame, FormatTooNew, NotAStore, PersistError, ReadOnly } from "../../kernel/errors.ts"
import type { Bytes, LogStorage, Recovery } from "../../kernel/ports/log-storage.ts"
import { recoverLog } from "./recovery.ts"
import { setUint32 } from "./file-heads.ts"
import { FRAME_HEADER_BYTES, headerSeed } from "./frame-header.ts"
import { MemoryCalls } from "./testing/memory-calls.ts"
import {
  adapterAt as adapterWith,
  ALL,
  assertFrames,
  fillTo,
  frameAt,
  type Image,
  inTemporaryFolder,
  OPEN,
  quickCalls,
  readAll,
  REOPEN,
  restoreFolder,
  saveFolder,
} from "./testing/workbench.ts"

const adapterAt: typeof adapterWith = (root, settings) => adapterWith(root, { calls: quickCalls, ...settings })
const SEGMENT = "notes/0000000000000001.log"
const HEAD = 17

/** A closed store with frames 1 to HEAD, more than 2 KiB; `seal: false` leaves it as a killed process does. */
const makeImage = async (root: string, seal: boolean): Promise<Image> => {
  const storage = await adapterAt(root).open("notes", OPEN)
  await fillTo(storage, HEAD)
  const open = saveFolder(root)
  await storage.close()
  if (seal) return saveFolder(root)
  const used = open.get(SEGMENT)!
  return new Map(
    [...open].filter(([path]) => path !== "notes/lock").map(([path, bytes]) => [path, path === SEGMENT ? used.slice(0, 3000) : bytes]),
  )
}

/**
 * What became of a damaged log. `refused`: an error of ours, and nothing was changed. `cut`: `recovery` tells that frames from a position
 * on were cut. `whole`: all frames are there. `shorter`: the first ones are, and nothing tells that there were more.
 */
type Outcome = "refused" | "cut" | "whole" | "shorter"

const outcomeOf = (head: number, recovery: Recovery | undefined, what: string): Outcome => {
  if (head === HEAD) return "whole"
  assert.ok(head < HEAD, what)
  if (recovery === undefined) return "shorter"
  assert.equal(recovery.kind, "torn_tail", what)
  assert.equal(recovery.position, head + 1, what)
  return "cut"
}

/** Opens a damaged image and reads what is there: each frame must be as it was written. */
const examine = async (root: string, image: Image, what: string): Promise<Outcome> => {
  restoreFolder(root, image)
  let storage: LogStorage
  try {
    storage = await adapterAt(root).open("notes", REOPEN)
  } catch (cause) {
    assert.ok(cause instanceof PersistError, `${what}: ${cause}`)
    assert.deepEqual(saveFolder(root), image, `${what}: refused, and changed`)
    return "refused"
  }
  try {
    const head = Number(await storage.head())
    let frames: Bytes[]
    try {
      frames = await readAll(storage)
    } catch (cause) {
      assert.ok(cause instanceof CorruptFrame, `${what}: ${cause}`)
      return "refused"
    }
    for (const [index, frame] of frames.entries()) assert.deepEqual(frame, frameAt(index + 1), `${what}: frame ${index + 1}`)
    assert.equal(frames.length, head, what)
    return outcomeOf(head, storage.opened.recovery, what)
  } finally {
    await storage.close()
  }
}

/** Not `writeFile`: ext4 takes a file that is cut to nothing and written anew to the device when it is closed, 3 ms each. */
const overwrite = (path: string, bytes: Bytes): void => {
  const descriptor = fs.openSync(path, "r+")
  fs.writeSync(descriptor, bytes, 0, bytes.length, 0)
  fs.ftruncateSync(descriptor, bytes.length)
  fs.closeSync(descriptor)
}

/** As `examine`, for the log alone, in memory: fast enough for every bit. */
const examineLog = (image: Image, bytes: Bytes, what: string): Outcome => {
  const memory = new MemoryCalls()
  const name = basename(SEGMENT)
  memory.put(name, bytes.slice())
  const storeId = image.get("notes/store")!.slice(16, 32)
  try {
    const log = recoverLog({ calls: memory.calls, folder: "/notes", storeId, names: memory.names(), base: 0, durableHead: 0 })
    const { head, recovery, segments } = log
    for (let at = 0; at < head;) {
      for (const frame of segments[0]!.readPage(at + 1, head, ALL)) {
        assert.ok(Buffer.compare(frame, frameAt(++at)) === 0, `${what}: frame ${at}`)
      }
    }
    // What was cut is beside the log, byte for byte.
    if (recovery !== undefined) {
      const kept = memory.get(name)!.length
      assert.ok(Buffer.compare(memory.get(basename(recovery.savedTo!))!, bytes.subarray(kept, kept + recovery.bytes)) === 0, what)
    }
    return outcomeOf(head, recovery, what)
  } catch (cause) {
    if (cause instanceof assert.AssertionError) throw cause
    assert.ok(cause instanceof CorruptFrame, `${what}: ${cause}`)
    assert.ok(Buffer.compare(memory.get(name)!, bytes) === 0 && memory.names().length === 1, `${what}: refused, and changed`)
    return "refused"
  }
}

/** Byte offset of each frame in the segment, and of the end of the last one. */
const frameOffsets = (): number[] => {
  const offsets = [64]
  for (let position = 1; position <= HEAD; position++) offsets.push(offsets.at(-1)! + FRAME_HEADER_BYTES + frameAt(position).length)
  return offsets
}

const withBytes = (image: Image, path: string, change: (bytes: Bytes) => Bytes): Image =>
  new Map([...image, [path, change(image.get(path)!.slice())]])
const flip = (bit: number) => (bytes: Bytes): Bytes => {
  bytes[bit >> 3]! ^= 1 << (bit & 7)
  return bytes
}

describe("damage of a closed store", () => {
  it("I23 every flipped bit of its 2 KiB log is refused, or in the mark and harmless", () =>
    inTemporaryFolder(async (root) => {
      const image = await makeImage(root, true)
      const bytes = image.get(SEGMENT)!
      assert.ok(bytes.length >= 2048 && bytes.length < 2600, `${bytes.length} bytes`)
      const expect = (outcome: Outcome, bit: number): void =>
        assert.equal(outcome, bit >> 3 < bytes.length - FRAME_HEADER_BYTES ? "refused" : "whole", `bit ${bit}`)
      for (let bit = 0; bit < bytes.length * 8; bit++) expect(examineLog(image, flip(bit)(bytes.slice()), `bit ${bit}`), bit)
      for (let bit = 0; bit < bytes.length * 8; bit += 77) {
        expect(await examine(root, withBytes(image, SEGMENT, flip(bit)), `bit ${bit}`), bit)
      }
    }))

  it("I23 every flipped bit of its small files is refused", () =>
    inTemporaryFolder(async (root) => {
      const image = await makeImage(root, true)
      for (let bit = 0; bit < image.get("notes/store")!.length * 8; bit++) {
        assert.equal(await examine(root, withBytes(image, "notes/store", flip(bit)), `store bit ${bit}`), "refused", `bit ${bit}`)
      }
    }))

  it("I23 every truncation of its log is refused or told, but for one between two frames, which leaves a shorter log", () =>
    inTemporaryFolder(async (root) => {
      const image = await makeImage(root, true)
      const bytes = image.get(SEGMENT)!
      const ends = frameOffsets()
      const expect = (outcome: Outcome, length: number): void => {
        const expected = length < 64 ? "refused" : length >= ends.at(-1)! ? "whole" : ends.includes(length) ? "shorter" : "cut"
        assert.equal(outcome, expected, `cut to ${length}`)
      }
      for (let length = 0; length < bytes.length; length++) {
        expect(examineLog(image, bytes.slice(0, length), `cut to ${length}`), length)
      }
      for (let length = 0; length < bytes.length; length += 13) {
        expect(await examine(root, withBytes(image, SEGMENT, () => bytes.slice(0, length)), `cut to ${length}`), length)
      }
    }))

  it("I23 frames that were swapped, repeated or copied from another store are not data", () =>
    inTemporaryFolder(async (root) => {
      const image = await makeImage(root, true)
      const other = (await makeImage(fs.mkdtempSync(join(root, "other-")), true)).get(SEGMENT)!
      const offsets = frameOffsets()
      const frame = (bytes: Bytes, index: number): Bytes => bytes.slice(offsets[index]!, offsets[index + 1]!)
      for (let index = 0; index < HEAD; index++) {
        const put = (from: Bytes, which: number) => (bytes: Bytes): Bytes => {
          bytes.set(frame(from, which), offsets[index]!)
          return bytes
        }
        const own = image.get(SEGMENT)!
        assert.equal(await examine(root, withBytes(image, SEGMENT, put(other, index)), `frame ${index + 1} of another store`), "refused")
        const neighbour = (index + 1) % HEAD
        const outcome = await examine(root, withBytes(image, SEGMENT, put(own, neighbour)), `frame ${neighbour + 1} at ${index + 1}`)
        // A longer one in the place of the last also covers the mark, which alone says that this was on the device.
        assert.ok(outcome === "refused" || (outcome === "cut" && index === HEAD - 1))
      }
    }))
})

describe("damage of a store whose process was killed", () => {
  it("I23 every flipped bit of its log is refused or told", () =>
    inTemporaryFolder(async (root) => {
      const image = await makeImage(root, false)
      const bytes = image.get(SEGMENT)!
      const used = frameOffsets().at(-1)!
      // Behind the frames there are zeros: a bit there is cut, and no frame with it.
      const expect = (outcome: Outcome, bit: number): void =>
        assert.equal(outcome, bit < 64 * 8 ? "refused" : bit < used * 8 ? "cut" : "whole", `bit ${bit}`)
      for (let bit = 0; bit < (used + 40) * 8; bit++) expect(examineLog(image, flip(bit)(bytes.slice()), `bit ${bit}`), bit)
      for (let bit = 0; bit < (used + 40) * 8; bit += 77) {
        expect(await examine(root, withBytes(image, SEGMENT, flip(bit)), `bit ${bit}`), bit)
      }
    }))

  it("I24 every torn tail is cut once, the cut bytes are saved, and the log goes on", () =>
    inTemporaryFolder(async (root) => {
      const image = await makeImage(root, false)
      const used = image.get(SEGMENT)!.findLastIndex((byte) => byte !== 0) + 1
      for (let length = used - frameAt(HEAD).length - FRAME_HEADER_BYTES; length < used; length++) {
        restoreFolder(root, withBytes(image, SEGMENT, (bytes) => bytes.fill(0, length)))
        const before = fs.readFileSync(join(root, SEGMENT))
        const storage = await adapterAt(root).open("notes", REOPEN)
        await assertFrames(storage, 0, HEAD - 1)
        const { recovery } = storage.opened
        if (length > used - frameAt(HEAD).length - FRAME_HEADER_BYTES) {
          assert.equal(recovery?.kind, "torn_tail")
          assert.equal(recovery?.position, HEAD)
          const saved = fs.readFileSync(recovery!.savedTo!)
          assert.equal(saved.length, recovery!.bytes)
          assert.ok(before.includes(saved))
        }
        await fillTo(storage, HEAD + 3)
        await storage.close()
        const again = await adapterAt(root).open("notes", REOPEN)
        assert.equal(again.opened.recovery, undefined)
        await assertFrames(again, 0, HEAD + 3)
        await again.close()
      }
    }))
})

describe("a corrupt frame", () => {
  it("keeps the store closed, and what is before it readable with readPrefix; nothing is changed", () =>
    inTemporaryFolder(async (root) => {
      const image = withBytes(await makeImage(root, true), SEGMENT, flip(8 * 700))
      restoreFolder(root, image)
      const error = await Promise.resolve(adapterAt(root).open("notes", REOPEN)).then(() => undefined, (cause: unknown) => cause)
      assert.ok(error instanceof CorruptFrame)
      const { position } = error.details
      assert.ok(position > 1 && position < HEAD)
      const storage = await adapterAt(root).open("notes", { ...REOPEN, readPrefix: true })
      assert.equal(storage.opened.recovery?.kind, "prefix_only")
      assert.equal(storage.opened.recovery?.position, position)
      await assertFrames(storage, 0, position - 1)
      await assert.rejects(async () => storage.append(position, frameAt(position)), ReadOnly)
      await assert.rejects(async () => storage.trim(1), ReadOnly)
      await assert.rejects(async () => storage.snapshots.write(1, []), ReadOnly)
      await storage.flush()
      await storage.close()
      assert.deepEqual(saveFolder(root), image)
    }))

  it("in an early segment is found by the read that meets it", () =>
    inTemporaryFolder(async (root) => {
      const adapter = adapterAt(root, { segmentBytesMax: 1000 })
      const storage = await adapter.open("notes", OPEN)
      await fillTo(storage, 60)
      await storage.close()
      const path = join(root, SEGMENT)
      fs.writeFileSync(path, flip(8 * 500)(new Uint8Array(fs.readFileSync(path))))
      const again = await adapter.open("notes", REOPEN)
      assert.equal(again.head(), 60)
      await assert.rejects(readAll(again), CorruptFrame)
      await again.close()
      const prefix = await adapter.open("notes", { ...REOPEN, readPrefix: true })
      await assertFrames(prefix, 0, prefix.opened.recovery!.position - 1)
      await prefix.close()
    }))

  it("of a segment that is missing is named", () =>
    inTemporaryFolder(async (root) => {
      const adapter = adapterAt(root, { segmentBytesMax: 1000 })
      const storage = await adapter.open("notes", OPEN)
      await fillTo(storage, 60)
      await storage.close()
      const segments = [...saveFolder(root).keys()].filter((path) => path.endsWith(".log")).sort()
      for (const path of segments) {
        const bytes = fs.readFileSync(join(root, path))
        fs.unlinkSync(join(root, path))
        if (path === segments.at(-1)) {
          // Nothing is left that says there was more.
          const shorter = await adapter.open("notes", REOPEN)
          await assertFrames(shorter, 0, Number(shorter.head()))
          await shorter.close()
        } else {
          await assert.rejects(async () => adapter.open("notes", REOPEN), (cause) =>
            cause instanceof CorruptFrame && cause.details.position === Number(/(\d+)\.log/.exec(path)![1]))
        }
        fs.writeFileSync(join(root, path), bytes)
      }
    }))

  it("T16 with a forged length is refused before anything is allocated", () =>
    inTemporaryFolder(async (root) => {
      const image = await makeImage(root, true)
      const id = image.get("notes/store")!.slice(16, 32)
      for (const length of [0xffff_ffff, 0x7fff_ffff, 4_000_001, 4_000_000, 1_000_000]) {
        const forged = withBytes(image, SEGMENT, (bytes) => {
          setUint32(bytes, 64, length)
          setUint32(bytes, 64 + 24, crc32(bytes, 64, 64 + 24, headerSeed(id, 1)))
          return bytes
        })
        const before = process.memoryUsage().arrayBuffers
        assert.equal(await examine(root, forged, `length ${length}`), "refused")
        assert.ok(process.memoryUsage().arrayBuffers - before < 3_000_000, `length ${length}`)
      }
    }))
})

describe("damage of snapshots", () => {
  it("T16 I23 every flipped bit and truncation hides the snapshot or is refused by readSlice", () =>
    inTemporaryFolder(async (root) => {
      const slices = [frameAt(1, 30), new Uint8Array(0), frameAt(2, 50)]
      const writer = await adapterAt(root).open("notes", OPEN)
      await fillTo(writer, 3)
      await writer.snapshots.write(3, slices)
      await writer.close()
      const image = saveFolder(root)
      const path = "notes/0000000000000003.snapshot"
      const { length } = image.get(path)!
      const changes = [
        ...Array.from({ length: length * 8 }, (_, bit) => flip(bit)),
        ...Array.from({ length }, (_, cut) => (bytes: Bytes): Bytes => bytes.slice(0, cut)),
      ]
      for (const [index, change] of changes.entries()) {
        overwrite(join(root, path), change(image.get(path)!.slice()))
        const storage = await adapterAt(root).open("notes", REOPEN)
        const [info] = await storage.snapshots.list()
        if (info !== undefined) {
          assert.deepEqual(info, { at: 3, sliceBytes: [30, 0, 50] })
          const refused = slices.filter((slice, at) => {
            try {
              assert.deepEqual(storage.snapshots.readSlice(3, at), slice)
              return false
            } catch (cause) {
              assert.ok(cause instanceof CorruptBytes, String(cause))
              return true
            }
          })
          assert.equal(refused.length, 1, `change ${index}`)
        }
        await assertFrames(storage, 0, 3)
        await storage.close()
      }
    }))
})

describe("a store of another format", () => {
  it("that is newer is named as such, and one that is none is refused; nothing is changed", () =>
    inTemporaryFolder(async (root) => {
      const image = await makeImage(root, true)
      const expectRefused = async (changed: Image, Class: typeof FormatTooNew | typeof NotAStore): Promise<void> => {
        restoreFolder(root, changed)
        for (const options of [REOPEN, OPEN, { ...REOPEN, readPrefix: true }]) {
          await assert.rejects(async () => adapterAt(root).open("notes", options), Class)
        }
        await assert.rejects(async () => adapterAt(root).destroy("notes"), Class)
        assert.deepEqual(await adapterAt(root).list(), [])
        assert.deepEqual(saveFolder(root), changed)
      }
      await expectRefused(withBytes(image, "notes/store", (bytes) => (bytes[8] = 1, bytes)), FormatTooNew)
      await expectRefused(withBytes(image, "notes/store", (bytes) => (bytes[9] = 0xff, bytes.slice(0, 12))), FormatTooNew)
      await expectRefused(withBytes(image, "notes/store", (bytes) => bytes.slice(0, 9)), NotAStore)
      await expectRefused(withBytes(image, "notes/store", () => new Uint8Array(0)), NotAStore)
      await expectRefused(withBytes(image, "notes/store", () => new Uint8Array(100_000)), NotAStore)
      await expectRefused(new Map([...image].filter(([path]) => path !== "notes/store")), NotAStore)
      await expectRefused(new Map([["notes/photo.jpg", new Uint8Array(10)]]), NotAStore)
      await expectRefused(new Map([["notes", new Uint8Array(10)]]), NotAStore)
    }))
})
