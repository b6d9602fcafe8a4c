import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { Arena } from "./arena.ts"

const bytesOf = (length: number, seed: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 31 + seed) & 0xff)

describe("Arena", () => {
  it("copy() keeps every range as it was copied, short and long, whatever comes after", () => {
    const arena = new Arena(), kept: { readonly chunk: number; readonly at: number; readonly bytes: Uint8Array }[] = []
    let sum = 0
    for (const [seed, length] of [1, 0, 63, 64, 65, 1000, 16_000, 700, 16_384, 16_385, 200_000, 3, 1_048_576, 2_000_000, 5].entries()) {
      const bytes = bytesOf(length + 2, seed)
      arena.reserve(length)
      kept.push({ chunk: arena.chunk, at: arena.copy(bytes, 1, length + 1), bytes: bytes.slice(1, length + 1) })
      assert.equal(arena.usedBytes, sum += length)
    }
    for (const { chunk, at, bytes } of kept) assert.deepEqual(arena.chunks[chunk]!.subarray(at, at + bytes.length), bytes)
  })

  it("reserve() puts what is copied then into one chunk, one piece behind the other", () => {
    const arena = new Arena()
    arena.reserve(16_000)
    arena.copy(bytesOf(16_000, 1), 0, 16_000)
    arena.reserve(500)
    assert.equal(arena.chunk, 1, "500 bytes do not fit behind 16,000 of 16,384")
    assert.equal(arena.copy(bytesOf(200, 2), 0, 200), 0)
    assert.equal(arena.copy(bytesOf(300, 3), 0, 300), 200)
    arena.reserve(100)
    assert.equal(arena.chunk, 1, "what is left is used")
    assert.equal(arena.copy(bytesOf(100, 4), 0, 100), 500)
  })

  it("a chunk that is filled to its last byte is not left for another", () => {
    const arena = new Arena()
    for (const length of [16_000, 384]) {
      arena.reserve(length)
      arena.copy(bytesOf(length, length), 0, length)
    }
    assert.equal(arena.chunks.length, 1)
    arena.reserve(0)
    assert.equal(arena.chunks.length, 1)
    arena.reserve(1)
    assert.equal(arena.chunks.length, 2)
  })

  it("chunks grow from 16 KiB to 1 MiB, and hold what is larger alone", () => {
    const arena = new Arena(), sizes: number[] = []
    assert.equal(arena.bytes, 0)
    for (let i = 0; i < 9; i++) {
      arena.reserve(1)
      const size = arena.chunks.at(-1)!.length
      arena.copy(new Uint8Array(size), 0, size)
      sizes.push(size)
    }
    assert.deepEqual(sizes, [16_384, 32_768, 65_536, 131_072, 262_144, 524_288, 1_048_576, 1_048_576, 1_048_576])
    assert.equal(arena.bytes, sizes.reduce((sum, size) => sum + size))
    arena.reserve(3_000_000)
    assert.equal(arena.chunks.at(-1)!.length, 3_000_000)
  })
})
