import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { adapterStoreName, faultOfName, namespacePrefix } from "./store-names.ts"
import { processorMillis } from "../../kernel/testing/processor-time.ts"

const anyName = fc.oneof(
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }),
  fc.stringMatching(/^[a/%~.]{1,12}$/),
  fc.stringMatching(/^[aA]{90,200}$/),
).filter((name) => faultOfName(name) === undefined)

describe("adapterStoreName()", () => {
  it("keeps plain names readable", () => {
    assert.equal(adapterStoreName("alice", "notes-1.Old_2"), "alice/notes-1.Old_2")
    assert.equal(adapterStoreName("a b", "é"), "a%20b/%c3%a9")
  })

  it("T28 keeps apart what is the same when it is put together", () => {
    const pairs = [["a/b", "c"], ["a", "b/c"], ["a", "/b/c"], ["a/", "b/c"], ["a%2fb", "c"], ["a", "b%2fc"], ["~", "a"], [
      "",
      "~a",
    ]] as const
    assert.equal(new Set(pairs.map(([namespace, name]) => adapterStoreName(namespace, name))).size, pairs.length)
  })

  it("T24, T28 gives two stores one name never, and at most 199 bytes of ASCII", () => {
    fc.assert(fc.property(fc.array(fc.tuple(anyName, anyName), { minLength: 2, maxLength: 20 }), (pairs) => {
      const names = new Map<string, string>()
      for (const [namespace, name] of pairs) {
        const encoded = adapterStoreName(namespace, name)
        assert.match(encoded, /^[A-Za-z0-9._%~-]{1,99}\/[A-Za-z0-9._%~-]{1,99}$/)
        const both = JSON.stringify([namespace, name])
        assert.equal(names.get(encoded) ?? both, both)
        names.set(encoded, both)
      }
    }))
  })

  it("shortens a half from 100 bytes on, and tells shortened ones apart", () => {
    assert.equal(adapterStoreName("n", "x".repeat(99)), `n/${"x".repeat(99)}`)
    const [shortened, other] = [adapterStoreName("n", "x".repeat(100)), adapterStoreName("n", `${"x".repeat(99)}y`)]
    assert.match(shortened, /^n\/x{34}~[0-9a-f]{64}$/)
    assert.notEqual(shortened, other)
    // Nobody can choose a name that meets a shortened one: "~" is written otherwise.
    assert.notEqual(adapterStoreName("n", shortened.slice(2)), shortened)
  })

  it("T24 keeps names apart that differ in case or in their form of Unicode alone", () => {
    const names = ["cafe", "Cafe", "café", "cafe\u0301", "CAFÉ"].map((name) => adapterStoreName("n", name))
    assert.equal(new Set(names).size, names.length)
  })
})

describe("namespacePrefix()", () => {
  it("begins the names of all stores of a namespace, and of no other", () => {
    fc.assert(fc.property(anyName, anyName, anyName, (namespace, other, name) => {
      assert.ok(adapterStoreName(namespace, name).startsWith(namespacePrefix(namespace)))
      if (namespace !== other) assert.ok(!adapterStoreName(other, name).startsWith(namespacePrefix(namespace)))
    }))
  })
})

describe("faultOfName()", () => {
  it("takes 1 to 200 bytes of well-formed text", () => {
    for (const name of ["a", "é".repeat(100), "x".repeat(200), "../../etc/passwd", "a\nb", "__proto__", "😀".repeat(50)]) {
      assert.equal(faultOfName(name), undefined, name)
    }
  })

  it("T57, T64 names what is wrong with others, at once", () => {
    const wrong: [unknown, string][] = [
      ["", "is empty"],
      ["x".repeat(201), "has more than 200 bytes"],
      ["é".repeat(101), "has more than 200 bytes"],
      ["😀".repeat(5_000_000), "has more than 200 bytes"],
      ["a\ud800", "is not well-formed"],
      ["a\0b", "has a NUL character"],
      [7, "is no string"],
      [undefined, "is no string"],
    ]
    const started = processorMillis()
    for (const [name, fault] of wrong) assert.equal(faultOfName(name), fault)
    assert.ok(processorMillis() - started < 250)
  })
})
