/**
 * Damage at every place of a few frames: each bit of them, each length of the last ones, and what lies behind them.
 *
 * A frame that is answered with other bytes must be one that the kernel refuses: its own checksum covers position, id and content. So adapters that
 * check nothing by themselves are judged with frames of the kernel.
 */
import { CorruptBytes, FormatTooNew } from "../../kernel/errors.ts"
import { ByteWriter } from "../../kernel/format/bytes.ts"
import { crc32 } from "../../kernel/format/checksum.ts"
import { beginFrame, endFrame, FRAME_FLAG_LOCAL, FrameReader, OPTIONAL_PART_MIN, writePart } from "../../kernel/format/frame.ts"
import type { Bytes, Position } from "../../kernel/ports/log-storage.ts"
import { areSameBytes, ensure, fail, outcomeOf } from "../expect.ts"
import { Random } from "../processes/random.ts"
import { examine, HEAD, type Image, isOurs, makeImage, usedBytes, withFile } from "./damage.ts"
import { bytesOf, fill, frameAt, readAll } from "./frames.ts"
import type { LogStorageCase, LogStorageTrial } from "./trial.ts"

/** Together about 2 KiB. */
const GOLDEN_FRAMES = 10, GOLDEN_PART_BYTES = 150
/** How long damaged images are looked at where not all are wanted. */
const SAMPLE_MILLIS = 1500
/** Around a frame lies what an adapter keeps of it. */
const MARGIN_BYTES = 32

/** A frame of the kernel, with a part that may be ignored. */
const kernelFrame = (position: Position): Bytes => {
  const out = new ByteWriter()
  const previous = position === 1 ? new Uint8Array(16) : bytesOf(16, position - 1)
  beginFrame(out, { position, id: bytesOf(16, position), previous, flags: FRAME_FLAG_LOCAL }, 1)
  writePart(out, OPTIONAL_PART_MIN, bytesOf(GOLDEN_PART_BYTES, 1000 + position))
  endFrame(out, crc32)
  return out.buffer.slice(0, out.length)
}

/** Whether the kernel takes these bytes for the frame at the position. */
const isTaken = (frame: Bytes, position: Position): boolean => {
  const reader = new FrameReader(crc32)
  try {
    reader.read(frame)
  } catch (error) {
    if (error instanceof CorruptBytes || error instanceof FormatTooNew) return false
    throw error
  }
  return reader.position === position
}

/** Where these bytes lie in those; undefined if they do not. */
const find = (bytes: Bytes, wanted: Bytes): number | undefined => {
  for (let at = bytes.indexOf(wanted[0]!); at >= 0; at = bytes.indexOf(wanted[0]!, at + 1)) {
    if (areSameBytes(bytes.subarray(at, at + wanted.length), wanted)) return at
  }
  return undefined
}

/** Where a frame lies in the place, once for each time that it does. */
const findFrame = (image: Image, frame: Bytes): readonly { readonly path: string; readonly at: number }[] =>
  [...image].flatMap(([path, bytes]) => {
    const at = find(bytes, frame)
    return at === undefined ? [] : [{ path, at }]
  })

const withFlippedBit = (image: Image, path: string, bit: number): Image => {
  const changed = image.get(path)!.slice()
  changed[bit >> 3]! ^= 1 << (bit & 7)
  return withFile(image, path, changed)
}

/** Calls `look` with each; with those that are drawn by the seed, as long as there is time, where not all are wanted. */
const forEach = async <T>(trial: LogStorageTrial, all: readonly T[], look: (one: T) => Promise<void>): Promise<void> => {
  const end = trial.isSlow ? Infinity : performance.now() + SAMPLE_MILLIS
  for (const one of trial.isSlow ? all : new Random(trial.seed).shuffle(all)) {
    if (performance.now() > end) return
    await look(one)
  }
}

/** Opens and reads what was damaged; fails if other frames than those of the golden log are answered and taken for good. */
const examineGolden = async (trial: LogStorageTrial, damaged: Image, golden: readonly Bytes[], what: string): Promise<void> => {
  await trial.restore(damaged)
  const read = await outcomeOf(async () => await readAll(await trial.open("notes", { create: false })))
  if (read.kind === "error") return isOurs(read.error, what)
  ensure(read.value.length <= golden.length, `${what}: ${read.value.length} frames were read, ${golden.length} were appended`)
  for (const [index, frame] of read.value.entries()) {
    if (areSameBytes(frame, golden[index]!) || !isTaken(frame, index + 1)) continue
    fail(`${what}: the frame at ${index + 1} is another than was appended, and nothing says so`)
  }
}

