/** Goal: an argument is what it says or is refused by the name of its option. Method: one of each kind, at and beyond its bounds. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { decimal, integer, oneOf, pair } from "./arguments.ts"

describe("arguments of the programs", () => {
  it("oneOf() takes a known word and lists them for another", () => {
    assert.equal(oneOf("runtime", "bun", ["node", "bun"]), "bun")
    assert.throws(() => oneOf("runtime", "", ["node", "bun"]), new TypeError('--runtime is "", expected node or bun'))
  })

  it("integer() takes whole numbers from its least one on", () => {
    assert.equal(integer("kills", "1", 1), 1)
    assert.equal(integer("kills", "999999999", 1), 999_999_999)
    for (const text of ["0", "", "-1", "1.5", "1e3", "1000000000", " 1"]) {
      assert.throws(() => integer("kills", text, 1), new TypeError(`--kills is "${text}", expected an integer from 1`))
    }
  })

  it("decimal() takes numbers with a point or without", () => {
    assert.equal(decimal("stop-seconds", "0.25"), 0.25)
    assert.equal(decimal("stop-seconds", "9999"), 9999)
    for (const text of ["", ".5", "1.", "-1", "10000"]) assert.throws(() => decimal("stop-seconds", text), TypeError)
  })

  it("pair() splits at the first equals sign", () => {
    assert.deepEqual(pair("option", "url=http://x/?a=b"), ["url", "http://x/?a=b"])
    assert.deepEqual(pair("option", "label="), ["label", ""])
    for (const text of ["=a", "a"]) {
      assert.throws(() => pair("option", text), new TypeError(`--option is "${text}", expected <name>=<value>`))
    }
  })
})
