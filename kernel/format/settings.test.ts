/** Goal: a setting comes back as it was, and no bytes do anything else. Read twice, by the kernel and the second reader. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { noteSetting, type SettingNotation } from "../../conformance/vectors/notation.ts"
import { Refused } from "../../conformance/vectors/reader/cursor.ts"
import { readSetting } from "../../conformance/vectors/reader/frame.ts"
import { CorruptBytes, FormatTooNew } from "../errors.ts"
import { bytesToHex } from "../model/identifiers.ts"
import type { Bytes } from "../ports/log-storage.ts"
import { anySetting } from "../testing/any-setting.ts"
import { fromHex } from "./block-notation.ts"
import { ByteReader } from "./bytes.ts"
import { type CollectionSetting, decodeSetting, encodeSetting } from "./settings.ts"

const MANUAL: CollectionSetting = { collection: "notes", strategy: "manual", deleteConflict: "manual", type: undefined }
const COUNTER: CollectionSetting = { collection: "n", strategy: "crdt", deleteConflict: "keep-update", type: "counter" }

function decode(bytes: Uint8Array): CollectionSetting {
  const reader = new ByteReader("a setting")
  reader.point(bytes, 0, bytes.length)
  return decodeSetting(reader)
}

/** What both readers make of bytes: they must agree. Anything else that is thrown is a defect. */
function judge(bytes: Uint8Array): "damaged" | "too new" | SettingNotation {
  let judged: "damaged" | "too new" | SettingNotation
  try {
    judged = noteSetting(decode(bytes))
  } catch (error) {
    if (!(error instanceof CorruptBytes || error instanceof FormatTooNew)) throw error
    judged = error instanceof CorruptBytes ? "damaged" : "too new"
  }
  let again: unknown
  try {
    again = readSetting(bytes)
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    again = error.refusal
  }
  assert.deepEqual(judged, again)
  return judged
}

/** Its first characters. */
const cut = (name: string | undefined): string | undefined => name === undefined ? undefined : [...name].slice(0, 4).join("")

const reasonOf = (hex: string): string => {
  try {
    decode(fromHex(hex))
  } catch (error) {
    assert.ok(error instanceof CorruptBytes)
    return error.details.reason
  }
  return "it is not refused"
}

describe("encodeSetting() and decodeSetting()", () => {
  it("give back every setting, and the same bytes again", () => {
    fc.assert(fc.property(anySetting, (setting) => {
      const bytes = encodeSetting(setting)
      assert.deepEqual(decode(bytes), setting)
      assert.deepEqual(judge(bytes), noteSetting(setting))
      assert.deepEqual(encodeSetting(decode(bytes)), bytes)
    }))
  })

  it("F-64 lay it out as the page says", () => {
    assert.equal(bytesToHex(encodeSetting(MANUAL)), "94a56e6f7465730202c0")
    assert.equal(
      bytesToHex(encodeSetting({ ...MANUAL, collection: undefined, strategy: "merge", deleteConflict: "keep-update" })),
      "94c00100c0",
    )
    assert.equal(
      bytesToHex(encodeSetting({ ...MANUAL, collection: "", strategy: "last-write-wins", deleteConflict: "last-write-wins" })),
      "94a00001c0",
    )
    assert.equal(bytesToHex(encodeSetting(COUNTER)), "94a16e0300a7636f756e746572")
  })

  it("keep no bytes that are written to again", () => {
    const bytes = encodeSetting(MANUAL), setting = decode(bytes)
    encodeSetting(COUNTER)
    assert.equal(bytesToHex(bytes), "94a56e6f7465730202c0")
    bytes.fill(0)
    assert.deepEqual(setting, MANUAL)
  })
})

