/** Each double is caught by the cases that it names, and by the fault that it has: `conformance/client/suite.test.ts` shows our client without it. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { formatKill } from "../../cli/kill-table.ts"
import { allDoubles, killOf } from "../../cli/kills.ts"
import { clientCases } from "../../client/suite.ts"
import { clientDoubles } from "./client-doubles.ts"

describe("doubles of clients", () => {
  for (const kind of allDoubles.filter(({ kind }) => kind === "client")) {
    for (const double of kind.doubles) {
      it(`T86 ${double.caughtBy.join(", ")} catches a client that ${double.fault}`, async () => {
        for (const id of double.caughtBy) {
          const kill = await killOf(kind, double, id)
          assert.notEqual(kill.outcome, "missed", formatKill(kill))
        }
      })
    }
  }

  it("T86 exist for every case", () => {
    const caught = new Set(clientDoubles.flatMap(({ caughtBy }) => caughtBy))
    assert.deepEqual(clientCases.map(({ id }) => id).filter((id) => !caught.has(id)), [])
    const known = new Set(clientCases.map(({ id }) => id))
    assert.deepEqual([...caught].filter((id) => !known.has(id)), [])
  })
})
