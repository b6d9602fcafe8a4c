/** Each vector, read and written by the kernel, and read by the second reader: all three must agree. */
import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { CorruptBytes, FormatTooNew, WrongCollectionType } from "../../kernel/errors.ts"
import type { BlockColumns } from "../../kernel/format/block-columns.ts"
import { type BlockNotation, encodeNotedBlock, fromHex, notationOf, type NumberedDot, pairsOf } from "../../kernel/format/block-notation.ts"
import { ByteReader, ByteWriter } from "../../kernel/format/bytes.ts"
import { crc32 } from "../../kernel/format/checksum.ts"
import { FrameReader } from "../../kernel/format/frame.ts"
import { checkValue, decodeValue, encodeValue } from "../../kernel/format/msgpack.ts"
import { decodeSetting, encodeSetting } from "../../kernel/format/settings.ts"
import { Sha256 } from "../../kernel/format/sha256.ts"
import { foldNext, replayStart } from "../../kernel/log/replay.ts"
import { HybridClock } from "../../kernel/model/clock.ts"
import { type Dots, OperationKind } from "../../kernel/model/operation.ts"
import { compareVersions } from "../../kernel/model/versions.ts"
import { readBlockBytes } from "../../kernel/testing/read-block.ts"
import { compareDots, showKernelRemotes } from "../../kernel/testing/show-remotes.ts"
import { NameTable } from "../../kernel/views/name-table.ts"
import { SortedKeys } from "../../kernel/views/sorted-keys.ts"
import { StoreViews } from "../../kernel/views/store-views.ts"
import { createStore } from "../../mod.ts"
import type { BlockVectors } from "./blocks.ts"
import type { FrameVectors } from "./frames.ts"
import { type LogVector, type LogVectors, type RecordVector, showLog } from "./logs.ts"
import { findStaleVectors, VECTORS } from "./make.ts"
import {
  encodeNotedFrame,
  type FrameNotation,
  fromNotation,
  fromSettingNotation,
  noteChange,
  noteReceipt,
  noteSetting,
  type Refusal,
  type SettingNotation,
  toHex,
} from "./notation.ts"
import type { NumberVectors } from "./numbers.ts"
import { crc32 as secondCrc32, Cursor, Refused } from "./reader/cursor.ts"
import { type Block, type Dot, readBlock, readFrame, readSetting } from "./reader/frame.ts"
import { readValue } from "./reader/value.ts"
import type { SettingVectors } from "./settings.ts"
import type { ValueVectors } from "./values.ts"

const load = async (name: string) => JSON.parse(await readFile(join(VECTORS, name), "utf8"))
const numbers: NumberVectors = await load("numbers.json")
const values: ValueVectors = await load("values.json")
const blocks: BlockVectors = await load("blocks.json")
const settings: SettingVectors = await load("settings.json")
const frames: FrameVectors = await load("frames.json")
const logs: LogVectors = await load("logs.json")

const written = (write: (out: ByteWriter) => void): string => {
  const out = new ByteWriter()
  write(out)
  return toHex(out.buffer, 0, out.length)
}
const readerOf = (hex: string): ByteReader => {
  const bytes = fromHex(hex), reader = new ByteReader("a vector")
  reader.point(bytes, 0, bytes.length)
  return reader
}
/** Asserts that both readers refuse, in the same way. */
const refused = (name: string, refusal: Refusal, read: () => void, readAgain: () => void): void => {
  assert.throws(read, refusal === "damaged" ? CorruptBytes : FormatTooNew, name)
  assert.throws(readAgain, (error) => error instanceof Refused && error.refusal === refusal, name)
}

const decodeHex = (hex: string): BlockColumns => readBlockBytes(fromHex(hex))
/** The same in the words of the second reader, which resolves numbers to ids and names. */
const resolved = ({ writers, names, links, operations, ...block }: BlockNotation): unknown => {
  const dots = (numbered: readonly NumberedDot[]) => numbered.map(([number, seq]) => [writers[number], seq])
  return {
    ...block,
    writers,
    names,
    links: links === null ? null : dots(links),
    operations: operations.map((operation) => ({
      ...operation,
      kind: OperationKind[operation.kind],
      collection: names[operation.collection],
      context: dots(operation.context),
      keeps: dots(operation.keeps),
      settles: operation.settles === null ? null : dots(operation.settles),
    })),
  }
}
const inWords = ({ operations, ...block }: Block): unknown => ({
  ...block,
  operations: operations.map(({ key, value, ...operation }) => ({
    ...operation,
    key: new TextDecoder().decode(key),
    value: value === null ? null : toHex(value),
  })),
})

