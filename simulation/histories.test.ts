import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { HISTORIES } from "./histories.ts"
import { playHistory } from "./history.ts"

describe("histories that break where a rule is missing", () => {
  for (const history of HISTORIES) {
    it(`${history.rules.join(", ")}: ${history.title}`, async () => {
      assert.deepEqual([...await playHistory(history)], [])
    })
  }
})
