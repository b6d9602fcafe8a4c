import assert from "node:assert/strict"
import process from "node:process"
import { describe, it } from "node:test"
import { InvalidValue, ValueTooLarge } from "../kernel/errors.ts"
import { ByteWriter } from "../kernel/format/bytes.ts"
import { writePart } from "../kernel/format/frame.ts"
import type { Bytes } from "../kernel/ports/log-storage.ts"
import { callOf, decodeEnvelope, encodeEnvelope, isSameCall, NO_CALL } from "./envelope.ts"
import { DamagedMessage, MalformedMessage } from "./errors.ts"
import { CALL_BYTES, FIELDS_BYTES_MAX, MESSAGE_BYTES_MAX, MESSAGE_PARTS_BYTES_MAX } from "./limits.ts"
import { completed, sealed } from "./testing/sealed.ts"

const refuses = (body: Bytes, reason: RegExp): void =>
  assert.throws(() => decodeEnvelope(body), (error) => {
    assert.ok(error instanceof MalformedMessage, String(error))
    assert.equal(error.code, "invalid_request")
    assert.match(error.message, reason)
    return true
  })
/** [{ a: … }, [], …] with these bytes as the value of its member. */
const withMember = (value: ArrayLike<number>): Bytes => {
  const body = new Uint8Array(value.length + 5)
  body.set([0x94, 0x81, 0xa1, 0x61])
  body.set(value, 4)
  body[value.length + 4] = 0x90
  return completed(body)
}
/** The bytes so far of a message that is written by hand, completed. */
const written = (out: ByteWriter): Bytes => completed(out.buffer.subarray(0, out.length))
const partOf = (length: number) => ({ type: 1, content: new Uint8Array(length).fill(7) })

describe("encodeEnvelope()", () => {
  it("writes parts byte for byte as they stand in frames", () => {
    const parts = [partOf(0), { type: 200, content: Uint8Array.of(1, 2, 3) }, partOf(70_000)]
    const out = new ByteWriter()
    out.msgArray(4)
    out.u8(0x80)
    out.msgArray(parts.length)
    for (const { type, content } of parts) writePart(out, type, content)
    assert.deepEqual(encodeEnvelope({}, parts), written(out))
  })

  it("makes room for the contents of parts once, whatever the fields have", () => {
    const parts = [partOf(1_000_000), partOf(0), partOf(2_000_000)]
    for (const length of [0, 900, 970, 1000, 5000, 300_000]) {
      const body = encodeEnvelope({ a: new Uint8Array(length) }, parts)
      const spare = body.buffer.byteLength - body.length
      assert.ok(spare <= 2048, `${length}: ${spare} bytes too many`)
    }
  })

  it("throws for what no message may have, and names it", () => {
    assert.throws(() => encodeEnvelope({}, Array(4097).fill(partOf(0))), /4097 parts, at most 4096/)
    assert.throws(() => encodeEnvelope({}, [partOf(MESSAGE_PARTS_BYTES_MAX), partOf(1)]), /3800001 bytes/)
    assert.throws(() => encodeEnvelope({ a: "\ud800" }), InvalidValue)
    assert.throws(() => encodeEnvelope({ a: new Uint8Array(FIELDS_BYTES_MAX) }), ValueTooLarge)
  })
})

