import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { A, B, B2, blockOf, MILLIS, operation } from "../../conformance/vectors/blocks.ts"
import { noteReceipt } from "../../conformance/vectors/notation.ts"
import { CorruptBytes, NotSyncable, StoreClosed, StoreNotFound } from "../errors.ts"
import { type BlockNotation, encodeNotedBlock, fromHex, type OperationNotation } from "../format/block-notation.ts"
import { chooseChecksum, crc32 } from "../format/checksum.ts"
import { FrameReader } from "../format/frame.ts"
import { ByteWriter } from "../format/bytes.ts"
import { CLOCK_DRIFT_MILLIS_MAX } from "../limits.ts"
import { bytesToHex } from "../model/identifiers.ts"
import type { Adapter } from "../ports/log-storage.ts"
import { silentLogger } from "../ports/logger.ts"
import type { Cursor, PullAnswer, PushAnswer, PushRequest } from "../ports/remote.ts"
import { failAfter, faultyAdapter, hold } from "../testing/faulty-storage.ts"
import { Gate, turn } from "../testing/gate.ts"
import { cursorOf, partOf, storageOf } from "../testing/noted-frames.ts"
import { TestPlatform } from "../testing/platform.ts"
import { CURSOR_START } from "../views/remotes.ts"
import { PushAuthor } from "./push-author.ts"
import { type Caller, DEFAULT_REMOTE_LIMITS, type RemoteLog, type RemoteLogOptions } from "./remote-log.ts"
import { openRemoteLog } from "./served-log.ts"

const ADA: Caller = { principal: "ada", rights: { read: true, write: true, relay: true, admin: false } }
const BOB: Caller = { ...ADA, principal: "bob" }

class Served {
  readonly adapter: Adapter
  readonly platform = new TestPlatform(1, MILLIS)
  readonly #open: RemoteLog[] = []

