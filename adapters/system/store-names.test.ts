import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { InvalidStoreName } from "../../kernel/errors.ts"
import { checkStoreName, decodeStoreName, encodeStoreName } from "./store-names.ts"

const PLAIN = /^[a-z0-9_%~-]{1,120}$/
const DEVICES = ["con", "prn", "aux", "nul", "com1", "com9", "lpt1", "lpt9", "com0"]
/** Names made to meet each other: few letters, both cases, combining marks, our own escapes. */
const tricky = fc.string({
  unit: fc.constantFrom(
    "a",
    "A",
    "e",
    "é",
    "e\u0301",
    "ﬁ",
    "f",
    "i",
    "İ",
    "ı",
    "ß",
    "s",
    "K",
    "\u212a",
    "%",
    "6",
    "1",
    "4",
    "~",
    ".",
    "/",
    "\\",
    " ",
  ),
  minLength: 1,
  maxLength: 12,
})
const any = fc.string({ unit: "binary", minLength: 1, maxLength: 60 }).filter((name) => {
  try {
    checkStoreName(name)
    return true
  } catch {
    return false
  }
})

describe("encodeStoreName", () => {
  it("T24 is injective, also where case is folded or Unicode is normalised", () => {
    const nameByFile = new Map<string, string>()
    fc.assert(
      fc.property(fc.oneof(tricky, any), (name) => {
        const file = encodeStoreName(name)
        assert.match(file, PLAIN)
        for (const form of ["NFC", "NFD", "NFKC", "NFKD"]) assert.equal(file.normalize(form), file)
        assert.equal(file.toLowerCase(), file)
        assert.equal(nameByFile.get(file) ?? name, name)
        nameByFile.set(file, name)
      }),
      { numRuns: 20_000 },
    )
    assert.ok(nameByFile.size > 10_000)
  })

  it("T22 gives no name a meaning to a file system", () => {
    const names = [
      ".",
      "..",
      "...",
      "../x",
      "a/../b",
      "/etc/passwd",
      "\\\\server\\share",
      "..\\x",
      "%2e%2e",
      "%2e%2e%2f",
      "%252e",
      "C:",
      "c:\\x",
      "nul.txt",
      "CON",
      "a.",
      "a ",
      " a",
      "~",
      "~root",
      "-rf",
      "$HOME",
      "`id`",
      "a\nb",
      "a:stream",
      "*",
      "?",
      "<>",
      "|",
      '"',
      "'",
      ";",
      "__proto__",
      "constructor",
      "\u202e",
      "😀",
      ...DEVICES,
    ]
    const files = names.map((name) => encodeStoreName(name))
    for (const [index, file] of files.entries()) {
      assert.match(file, /^[a-z0-9_%-]{1,120}$/)
      assert.ok(!DEVICES.includes(file), file)
      assert.equal(decodeStoreName(file), names[index]!)
    }
    assert.equal(new Set(files).size, names.length)
  })

  it("encodes as the table says", () => {
    assert.equal(encodeStoreName("notes-1"), "notes-1")
    assert.equal(encodeStoreName("Café"), "%43af%c3%a9")
    assert.equal(encodeStoreName("con"), "%63on")
    assert.equal(encodeStoreName("a".repeat(120)), "a".repeat(120))
    assert.match(encodeStoreName("a".repeat(121)), /^a{55}~[0-9a-f]{64}$/)
    assert.match(encodeStoreName("é".repeat(100)), /^(?:%c3%a9){9}~[0-9a-f]{64}$/)
  })

  it("keeps long names apart that differ in their last character only", () => {
    assert.notEqual(encodeStoreName("a".repeat(199) + "b"), encodeStoreName("a".repeat(199) + "c"))
  })
})

describe("checkStoreName", () => {
  it("refuses what is empty, too long, ill-formed or holds NUL", () => {
    for (const name of ["", "a".repeat(201), "é".repeat(101), "\ud800", "a\udc00", "a\0", "\0"]) {
      assert.throws(() => encodeStoreName(name), InvalidStoreName, JSON.stringify(name).slice(0, 40))
    }
    checkStoreName("a".repeat(200))
    checkStoreName("é".repeat(100))
  })
})

describe("decodeStoreName", () => {
  it("reads back every name that was not shortened", () => {
    fc.assert(fc.property(fc.oneof(tricky, any), (name) => {
      const file = encodeStoreName(name)
      assert.equal(decodeStoreName(file), file.includes("~") ? undefined : name)
    }))
  })

  it("knows no other way to write a name", () => {
    for (const file of ["%61", "%4", "%GG", "%C3%A9", "Notes", "a.b", "", "con", "%c3", "a~b", ".trash"]) {
      assert.equal(decodeStoreName(file), undefined, file)
    }
  })
})