describe("decodeEnvelope()", () => {
  it("T8 tells bytes that changed on their way from those that were sent wrong", () => {
    const body = encodeEnvelope({ store: "notes" }, [partOf(300)], new Uint8Array(CALL_BYTES).fill(7))
    for (const at of [0, 1, 8, 40, 300, body.length - 6, body.length - 5, body.length - 1]) {
      for (let other = 1; other < 256; other++) {
        const changed = body.slice()
        changed[at] = changed[at]! ^ other
        assert.throws(
          () => decodeEnvelope(changed),
          (error) => error instanceof DamagedMessage && error.status === 400 && error.retry === "later",
        )
      }
    }
    assert.throws(() => decodeEnvelope(sealed(body)), MalformedMessage)
  })

  it("gives the call, which can be read without the rest", () => {
    const call = Uint8Array.from({ length: CALL_BYTES }, (_, at) => at + 1), body = encodeEnvelope({ a: 1 }, [partOf(3)], call)
    assert.deepEqual([decodeEnvelope(body).call, callOf(body)], [call, call])
    assert.deepEqual(decodeEnvelope(encodeEnvelope({})).call, NO_CALL)
    assert.deepEqual([isSameCall(call, call.slice()), isSameCall(call, NO_CALL)], [true, false])
    for (const length of [0, 1, 15, 17, 20]) assert.deepEqual(callOf(new Uint8Array(length)), NO_CALL)
    for (const length of [0, 15, 17]) assert.throws(() => encodeEnvelope({}, [], new Uint8Array(length)), RangeError)
  })

  it("gives parts as views into the body, and fields that share nothing with it", () => {
    const body = encodeEnvelope({ id: Uint8Array.of(1, 2) }, [partOf(3), partOf(100)])
    const { fields, parts } = decodeEnvelope(body)
    assert.deepEqual(parts.map(({ content }) => [content.buffer === body.buffer, content.length]), [[true, 3], [true, 100]])
    body.fill(9)
    assert.deepEqual(fields, { id: Uint8Array.of(1, 2) })
    assert.deepEqual(parts[0]!.content, Uint8Array.of(9, 9, 9))
  })

  it("P66 takes everything up to its limits, and nothing above them", () => {
    const largest = Array.from({ length: 4096 }, (_, index) => partOf(index < 3008 ? 928 : 927))
    assert.equal(largest.reduce((sum, { content }) => sum + content.length, 0), MESSAGE_PARTS_BYTES_MAX)
    // 11 bytes of heads leave exactly the limit.
    const fields = { a: new Uint8Array(FIELDS_BYTES_MAX - 8) }
    const body = encodeEnvelope(fields, largest)
    assert.ok(body.length < MESSAGE_BYTES_MAX)
    const decoded = decodeEnvelope(body)
    assert.deepEqual([decoded.parts.length, (decoded.fields["a"] as Bytes).length], [4096, FIELDS_BYTES_MAX - 8])

    const out = new ByteWriter()
    const begin = (parts: number): void => {
      out.reset()
      out.msgArray(4)
      out.u8(0x80)
      out.msgArray(parts)
    }
    begin(4097)
    for (let part = 0; part < 4097; part++) writePart(out, 1, new Uint8Array(0))
    refuses(written(out), /4097 parts are announced, at most 4096/)
    begin(2)
    writePart(out, 1, new Uint8Array(MESSAGE_PARTS_BYTES_MAX))
    writePart(out, 1, new Uint8Array(1))
    refuses(written(out), /more than 3800000 bytes/)
    refuses(new Uint8Array(MESSAGE_BYTES_MAX + 1), /has 5242881 bytes, at most 5242880/)
    const member = new Uint8Array(FIELDS_BYTES_MAX)
    member.set([0xc6, 0, 0x0f, 0xff, 0xfb]) // with the head of the map one byte above the limit
    refuses(withMember(member), /more than 1048576 bytes/)
  })

  it("T1, T2 takes fields that are 64 deep, and refuses deeper ones without recursion", () => {
    for (const marker of [0x91, 0x81]) {
      const nested = (depth: number): Bytes => {
        const value = new Uint8Array(depth * (marker === 0x81 ? 3 : 1) + 1).fill(marker)
        if (marker === 0x81) { for (let level = 0; level < depth; level++) value.set([0x81, 0xa1, 0x61], level * 3) }
        value[value.length - 1] = 0xc0
        return withMember(value)
      }
      for (const depth of [1, 60, 62, 63]) assert.ok(decodeEnvelope(nested(depth)).fields["a"])
      for (const depth of [64, 65, 1000, 100_000, 300_000]) refuses(nested(depth), /nested deeper than 64/)
      // So much deeper that even the extent is above the limit.
      refuses(nested(1_200_000), /more than 1048576 bytes/)
    }
  })

  it("T3 refuses huge declared lengths at once, and reserves nothing for them", () => {
    const before = process.memoryUsage()
    const started = performance.now()
    for (
      const [marker, width] of [[0xc4, 1], [0xc5, 2], [0xc6, 4], [0xc7, 1], [0xc8, 2], [0xc9, 4], [0xd9, 1], [0xda, 2], [0xdb, 4]] as const
    ) {
      for (const left of [0, 1, 100, 10_000]) {
        for (const announced of [left + 1, 0x7f, 2 ** 16 - 1, 2 ** 31, 2 ** 32 - 1]) {
          if (announced <= left || announced >= 256 ** width) continue
          const value = new Uint8Array(1 + width + left)
          const view = new DataView(value.buffer)
          value[0] = marker
          for (let at = 0, rest = announced; at < width; at++, rest = Math.floor(rest / 256)) view.setUint8(width - at, rest % 256)
          refuses(withMember(value), /announced|cut short|extension|shortest|left over|array is expected|well-formed/)
        }
      }
    }
    for (const [marker, width] of [[0xdc, 2], [0xdd, 4], [0xde, 2], [0xdf, 4]] as const) {
      for (const fill of [0xc0, 0x90, marker]) {
        const value = new Uint8Array(100_000).fill(fill)
        value[0] = marker
        value.fill(0xff, 1, 1 + width)
        if (width === 4) refuses(withMember(value), /announced/)
        else assert.throws(() => decodeEnvelope(withMember(value)), MalformedMessage)
      }
    }
    // The same for parts: their number, and their length.
    const body = new Uint8Array(10_000).fill(0xc0)
    for (
      const head of [[0x94, 0x80, 0xdd, 0xff, 0xff, 0xff, 0xff], [0x94, 0x80, 0xdc, 0xff, 0xff], [
        0x94,
        0x80,
        0x91,
        0x92,
        0x01,
        0xc6,
        0xff,
        0xff,
        0xff,
        0xff,
      ]]
    ) {
      body.set(head)
      refuses(completed(body), /announced|more than 3800000/)
    }
    assert.ok(performance.now() - started < 1000)
    const after = process.memoryUsage()
    assert.ok(after.arrayBuffers - before.arrayBuffers < 50_000_000, `${after.arrayBuffers - before.arrayBuffers} bytes of buffers`)
    assert.ok(after.heapUsed - before.heapUsed < 50_000_000, `${after.heapUsed - before.heapUsed} bytes of heap`)
  })

  it("T4, T5 refuses element bombs and maps with too many keys in little time", () => {
    const started = process.cpuUsage()
    for (const element of [0x90, 0x80, 0xa0, 0xc0, 0x00]) {
      const bomb = new Uint8Array(1_000_000).fill(element)
      bomb[0] = 0xdd
      new DataView(bomb.buffer).setUint32(1, bomb.length - 5)
      refuses(withMember(bomb), /more than 262144 values/)
      const larger = new Uint8Array(5_000_000).fill(element)
      larger[0] = 0xdd
      new DataView(larger.buffer).setUint32(1, larger.length - 5)
      refuses(withMember(larger), /more than 1048576 bytes/)
    }
    const keys = new Uint8Array(5 + 65_537 * 7)
    keys[0] = 0xdf
    new DataView(keys.buffer).setUint32(1, 65_537)
    for (let key = 0; key < 65_537; key++) {
      keys[5 + key * 7] = 0xa5
      for (let digit = 0; digit < 5; digit++) keys[6 + key * 7 + digit] = 0x61 + (key >> (digit * 4) & 15)
      keys[11 + key * 7] = 0xc0
    }
    refuses(withMember(keys), /65537 members/)
    // Of processor time, which others on this machine do not take.
    assert.ok(process.cpuUsage(started).user < 3_000_000)
  })

  it("T6, T7 refuses extensions, so that no message builds cycles, expressions or functions", () => {
    for (let type = 0; type < 256; type++) {
      for (const [marker, bytes] of [[0xd4, 1], [0xd5, 2], [0xd8, 16]] as const) {
        refuses(withMember([marker, type, ...new Array<number>(bytes).fill(0)]), /extension is no timestamp/)
      }
      if (type !== 0xff) {
        for (const [marker, bytes] of [[0xd6, 4], [0xd7, 8]] as const) {
          refuses(withMember([marker, type, ...new Array<number>(bytes).fill(0)]), /extension is no timestamp/)
        }
      }
    }
  })

  it("T11 refuses fields that stand twice, so that nobody can be told two things", () => {
    for (const name of ["store", "protocol", "own", "type"]) {
      const out = new ByteWriter()
      out.msgArray(4)
      out.u8(0x83)
      for (const key of [name, "x", name]) {
        out.msgStr(key)
        out.msgNil()
      }
      out.msgArray(0)
      refuses(written(out), /stands in its map twice/)
    }
  })

  it("T12 refuses long forms of the envelope as of everything in it", () => {
    for (
      const body of [
        [0xdc, 0, 4, 0x80, 0x90],
        [0xdd, 0, 0, 0, 4, 0x80, 0x90],
        [0x94, 0xde, 0, 0, 0x90],
        [0x94, 0xdf, 0, 0, 0, 0, 0x90],
        [0x94, 0x80, 0xdc, 0, 0],
        [0x94, 0x80, 0xdd, 0, 0, 0, 0],
        [0x94, 0x80, 0x91, 0xdc, 0, 2, 1, 0xc6, 0, 0, 0, 0],
        [0x94, 0x80, 0x91, 0x92, 0xcc, 1, 0xc6, 0, 0, 0, 0],
        [0x94, 0x80, 0x91, 0x92, 1, 0xc4, 0],
        [0x94, 0x80, 0x91, 0x92, 1, 0xc5, 0, 0],
      ]
    ) refuses(completed(body), /shortest|bin32/)
    assert.deepEqual(decodeEnvelope(completed([0x94, 0x80, 0x91, 0x92, 1, 0xc6, 0, 0, 0, 0])).parts, [partOf(0)])
  })
})