  constructor(adapter: Adapter = memoryAdapter()) {
    this.adapter = adapter
  }
  async open(options: Partial<RemoteLogOptions> = {}): Promise<RemoteLog> {
    const log = await openRemoteLog(this.adapter, "log", { platform: this.platform, logger: silentLogger, ...options })
    this.#open.push(log)
    return log
  }
  /** The frames of the log, read. */
  async frames(): Promise<FrameReader[]> {
    const storage = await this.adapter.open("log", { durability: "none", create: false })
    const frames = await storage.read(0, { maxFrames: 1000, maxBytes: 1e9 })
    await storage.close()
    return frames.map((bytes) => {
      const reader = new FrameReader(crc32)
      reader.read(bytes)
      return reader
    })
  }
  async end(): Promise<void> {
    for (const log of this.#open) await log.close()
  }
}

const put = (seq: number, key: string, more: Partial<OperationNotation> = {}): OperationNotation => operation(seq, key, "01", more)
const push = (blocks: readonly BlockNotation[], more: Partial<PushRequest> = {}): PushRequest => ({
  basis: [],
  own: [fromHex(A)],
  parts: blocks.map(partOf),
  ...more,
})
const ok = (answer: PushAnswer): Extract<PushAnswer, { kind: "ok" }> => {
  assert.equal(answer.kind, "ok")
  return answer as Extract<PushAnswer, { kind: "ok" }>
}
const pairs = (answer: PushAnswer): unknown => ok(answer).pairs.map(({ writer, seq, withheld }) => [bytesToHex(writer), seq, withheld])
const page = (answer: PullAnswer): Extract<PullAnswer, { kind: "page" }> => {
  assert.equal(answer.kind, "page")
  return answer as Extract<PullAnswer, { kind: "page" }>
}
const pulled = (cursor: Cursor) => ({ cursor, have: [], partsBytesMax: 1e7 })
const FIRST = blockOf([A], [put(1, "k1")]), SECOND = blockOf([A], [put(2, "k2")])

describe("ServedLog", () => {
  it("handshake() tells of the head, the limits, the clock, and what ok means", async () => {
    const play = new Served(), log = await play.open({ limits: { partsMax: 7 } })
    assert.deepEqual(await log.handshake(ADA), {
      head: CURSOR_START,
      serverTimeMillis: MILLIS,
      limits: { ...DEFAULT_REMOTE_LIMITS, partsMax: 7 },
      rights: ADA.rights,
      durability: "buffered", // memory
      live: true,
    })
    const { last } = ok(await log.push(push([FIRST]), ADA))
    assert.deepEqual((await log.handshake(BOB)).head, last)
    await play.end()
  })

  it("push() stores one frame: the parts as they came, who brought them and when", async () => {
    const play = new Served(), log = await play.open(), other = blockOf([B], [put(1, "k3")])
    const answer = ok(await log.push(push([FIRST, other]), ADA))
    const [frame, ...more] = await play.frames()
    assert.equal(more.length, 0)
    assert.deepEqual([frame!.local, frame!.change, noteReceipt(frame!.receipt!)], [
      false,
      undefined,
      { principal: "ada", millis: MILLIS, own: [A] },
    ])
    const parts: string[] = []
    while (frame!.nextPart()) parts.push(bytesToHex(frame!.reader.buffer, frame!.reader.at, frame!.reader.end))
    assert.deepEqual(parts, [FIRST, other].map((block) => bytesToHex(encodeNotedBlock(block))))
    assert.deepEqual(answer.last, { position: 1, id: frame!.id })
    assert.deepEqual([answer.durability, answer.serverTimeMillis], ["buffered", MILLIS])
    assert.deepEqual(pairs(answer), [[A, 1, []], [B, 1, []]])
    await play.end()
  })

  it("T34 push() of the same again stores nothing, and answers the same", async () => {
    const play = new Served(), log = await play.open(), request = push([FIRST, SECOND])
    const first = ok(await log.push(request, ADA))
    assert.deepEqual(await log.push(request, ADA), first)
    assert.deepEqual(await log.push(request, BOB), first)
    assert.equal((await play.frames()).length, 1)
    const third = ok(await log.push(push([blockOf([A], [put(1, "k1"), put(2, "k2"), put(3, "k3")])]), ADA))
    assert.deepEqual([third.last.position, pairs(third)], [2, [[A, 3, []]]])
    await play.end()
  })

  it("push() answers with all that the log withholds of a writer", async () => {
    const play = new Served(), log = await play.open()
    const answer = await log.push(push([blockOf([A], [put(2, "k2")], { from: 0, to: 4, withheld: [1, 3, 4] })]), ADA)
    assert.deepEqual(pairs(answer), [[A, 4, [1, 3, 4]]])
    assert.deepEqual(pairs(await log.push(push([blockOf([A], [put(3, "k3")], { from: 2, to: 3 })]), ADA)), [[A, 4, [1, 4]]])
    await play.end()
  })

  it("S14 push() answers unknown unless every frame of its basis is in the log", async () => {
    const play = new Served(), log = await play.open(), { last } = ok(await log.push(push([FIRST]), ADA))
    const basis = (...cursors: readonly Cursor[]): Promise<PushAnswer> => log.push(push([SECOND], { basis: cursors }), ADA)
    const other = { position: 1, id: fromHex(B) }
    for (const cursors of [[other], [{ ...last, position: 2 }], [last, other], [CURSOR_START, { position: 1, id: CURSOR_START.id }]]) {
      assert.deepEqual(await basis(...cursors), { kind: "unknown" })
    }
    assert.equal((await play.frames()).length, 1)
    assert.equal(ok(await basis(last, CURSOR_START)).last.position, 2)
    assert.equal(ok(await basis(last)).last.position, 2, "it is still there, under the next frame")
    await play.end()
  })

  it("T50 a cursor with strange numbers is one that the log does not contain, and nothing is read for it", async () => {
    const adapter = faultyAdapter(memoryAdapter()), play = new Served(adapter), log = await play.open()
    const { last } = ok(await log.push(push([FIRST]), ADA)), reads = adapter.last.count("read")
    const strange: readonly unknown[] = [-1, -0.5, 0.5, 1.5, NaN, Infinity, -Infinity, 2 ** 53, 2 ** 31, "1", null, {}, [1]]
    for (const position of strange) {
      const cursor = { position: position as number, id: last.id }
      assert.equal((await log.pull(pulled(cursor), ADA)).kind, "restart", String(position))
      assert.deepEqual(await log.push(push([SECOND], { basis: [cursor] }), ADA), { kind: "unknown" })
    }
    for (const id of [new Uint8Array(0), new Uint8Array(15), last.id.slice(0, 8)]) {
      assert.equal((await log.pull(pulled({ position: 1, id }), ADA)).kind, "restart")
    }
    assert.equal(adapter.last.count("read"), reads)
    await play.end()
  })

  it("S19, S33, S35 push() stores nothing for any answer but ok", async () => {
    const play = new Served(), log = await play.open()
    const far = blockOf([A], [put(1, "k", { millis: MILLIS + CLOCK_DRIFT_MILLIS_MAX + 1 })])
    assert.equal((await log.push(push([FIRST, SECOND, blockOf([B], [put(1, "k", { value: "c1" })])]), ADA)).kind, "refused")
    assert.equal((await log.push(push([far]), ADA)).kind, "refused")
    assert.equal((await log.push(push([SECOND]), ADA)).kind, "unknown")
    assert.equal((await log.push(push([blockOf([B2, B], [put(1, "k")], { links: [[1, 1]] })]), ADA)).kind, "unknown")
    const readOnly: Caller = { ...ADA, rights: { ...ADA.rights, write: false, relay: false } }
    assert.deepEqual(await log.push(push([FIRST]), readOnly), { kind: "forbidden", writers: [fromHex(A)] })
    await assert.rejects(log.push(push([blockOf([A], [], { from: 0, to: 2 })]), ADA), CorruptBytes)
    assert.deepEqual(log.head, CURSOR_START)
    assert.equal(ok(await log.push(push([FIRST]), ADA)).last.position, 1, "and goes on")
    await play.end()
  })

  it("S21 the limit of stamps is what the log was told, by its own clock", async () => {
    const play = new Served(), log = await play.open({ clockAheadMillisMax: 1000 })
    const at = (millis: number): PushRequest => push([blockOf([A], [put(1, "k", { millis })])])
    assert.equal((await log.push(at(MILLIS + 1001), ADA)).kind, "refused")
    play.platform.millis++
    assert.equal((await log.push(at(MILLIS + 1001), ADA)).kind, "ok")
    await play.end()
  })

  it("T33 push() binds to its principal those writers alone of which it brings something as its own", async () => {
    const play = new Served(), log = await play.open(), own = [fromHex(A), fromHex(B), fromHex(B2), fromHex(A)]
    ok(await log.push(push([FIRST, blockOf([B], [put(1, "k2")])], { own: [fromHex(A)] }), BOB))
    // Ada claims a writer that nobody has seen, and one of which she brings nothing new.
    ok(await log.push(push([blockOf([B], [put(1, "k2")]), SECOND], { own: own.slice(1, 3) }), ADA))
    assert.deepEqual((await play.frames()).map(({ receipt }) => noteReceipt(receipt!).own), [[A], []])
    ok(await log.push(push([blockOf([B2], [put(1, "k3")])], { own: [fromHex(B2)] }), BOB))
    ok(await log.push(push([blockOf([B], [put(2, "k4")])], { own: [fromHex(B)] }), BOB))
    const stolen = await log.push(push([blockOf([B], [put(3, "k5")])], { own: [fromHex(B)] }), ADA)
    assert.ok(stolen.kind === "refused" && stolen.refused[0]!.code === "writer_not_owned")
    await play.end()
  })

  it("T40 push() stores nothing that the log could not read back, whoever calls it", async () => {
    const play = new Served(), log = await play.open()
    await assert.rejects(log.push(push([FIRST]), { ...ADA, principal: "x".repeat(1025) }), CorruptBytes)
    assert.deepEqual(log.head, CURSOR_START)
    assert.equal(ok(await log.push(push([FIRST]), { ...ADA, principal: "x".repeat(1024) })).last.position, 1)
    await play.end()
    assert.equal((await (await play.open()).handshake(ADA)).head.position, 1)
    await play.end()
  })

  it("S2 two handles of one log take each push once, and judge it anew when the other one was faster", async () => {
    const play = new Served(), logs = [await play.open(), await play.open()] as const
    const answers = await Promise.all([
      ...logs.map((log) => log.push(push([FIRST, SECOND]), ADA)),
      logs[0].push(push([blockOf([B], [put(1, "k3")])], { own: [] }), BOB),
      logs[1].push(push([blockOf([A], [put(2, "k2"), put(3, "k4")])]), ADA),
    ])
    for (const answer of answers) ok(answer)
    const handles = await Promise.all(logs.map((log) => log.handshake(ADA)))
    assert.deepEqual(handles[0]!.head, handles[1]!.head)
    const again = await logs[0].push(push([FIRST, SECOND, blockOf([A], [put(3, "k4")])]), ADA)
    assert.deepEqual(pairs(again), [[A, 3, []]])
    assert.equal((await play.frames()).length, 3)
    await play.end()
  })

  it("S2 a push whose append lost its answer is stored once, and answered ok", async () => {
    const adapter = faultyAdapter(memoryAdapter()), play = new Served(adapter), log = await play.open()
    adapter.last.next("append", failAfter(new Error("the line is dead")))
    assert.equal(ok(await log.push(push([FIRST]), ADA)).last.position, 1)
    assert.equal((await play.frames()).length, 1)
    await play.end()
  })

  it("push() is judged against the log as it ends when it is stored: two that wait in line, too", async () => {
    const adapter = faultyAdapter(memoryAdapter()), gate = new Gate(), play = new Served(adapter), log = await play.open()
    adapter.last.next("append", hold(gate))
    const first = log.push(push([FIRST]), ADA), second = log.push(push([FIRST, SECOND]), ADA), third = log.push(push([SECOND]), BOB)
    await gate.reached
    gate.open()
    assert.deepEqual([pairs(await first), pairs(await second), pairs(await third)], [[[A, 1, []]], [[A, 2, []]], [[A, 2, []]]])
    assert.equal((await play.frames()).length, 2)
    await play.end()
  })

  it("S16 pull() gives pages behind a cursor of the log, and says whether the last frame was among them", async () => {
    const play = new Served(), log = await play.open()
    for (const block of [FIRST, SECOND, blockOf([B], [put(1, "k3")])]) ok(await log.push(push([block]), ADA))
    const all = page(await log.pull(pulled(CURSOR_START), ADA))
    assert.deepEqual([all.parts.length, all.next, all.head, all.upToDate, all.serverTimeMillis], [3, log.head, 3, true, MILLIS])
    const first = page(await log.pull({ ...pulled(CURSOR_START), partsBytesMax: 1 }, ADA))
    assert.deepEqual([first.parts.length, first.next.position, first.head, first.upToDate], [1, 1, 3, false])
    const rest = page(await log.pull(pulled(first.next), ADA))
    assert.deepEqual([rest.parts.length, rest.upToDate], [2, true])
    const none = page(await log.pull(pulled(log.head), ADA))
    assert.deepEqual([none.parts.length, none.next, none.upToDate], [0, log.head, true])
    await play.end()
  })

  it("S16 pull() answers restart to a cursor that the log does not contain, and never to the beginning", async () => {
    const play = new Served(), log = await play.open(), restart = { kind: "restart", at: CURSOR_START, serverTimeMillis: MILLIS }
    assert.deepEqual(await log.pull(pulled({ position: 1, id: fromHex(B) }), ADA), restart, "the log was wiped")
    ok(await log.push(push([FIRST]), ADA))
    assert.deepEqual(await log.pull(pulled({ position: 1, id: fromHex(B) }), ADA), restart, "the log is another one")
    assert.deepEqual(await log.pull(pulled({ ...log.head, position: 2 }), ADA), restart)
    assert.equal(page(await log.pull(pulled({ position: 0, id: fromHex(B) }), ADA)).parts.length, 1, "position 0 is before every log")
    await play.end()
  })

  it("contains frames far behind its head, which it does not keep in mind", async () => {
    const play = new Served(), log = await play.open(), { last } = ok(await log.push(push([FIRST]), ADA))
    for (let seq = 2; seq < 1100; seq++) ok(await log.push(push([blockOf([A], [put(seq, "k")])]), ADA))
    assert.equal(page(await log.pull({ ...pulled(last), partsBytesMax: 1 }, ADA)).next.position, 2)
    assert.equal((await log.pull(pulled({ ...last, id: fromHex(B) }), ADA)).kind, "restart")
    await play.end()
  })

  it("serves a log that a device writes, without what that device knows", async () => {
    const adapter = memoryAdapter(), storage = await adapter.open("log", { durability: "none", create: true })
    const source = await storageOf([[FIRST], { change: null, receipt: { principal: "cyd", millis: 1, own: [B] } }])
    for (const [at, frame] of (await source.read(0, { maxFrames: 9, maxBytes: 1e6 })).entries()) await storage.append(at + 1, frame)
    await storage.close()
    const play = new Served(adapter), log = await play.open()
    assert.deepEqual(log.head, cursorOf(2))
    assert.deepEqual(page(await log.pull(pulled(CURSOR_START), ADA)).parts, [partOf(FIRST)])
    const stolen = await log.push(push([blockOf([B], [put(1, "k")])], { own: [fromHex(B)] }), ADA)
    assert.equal(stolen.kind, "refused", "the owner is in the log")
    await play.end()
  })

  it("onHead() hears of every new head, of this handle and of others, until it is ended", async () => {
    const play = new Served(), [log, other] = [await play.open(), await play.open()], heads: number[] = []
    const heard = Promise.withResolvers<void>()
    const stop = log.onHead(({ position }) => {
      heads.push(position)
      if (position === 2) heard.resolve()
    })
    ok(await log.push(push([FIRST]), ADA))
    ok(await other.push(push([SECOND]), ADA))
    await heard.promise
    stop()
    ok(await log.push(push([blockOf([A], [put(3, "k")])]), ADA))
    assert.deepEqual(heads, [1, 2])
    await play.end()
  })

  it("reads no frame when it is called for a commit that moved nothing: a medium of many stores calls for every one", async () => {
    const memory = memoryAdapter(), calls: (() => void)[] = []
    const adapter = faultyAdapter(memory, {
      prepare: (storage) =>
        storage.watch = (listener) => {
          calls.push(listener)
          return () => {}
        },
    })
    const served = new Served(adapter), log = await served.open()
    ok(await log.push(push([FIRST]), ADA))
    const { last } = adapter, reads = last.count("read"), heads = last.count("head")
    for (const call of calls) call()
    await turn()
    assert.deepEqual([calls.length, last.count("read") - reads, last.count("head") - heads], [1, 0, 1])
    const other = await new Served(memory).open()
    ok(await other.push(push([SECOND]), ADA))
    for (const call of calls) call()
    await turn()
    assert.equal(log.head.position, 2)
    await served.end()
    await other.close()
  })

  it("close() ends it: calls reject, and a push that was called before is answered", async () => {
    const play = new Served(), log = await play.open(), pushed = log.push(push([FIRST]), ADA)
    const closed = log.close()
    ok(await pushed)
    await closed
    for (const call of [() => log.push(push([SECOND]), ADA), () => log.pull(pulled(CURSOR_START), ADA), () => log.handshake(ADA)]) {
      await assert.rejects(call(), StoreClosed)
    }
    await log.close()
  })
})

describe("PushAuthor", () => {
  it("T58 forgets the writers of pushes that were not taken: they fill no memory", async () => {
    const author = new PushAuthor({
      platform: new TestPlatform(1, MILLIS),
      checksum: chooseChecksum(undefined),
      admission: { limits: DEFAULT_REMOTE_LIMITS, clockAheadMillisMax: 0, refuse: undefined },
      durability: "buffered",
      containsAll: () => Promise.resolve(true),
      head: () => CURSOR_START,
      onFrame: () => {},
      onReplaced: () => {},
    })
    const idOf = (at: number): string => (at + 1).toString(16).padStart(32, "0"), out = new ByteWriter()
    const run = async (block: BlockNotation): Promise<string> => {
      let answer = "none"
      const queued = {
        request: push([block], { own: [fromHex(block.writers[0]!)] }),
        caller: ADA,
        bytes: 0,
        operations: 0,
        end: ({ kind }: PushAnswer) => void (answer = kind),
        fail: () => void (answer = "failed"),
      }
      await author.prepare([queued])
      out.reset()
      const taken = author.build([queued], out, { position: 1, id: new Uint8Array(16), previous: new Uint8Array(16), flags: 0 })
      if (out.length > 0) author.foldBuilt()
      author.settle([queued], taken)
      return answer
    }
    for (let at = 0; at < 100; at++) {
      assert.equal(await run(blockOf([idOf(at), idOf(at + 1000)], [put(1, "k", { millis: MILLIS + 1 })])), "refused")
      assert.equal(await run(blockOf([idOf(at), idOf(at + 1000)], [put(1, "k")], { links: [[1, 1]] })), "unknown")
      assert.equal(await run(blockOf([idOf(at)], [], { from: 0, to: 5 })), "failed")
    }
    assert.equal(author.views.writers.size, 0)
    assert.equal(await run(blockOf([idOf(5)], [put(1, "k")])), "ok")
    assert.equal(author.views.writers.size, 1)
  })
})

describe("openRemoteLog()", () => {
  it("refuses an adapter whose frames are too small for what others may send", async () => {
    const play = new Served(faultyAdapter(memoryAdapter(), { capabilities: { maxFrameBytes: 3_999_999 } }))
    await assert.rejects(play.open(), NotSyncable)
    assert.deepEqual(await play.adapter.list(), [], "before anything is made")
    await new Served(faultyAdapter(memoryAdapter(), { capabilities: { maxFrameBytes: 4_000_000 } })).open()
  })

  it("makes a store that is missing, unless it is told not to", async () => {
    const play = new Served()
    await assert.rejects(play.open({ create: false }), StoreNotFound)
    await play.open()
    await play.open({ create: false })
    await play.end()
  })

  it("gives a log back that it cannot read, and rejects", async () => {
    const adapter = faultyAdapter(memoryAdapter()), play = new Served(adapter)
    ok(await (await play.open()).push(push([FIRST]), ADA))
    await play.end()
    const broken = faultyAdapter(adapter, {
      prepare: (storage) =>
        storage.always("read", async (call) => ((await call()) as readonly Uint8Array[]).map((bytes) => bytes.with(20, bytes[20]! ^ 1))),
    })
    await assert.rejects(new Served(broken).open(), { code: "corrupt_frame" })
    assert.equal(broken.last.count("close"), 1)
  })
})
