import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { NameTable } from "./name-table.ts"

describe("NameTable", () => {
  it("gives each name an index of its own for ever, and 0 to the default collection", () => {
    const table = new NameTable()
    assert.deepEqual(["users", "", "__proto__", "users", "constructor", "", "__proto__"].map((name) => table.indexOf(name)), [
      1,
      0,
      2,
      1,
      3,
      0,
      2,
    ])
    assert.deepEqual(table.names, ["", "users", "__proto__", "constructor"])
  })
})
