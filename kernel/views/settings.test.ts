/** Goal: what is shown follows from versions and settings, wherever in a log the settings stand. Folded twice, by the kernel and the second reader. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { A, B, blockOf, operation } from "../../conformance/vectors/blocks.ts"
import { Fold } from "../../conformance/vectors/reader/fold.ts"
import { CorruptBytes, FormatTooNew } from "../errors.ts"
import { encodeNotedBlock, fromHex } from "../format/block-notation.ts"
import { PartType } from "../format/frame.ts"
import { type CollectionSetting, encodeSetting } from "../format/settings.ts"
import { bytesToHex } from "../model/identifiers.ts"
import { DEFAULT_SETTING, type Setting } from "../model/strategy.ts"
import { anyStrategy } from "../testing/any-setting.ts"
import { anyHistory } from "../testing/histories.ts"
import { NotedFrames } from "../testing/noted-frames.ts"
import { anyDelivery, newViews, noteOracleBlock } from "../testing/oracle-frames.ts"
import { LogViews } from "./log-views.ts"
import { NameTable } from "./name-table.ts"
import { SettingsView } from "./settings.ts"
import type { StoreViews } from "./store-views.ts"

const LAST: Setting = DEFAULT_SETTING
const MERGE: Setting = { strategy: "merge", deleteConflict: "keep-update", type: undefined }
const MANUAL: Setting = { strategy: "manual", deleteConflict: "manual", type: undefined }
const COUNTER: Setting = { strategy: "crdt", deleteConflict: "keep-update", type: "counter" }

type Part = { readonly type: number; readonly content: string }
const settingPart = (setting: CollectionSetting): Part => ({ type: PartType.settings, content: bytesToHex(encodeSetting(setting)) })
const blockPart = (...[writers, operations]: Parameters<typeof blockOf>): Part => ({
  type: PartType.block,
  content: bytesToHex(encodeNotedBlock(blockOf(writers, operations))),
})
const put = (writer: string, value: string, millis: number): Part => blockPart([writer], [operation(1, "k", value, { millis })])

/** What each record shows, by its row and by its versions, which must say the same. */
function showKernel({ records, writers }: StoreViews): Map<string, unknown> {
  const { rows, arena } = records, shown = new Map<string, unknown>()
  for (let row = 0; row < rows.count; row++) {
    const { version, merged, isSettled } = records.shownOf(row), at = rows.keyAt(row)
    assert.deepEqual([rows.writerOf(row), rows.seqOf(row), records.isDeleted(row)], [version.writer, version.seq, version.valueBytes === 0])
    const dot = (one: typeof version): string => `${bytesToHex(writers.idOf(one.writer))}-${one.seq}`
    const key = new TextDecoder().decode(arena.chunks[rows.chunkOf(row)]!.subarray(at, at + rows.keyBytes(row)))
    shown.set(key, [dot(version), version.valueBytes > 0, merged.length > 1 ? merged.map(dot) : [], isSettled])
  }
  return shown
}
const showAgain = (fold: Fold): Map<string, unknown> =>
  new Map(
    fold.sorted().map(([collection, key, versions]) => {
      const { version, merged, isSettled } = fold.shown(collection, versions)
      const dot = ({ writer, seq }: typeof version): string => `${writer}-${seq}`
      return [key, [dot(version), version.value !== null && version.value.length > 0, merged.map(dot), isSettled]]
    }),
  )

describe("SettingsView", () => {
  it("F-67 gives a collection its own setting, else the default one, whichever came first", () => {
    const names = new NameTable(), view = new SettingsView(names), notes = names.indexOf("notes"), other = names.indexOf("other")
    assert.deepEqual([view.of(), view.of(notes), view.own(notes)], [LAST, LAST, undefined])
    view.fold({ collection: "notes", ...MANUAL })
    assert.deepEqual([view.of(), view.of(notes), view.of(other), view.own(notes)], [LAST, MANUAL, LAST, MANUAL])
    view.fold({ collection: undefined, ...MERGE })
    assert.deepEqual([view.of(), view.of(notes), view.of(other), view.own(other)], [MERGE, MANUAL, MERGE, undefined])
    view.fold({ collection: "notes", ...LAST })
    assert.deepEqual([view.of(notes), view.own(notes)], [LAST, LAST], "its own, though nothing else would be shown without one at first")
    view.fold({ collection: undefined, ...MANUAL })
    assert.deepEqual([view.of(), view.of(notes), view.of(other)], [MANUAL, LAST, MANUAL])
  })

  it("F-64 tells the default collection from all collections", () => {
    const view = new SettingsView(new NameTable())
    view.fold({ collection: "", ...MERGE })
    assert.deepEqual([view.of(), view.of(0), view.own(0)], [LAST, MERGE, MERGE])
    view.fold({ collection: undefined, ...MANUAL })
    assert.deepEqual([view.of(), view.of(0)], [MANUAL, MERGE])
  })

  it("keeps a setting of a collection that nobody has named yet", () => {
    const names = new NameTable(), view = new SettingsView(names)
    view.fold({ collection: "later", ...COUNTER })
    assert.deepEqual(view.of(names.indexOf("later")), COUNTER)
  })

  it("fold() answers whether anything is another one now", () => {
    const view = new SettingsView(new NameTable())
    for (
      const [collection, setting, changes] of [
        [undefined, LAST, false],
        ["n", LAST, false],
        ["n", MANUAL, true],
        ["n", MANUAL, false],
        [undefined, MANUAL, true],
        ["m", MANUAL, false],
        ["m", { ...MANUAL, deleteConflict: "keep-update" }, true],
        ["c", COUNTER, true],
        ["c", { ...COUNTER, type: "set" }, true],
        ["c", { ...COUNTER, type: "set" }, false],
        ["n", LAST, true],
      ] as const
    ) {
      assert.equal(view.fold({ collection, ...setting }), changes, `${collection} ${setting.strategy} ${setting.deleteConflict}`)
    }
  })

  it("knows whether values are made of several versions anywhere, and of types' states", () => {
    const view = new SettingsView(new NameTable())
    assert.deepEqual([view.hasTypes, view.makesValues], [false, false])
    view.fold({ collection: "n", ...MANUAL })
    assert.deepEqual([view.hasTypes, view.makesValues], [false, false])
    view.fold({ collection: undefined, ...MERGE })
    assert.deepEqual([view.hasTypes, view.makesValues], [false, true])
    view.fold({ collection: "c", ...COUNTER })
    assert.deepEqual([view.hasTypes, view.makesValues], [true, true])
    const typed = new SettingsView(new NameTable())
    typed.fold({ collection: "c", ...COUNTER })
    assert.deepEqual([typed.hasTypes, typed.makesValues], [true, true])
  })
})

