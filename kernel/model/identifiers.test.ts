import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { bytesToHex, RandomPool, WRITER_BYTES, WriterTable } from "./identifiers.ts"

const anyWriter = fc.oneof(
  fc.uint8Array({ minLength: WRITER_BYTES, maxLength: WRITER_BYTES }),
  // Writers of one replica differ late.
  fc.nat(5).map((n) => Uint8Array.from({ length: WRITER_BYTES }, (_, i) => i === WRITER_BYTES - 1 ? n : 7)),
)

describe("RandomPool", () => {
  it("fill() gives each byte of the platform once, and asks for more when its pool is used up", () => {
    let drawn = 0, calls = 0
    const pool = new RandomPool((length) => {
      calls++
      return Uint8Array.from({ length }, () => drawn++)
    }, 32)
    const target = new Uint8Array(64)
    for (let at = 0; at < 64; at += 16) pool.fill(target, at, 16)
    assert.deepEqual([...target], Array.from({ length: 64 }, (_, i) => i))
    assert.equal(calls, 2)
  })

  it("fill() never splits an id over two pools", () => {
    let round = 0
    const pool = new RandomPool((length) => new Uint8Array(length).fill(++round), 20)
    const target = new Uint8Array(32)
    pool.fill(target, 0, 16)
    pool.fill(target, 16, 16)
    assert.deepEqual([...target], [...new Array(16).fill(1), ...new Array(16).fill(2)])
  })
})

describe("WriterTable", () => {
  it("indexOf() gives each id one index, in the order of their coming, and idOf() gives the id back", () => {
    fc.assert(fc.property(fc.array(anyWriter, { maxLength: 30 }), (ids) => {
      const table = new WriterTable(), expected: string[] = []
      for (const id of ids) {
        const hex = bytesToHex(id)
        if (!expected.includes(hex)) expected.push(hex)
        assert.equal(table.indexOf(id), expected.indexOf(hex))
      }
      assert.equal(table.size, expected.length)
      assert.deepEqual(expected.map((_, index) => bytesToHex(table.idOf(index))), expected)
    }))
  })

  it("indexOf() reads at a byte offset and keeps no reference to the bytes", () => {
    const table = new WriterTable(), bytes = new Uint8Array(40).fill(9)
    assert.equal(table.indexOf(bytes, 8), 0)
    bytes.fill(1)
    assert.equal(table.indexOf(bytes, 8), 1)
    assert.deepEqual(table.idOf(0), new Uint8Array(WRITER_BYTES).fill(9))
  })

  it("truncate() takes back the latest writers, who get new indexes when they come again", () => {
    fc.assert(fc.property(fc.array(anyWriter, { maxLength: 12 }), fc.array(anyWriter, { maxLength: 12 }), (kept, taken) => {
      const table = new WriterTable(), plain = new WriterTable()
      for (const id of kept) assert.equal(table.indexOf(id), plain.indexOf(id))
      const { size } = table
      for (const id of taken) table.indexOf(id)
      table.truncate(size)
      assert.equal(table.size, size)
      for (const id of [...taken.toReversed(), ...kept]) assert.equal(table.indexOf(id), plain.indexOf(id), bytesToHex(id))
      assert.equal(table.size, plain.size)
      for (let index = 0; index < table.size; index++) {
        assert.deepEqual(table.idOf(index), plain.idOf(index))
        assert.equal(table.versionOf(index, 1), plain.versionOf(index, 1))
      }
    }))
  })

  it("truncate() to more writers than there are, or to none, leaves a table that works", () => {
    const table = new WriterTable(), id = new Uint8Array(WRITER_BYTES).fill(3)
    table.indexOf(id)
    table.truncate(5)
    assert.deepEqual([table.size, table.indexOf(id)], [1, 0])
    table.truncate(0)
    assert.equal(table.size, 0)
    assert.equal(table.indexOf(id), 0)
  })

  it("compare() orders by the bytes of the ids", () => {
    fc.assert(fc.property(anyWriter, anyWriter, (a, b) => {
      const table = new WriterTable(), left = table.indexOf(a), right = table.indexOf(b)
      const at = a.findIndex((byte, i) => byte !== b[i])
      assert.equal(Math.sign(table.compare(left, right)), at < 0 ? 0 : Math.sign(a[at]! - b[at]!))
    }))
  })

  it("versionOf() names the dot, replicaOf() the first half of the writer", () => {
    const table = new WriterTable(), index = table.indexOf(Uint8Array.from({ length: WRITER_BYTES }, (_, i) => i))
    assert.equal(table.versionOf(index, 36), "000102030405060708090a0b0c0d0e0f-10")
    assert.equal(table.replicaOf(index), "0001020304050607")
  })
})
