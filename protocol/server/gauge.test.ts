import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { Gauge } from "./gauge.ts"

describe("Gauge", () => {
  it("enter() counts up to the bound, by key", () => {
    const gauge = new Gauge(2)
    assert.deepEqual([gauge.enter("a"), gauge.enter("a"), gauge.enter("a"), gauge.enter("b")], [true, true, false, true])
    assert.equal(gauge.total, 3)
  })

  it("leave() makes place again, down to nothing", () => {
    const gauge = new Gauge(1)
    for (let n = 0; n < 3; n++) {
      assert.ok(gauge.enter("__proto__"))
      assert.equal(gauge.enter("__proto__"), false)
      gauge.leave("__proto__")
    }
    assert.equal(gauge.total, 0)
    assert.throws(() => gauge.leave("__proto__"), /more left than entered/)
  })
})
