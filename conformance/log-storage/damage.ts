/**
 * Damage: bytes of the medium are cut, changed or added behind the adapter's back.
 *
 *   noticed       an error of ours, and the medium is as it was: what is left can still be saved
 *   not noticed   frames that are a prefix of what was there, nothing made up; opening again finds the same
 */
import { CorruptFrame, PersistError, ReadOnly } from "../../kernel/errors.ts"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { areSameBytes, describeError, ensure, equal, fail, outcomeOf, rejects } from "../expect.ts"
import { bytesOf, equalFrames, fill, frameAt, framesBetween, holds, readAll } from "./frames.ts"
import { holdsSnapshots, slicesFor } from "./snapshots.ts"
import type { LogStorageCase, LogStorageTrial } from "./trial.ts"

/** The bytes of a place. */
export type Image = ReadonlyMap<string, Bytes>

/** Frames of the image. */
export const HEAD = 12
const NOTHING_CHANGED = "then nothing was changed but folders made."
const NOTICED = "`CorruptFrame` if the medium's own check fails."

/** An image of a closed store with frames up to {@link HEAD}. */
export const makeImage = async (trial: LogStorageTrial): Promise<Image> => {
  const storage = await trial.open()
  await fill(storage, HEAD)
  await trial.closeAll()
  return trial.medium.save()
}

/** The image with one of its files replaced. */
export const withFile = (image: Image, path: string, bytes: Bytes): Image => new Map([...image, [path, bytes]])

/** Where the last byte that is not zero ends: media preallocate. */
export const usedBytes = (bytes: Bytes): number => {
  let end = bytes.length
  while (end > 0 && bytes[end - 1] === 0) end -= 1
  return end
}

/** Whether two images hold the same files with the same bytes. */
export const isSame = (left: Image, right: Image): boolean =>
  left.size === right.size && [...left].every(([path, bytes]) => areSameBytes(bytes, right.get(path) ?? new Uint8Array(0)))

/** Fails unless `error` is one that tells people what is wrong. */
export const isOurs = (error: unknown, what: string): void => {
  if (!(error instanceof PersistError)) fail(`${what}: it failed with ${describeError(error)}, which is no error of ours`, error)
}

/** Opens the damaged image and fails unless the damage is noticed or harmless. Answers the head, or undefined if it was noticed. */
export const examine = async (trial: LogStorageTrial, damaged: Image, what: string): Promise<number | undefined> => {
  await trial.restore(damaged)
  const opened = await outcomeOf(() => trial.open("notes", { create: false }))
  if (opened.kind === "error") {
    isOurs(opened.error, what)
    ensure(isSame(trial.medium.save(), damaged), `${what}: opening failed, and changed the medium`)
    if (opened.error instanceof CorruptFrame) await examinePrefix(trial, opened.error.details.position, what)
    return undefined
  }
  const read = await outcomeOf(() => readAll(opened.value))
  if (read.kind === "error") {
    isOurs(read.error, what)
    return undefined
  }
  ensure(read.value.length <= HEAD, `${what}: ${read.value.length} frames were read, ${HEAD} were appended`)
  equalFrames(read.value, framesBetween(0, read.value.length), what)
  equal(await opened.value.head(), read.value.length, `${what}: head()`)
  await trial.reopen()
  const again = await trial.open("notes", { create: false })
  await holds(again, framesBetween(0, read.value.length))
  equal(again.opened.recovery, undefined, `${what}: opened.recovery at the second open`)
  return read.value.length
}

/** Opens what is before a corrupt frame, for reading alone. */
const examinePrefix = async (trial: LogStorageTrial, position: number, what: string): Promise<void> => {
  const before = trial.medium.save()
  const storage = await trial.open("notes", { create: false, readPrefix: true })
  equal(storage.opened.recovery?.kind, "prefix_only", `${what}: opened.recovery.kind with readPrefix`)
  equal(storage.opened.recovery?.position, position, `${what}: opened.recovery.position with readPrefix`)
  await holds(storage, framesBetween(0, position - 1))
  await rejects(`${what}: appending with readPrefix`, () => storage.append(position, frameAt(position)), ReadOnly)
  await trial.closeAll()
  ensure(isSame(trial.medium.save(), before), `${what}: reading the prefix changed the medium`)
}