/** A frame as the kernel reads it. */
function readFrameNotation(hex: string): FrameNotation {
  const reader = new FrameReader(crc32)
  reader.read(fromHex(hex))
  const parts: { type: number; content: string }[] = []
  while (reader.nextPart()) {
    parts.push({ type: reader.partType, content: toHex(reader.reader.buffer, reader.reader.at, reader.reader.end) })
  }
  const { position, id, previous, flags, change, receipt } = reader
  return {
    position,
    id: toHex(id),
    previous: toHex(previous),
    flags,
    parts,
    change: change === undefined ? null : noteChange(change),
    receipt: receipt === undefined ? null : noteReceipt(receipt),
  }
}
/** The same, of the second reader. */
function readFrameAgain(hex: string): FrameNotation {
  const frame = readFrame(fromHex(hex))
  return { ...frame, parts: frame.parts.map(({ type, content }) => ({ type, content: toHex(content) })) }
}

describe("vectors of the format", () => {
  it("are what make.ts makes, byte for byte", async () => {
    assert.deepEqual(await findStaleVectors(), [])
  })

  it("the example of docs/format.md is the frame of the vectors", async () => {
    const page = await readFile(join(VECTORS, "../../../docs/format.md"), "utf8")
    const example = page.slice(page.indexOf('<!-- example: frame "one put" -->'))
    const bytes = [...example.matchAll(/^ {4}((?:[0-9a-f]{2}(?: |$))+)/gm)].map(([, hex = ""]) => hex.replaceAll(" ", "")).join("")
    assert.equal(bytes, frames.frames.find(({ name }) => name === "one put")!.hex)
  })

  it("varints and zigzags are read and written", () => {
    for (const { number, hex } of numbers.varints) {
      assert.equal(written((out) => out.varint(number)), hex)
      assert.equal(readerOf(hex).varint(), number)
      assert.equal(new Cursor(fromHex(hex)).varint(), number)
    }
    for (const { number, hex } of numbers.zigzags) {
      assert.equal(written((out) => out.zigzag(number)), hex)
      assert.equal(readerOf(hex).zigzag(), number)
      assert.equal(new Cursor(fromHex(hex)).zigzag(), number)
    }
    for (const { name, hex } of numbers.refusedVarints) {
      refused(name, "damaged", () => readerOf(hex).varint(), () => new Cursor(fromHex(hex)).varint())
    }
  })

  it("checksums and hashes are computed", async () => {
    for (const { bytes, sum } of numbers.crc32) {
      assert.equal(crc32(fromHex(bytes)).toString(16).padStart(8, "0"), sum)
      assert.equal(secondCrc32(fromHex(bytes)).toString(16).padStart(8, "0"), sum)
    }
    for (const { bytes, digest } of numbers.sha256) {
      const hash = new Sha256(), input = fromHex(bytes)
      hash.update(input, 0, input.length)
      assert.equal(toHex(hash.digest()), digest)
      assert.equal(toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", input))), digest)
    }
  })

  for (const { name, value, hex } of values.accepted) {
    it(`value: ${name}`, () => {
      const bytes = fromHex(hex), meant = fromNotation(value)
      assert.equal(written((out) => encodeValue(meant, out, name)), hex)
      checkValue(bytes, 0, bytes.length)
      assert.deepEqual(decodeValue(bytes, 0, bytes.length), meant)
      assert.deepEqual(readValue(bytes), value)
    })
  }
  for (const { name, hex } of values.refused) {
    it(`no value: ${name}`, () => {
      const bytes = fromHex(hex)
      refused(name, "damaged", () => checkValue(bytes, 0, bytes.length), () => readValue(bytes))
    })
  }

  for (const { name, block, hex } of blocks.blocks) {
    it(`block: ${name}`, () => {
      assert.equal(toHex(encodeNotedBlock(block)), hex)
      assert.deepEqual(notationOf(decodeHex(hex)), block)
      assert.deepEqual(inWords(readBlock(fromHex(hex))), resolved(block))
    })
  }
  for (const { name, block, hex } of blocks.readOnly) {
    it(`block, only read: ${name}`, () => {
      assert.notEqual(toHex(encodeNotedBlock(block)), hex)
      assert.deepEqual(notationOf(decodeHex(hex)), block)
      assert.deepEqual(inWords(readBlock(fromHex(hex))), resolved(block))
    })
  }
  for (const { name, refusal, hex } of blocks.refused) {
    it(`no block: ${name}`, () => refused(name, refusal, () => decodeHex(hex), () => readBlock(fromHex(hex))))
  }

  for (const { name, setting, hex } of settings.settings) {
    it(`setting: ${name}`, () => {
      assert.equal(toHex(encodeSetting(fromSettingNotation(setting))), hex)
      assert.deepEqual(noteSetting(decodeSetting(readerOf(hex))), setting)
      assert.deepEqual(readSetting(fromHex(hex)), setting)
    })
  }
  for (const { name, refusal, rule, hex } of settings.refused) {
    it(`no setting: ${name}`, () => {
      refused(name, refusal, () => decodeSetting(readerOf(hex)), () => readSetting(fromHex(hex)))
      assert.throws(() => readSetting(fromHex(hex)), { rule })
    })
  }

  for (const { name, frame, hex } of frames.frames) {
    it(`frame: ${name}`, () => {
      assert.equal(toHex(encodeNotedFrame(frame)), hex)
      assert.deepEqual(readFrameNotation(hex), frame)
      assert.deepEqual(readFrameAgain(hex), frame)
    })
  }
  for (const { name, frame, hex } of frames.readOnly) {
    it(`frame, only read: ${name}`, () => {
      assert.notEqual(toHex(encodeNotedFrame(frame)), hex)
      assert.deepEqual(readFrameNotation(hex), frame)
      assert.deepEqual(readFrameAgain(hex), frame)
    })
  }
  for (const { name, refusal, hex } of frames.refused) {
    it(`no frame: ${name}`, () => refused(name, refusal, () => new FrameReader(crc32).read(fromHex(hex)), () => readFrame(fromHex(hex))))
  }
})

/** The name of a collection's type; null: it has none. */
const typeIn = (settings: readonly SettingNotation[], collection: string): string | null =>
  (settings.find((setting) => setting.collection === collection) ?? settings[0]!).type

/** Frames folded by the kernel. */
function foldHex(frames: readonly string[]): StoreViews {
  const views = new StoreViews(new NameTable(), new HybridClock(), Date.now, 1)
  const point = replayStart(), reader = new FrameReader(crc32), adapter = memoryAdapter()
  const storage = adapter.open("vectors", { durability: "none", create: true })
  assert.ok(!(storage instanceof Promise))
  for (const frame of frames) foldNext(storage, point, fromHex(frame), reader, (frame) => views.foldFrame(frame))
  return views
}

const order = (a: string, b: string): number => a < b ? -1 : a > b ? 1 : 0

/** The default one first, then by the bytes of the names. */
const bySetting = ({ collection: a }: SettingNotation, { collection: b }: SettingNotation): number =>
  a === null ? -1 : b === null ? 1 : order(toHex(new TextEncoder().encode(a)), toHex(new TextEncoder().encode(b)))
const ownSettings = ({ settings, names: { names } }: StoreViews): SettingNotation[] =>
  names.flatMap((collection, index) => {
    const setting = settings.own(index)
    return setting === undefined ? [] : [noteSetting({ collection, ...setting })]
  })

/** What is shown of a record: its row and its versions must agree. */
function shownIn({ records, writers }: StoreViews, row: number): Pick<RecordVector, "merged" | "settled"> & { readonly shown?: unknown } {
  const { rows, arena } = records, { version, merged, isSettled } = records.shownOf(row)
  assert.deepEqual([rows.writerOf(row), rows.seqOf(row), records.isDeleted(row)], [version.writer, version.seq, version.valueBytes === 0])
  assert.equal(merged.includes(version), true)
  return {
    ...(version.valueBytes > 0
      ? valueIn(arena.chunks[rows.chunkOf(row)]!, rows.valueAt(row), rows.valueAt(row) + rows.valueBytes(row))
      : {}),
    ...(merged.length > 1 ? { merged: merged.map(({ writer, seq }): Dot => [toHex(writers.idOf(writer)), seq]) } : {}),
    ...(isSettled ? {} : { settled: false }),
  }
}
/** A damaged value is an error of its record alone. */
function valueIn(bytes: Uint8Array, start: number, end: number): { readonly shown?: unknown } {
  try {
    checkValue(bytes, start, end)
  } catch {
    return {}
  }
  return { shown: decodeValue(bytes, start, end) }
}

/** What the kernel's views hold, in the words of the vectors. */
function showViews(views: StoreViews): unknown {
  const { records, writers, names } = views, { rows, arena } = records
  const id = (index: number): string => toHex(writers.idOf(index))
  const dots = (flat: Dots) => pairsOf(flat).map(([writer, seq]): Dot => [id(writer), seq]).sort(compareDots)
  const collections = names.names.map((name, index) => ({ name: toHex(new TextEncoder().encode(name)), index }))
  collections.sort((a, b) => order(a.name, b.name))
  return {
    vector: [...views.vector.entries].map(([writer, { seq, withheld }]) => ({ writer: id(writer), seq, withheld })).sort((a, b) =>
      order(a.writer, b.writer)
    ),
    own: [...views.own].map(id).sort(),
    settings: [noteSetting({ collection: undefined, ...views.settings.of() }), ...ownSettings(views)].sort(bySetting),
    ...showKernelRemotes(views),
    records: collections.flatMap(({ index }) =>
      [...new SortedKeys(records, index).rows()].map((row) => ({
        collection: names.names[index],
        key: new TextDecoder().decode(arena.chunks[rows.chunkOf(row)]!.subarray(rows.keyAt(row), rows.keyAt(row) + rows.keyBytes(row))),
        ...shownIn(views, row),
        versions: [...records.versionsOf(row)].sort((a, b) => compareVersions(a, b, (a, b) => writers.compare(a, b))).map((version) => ({
          writer: id(version.writer),
          seq: version.seq,
          millis: version.millis,
          counter: version.counter,
          kind: version.kind,
          context: dots(version.context),
          keeps: dots(version.keeps),
          settles: version.settles === undefined ? null : dots(version.settles),
          value: version.kind === OperationKind.delete
            ? null
            : toHex(arena.chunks[version.chunk]!, version.valueAt, version.valueAt + version.valueBytes),
        })),
      }))
    ),
  }
}

describe("vectors of logs", () => {
  for (const { name, meaning, frames, digest, ...shown } of logs.logs) {
    it(`log: ${name}: ${meaning}`, async () => {
      const { digest: secondDigest, ...second } = await showLog(frames)
      assert.deepEqual(second, shown)
      assert.equal(secondDigest, digest)
      const records = shown.records.map((record) => "shown" in record ? { ...record, shown: fromNotation(record.shown!) } : record)
      assert.deepEqual(showViews(foldHex(frames)), { ...shown, records })

      const adapter = memoryAdapter(), storage = await adapter.open("vectors", { durability: "none", create: true })
      for (const [at, frame] of frames.entries()) await storage.append(at + 1, fromHex(frame))
      await storage.close()
      const store = await createStore("vectors", { adapter })
      try {
        assert.equal(await store.digest(), digest)
        for (const { collection, key, ...rest } of shown.records) {
          if (key === "k2" && name === "a damaged value") continue
          const get = store.collection(collection).get(key)
          if (typeIn(shown.settings, collection) !== null && "shown" in rest) await assert.rejects(get, WrongCollectionType)
          else assert.deepEqual(await get, "shown" in rest ? fromNotation(rest.shown!) : undefined, key)
        }
        // Of what a function makes, this handle has none: somebody has to decide.
        for (const collection of new Set(shown.records.map(({ collection }) => collection))) {
          if (typeIn(shown.settings, collection) !== null) continue
          const open = shown.records.filter((record) =>
            record.collection === collection && (record.settled === false || record.merged !== undefined)
          )
          assert.deepEqual((await store.collection(collection).conflicts()).map(({ key }) => key), open.map(({ key }) => key))
        }
      } finally {
        await store.close()
      }
    })
  }

  it("settings change what is shown, and neither versions nor digest", () => {
    const matrix = logs.logs.filter(({ name }) => name.startsWith("strategy "))
    assert.equal(matrix.length, 12)
    const kept = ({ vector, records, digest }: LogVector): unknown => ({
      vector,
      digest,
      versions: records.map(({ versions }) => versions),
    })
    for (const log of matrix) assert.deepEqual(kept(log), kept(matrix[0]!), log.name)
    const shown = new Set(
      matrix.map(({ records }) => JSON.stringify(records.map(({ shown, merged, settled }) => [shown, merged, settled]))),
    )
    assert.equal(shown.size, 9, "merge and crdt differ in who makes the value")
  })

  for (const { name, refusal, rule, frames } of logs.refused) {
    it(`no log: ${name}`, async () => {
      foldHex(frames.slice(0, -1))
      if (refusal === "too new") assert.throws(() => foldHex(frames), FormatTooNew)
      else {
        assert.throws(() => foldHex(frames), {
          code: "corrupt_frame",
          details: { location: "memory", position: frames.length, reason: foldReason(frames) },
        })
      }
      await showLog(frames.slice(0, -1))
      await assert.rejects(showLog(frames), (error) => error instanceof Refused && error.refusal === refusal && error.rule === rule)
    })
  }
})

/** The reason the kernel gives, whatever it is: the position is what the vector says. */
function foldReason(frames: readonly string[]): string {
  try {
    foldHex(frames)
  } catch (error) {
    if (error instanceof Error && "details" in error) return (error.details as { readonly reason: string }).reason
  }
  return ""
}
