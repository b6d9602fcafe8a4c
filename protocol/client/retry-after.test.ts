import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { retryAfterMillisOf } from "./retry-after.ts"
import { processorMillis } from "../../kernel/testing/processor-time.ts"

const NOW_MILLIS = Date.UTC(2026, 0, 1, 12)
const HOUR_MILLIS = 3_600_000
const parse = (header: string | null): number | undefined => retryAfterMillisOf(header, NOW_MILLIS)

describe("retryAfterMillisOf()", () => {
  it("takes seconds, to an hour at most", () => {
    assert.equal(parse("0"), 0)
    assert.equal(parse("1"), 1000)
    assert.equal(parse(" 120 "), 120_000)
    assert.equal(parse("1.5"), 1500)
    assert.equal(parse("3600"), HOUR_MILLIS)
    assert.equal(parse("3601"), HOUR_MILLIS)
    assert.equal(parse("99999999999999999999"), HOUR_MILLIS)
  })

  it("takes negative numbers and past dates for now", () => {
    assert.equal(parse("-1"), 0)
    assert.equal(parse("-99999999999999999999"), 0)
    assert.equal(parse("Thu, 01 Jan 1970 00:00:00 GMT"), 0)
    assert.equal(parse("Thu, 01 Jan 2026 12:00:00 GMT"), 0)
  })

  it("takes dates in the three forms of HTTP, to an hour ahead at most", () => {
    assert.equal(parse("Thu, 01 Jan 2026 12:01:30 GMT"), 90_000)
    assert.equal(parse("Thursday, 01-Jan-26 12:01:30 GMT"), 90_000)
    assert.equal(parse("Thu, 01 Jan 2026 13:00:01 GMT"), HOUR_MILLIS)
    assert.equal(parse("Fri, 31 Dec 9999 23:59:59 GMT"), HOUR_MILLIS)
  })

  it("passes over what is neither", () => {
    for (
      const header of [null, "", " ", "soon", "NaN", "Infinity", "1e9", "0x10", "1 2", "--1", "2026-01-01", "Thu, 99 Foo 2026 12:00:00 GMT"]
    ) {
      assert.equal(parse(header), undefined, String(header))
    }
  })

  it("is done at once with a header of a megabyte", () => {
    for (const header of ["1".repeat(1_000_000), "-".repeat(1_000_000), `Thu, ${" ".repeat(1_000_000)}`, "Thu,".repeat(250_000)]) {
      const startedMillis = processorMillis()
      assert.equal(parse(header), undefined)
      assert.ok(processorMillis() - startedMillis < 250)
    }
  })
})