export const damageEverywhereCases: readonly LogStorageCase[] = [
  {
    id: "damage/every-bit",
    title: "I23 each bit of a log of 2 KiB that is flipped is noticed, by the adapter or by the checksum of the kernel's frames",
    level: "MUST",
    requires: ["durable", "medium"],
    rule: "Frames after `after`, in order: the first is at `after + 1`.",
    why: "Disks and memory flip bits; data that are changed without a word spread to every device by syncing.",
    async run(trial) {
      const isChecked = trial.lacks("checked") === undefined
      const frames = Array.from(
        { length: isChecked ? HEAD : GOLDEN_FRAMES },
        (_, index) => isChecked ? frameAt(index + 1) : kernelFrame(index + 1),
      )
      const storage = await trial.open()
      for (const [index, frame] of frames.entries()) await storage.append(index + 1, frame)
      await trial.closeAll()
      const image = trial.medium.save()
      const margin = isChecked ? MARGIN_BYTES : 0
      const bits = frames.flatMap((frame) =>
        findFrame(image, frame).flatMap(({ path, at }) => {
          const first = Math.max(0, at - margin), last = Math.min(image.get(path)!.length, at + frame.length + margin)
          return Array.from({ length: (last - first) * 8 }, (_, index) => ({ path, bit: first * 8 + index }))
        })
      )
      await forEach(trial, bits, async ({ path, bit }) => {
        const damaged = withFlippedBit(image, path, bit), what = `${path} with bit ${bit} flipped`
        await (isChecked ? examine(trial, damaged, what) : examineGolden(trial, damaged, frames, what))
      })
    },
  },
  {
    id: "damage/torn-anywhere",
    title:
      "I23 I24 what the last three appends wrote, cut at each of its bytes: noticed, or a prefix of the frames; opening again finds the same",
    level: "MUST",
    requires: ["durable", "medium"],
    rule: "`torn_tail`: an incomplete last frame was cut off.",
    why: "A cut of the power leaves the last write anywhere between nothing and all; one length that is misread is a store that is lost.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, HEAD - 3)
      await trial.closeAll()
      const before = trial.medium.save()
      await fill(await trial.open(), HEAD)
      await trial.closeAll()
      const after = trial.medium.save()
      const cuts = [...after].flatMap(([path, bytes]) => {
        const old = before.get(path) ?? new Uint8Array(0), used = usedBytes(bytes)
        let first = 0
        while (first < used && old[first] === bytes[first]) first += 1
        return Array.from({ length: used - first }, (_, index) => ({ path, length: first + index }))
      })
      await forEach(trial, cuts, async ({ path, length }) => {
        const bytes = after.get(path)!, zeroed = bytes.slice().fill(0, length)
        await examine(trial, withFile(after, path, bytes.slice(0, length)), `${path} cut to ${length} of ${bytes.length} bytes`)
        await examine(trial, withFile(after, path, zeroed), `${path} with zeros from byte ${length} on`)
      })
    },
  },
  {
    id: "damage/old-bytes-behind",
    title: "I23 bytes of earlier frames behind the last one are no frames",
    level: "MUST",
    requires: ["durable", "medium"],
    rule: "`torn_tail`: an incomplete last frame was cut off.",
    why:
      "File systems give blocks to a file in which its own older bytes still stand; read again, an operation of last week happens once more.",
    async run(trial) {
      const image = await makeImage(trial)
      for (const [path, bytes] of image) {
        const used = usedBytes(bytes)
        for (const length of [used, ...Array.from({ length: 12 }, (_, index) => Math.floor(used * (index + 1) / 13)), 40, 100, 200]) {
          if (length < 1 || length > used) continue
          const longer = new Uint8Array(Math.max(bytes.length, used + length))
          longer.set(bytes)
          longer.set(bytes.subarray(used - length, used), used)
          await examine(trial, withFile(image, path, longer), `${path} with its last ${length} bytes once more`)
        }
      }
    },
  },
  {
    id: "damage/good-frames-stay",
    title: "damage in the middle of a log is no end of it: the frames behind are answered, or refused and kept",
    level: "MUST",
    requires: ["durable", "medium"],
    rule: "`CorruptFrame` if the medium's own check fails.",
    why: "Who takes a flipped bit for a torn tail cuts off all that came after it, and with it data that were whole.",
    async run(trial) {
      const image = await makeImage(trial)
      const damaged = [2, 5, HEAD - 2].flatMap((position) => findFrame(image, frameAt(position)).map((place) => ({ ...place, position })))
      for (const { path, at, position } of damaged) {
        for (const byte of [0, 7, frameAt(position).length - 1]) {
          const what = `${path} with a flipped bit in the frame at ${position}`
          await trial.restore(withFlippedBit(image, path, (at + byte) * 8 + 3))
          const read = await outcomeOf(async () => await readAll(await trial.open("notes", { create: false })))
          if (read.kind === "error") isOurs(read.error, what)
          else {ensure(
              read.value.length === HEAD,
              `${what}: ${read.value.length} frames are answered without an error, ${HEAD} were appended`,
            )}
          await trial.closeAll()
          const left = trial.medium.save()
          for (let kept = position + 1; kept <= HEAD; kept += 1) {
            const isKept = findFrame(image, frameAt(kept)).length === 0 || findFrame(left, frameAt(kept)).length > 0
            ensure(isKept, `${what}: the frame at ${kept}, which was whole, is gone`)
          }
        }
      }
    },
  },
]
