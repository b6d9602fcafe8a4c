import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { A, B, blockOf, operation } from "../../conformance/vectors/blocks.ts"
import { changeOf } from "../../conformance/vectors/frames.ts"
import { CorruptBytes } from "../errors.ts"
import { type BlockNotation, encodeNotedBlock, fromHex } from "../format/block-notation.ts"
import { crc32 } from "../format/checksum.ts"
import { WITHHELD_BYTES } from "../limits.ts"
import { bytesToHex } from "../model/identifiers.ts"
import type { LogStorage } from "../ports/log-storage.ts"
import type { PassedRange, PullRequest, RemoteLimits } from "../ports/remote.ts"
import { FaultyStorage } from "../testing/faulty-storage.ts"
import { cursorOf, partOf, storageOf } from "../testing/noted-frames.ts"
import { type LogPage, readPage } from "./log-pages.ts"
import { DEFAULT_REMOTE_LIMITS } from "./remote-log.ts"

/** Numbers `from` + 1 to `to` of a writer, each a put of its own key. */
const run = (writer: string, from: number, to: number, more: Partial<BlockNotation> = {}): BlockNotation =>
  blockOf([writer], Array.from({ length: to - from }, (_, at) => operation(from + at + 1, `k${from + at}`, "01", { counter: at })), more)

const have = (...entries: readonly (readonly [writer: string, seq: number])[]): PassedRange[] =>
  entries.map(([writer, seq]) => ({ writer: fromHex(writer), seq }))

interface Asked extends Partial<PullRequest> {
  readonly head?: number
  readonly limits?: Partial<RemoteLimits>
}
const page = async (storage: LogStorage, { head, limits, ...asked }: Asked = {}): Promise<LogPage> => {
  const request = { cursor: cursorOf(0), have: [], partsBytesMax: 10_000_000, ...asked }
  return await readPage(storage, crc32, request, head ?? await storage.head(), { ...DEFAULT_REMOTE_LIMITS, ...limits })
}
const show = ({ parts, ranges, next }: LogPage): unknown => ({
  parts: parts.map(({ type, content }) => [type, bytesToHex(content)]),
  ranges: ranges.map(({ writer, seq }) => [bytesToHex(writer), seq]),
  next,
})
const shown = (
  position: number,
  blocks: readonly BlockNotation[],
  ranges: readonly (readonly [string, number])[] = [],
): unknown => ({ parts: blocks.map((block) => [1, bytesToHex(encodeNotedBlock(block))]), ranges, next: cursorOf(position) })

const FRAMES: readonly (readonly BlockNotation[])[] = [
  [run(A, 0, 1)],
  [run(B, 0, 2), run(A, 1, 2)],
  [],
  [run(A, 2, 5)],
]

