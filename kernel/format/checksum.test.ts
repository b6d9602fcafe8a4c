import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { crc32 as nativeCrc32 } from "node:zlib"
import fc from "fast-check"
import { chooseChecksum, crc32 } from "./checksum.ts"

const check = new TextEncoder().encode("123456789")

describe("crc32()", () => {
  it("gives the check value of the standard", () => {
    assert.equal(crc32(check), 0xcbf43926)
    assert.equal(crc32(new Uint8Array(0)), 0)
  })

  it("agrees with the runtime's on any range and seed", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(), fc.nat(), (bytes, a, b) => {
      const start = a % (bytes.length + 1)
      const end = start + b % (bytes.length - start + 1)
      assert.equal(crc32(bytes, start, end), nativeCrc32(bytes.subarray(start, end)))
      assert.equal(crc32(bytes, start, bytes.length, crc32(bytes, 0, start)), nativeCrc32(bytes))
    }))
  })
})

describe("chooseChecksum()", () => {
  const long = Uint8Array.from({ length: 5000 }, (_, index) => index * 31)

  it("gives the same sums with and without a native function", () => {
    const plain = chooseChecksum()
    const native = chooseChecksum(nativeCrc32)
    for (const [start, end] of [[0, 0], [0, 9], [3, 127], [3, 131], [3, 132], [0, 5000], [1, 4999]] as const) {
      assert.equal(native(long, start, end), plain(long, start, end))
      assert.equal(plain(long, start, end), nativeCrc32(long.subarray(start, end)))
    }
  })

  it("calls the native function for long ranges alone, and makes its answer unsigned", () => {
    const lengths: number[] = []
    const checksum = chooseChecksum((bytes) => {
      lengths.push(bytes.length)
      return nativeCrc32(bytes) | 0
    })
    lengths.length = 0
    assert.equal(checksum(long, 0, 100), nativeCrc32(long.subarray(0, 100)))
    assert.deepEqual(lengths, [])
    assert.equal(checksum(long, 100, 5000), nativeCrc32(long.subarray(100, 5000)))
    assert.deepEqual(lengths, [4900])
  })

  it("refuses a function that computes something else", () => {
    assert.throws(() => chooseChecksum((bytes) => bytes.length), /does not compute CRC-32/)
  })
})