export const damageCases: readonly LogStorageCase[] = [
  {
    id: "damage/none",
    title: "opening, reading and closing a store without damage writes nothing",
    level: "SHOULD",
    requires: ["durable", "medium"],
    rule: "Present if opening had to repair something or reads a prefix only.",
    why: "Who only looks at a store must not change it: copies, backups and media that are read-only depend on it.",
    async run(trial) {
      const image = await makeImage(trial)
      await trial.restore(image)
      const storage = await trial.open("notes", { create: false })
      equal(storage.opened.recovery, undefined, "opened.recovery")
      await holds(storage, framesBetween(0, HEAD))
      await trial.closeAll()
      const after = trial.medium.save()
      equal([...after.keys()].sort(), [...image.keys()].sort(), "files")
      for (const [path, bytes] of image) ensure(areSameBytes(bytes, after.get(path) ?? bytes), `${path} was written to`)
    },
  },
  {
    id: "damage/older-copy",
    title: "a copy that was taken while the store was closed opens as it was then",
    level: "MUST",
    requires: ["durable", "medium"],
    rule: "Frames outlive the process.",
    why: "Users restore backups; a store that refuses its own older bytes cannot be restored.",
    async run(trial) {
      const image = await makeImage(trial)
      await fill(await trial.open(), HEAD + 20)
      await trial.restore(image)
      const storage = await trial.open("notes", { create: false })
      equal(storage.opened.recovery, undefined, "opened.recovery")
      await holds(storage, framesBetween(0, HEAD))
      await fill(storage, HEAD + 5)
      await holds(storage, framesBetween(0, HEAD + 5))
    },
  },
  {
    id: "damage/truncated",
    title: "I23 I24 a file that was cut at any length: noticed, or a prefix of the frames; opening again finds the same",
    level: "MUST",
    requires: ["durable", "medium"],
    rule: NOTHING_CHANGED,
    why: "Disks that are full and copies that broke off cut files; data that are made up or lost without a word are worse than an error.",
    async run(trial) {
      const image = await makeImage(trial)
      for (const [path, bytes] of image) {
        const used = usedBytes(bytes)
        const lengths = new Set([0, 1, used - 2, used - 1, used, Math.min(used + 1, bytes.length), bytes.length - 1])
        for (let step = 0; step < 40; step += 1) lengths.add(Math.floor(used * step / 40))
        for (const length of lengths) {
          if (length >= 0 && length < bytes.length) {
            await examine(trial, withFile(image, path, bytes.slice(0, length)), `${path} cut to ${length} of ${bytes.length} bytes`)
          }
        }
      }
    },
  },
  {
    id: "damage/bytes-behind",
    title: "zeros or old bytes behind the end of a file are noticed or harmless",
    level: "MUST",
    requires: ["durable", "medium"],
    rule: NOTHING_CHANGED,
    why: "File systems leave zeros or old bytes behind the end after a power cut; read as frames they are data nobody wrote.",
    async run(trial) {
      const image = await makeImage(trial)
      for (const [path, bytes] of image) {
        for (const length of [1, 16, 511, 4096]) {
          for (const behind of [new Uint8Array(length), bytesOf(length, length)]) {
            const longer = new Uint8Array(bytes.length + length)
            longer.set(bytes)
            longer.set(behind, bytes.length)
            await examine(trial, withFile(image, path, longer), `${path} with ${length} bytes behind it`)
          }
        }
      }
    },
  },
  {
    id: "damage/flipped-bits",
    title: "I23 a flipped bit anywhere is noticed or harmless; no other bytes are answered",
    level: "MUST",
    requires: ["durable", "medium", "checked"],
    rule: NOTICED,
    why: "Disks and memory flip bits; data that are changed without a word spread to every device by syncing.",
    async run(trial) {
      const FLIPS = 200
      const image = await makeImage(trial)
      for (const [path, bytes] of image) {
        const bits = usedBytes(bytes) * 8
        for (let flip = 0; flip < Math.min(FLIPS, bits); flip += 1) {
          const bit = Math.floor(bits * (flip + 0.5) / Math.min(FLIPS, bits))
          const changed = bytes.slice()
          changed[bit >> 3]! ^= 1 << (bit & 7)
          await examine(trial, withFile(image, path, changed), `${path} with bit ${bit} flipped`)
        }
      }
    },
  },
  {
    id: "damage/foreign-bytes",
    title: "bytes that are not ours are refused and stay as they are, even where a store may be made",
    level: "MUST",
    requires: ["durable", "medium"],
    rule: NOTHING_CHANGED,
    why: "A path with a typing error leads to a file of another program, which must not be overwritten.",
    async run(trial) {
      const image = await makeImage(trial)
      const foreign: Image = new Map([...image].map(([path], index) => [path, bytesOf(5000 + index, index)]))
      for (const create of [true, false, undefined]) {
        await trial.restore(foreign)
        const what = `opening foreign bytes with create: ${String(create)}`
        const outcome = await outcomeOf(async () => await readAll(await trial.open("notes", { create })))
        if (outcome.kind === "value") fail(`${what} succeeded, and reading them`)
        else isOurs(outcome.error, what)
        await trial.closeAll()
        ensure(isSame(trial.medium.save(), foreign), `${what} changed them`)
      }
      for (const call of [() => trial.adapter.list(), () => trial.adapter.destroy("notes")]) {
        const outcome = await outcomeOf<unknown>(call)
        if (outcome.kind === "error") isOurs(outcome.error, "list() or destroy() of foreign bytes")
      }
    },
  },
  {
    id: "damage/snapshots",
    title: "a snapshot whose bytes are damaged is left out or refused; frames are as they were",
    level: "MUST",
    requires: ["durable", "medium", "snapshots", "checked"],
    rule: NOTICED,
    why: "A damaged snapshot that is believed replaces all of the user's data; frames are still there to rebuild it.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, HEAD)
      await trial.closeAll()
      const paths = new Set(trial.medium.save().keys())
      const again = await trial.open()
      await again.snapshots.write(HEAD, slicesFor(HEAD))
      await trial.closeAll()
      const image = trial.medium.save()
      for (const [path, bytes] of image) {
        if (paths.has(path)) continue
        for (const length of [0, 1, bytes.length >> 1, bytes.length - 1]) {
          await trial.restore(withFile(image, path, bytes.slice(0, length)))
          await snapshotsAreWholeOrNot(trial, `${path} cut to ${length} bytes`)
        }
        for (let flip = 0; flip < 40; flip += 1) {
          const changed = bytes.slice()
          changed[Math.floor(bytes.length * (flip + 0.5) / 40)]! ^= 0x10
          await trial.restore(withFile(image, path, changed))
          await snapshotsAreWholeOrNot(trial, `${path} with a changed byte`)
        }
      }
    },
  },
]

/** Fails unless the snapshot is either as it was written, or not there, or refused with an error of ours. */
const snapshotsAreWholeOrNot = async (trial: LogStorageTrial, what: string): Promise<void> => {
  const opened = await outcomeOf(() => trial.open("notes", { create: false }))
  if (opened.kind === "error") return isOurs(opened.error, what)
  await holds(opened.value, framesBetween(0, HEAD))
  const listed = await outcomeOf(() => opened.value.snapshots.list())
  if (listed.kind === "error") return isOurs(listed.error, what)
  if (listed.value.length === 0) return
  for (const index of slicesFor(HEAD).keys()) {
    const slice = await outcomeOf(() => opened.value.snapshots.readSlice(HEAD, index))
    if (slice.kind === "error") {
      isOurs(slice.error, what)
      return
    }
  }
  await holdsSnapshots(opened.value, [HEAD])
}