describe("decodeSetting()", () => {
  it("F-65 names what is too new, before it looks at what follows", () => {
    for (
      const [hex, location, found, known] of [
        ["94c00402c0", "a setting's strategy", 4, 3],
        ["94c0ccff02c0", "a setting's strategy", 255, 3],
        ["94c004", "", 0, 0],
        ["94c00404c0", "a setting's strategy", 4, 3],
        ["94c00204", "", 0, 0],
        ["94c00203c0", "a setting", 3, 2],
        ["94c00203a174", "a setting", 3, 2],
        ["94c00204c0c0", "a setting", 4, 2],
      ] as const
    ) {
      // An array of four elements has four bytes: what is cut short is damaged, never too new.
      const isCut = location === ""
      assert.equal(judge(fromHex(hex)), isCut ? "damaged" : "too new", hex)
      if (isCut) continue
      assert.throws(() => decode(fromHex(hex)), (error) => {
        assert.ok(error instanceof FormatTooNew)
        assert.deepEqual(error.details, { location, found, known })
        return true
      })
    }
  })

  it("F-65 refuses a type where it does not belong, and its lack where it does", () => {
    assert.match(reasonOf("94a16e0200a174"), /names a type/)
    assert.match(reasonOf("94a16e0300c0"), /names a type/)
    assert.match(reasonOf("94a16e0300a0"), /empty text/)
    assert.match(reasonOf("94c00300a174"), /of no collection/)
    assert.match(reasonOf("93c00202"), /does not have 4 elements/)
    assert.match(reasonOf("94c00202c0c0"), /left over/)
    for (const strategy of ["00", "01", "02"]) assert.equal(judge(fromHex(`94a16e${strategy}00a0`)), "damaged", "an empty one neither")
  })

  it("F-49 takes names up to their limit, and not a byte more", () => {
    for (const length of [0, 199, 200]) assert.notEqual(judge(encodeSetting({ ...MANUAL, collection: "n".repeat(length) })), "damaged")
    for (const length of [1, 63, 64]) assert.notEqual(judge(encodeSetting({ ...COUNTER, type: "t".repeat(length) })), "damaged")
    assert.equal(judge(encodeSetting({ ...MANUAL, collection: "n".repeat(201) })), "damaged")
    assert.equal(judge(encodeSetting({ ...MANUAL, collection: "\u{1f600}".repeat(51) })), "damaged")
    assert.equal(judge(encodeSetting({ ...COUNTER, type: "t".repeat(65) })), "damaged")
    assert.equal(judge(encodeSetting({ ...COUNTER, type: "\u00e9".repeat(33) })), "damaged")
  })

  it("I23 refuses every truncation and every byte behind the end as damaged", () => {
    for (const bytes of [MANUAL, COUNTER].map(encodeSetting)) {
      for (let length = 0; length < bytes.length; length++) assert.equal(judge(bytes.slice(0, length)), "damaged", `${length} bytes`)
      for (const byte of [0, 0xc0, 0xff]) assert.equal(judge(Uint8Array.from([...bytes, byte])), "damaged")
    }
  })

  it("T3 takes or refuses any bytes as the second reader does, and throws nothing else", () => {
    const splice = fc.tuple(fc.nat(), fc.nat(3), fc.uint8Array({ maxLength: 4 })), seen = new Set<string>()
    fc.assert(
      fc.property(anySetting, fc.array(splice, { minLength: 1, maxLength: 2 }), (setting, splices) => {
        const bytes = [...encodeSetting({ ...setting, collection: cut(setting.collection) })]
        for (const [at, drop, insert] of splices) bytes.splice(at % (bytes.length + 1), drop, ...insert)
        const judged = judge(Uint8Array.from(bytes))
        seen.add(typeof judged === "string" ? judged : "taken")
      }),
      { numRuns: 2000 },
    )
    assert.deepEqual([...seen].sort(), ["damaged", "taken", "too new"])
  })

  it("T16 refuses forged lengths without reserving memory for them", () => {
    for (const hex of ["94dbffffffff", "dd00000004c00202c0", "ddffffffff", "94c00202dbffffffff", "94c0cfffffffffffffffff02c0"]) {
      assert.equal(judge(fromHex(hex)), "damaged", hex)
    }
  })

  it("leaves nothing of its bytes unread where it stands among others", () => {
    const bytes: Bytes = Uint8Array.from([0xff, ...encodeSetting(COUNTER), 0xff]), reader = new ByteReader("a setting")
    reader.point(bytes, 1, bytes.length - 1)
    assert.deepEqual(decodeSetting(reader), COUNTER)
    assert.equal(reader.left, 0)
  })
})
