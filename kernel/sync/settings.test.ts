/**
 * Goal: settings never leave their log (F-66): not in a push, not in a page, not through a copy that relays; and nobody takes one from outside.
 * Method: logs with settings anywhere are planned, served and synced, and compared with the same logs without them.
 */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { A, B, blockOf, MILLIS, operation } from "../../conformance/vectors/blocks.ts"
import { FormatTooNew } from "../errors.ts"
import { type BlockNotation, fromHex } from "../format/block-notation.ts"
import { crc32 } from "../format/checksum.ts"
import { FrameReader, PartType } from "../format/frame.ts"
import { encodeSetting } from "../format/settings.ts"
import { BATCH_OPERATIONS_MAX, PARTS_MAX } from "../limits.ts"
import { bytesToHex } from "../model/identifiers.ts"
import type { Adapter } from "../ports/log-storage.ts"
import { silentLogger } from "../ports/logger.ts"
import type { Part, Remote } from "../ports/remote.ts"
import { openStore } from "../store/store.ts"
import { anySetting } from "../testing/any-setting.ts"
import { ask, openDevices, syncAll } from "../testing/devices.ts"
import { cursorOf, NotedFrames, partOf, storageOf, type Told } from "../testing/noted-frames.ts"
import { newViews } from "../testing/oracle-frames.ts"
import { PlannedLog, REMOTE } from "../testing/planned-log.ts"
import { TestPlatform } from "../testing/platform.ts"
import { CURSOR_START } from "../views/remotes.ts"
import { judge } from "./judge.ts"
import { Known } from "./known.ts"
import { logRemote } from "./log-remote.ts"
import { readPage, recentFrameOf } from "./log-pages.ts"
import { checkParts } from "./pages.ts"
import { planPush } from "./planner.ts"
import { RemoteCycle } from "./remote-cycle.ts"
import { type Caller, DEFAULT_REMOTE_LIMITS } from "./remote-log.ts"

const ADA: Caller = { principal: "ada", rights: { read: true, write: true, relay: true, admin: false } }
const SIGNAL = { signal: new AbortController().signal }
const LIMITS = { partsBytesMax: 3_500_000, operationsMax: BATCH_OPERATIONS_MAX, partsMax: PARTS_MAX }
const MANUAL = { collection: undefined, strategy: "manual", deleteConflict: "manual", type: undefined } as const
const SETTING: Part = { type: PartType.settings, content: encodeSetting(MANUAL) }

type NotedPart = { readonly type: number; readonly content: string }
const noted = ({ type, content }: Part): NotedPart => ({ type, content: bytesToHex(content) })
const run = (from: number, to: number): BlockNotation =>
  blockOf([A], Array.from({ length: to - from }, (_, at) => operation(from + at + 1, `k${from + at}`, "01", { counter: at })))

/** Frames of blocks and settings in some order; the same without settings. */
const anyFrames = fc.array(
  fc.array(fc.oneof({ weight: 2, arbitrary: fc.integer({ min: 1, max: 3 }) }, anySetting), { maxLength: 4 }),
  { maxLength: 10 },
).map((plan) => {
  let last = 0
  const frames = plan.map((parts) =>
    parts.map((part) =>
      typeof part === "number" ? partOf(run(last, last += part)) : { type: PartType.settings, content: encodeSetting(part) }
    )
  )
  return { frames, without: frames.map((parts) => parts.filter(({ type }) => type !== PartType.settings)) }
})
const told = (parts: readonly Part[]): Told => ({
  parts: parts.map(noted),
  flags: parts.some(({ type }) => type === PartType.block) ? 1 : 0,
})

/** Types of the parts of all frames of a log. */
async function typesIn(adapter: Adapter, name: string): Promise<number[]> {
  const storage = await adapter.open(name, { durability: "none", create: false }), reader = new FrameReader(crc32), types: number[] = []
  for (const bytes of await storage.read(0, { maxFrames: 10_000, maxBytes: 1e9 })) {
    reader.read(bytes)
    while (reader.nextPart()) types.push(reader.partType)
  }
  await storage.close()
  return types
}

