import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { bytesToHex } from "../model/identifiers.ts"
import { Sha256 } from "./sha256.ts"

const hashOf = (...pieces: readonly Uint8Array[]): string => {
  const hash = new Sha256()
  for (const piece of pieces) hash.update(piece, 0, piece.length)
  return bytesToHex(hash.digest())
}
const nativeHash = async (bytes: Uint8Array): Promise<string> =>
  bytesToHex(new Uint8Array(await crypto.subtle.digest("SHA-256", Uint8Array.from(bytes))))

describe("Sha256", () => {
  it("digest() gives the examples of FIPS 180-4", () => {
    const utf8 = new TextEncoder()
    assert.equal(hashOf(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    assert.equal(hashOf(utf8.encode("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    assert.equal(
      hashOf(utf8.encode("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    )
    assert.equal(hashOf(new Uint8Array(1_000_000).fill(0x61)), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  })

  it("digest() equals that of the platform for every length around the edges of a block", async () => {
    for (let length = 0; length <= 200; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => i * 31 + length)
      assert.equal(hashOf(bytes), await nativeHash(bytes), `${length} bytes`)
    }
  })

  it("update() takes ranges in any pieces", async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }), async (pieces) => {
      const whole = Uint8Array.from(pieces.flatMap((piece) => [...piece]))
      const expected = await nativeHash(whole)
      assert.equal(hashOf(...pieces), expected)
      const inRange = new Sha256(), padded = Uint8Array.from([1, 2, 3, ...whole, 4])
      inRange.update(padded, 3, 3 + whole.length)
      assert.equal(bytesToHex(inRange.digest()), expected)
    }))
  })
})