describe("readPage()", () => {
  it("S16 gives the parts of whole frames behind the cursor, byte for byte and in order, and the last frame's place", async () => {
    const storage = await storageOf(FRAMES)
    assert.deepEqual(show(await page(storage)), shown(4, FRAMES.flat()))
    assert.deepEqual(show(await page(storage, { cursor: cursorOf(2) })), shown(4, [run(A, 2, 5)]))
    assert.deepEqual(show(await page(storage, { cursor: cursorOf(2), head: 3 })), shown(3, []))
  })

  it("reads no frame for a cursor at the head", async () => {
    const storage = new FaultyStorage(await storageOf(FRAMES))
    assert.deepEqual(show(await page(storage, { cursor: cursorOf(4), head: 4 })), shown(4, []))
    assert.equal(storage.count("read"), 0)
  })

  it("goes on where the storage gives fewer frames than it was asked for", async () => {
    const storage = new FaultyStorage(await storageOf(FRAMES))
    storage.always("read", async (call) => ((await call()) as readonly unknown[]).slice(0, 1))
    assert.deepEqual(show(await page(storage, { head: 4 })), shown(4, FRAMES.flat()))
    assert.equal(storage.count("read"), 4)
  })

  it("hands on neither changes nor receipts, and parts that it does not know as they are", async () => {
    const unknown = { type: 200, content: "c1ff" }
    const storage = await storageOf([
      { change: changeOf({ offset: 1 }), receipt: { principal: "ada", millis: 1, own: [A] } },
      { parts: [unknown, { type: 1, content: bytesToHex(encodeNotedBlock(run(A, 0, 1))) }] },
    ])
    const { parts, next } = await page(storage)
    assert.deepEqual(parts, [{ type: 200, content: fromHex("c1ff") }, partOf(run(A, 0, 1))])
    assert.deepEqual(next, cursorOf(2))
  })

  it("ends before the frame that reaches over a limit, and not a byte, operation or part earlier", async () => {
    const storage = await storageOf(FRAMES), sizes = FRAMES.map((blocks) => blocks.map((block) => encodeNotedBlock(block).length))
    const bytes = sizes.slice(0, 2).flat().reduce((sum, size) => sum + size)
    // The third frame is empty, so it always goes along.
    for (
      const [limits, position] of [
        [{ partsBytesMax: bytes }, 3],
        [{ partsBytesMax: bytes - 1 }, 1],
        [{ partsBytesMax: bytes + sizes[3]![0]! }, 4],
        [{ partsBytesMax: bytes + sizes[3]![0]! - 1 }, 3],
        [{ operationsMax: 4 }, 3],
        [{ operationsMax: 3 }, 1],
        [{ operationsMax: 7 }, 4],
        [{ partsMax: 3 }, 3],
        [{ partsMax: 2 }, 1],
        [{ partsMax: 4 }, 4],
      ] as const
    ) {
      assert.deepEqual((await page(storage, { limits })).next, cursorOf(position), JSON.stringify(limits))
      if ("partsBytesMax" in limits) assert.deepEqual((await page(storage, limits)).next, cursorOf(position), "what the puller asked for")
    }
  })

  it("T60 gives one frame however little is asked for, and never more than the log's own limit", async () => {
    const storage = await storageOf(FRAMES)
    for (const partsBytesMax of [1, 0, -5, Number.MIN_VALUE]) {
      assert.deepEqual((await page(storage, { partsBytesMax })).next, cursorOf(1), String(partsBytesMax))
    }
    const limits = { partsBytesMax: 1, partsMax: 1, operationsMax: 1 }
    assert.deepEqual((await page(storage, { partsBytesMax: 2 ** 53, limits, cursor: cursorOf(1) })).next, cursorOf(2))
  })

  it("counts ranges as parts", async () => {
    const storage = await storageOf(FRAMES), asked = { have: have([A, 5], [B, 2]), limits: { partsMax: 1 } }
    assert.deepEqual(show(await page(storage, asked)), shown(1, [], [[A, 1]]))
    assert.deepEqual(show(await page(storage, { ...asked, limits: { partsMax: 3 } })), shown(4, [], [[A, 5], [B, 2]]))
  })

  it("leaves out the blocks of which the puller says that it has all, and gives the last number of each writer", async () => {
    const storage = await storageOf(FRAMES)
    assert.deepEqual(show(await page(storage, { have: have([A, 2]) })), shown(4, [run(B, 0, 2), run(A, 2, 5)], [[A, 2]]))
    assert.deepEqual(show(await page(storage, { have: have([A, 4], [B, 1]) })), shown(4, [run(B, 0, 2), run(A, 2, 5)], [[A, 2]]))
    assert.deepEqual(show(await page(storage, { have: have([B, 9]) })), shown(4, [run(A, 0, 1), run(A, 1, 2), run(A, 2, 5)], [[B, 2]]))
  })

  it("S13 names the greatest number of a writer whose blocks overlap, not the last one", async () => {
    const storage = await storageOf([[run(A, 0, 5)], [run(A, 0, 2)]])
    assert.deepEqual(show(await page(storage, { have: have([A, 5]) })), shown(2, [], [[A, 5]]))
  })

  it("S20 leaves out no block that names withheld numbers: the puller has to hear of them", async () => {
    const withheld = run(A, 1, 3, { from: 0, withheld: [1] })
    const storage = await storageOf([[withheld], [run(A, 3, 4)]])
    assert.deepEqual(show(await page(storage, { have: have([A, 9]) })), shown(2, [withheld], [[A, 4]]))
  })

  it("T40 counts withheld numbers with what the puller has to tell of them", async () => {
    const withheld = Array.from({ length: 50 }, (_, at) => at + 1)
    const block = run(A, 50, 51, { from: 0, withheld }), bytes = encodeNotedBlock(block).length + withheld.length * WITHHELD_BYTES
    const small = encodeNotedBlock(run(B, 0, 1)).length
    const storage = await storageOf([[run(B, 0, 1)], [block]])
    assert.deepEqual((await page(storage, { partsBytesMax: bytes + small })).next, cursorOf(2))
    assert.deepEqual((await page(storage, { partsBytesMax: bytes + small - 1 })).next, cursorOf(1))
    assert.deepEqual((await page(storage, { partsBytesMax: 1, cursor: cursorOf(1) })).next, cursorOf(2), "alone it goes")
  })

  it("page after page gives all that there is, once, whatever the limits are", async () => {
    const anyFrames = fc.array(fc.array(fc.tuple(fc.constantFrom(A, B), fc.integer({ min: 1, max: 3 })), { maxLength: 3 }), {
      maxLength: 12,
    })
    const anyLimits = fc.record({
      partsBytesMax: fc.integer({ min: 1, max: 2000 }),
      operationsMax: fc.integer({ min: 1, max: 12 }),
      partsMax: fc.integer({ min: 1, max: 8 }),
    })
    await fc.assert(
      fc.asyncProperty(anyFrames, anyLimits, fc.nat(8), async (plan, limits, had) => {
        const last = new Map<string, number>()
        const frames = plan.map((blocks) =>
          blocks.map(([writer, rows]) => {
            const from = last.get(writer) ?? 0
            last.set(writer, from + rows)
            return run(writer, from, from + rows)
          })
        )
        const storage = await storageOf(frames), parts: string[] = [], ranges = new Map<string, number>()
        for (let cursor = cursorOf(0); cursor.position < frames.length;) {
          const { next, ...brought } = await page(storage, { cursor, limits, have: have([A, had]) })
          assert.ok(next.position > cursor.position)
          for (const { content } of brought.parts) parts.push(bytesToHex(content))
          for (const { writer, seq } of brought.ranges) ranges.set(bytesToHex(writer), seq)
          cursor = next
        }
        const isPassed = ({ writers: [writer], to }: BlockNotation): boolean => writer === A && to <= had
        assert.deepEqual(parts, frames.flat().filter((block) => !isPassed(block)).map((block) => bytesToHex(encodeNotedBlock(block))))
        const passed = frames.flat().findLast(isPassed)
        assert.deepEqual([...ranges], passed === undefined ? [] : [[A, passed.to]])
      }),
      { numRuns: 60 },
    )
  })

  it("rejects for a frame that is damaged", async () => {
    const storage = new FaultyStorage(await storageOf(FRAMES))
    storage.always("read", async (call) => {
      const frames = (await call()) as readonly Uint8Array[]
      return frames.map((bytes) => bytes.with(30, 1))
    })
    await assert.rejects(page(storage, { head: 4 }), CorruptBytes)
  })
})
