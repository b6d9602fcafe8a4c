import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { FrameList } from "./frame-list.ts"

const frameOf = (length: number, fill: number): Uint8Array<ArrayBuffer> => new Uint8Array(length).fill(fill)
const ALL = { maxFrames: Number.MAX_SAFE_INTEGER, maxBytes: Number.MAX_SAFE_INTEGER }

describe("FrameList", () => {
  // Goal: whatever is pushed and dropped, pages equal those of a plain array. Method: a random program against that array.
  it("answers as an array of copies would, over chunks of every fill", () => {
    const push = fc.record({
      kind: fc.constant("push" as const),
      // 100 often, so that pages end exactly at maxBytes.
      length: fc.oneof(fc.constant(100), fc.integer({ min: 1, max: 300 }), fc.constantFrom(1023, 1024, 1025, 65_535, 65_536, 65_537)),
    })
    const drop = fc.record({ kind: fc.constant("drop" as const), share: fc.double({ min: 0, max: 1, noNaN: true }) })
    const read = fc.record({
      kind: fc.constant("read" as const),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      maxFrames: fc.integer({ min: 1, max: 10 }),
      maxBytes: fc.oneof(fc.constantFrom(100, 200, 300), fc.integer({ min: 1, max: 5000 })),
    })
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 6, arbitrary: push }, { weight: 1, arbitrary: drop }, { weight: 3, arbitrary: read }), {
          maxLength: 120,
        }),
        (program) => {
          const list = new FrameList()
          const model: Uint8Array[] = []
          let base = 0
          for (const step of program) {
            if (step.kind === "push") {
              const frame = frameOf(step.length, model.length & 0xff)
              list.push(frame)
              model.push(frame)
            } else if (step.kind === "drop") {
              base += Math.floor(step.share * (model.length - base))
              list.drop(base)
            } else {
              const after = base + Math.round(step.share * (model.length - base))
              const expected: Uint8Array[] = []
              let bytes = 0
              for (const frame of model.slice(after, after + step.maxFrames)) {
                bytes += frame.length
                if (expected.length > 0 && bytes > step.maxBytes) break
                expected.push(frame)
              }
              assert.deepEqual(list.page(after, step), expected)
            }
            assert.equal(list.head, model.length)
            assert.equal(list.base, base)
          }
          assert.deepEqual(list.page(base, ALL), model.slice(base))
        },
      ),
      { numRuns: 300 },
    )
  })

  it("keeps a page as it was while the list grows and drops", () => {
    const list = new FrameList()
    for (let index = 0; index < 20; index += 1) list.push(frameOf(100, index))
    const page = list.page(0, ALL)
    for (let index = 20; index < 2000; index += 1) list.push(frameOf(100, index))
    list.drop(1500)
    assert.deepEqual(page, Array.from({ length: 20 }, (_, index) => frameOf(100, index)))
  })

  it("packs small frames: 100,000 of 20 bytes lie in fewer than 100 buffers", () => {
    const list = new FrameList()
    const frame = frameOf(20, 7)
    for (let index = 0; index < 100_000; index += 1) list.push(frame)
    const buffers = new Set(list.page(0, ALL).map((view) => view.buffer))
    assert.ok(buffers.size < 100, `${buffers.size} buffers`)
  })

  it("frees chunks whose frames are all dropped", () => {
    const list = new FrameList()
    for (let index = 0; index < 100; index += 1) list.push(frameOf(65_536, index))
    list.drop(99)
    assert.equal(list.page(99, ALL)[0]!.buffer.byteLength, 65_536)
    list.drop(100)
    assert.deepEqual(list.page(100, ALL), [])
    list.push(frameOf(1, 1))
    assert.deepEqual(list.page(100, ALL), [frameOf(1, 1)])
  })
})