describe("settings in frames", () => {
  const anySetting = fc.tuple(fc.constantFrom("", "", "other", undefined), anyStrategy).map(([collection, setting]): CollectionSetting => ({
    collection: setting.type === undefined ? collection : collection ?? "",
    ...setting,
  }))
  /** Of each frame: settings, each with its place among the parts. */
  const anyPlaced = fc.array(fc.array(fc.tuple(fc.nat(9), anySetting), { maxLength: 2 }), { minLength: 1, maxLength: 8 })

  it("S6, F-39, F-67 show after every frame what the second reader shows, and tell of every record that shows another version", () => {
    let changes = 0
    fc.assert(
      fc.property(anyDelivery(anyHistory), anyPlaced, (delivery, placed) => {
        const views = newViews(), server = new LogViews(), fold = new Fold(), frames = new NotedFrames(), told = new Set<number>()
        views.records.onChange = (row) => told.add(row)
        let before = showKernel(views)
        for (const [at, blocks] of delivery.entries()) {
          const parts = blocks.map((block): Part => ({ type: 1, content: bytesToHex(encodeNotedBlock(noteOracleBlock(block))) }))
          for (const [place, setting] of placed[at % placed.length]!) parts.splice(place % (parts.length + 1), 0, settingPart(setting))
          const bytes = frames.next([], { parts })
          for (const one of [views, server]) {
            frames.reader.read(bytes)
            one.foldFrame(frames.reader)
          }
          fold.frame(bytes)
          const shown = showKernel(views)
          assert.deepEqual(shown, showAgain(fold))
          assert.equal(views.records.liveCount(0), [...shown.values()].filter((one) => (one as readonly unknown[])[1] === true).length)
          for (const [row, [key, one]] of [...shown].entries()) {
            if (JSON.stringify(one) === JSON.stringify(before.get(key))) continue
            assert.ok(told.has(row), `nobody was told that ${key} shows another version`)
            changes++
          }
          told.clear()
          before = shown
        }
      }),
      { numRuns: 300 },
    )
    assert.ok(changes > 300)
  })

  it("S6 change what is shown of versions that are there, and none of the versions", () => {
    const views = newViews(), frames = new NotedFrames()
    frames.fold(views, [], { parts: [put(A, "01", 20), put(B, "02", 10)] })
    const versions = views.records.versionsOf(0), shown = []
    for (const setting of [MANUAL, MERGE, LAST]) {
      frames.fold(views, [], { parts: [settingPart({ collection: "", ...setting })] })
      const { version, merged, isSettled } = views.records.shownOf(0)
      shown.push([version.millis, merged.length, isSettled])
      assert.deepEqual(views.records.versionsOf(0), versions)
    }
    assert.deepEqual(shown, [[20, 1, false], [20, 2, true], [20, 1, true]])
  })

  it("F-66 make no writer of this log's own, whatever the frame's flags are", () => {
    const views = newViews(), frames = new NotedFrames()
    for (const flags of [0, 1]) frames.fold(views, [], { flags, parts: [settingPart({ collection: "", ...MANUAL })] })
    assert.equal(views.own.size, 0)
    assert.equal(views.vector.entries.size, 0)
  })

  it("F-65 refuse what is damaged or too new when it is folded; a log that shows no records leaves it unread", () => {
    for (const [content, refusal] of [["c0", CorruptBytes], ["94c00402c0", FormatTooNew], ["94c00203c0", FormatTooNew]] as const) {
      const views = newViews(), server = new LogViews(), frames = new NotedFrames()
      frames.reader.read(frames.next([], { parts: [put(A, "01", 20), { type: PartType.settings, content }] }))
      assert.throws(() => views.foldFrame(frames.reader), refusal, content)
      server.foldFrame(frames.reader)
      assert.equal(server.vector.has(server.writers.indexOf(fromHex(A)), 1), true)
    }
  })
})
