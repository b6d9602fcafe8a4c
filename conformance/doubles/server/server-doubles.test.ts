/** Each double is caught by the cases that it names, and by the fault that it has: `conformance/server/suite.test.ts` shows our server without it. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { formatKill } from "../../cli/kill-table.ts"
import { allDoubles, killOf } from "../../cli/kills.ts"
import { wireCases } from "../../server/suite.ts"
import { serverDoubles } from "./server-doubles.ts"

describe("doubles of servers", () => {
  for (const kind of allDoubles.filter(({ kind }) => kind === "server")) {
    for (const double of kind.doubles) {
      it(`T86 ${double.caughtBy.join(", ")} catches a server that ${double.fault}`, async () => {
        for (const id of double.caughtBy) {
          const kill = await killOf(kind, double, id)
          assert.notEqual(kill.outcome, "missed", formatKill(kill))
        }
      })
    }
  }

  it("T86 exist for every case about the wire", () => {
    const caught = new Set(serverDoubles.flatMap(({ caughtBy }) => caughtBy))
    assert.deepEqual(wireCases.map(({ id }) => id).filter((id) => !caught.has(id)), [])
    const known = new Set(wireCases.map(({ id }) => id))
    assert.deepEqual([...caught].filter((id) => !known.has(id)), [])
  })
})
