import assert from "node:assert/strict"
import { it } from "node:test"
import { setClock } from "./clock.ts"

const YEAR_MILLIS = 365 * 24 * 60 * 60 * 1000

it("setClock() moves the present, and nothing else", () => {
  const RealDate = Date
  try {
    setClock(YEAR_MILLIS)
    assert.ok(Math.abs(Date.now() - RealDate.now() - YEAR_MILLIS) < 1000)
    assert.ok(Math.abs(new Date().getTime() - RealDate.now() - YEAR_MILLIS) < 1000)
    assert.equal(new Date(5).getTime(), 5)
    assert.equal(new Date("2020-01-01T00:00:00Z").getTime(), 1_577_836_800_000)
    assert.ok(new Date() instanceof Date)
    assert.equal(Date.UTC(1970, 0), 0)
  } finally {
    globalThis.Date = RealDate
  }
})
