/** Goal: what a sync puts into a log is one frame or none; what is written anew covers the old version alone. Through open stores. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { A, B, blockOf, operation } from "../../conformance/vectors/blocks.ts"
import { CorruptBytes, FrameTooLarge } from "../errors.ts"
import type { BlockNotation, OperationNotation } from "../format/block-notation.ts"
import type { RemoteChange } from "../format/change.ts"
import { crc32 } from "../format/checksum.ts"
import { FrameReader } from "../format/frame.ts"
import { bytesToHex } from "../model/identifiers.ts"
import { OperationKind } from "../model/operation.ts"
import { covers } from "../model/versions.ts"
import { type FaultyAdapter, faultyAdapter } from "../testing/faulty-storage.ts"
import { partOf } from "../testing/noted-frames.ts"
import { TestPlatform } from "../testing/platform.ts"
import { encodedHex } from "../testing/view-feeder.ts"
import type { LiveVersion, SyncCommit, SyncFrame } from "../sync/synced-log.ts"
import type { StoredVersion } from "../views/stored-version.ts"
import type { StoreViews } from "../views/store-views.ts"
import { openStore, type Store } from "./store.ts"

const changeOf = (change: Partial<RemoteChange> = {}): RemoteChange => ({
  remote: "r",
  restart: false,
  caughtUp: false,
  cursor: undefined,
  ranges: [],
  refused: [],
  dead: [],
  clockOffsetMillis: undefined,
  ...change,
})
const frameOf = (frame: Partial<SyncFrame>): SyncFrame => ({ parts: [], rewrites: [], change: changeOf(), ...frame })
const put = (seq: number, key: string, more: Partial<OperationNotation> = {}): OperationNotation =>
  operation(seq, key, encodedHex(`of ${seq}`), more)

/** An open store as syncing sees it. */
class Play {
  readonly platform: TestPlatform
  readonly adapter: FaultyAdapter
  readonly store: Store

  private constructor(platform: TestPlatform, adapter: FaultyAdapter, store: Store) {
    this.platform = platform
    this.adapter = adapter
    this.store = store
  }
  static async open(
    { platform = new TestPlatform(3), label }: { readonly platform?: TestPlatform; readonly label?: string } = {},
    adapter: FaultyAdapter = faultyAdapter(memoryAdapter()),
  ): Promise<Play> {
    return new Play(platform, adapter, await openStore("s", adapter, { platform, label }))
  }
  get views(): StoreViews {
    return this.store.synced.views
  }
  commit(commit: SyncCommit): Promise<boolean> {
    return this.store.synced.commit(commit)
  }
  /** Blocks of others, as a page brings them. */
  bring(...blocks: readonly BlockNotation[]): Promise<boolean> {
    return this.commit(() => frameOf({ parts: blocks.map(partOf) }))
  }
  /** Live versions of a record, in the order of their stamps. */
  live(key: string): LiveVersion[] {
    const { records, writers } = this.views
    return records.liveVersions(() => true).filter(({ version }) =>
      new TextDecoder().decode(records.arena.chunks[version.chunk]!.subarray(version.keyAt, version.keyAt + version.keyBytes)) === key
    ).sort((a, b) => a.version.millis - b.version.millis || writers.compare(a.version.writer, b.version.writer))
  }
  rewrite(...rewrites: readonly LiveVersion[]): Promise<boolean> {
    return this.commit(() => frameOf({ rewrites }))
  }
  /** The last frame of the log. */
  async last(): Promise<FrameReader> {
    const { storage, head } = this.store.synced,
      [bytes] = await storage.read(head - 1, { maxFrames: 1, maxBytes: 1 }),
      frame = new FrameReader(crc32)
    frame.read(bytes!)
    return frame
  }
}