describe("settings", () => {
  it("F-66 are in no push: it is the one of the same log without them", async () => {
    await fc.assert(
      fc.asyncProperty(anyFrames, fc.integer({ min: 1, max: 6 }), async ({ frames, without }, partsMax) => {
        const pushes = await Promise.all([frames, without].map(async (log) => {
          const planned = new PlannedLog()
          for (const parts of log) planned.add([], told(parts))
          const plan = await planPush(planned.caughtUp(), new Known(REMOTE), { ...LIMITS, partsMax })
          return plan?.request.parts.map(noted)
        }))
        assert.deepEqual(pushes[0], pushes[1])
        assert.ok(pushes[0]?.every(({ type }) => type === PartType.block) ?? true)
      }),
      { numRuns: 60 },
    )
  })

  it("F-66 are in no page, nor do they count in one: it is the one of the same log without them", async () => {
    await fc.assert(
      fc.asyncProperty(anyFrames, fc.nat(12), fc.integer({ min: 1, max: 6 }), fc.boolean(), async (log, had, partsMax, isRemembered) => {
        const pages = await Promise.all([log.frames, log.without].map(async (frames) => {
          const storage = await storageOf(frames.map(told)), reader = new FrameReader(crc32), given: unknown[] = []
          const read = await storage.read(0, { maxFrames: 100, maxBytes: 1e9 })
          const recent = new Map(read.map((bytes, at) => {
            reader.read(bytes)
            return [at + 1, recentFrameOf(reader)]
          }))
          for (let cursor = cursorOf(0); cursor.position < frames.length;) {
            const asked = { cursor, have: had > 0 ? [{ writer: fromHex(A), seq: had }] : [], partsBytesMax: 1e6 }
            const limits = { ...DEFAULT_REMOTE_LIMITS, partsMax }
            const { next, parts, ranges } = await readPage(storage, crc32, asked, frames.length, limits, isRemembered ? recent : undefined)
            assert.ok(next.position > cursor.position)
            given.push([next.position, parts.map(noted), ranges])
            cursor = next
          }
          return given
        }))
        assert.deepEqual(pages[0], pages[1])
      }),
      { numRuns: 60 },
    )
  })

  it("a frame of nothing but settings is passed over, and read by nobody who has the rest", async () => {
    const storage = await storageOf([told([SETTING])]), reader = new FrameReader(crc32)
    reader.read((await storage.read(0, { maxFrames: 1, maxBytes: 1 }))[0]!)
    assert.deepEqual(recentFrameOf(reader).ranges, [])
    const asked = { cursor: cursorOf(0), have: [], partsBytesMax: 1 }
    assert.deepEqual(await readPage(storage, crc32, asked, 1, DEFAULT_REMOTE_LIMITS), { parts: [], ranges: [], next: cursorOf(1) })
  })

  it("F-66 are refused in a push, alone and beside blocks, and nothing of it is taken", () => {
    const admission = { limits: DEFAULT_REMOTE_LIMITS, clockAheadMillisMax: 300_000, refuse: undefined }
    for (const parts of [[SETTING], [partOf(run(0, 1)), SETTING], [SETTING, partOf(run(0, 1))]]) {
      assert.throws(() => judge({ basis: [CURSOR_START], own: [fromHex(A)], parts }, ADA, newViews(), admission, MILLIS), (error) => {
        assert.ok(error instanceof FormatTooNew)
        assert.equal(error.details.found, PartType.settings)
        return true
      })
    }
  })

  it("F-66 are refused in a page, alone and beside blocks", () => {
    for (const parts of [[SETTING], [partOf(run(0, 1)), SETTING], [SETTING, partOf(run(0, 1))]]) {
      assert.throws(() => checkParts(parts, REMOTE), (error) => {
        assert.ok(error instanceof FormatTooNew)
        assert.equal(error.details.found, PartType.settings)
        return true
      })
    }
  })

  it("F-66 that a lying remote sends with a page change nothing here, nor does the page", async () => {
    const server = memoryAdapter(),
      options = { store: "notes", name: "server", platform: new TestPlatform(5, MILLIS), logger: silentLogger }
    const honest = logRemote(server, options)
    await honest.push({ basis: [CURSOR_START], own: [fromHex(A)], parts: [partOf(run(0, 1))] }, SIGNAL)
    const liar: Remote = {
      name: honest.name,
      handshake: (options) => honest.handshake(options),
      push: (request, options) => honest.push(request, options),
      watch: (onHint, options) => honest.watch(onHint, options),
      close: () => honest.close(),
      pull: async (request, options) => {
        const answer = await honest.pull(request, options)
        return answer.kind === "page" ? { ...answer, parts: [...answer.parts, SETTING] } : answer
      },
    }
    const store = await openStore("notes", memoryAdapter())
    await assert.rejects(new RemoteCycle(store.synced, liar).pull(SIGNAL.signal), FormatTooNew)
    assert.deepEqual([store.status().head, await store.records.count()], [0, 0])
    await new RemoteCycle(store.synced, honest).pull(SIGNAL.signal)
    assert.equal(await store.records.count(), 1)
    await store.close()
    await liar.close()
  })

  it("F-66 stay in the log of the device that made them: neither the server's log nor another device's has one", async () => {
    const adapters: Adapter[] = []
    const devices = await openDevices(3, () => {
      adapters.push(memoryAdapter())
      return adapters.at(-1)!
    })
    const [first, second] = devices
    await first!.store.collection("notes", { strategy: "manual" }).put("a", 1)
    await second!.store.collection("notes").put("a", 2)
    await first!.store.collection("counters", { strategy: "merge", merge: (local) => local.value }).put("n", 1)
    for (let round = 0; round < 2; round++) await syncAll(devices)
    assert.equal(adapters.length, 4, "the server's and the devices'")
    for (const adapter of adapters) {
      const types = await typesIn(adapter, "notes")
      assert.ok(types.includes(PartType.block))
      assert.equal(types.filter((type) => type === PartType.settings).length, adapter === first!.adapter ? 2 : 0)
    }
    // A log that has settings itself is served.
    const remote = logRemote(first!.adapter, { store: "notes", name: "first", platform: new TestPlatform(5, MILLIS), logger: silentLogger })
    await remote.handshake(SIGNAL)
    const answer = await remote.pull({ cursor: CURSOR_START, have: [], partsBytesMax: 1e6 }, SIGNAL)
    assert.ok(answer.kind === "page" && answer.parts.length > 0 && answer.parts.every(({ type }) => type === PartType.block))
    await assert.rejects(remote.push({ basis: [CURSOR_START], own: [], parts: [SETTING] }, SIGNAL), FormatTooNew)
    await remote.close()
    const open = await ask(devices, async (store) => (await store.collection("notes").conflicts()).map(({ key }) => key))
    assert.deepEqual(open, [["a"], [], []], "the same versions, by other rules")
    assert.equal(new Set(await ask(devices, (store) => store.digest())).size, 1)
    for (const { store } of devices) await store.close()
  })

  it("F-66 go along where a log is copied frame by frame", async () => {
    const adapter = memoryAdapter(), other = memoryAdapter(), frames = new NotedFrames()
    for (const one of [adapter, other]) await (await one.open("log", { durability: "none", create: true })).close()
    const bytes = [
      frames.next([], told([SETTING])),
      frames.next([run(0, 1)]),
      frames.next([blockOf([B], [operation(1, "k0", "02", { millis: MILLIS + 1 })])]),
    ]
    for (const one of [adapter, other]) {
      const storage = await one.open("log", { durability: "none", create: false })
      for (const [at, frame] of bytes.entries()) await storage.append(at + 1, frame)
      await storage.close()
      const store = await openStore("log", one)
      assert.deepEqual((await store.records.conflicts()).map(({ key }) => key), ["k0"])
      await store.close()
    }
  })
})
