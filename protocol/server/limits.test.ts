import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { InvalidOption } from "../../kernel/errors.ts"
import { MESSAGE_BYTES_MAX } from "../limits.ts"
import { DEFAULT_SERVER_LIMITS, resolveLimits } from "./limits.ts"

describe("resolveLimits()", () => {
  it("fills in what is left out", () => {
    assert.deepEqual(resolveLimits(), DEFAULT_SERVER_LIMITS)
    assert.deepEqual(resolveLimits({ storesMax: 5, liveMax: undefined as never }), { ...DEFAULT_SERVER_LIMITS, storesMax: 5 })
  })

  it("takes integers from 1 to what the protocol allows, and nothing else", () => {
    assert.equal(resolveLimits({ partsMax: DEFAULT_SERVER_LIMITS.partsMax }).partsMax, DEFAULT_SERVER_LIMITS.partsMax)
    const wrong: readonly object[] = [
      { partsMax: 0 },
      { partsMax: -1 },
      { partsMax: 1.5 },
      { partsMax: NaN },
      { partsMax: "7" as never },
      { partsMax: DEFAULT_SERVER_LIMITS.partsMax + 1 },
      { operationsMax: DEFAULT_SERVER_LIMITS.operationsMax + 1 },
      { partsBytesMax: 5_000_000 },
      { waitMillisMax: 25_001 },
      { inflatedBytesMax: 16_777_217 },
      { storeMax: 5 },
      { __proto__: null, toString: 5 },
    ]
    for (const limits of wrong) assert.throws(() => resolveLimits(limits as never), InvalidOption, JSON.stringify(limits))
  })

  it("leaves room for a push of one whole frame, unless it is told otherwise", () => {
    assert.ok(DEFAULT_SERVER_LIMITS.bodyBytesMax >= DEFAULT_SERVER_LIMITS.partsBytesMax + 1_200_000)
    assert.ok(DEFAULT_SERVER_LIMITS.inflatedBytesMax >= MESSAGE_BYTES_MAX)
  })
})
