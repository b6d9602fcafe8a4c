import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { hashKey, KeyTable } from "./key-table.ts"

/** All rows that a search for `hash` meets until it ends. */
function search(table: KeyTable, hash: number): number[] {
  const found: number[] = []
  for (let slot = table.first(hash);; slot = table.next(slot)) {
    const row = table.rowAt(slot, hash)
    if (row === -2) return found
    if (row >= 0) found.push(row)
  }
}

const hashOf = (text: string, collection: number = 0, seed: number = 0): number => {
  const bytes = new TextEncoder().encode(text)
  return hashKey(bytes, 0, bytes.length, collection, seed)
}

describe("hashKey()", () => {
  it("is MurmurHash3 of 32 bits, by its published values", () => {
    // SMHasher's verification of MurmurHash3_x86_32 builds on these; collection 0 leaves the seed as it is.
    const known: readonly (readonly [text: string, seed: number, hash: number])[] = [
      ["", 0, 0],
      ["", 1, 0x514e28b7],
      ["", 0xffffffff, 0x81f16f39],
      ["test", 0, 0xba6bd213],
      ["test", 0x9747b28c, 0x704b81dc],
      ["Hello, world!", 0, 0xc0363e43],
      ["Hello, world!", 0x9747b28c, 0x24884cba],
      ["The quick brown fox jumps over the lazy dog", 0, 0x2e4ff723],
      ["The quick brown fox jumps over the lazy dog", 0x9747b28c, 0x2fa826cd],
      ["aaaa", 0x9747b28c, 0x5a97808a],
      ["aaa", 0x9747b28c, 0x283e0130],
      ["aa", 0x9747b28c, 0x5d211726],
      ["a", 0x9747b28c, 0x7fa09ea6],
    ]
    for (const [text, seed, hash] of known) assert.equal(hashOf(text, 0, seed), hash, `"${text}", ${seed}`)
  })

  it("reads the given range alone, and depends on every byte, the collection and the seed", () => {
    const bytes = new TextEncoder().encode("..note:1234..")
    assert.equal(hashKey(bytes, 2, 11, 0, 7), hashOf("note:1234", 0, 7))
    const hashes = new Set([hashOf("note:1234"), hashOf("note:1234", 1), hashOf("note:1234", 2), hashOf("note:1234", 0, 1)])
    for (let at = 2; at < 11; at++) {
      const changed = bytes.slice()
      changed[at]! ^= 1
      hashes.add(hashKey(changed, 2, 11, 0, 0))
    }
    assert.equal(hashes.size, 13)
  })

  it("spreads similar keys: 20,000 in as many slots leave no slot with more than 12", () => {
    const slots = new Uint8Array(32_768)
    for (let i = 0; i < 20_000; i++) slots[hashOf(`city:${i}`, 0, 5) & 32_767]!++
    assert.ok(Math.max(...slots) <= 12)
  })
})

describe("KeyTable", () => {
  it("finds every row under its hash and no other, also where hashes and slots collide, while it grows", () => {
    // Few hashes, so that many are equal; multiples of a large power of two, so that different ones meet in a slot.
    const anyHash = fc.oneof(fc.nat(5), fc.nat(40).map((n) => (n * 0x1000_0000) >>> 0), fc.nat(0xffff_ffff), fc.constant(0xffff_ffff))
    fc.assert(
      fc.property(fc.array(anyHash, { maxLength: 400, size: "max" }), (hashes) => {
        const table = new KeyTable(), rows = new Map<number, number[]>()
        for (const [row, hash] of hashes.entries()) {
          table.add(hash, row)
          rows.set(hash, [...rows.get(hash) ?? [], row])
        }
        for (const [hash, expected] of rows) assert.deepEqual(search(table, hash).sort((a, b) => a - b), expected)
        for (const hash of [6, 7, 0x0800_0000]) if (!rows.has(hash)) assert.deepEqual(search(table, hash), [])
      }),
    )
  })

  it("is never more than seven tenths full, so that searches end soon", () => {
    const table = new KeyTable()
    for (let row = 0; row < 10_000; row++) {
      table.add(hashOf(`k${row}`), row)
      if (row + 1 > table.bytes / 8 * 0.7 + 1) assert.fail(`${row + 1} rows in ${table.bytes / 8} slots`)
    }
    assert.equal(table.bytes, 16_384 * 8)
  })

  it("an empty table ends every search at once", () => {
    const table = new KeyTable()
    for (const hash of [0, 1, 63, 64, 0xffff_ffff]) assert.deepEqual(search(table, hash), [])
  })

  it("touch() reads slots of hashes of all sizes and changes nothing", () => {
    const table = new KeyTable()
    table.add(0xffff_ffff, 3)
    table.touch(Uint32Array.of(0, 1, 0xffff_ffff), 3)
    assert.deepEqual(search(table, 0xffff_ffff), [3])
  })
})
