import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { clip } from "../text.ts"

const bytesOf = (text: string): number => new TextEncoder().encode(text).length

describe("clip()", () => {
  it("gives the longest beginning of whole characters that fits", () => {
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 30 }), fc.nat(40), (text, bytesMax) => {
      const cut = clip(text, bytesMax), next = [...text.slice(cut.length)][0]
      assert.ok(text.startsWith(cut) && bytesOf(cut) <= bytesMax)
      assert.ok(next === undefined || bytesOf(cut + next) > bytesMax)
    }))
  })

  it("keeps a byte order mark, and leaves no surrogate alone", () => {
    assert.equal(clip("\ufeffa", 4), "\ufeffa")
    assert.equal(clip("a\u{1f600}", 4), "a")
    assert.equal(clip("\ud800a\udc00", 10), "\ufffda\ufffd")
    assert.equal(clip("\ud83d", 2), "", "it does not fit any more")
    assert.equal(clip("abc", 0), "")
  })
})