describe("SyncFrames", () => {
  it("appends what a commit says in one frame, and nothing for undefined", async () => {
    const play = await Play.open(), block = blockOf([A], [put(1, "k")])
    assert.equal(await play.commit(() => undefined), false)
    assert.equal(play.store.synced.head, 0)
    const cursor = { position: 4, id: new Uint8Array(16).fill(4) }
    assert.equal(await play.commit(() => frameOf({ parts: [partOf(block)], change: changeOf({ cursor, caughtUp: true }) })), true)
    assert.equal(await play.store.records.get("k"), "of 1")
    const frame = await play.last(), view = play.views.remotes.of("r")
    assert.deepEqual([frame.parts, frame.local, frame.receipt, view.cursor, view.caughtUp], [1, false, undefined, cursor, true])
    assert.equal(view.vector.pairOf(0).seq, 1)
    assert.equal(await play.commit(() => frameOf({ change: undefined })), true)
    assert.deepEqual([(await play.last()).change, (await play.last()).parts], [undefined, 0])
    await play.store.close()
  })

  it("F-32 a frame is local exactly if it holds what this log wrote", async () => {
    const play = await Play.open()
    await play.bring(blockOf([A], [put(1, "k")]))
    assert.equal((await play.last()).local, false)
    await play.commit(() => frameOf({}))
    assert.equal((await play.last()).local, false)
    assert.equal(play.views.own.size, 0)
    await play.rewrite(...play.live("k"))
    assert.equal((await play.last()).local, true)
    assert.deepEqual([...play.views.own].map((writer) => play.views.vector.pairOf(writer).seq), [1])
    await play.store.close()
  })

  it("S35 writes anew, and goes on, under a new writer that links to the one that is another login's", async () => {
    const play = await Play.open()
    await play.store.records.put("k", 1)
    const [old] = play.live("k") as [LiveVersion], id = play.views.writers.idOf(old.version.writer)
    const refused = [{ writer: id, seq: 1, code: "writer_not_owned", message: "" }]
    await play.commit(() => frameOf({ rewrites: [old], change: changeOf({ refused: [{ ...refused[0]!, code: "clock_ahead" }] }) }))
    assert.deepEqual(
      play.live("k").map(({ version }) => [version.writer, version.seq]),
      [[old.version.writer, 2]],
      "a stamp says nothing of logins",
    )
    await play.commit((views) => frameOf({ rewrites: views.records.liveVersions(() => true), change: changeOf({ refused }) }))
    const [anew] = play.live("k") as [LiveVersion]
    assert.notEqual(anew.version.writer, old.version.writer)
    assert.equal(anew.version.seq, 1)
    assert.equal(play.views.lineage.implies(anew.version.writer, old.version.writer, 2), true)
    await play.store.records.put("l", 1)
    assert.deepEqual(play.live("l").map(({ version }) => [version.writer, version.seq]), [[anew.version.writer, 2]])
    await play.commit(() => frameOf({ change: changeOf({ refused }) }))
    await play.store.records.put("m", 1)
    assert.equal(play.live("m")[0]?.version.writer, anew.version.writer, "it was another writer that was refused")
    await play.store.close()
  })

  it("S35 another handle of the log hears of it with the frame", async () => {
    const play = await Play.open(), other = await openStore("s", play.adapter, { platform: new TestPlatform(4) })
    await play.store.records.put("k", 1)
    const [{ version: { writer } }] = play.live("k") as [LiveVersion], id = play.views.writers.idOf(writer)
    await other.synced.commit(() =>
      frameOf({ change: changeOf({ refused: [{ writer: id, seq: 1, code: "writer_not_owned", message: "" }] }) })
    )
    await play.store.refresh()
    await play.store.records.put("l", 1)
    assert.notEqual(play.live("l")[0]?.version.writer, writer)
    await Promise.all([play.store.close(), other.close()])
  })

  it("S19 a version that is written anew covers the old one alone, and keeps the siblings open", async () => {
    const play = await Play.open()
    await play.bring(
      blockOf([A], [put(1, "k", { millis: 10 }), put(2, "other")]),
      blockOf([B], [put(1, "k", { millis: 20, value: encodedHex("B's") })]),
    )
    const [old, sibling] = play.live("k") as [LiveVersion, LiveVersion]
    assert.equal(await play.rewrite(old), true)
    const versions = play.live("k").map(({ version }) => version), { lineage } = play.views
    const made = versions.find(({ writer }) => play.views.own.has(writer))!
    assert.equal(versions.length, 2)
    assert.ok(covers(made, old.version.writer, old.version.seq, lineage))
    assert.equal(covers(made, sibling.version.writer, sibling.version.seq, lineage), false)
    assert.deepEqual(made.keeps, [sibling.version.writer, sibling.version.seq])
    assert.deepEqual(made.context, [old.version.writer, old.version.seq])
    const [conflict] = await play.store.records.conflicts({ settled: true })
    assert.deepEqual(conflict!.versions.map(({ value }) => value).sort(), ["B's", "of 1"])
    await play.store.close()
  })

  it("S19 several versions of one record are written anew one after another, each beside the others", async () => {
    const play = await Play.open(), other = await Play.open()
    for (const one of [play, other]) {
      await one.bring(blockOf([A], [put(1, "k", { millis: 10 })]), blockOf([B], [put(1, "k", { millis: 20, value: encodedHex("B's") })]))
    }
    const values = async ({ store }: Play): Promise<unknown[]> =>
      (await store.records.conflicts({ settled: true }))[0]!.versions.map(({ value }) => value).sort()
    await play.rewrite(...play.live("k"))
    assert.deepEqual(await values(play), ["B's", "of 1"])
    assert.ok(play.live("k").every(({ version }) => play.views.own.has(version.writer)))
    // Whoever gets the frame sees the same.
    const frame = await play.last()
    frame.nextPart()
    const part = { type: 1, content: frame.reader.buffer.slice(frame.reader.at, frame.reader.end) as Uint8Array<ArrayBuffer> }
    await other.commit(() => frameOf({ parts: [part] }))
    assert.deepEqual(await values(other), ["B's", "of 1"])
    assert.equal(await play.store.digest(), await other.store.digest())
    await play.store.close()
    await other.store.close()
  })

  it("S19 a choice becomes a put of its value, a choice of a delete and a delete a delete, a put a put", async () => {
    const play = await Play.open(), choice = { kind: "choice", context: [[0, 1], [1, 1]], settles: [[0, 1], [1, 1]] } as const
    const rows: readonly OperationNotation[] = [
      put(1, "x"),
      operation(2, "chosen", encodedHex("yes"), choice),
      operation(3, "chosen away", "", choice),
      operation(4, "deleted", null),
      put(5, "put"),
    ]
    await play.bring(blockOf([B], [put(1, "y")]), blockOf([A, B], rows))
    const keys = ["chosen", "chosen away", "deleted", "put"], rewrites = keys.flatMap((key) => play.live(key))
    await play.rewrite(...rewrites)
    const made = keys.map((key) => play.live(key)).map(([only, ...others]) => {
      assert.equal(others.length, 0)
      return only!.version
    })
    assert.deepEqual(made.map(({ kind }) => kind), [OperationKind.put, OperationKind.delete, OperationKind.delete, OperationKind.put])
    assert.ok(made.every(({ settles, writer }) => settles === undefined && play.views.own.has(writer)))
    assert.deepEqual(await play.store.records.getMany(keys), ["yes", undefined, undefined, "of 5"])
    await play.store.close()
  })

  it("writes anew over several collections, with the bytes of keys and values as they are", async () => {
    const play = await Play.open(), key = "\u{1f600}\u0000", value = "c1ff"
    await play.bring(
      blockOf([A], [put(1, key, { collection: 1 }), operation(2, key, value, { collection: 0 }), put(3, "", { collection: 0, key: "z" })], {
        names: ["", "users"],
      }),
    )
    const before = [...play.live(key), ...play.live("z")].map(({ version }) => bytesOf(play.views, version))
    await play.rewrite(...play.live(key), ...play.live("z"))
    assert.deepEqual([...play.live(key), ...play.live("z")].map(({ version }) => bytesOf(play.views, version)), before)
    assert.equal(await play.store.collection("users").get(key), "of 1")
    await play.store.close()
  })

  it("S19, S37 stamps by the corrected clock, of this change or of the log, also below what was sent before", async () => {
    const play = await Play.open(), { platform } = play
    const stampOf = (key: string): number => play.live(key)[0]!.version.millis
    await play.store.records.put("k", 1)
    const wrong = platform.millis
    assert.equal(stampOf("k"), wrong)
    await play.commit((views) => frameOf({ rewrites: liveIn(views), change: changeOf({ clockOffsetMillis: -400_000 }) }))
    assert.equal(stampOf("k"), wrong - 400_000)
    await play.store.records.put("other", 1)
    assert.equal(stampOf("other"), wrong - 400_000, "what is written from now on, too")
    platform.millis += 5
    await play.rewrite(...play.live("k"))
    assert.equal(stampOf("k"), wrong - 399_995)
    await play.commit(() => frameOf({ change: changeOf({ clockOffsetMillis: 0 }) }))
    await play.store.records.put("k", 2)
    assert.equal(stampOf("k"), platform.millis, "it is right again")
    await play.store.close()
  })

  it("S37 the offset is in the log: a store that is opened again goes on with it", async () => {
    const play = await Play.open(), { adapter, platform } = play
    await play.commit(() => frameOf({ change: changeOf({ clockOffsetMillis: -400_000 }) }))
    await play.store.close()
    const again = await Play.open({ platform }, adapter)
    await again.store.records.put("k", 1)
    assert.equal(again.live("k")[0]!.version.millis, platform.millis - 400_000)
    await again.store.close()
  })

  it("S1, S5 what is written anew is the writer's next number, and its first block links to the writers before", async () => {
    const play = await Play.open({ label: "laptop" }), { adapter, platform } = play
    await play.store.records.put("k", 1)
    await play.rewrite(...play.live("k"))
    await play.store.records.put("k", 2)
    const [{ version }] = play.live("k") as [LiveVersion]
    assert.deepEqual([version.seq, play.views.own.size], [3, 1])
    await play.store.close()
    const again = await Play.open({ platform, label: "phone" }, adapter)
    await again.rewrite(...again.live("k"))
    const [first, second] = [...again.views.own], { lineage, writers, labels } = again.views
    assert.deepEqual([lineage.impliedSeq(second!, first!), labels.get(writers.replicaOf(second!))], [3, "phone"])
    assert.equal(again.live("k")[0]!.version.seq, 1)
    await again.store.records.put("k", 3)
    assert.equal(again.live("k")[0]!.version.seq, 2)
    await again.store.close()
  })

  it("runs in the order of the calls, and again after a lost race, on the views as they are then", async () => {
    const play = await Play.open(), other = await openStore("s", play.adapter, { platform: new TestPlatform(9) }), seen: number[] = []
    await play.store.records.put("k", 1)
    await other.refresh()
    const written = other.records.put("k", 2) // ahead of what comes next, which does not know of it
    const first = play.store.records.put("a", 1)
    const committed = play.commit((views) => {
      seen.push(views.records.liveCount(0))
      return frameOf({})
    })
    const last = play.store.records.put("b", 1)
    assert.deepEqual(await Promise.all([written.then(() => 0), first.then(() => 0), committed, last.then(() => 0)]), [0, 0, true, 0])
    assert.equal(seen.at(-1), 2, "the write before it, and not the one behind it")
    await play.store.close()
    await other.close()
  })

  it("rejects with what the commit throws, stores nothing, and goes on", async () => {
    const play = await Play.open()
    await assert.rejects(
      play.commit(() => {
        throw new Error("not this one")
      }),
      /not this one/,
    )
    assert.equal(play.store.synced.head, 0)
    await play.store.records.put("k", 1)
    assert.equal(await play.store.records.get("k"), 1)
    await play.store.close()
  })

  it("rejects with FrameTooLarge what does not fit a frame, and nothing is stored", async () => {
    const play = await Play.open(), part = partOf(blockOf([A], [operation(1, "k", encodedHex("x".repeat(60_000)))]))
    const large = { type: 1, content: new Uint8Array(4_000_000) }
    await assert.rejects(play.commit(() => frameOf({ parts: [large] })), FrameTooLarge)
    assert.equal(play.store.synced.head, 0)
    const small = await Play.open({}, faultyAdapter(memoryAdapter(), { capabilities: { maxFrameBytes: 60_000 } }))
    await assert.rejects(
      small.commit(() => frameOf({ parts: [part] })),
      (error) => error instanceof FrameTooLarge && error.details.bytesMax === 60_000,
    )
    await small.store.records.put("k", 1)
    assert.equal(small.store.synced.head, 1)
    await play.store.close()
    await small.store.close()
  })

  it("T41, T51 appends no frame that could not be read back, and goes on", async () => {
    const play = await Play.open(), cursor = { position: 1, id: new Uint8Array(16) }
    const spoiled: readonly Partial<RemoteChange>[] = [
      { remote: "x".repeat(1025) },
      { cursor: { position: 1, id: new Uint8Array(15) } },
      { cursor: { position: 2 ** 53, id: cursor.id } },
      { restart: true },
      { refused: [{ writer: cursor.id, seq: 1, code: "x".repeat(65), message: "" }] },
      { refused: [{ writer: cursor.id, seq: 1, code: "", message: "x".repeat(201) }] },
      { refused: [{ writer: cursor.id, seq: 0, code: "", message: "" }] },
      { ranges: [{ writer: cursor.id, seq: 2 ** 31 }] },
      { clockOffsetMillis: -(2 ** 48) },
    ]
    for (const change of spoiled) {
      const isRefused = (error: unknown): boolean => error instanceof CorruptBytes || error instanceof RangeError
      await assert.rejects(play.commit(() => frameOf({ change: changeOf(change) })), isRefused, JSON.stringify(change))
    }
    assert.deepEqual([play.store.synced.head, play.store.status().state], [0, "open"])
    assert.equal(await play.commit(() => frameOf({ change: changeOf({ cursor }) })), true)
    await play.store.close()
    const again = await Play.open({}, play.adapter)
    assert.deepEqual(again.views.remotes.of("r").cursor, cursor)
    await again.store.close()
  })

  it("T45 writes nothing anew that no reader would take, and goes on", async () => {
    const play = await Play.open(), ids = Array.from({ length: 1024 }, (_, at) => (at + 1).toString(16).padStart(32, "0"))
    await play.bring(blockOf([A, ...ids], [put(1, "k", { context: ids.map((_, at) => [at + 1, 1] as const) })]))
    await assert.rejects(play.rewrite(...play.live("k")), CorruptBytes)
    assert.equal(play.store.status().state, "open")
    await play.store.records.put("other", 1)
    assert.equal(await play.store.records.get("other"), 1)
    await play.store.close()
  })

  it("S2 a frame whose append lost its answer is folded once, with what was written anew", async () => {
    const play = await Play.open()
    await play.store.records.put("k", 1)
    play.adapter.last.next("append", async (call) => {
      await call()
      throw new Error("the line is dead")
    })
    assert.equal(await play.commit((views) => frameOf({ rewrites: liveIn(views) })), true)
    assert.deepEqual([play.store.synced.head, play.live("k").map(({ version }) => version.seq)], [2, [2]])
    await play.store.records.put("k", 2)
    assert.deepEqual(play.live("k").map(({ version }) => version.seq), [3])
    await play.store.close()
  })
})

/** Everything that is live. */
const liveIn = (views: StoreViews): LiveVersion[] => views.records.liveVersions(() => true)

/** Key and value of a version, as they are encoded. */
function bytesOf({ records }: StoreViews, { chunk, keyAt, keyBytes, valueAt, valueBytes }: StoredVersion): string {
  const bytes = records.arena.chunks[chunk]!
  return `${bytesToHex(bytes, keyAt, keyAt + keyBytes)}=${bytesToHex(bytes, valueAt, valueAt + valueBytes)}`
}
