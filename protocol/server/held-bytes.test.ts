import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { WireError } from "../errors.ts"
import { HeldBytes } from "./held-bytes.ts"

const isOverloaded = (error: unknown): boolean =>
  error instanceof WireError && error.code === "overloaded" && (error.retryAfterMillis ?? 0) > 0

describe("HeldBytes", () => {
  it("add() takes up to the bound, of all claims together, and changes nothing beyond it", () => {
    const held = new HeldBytes(100), a = held.open(), b = held.open()
    a.add(60)
    b.add(40)
    assert.throws(() => b.add(1), isOverloaded)
    assert.equal(held.held, 100)
  })

  it("keep() gives back what is beyond it, once", () => {
    const held = new HeldBytes(100), claim = held.open()
    claim.add(80)
    claim.keep(30)
    assert.equal(held.held, 30)
    claim.keep(50)
    assert.equal(held.held, 30)
    claim.keep(0)
    claim.keep(0)
    assert.equal(held.held, 0)
  })
})
