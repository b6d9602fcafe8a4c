/** Each double is caught by the cases that it names, and by the fault that it has: without the fault, the cases pass. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { formatKill } from "../../cli/kill-table.ts"
import { allDoubles, killOf } from "../../cli/kills.ts"
import { crdtCases, crdtSuite } from "../../crdt/suite.ts"
import { formatReport } from "../../report.ts"
import { crdtDoubles } from "./crdt-doubles.ts"
import { bag, editBag } from "./plain-type.ts"

describe("doubles of CRDT types", () => {
  for (const kind of allDoubles.filter(({ kind }) => kind === "type")) {
    for (const double of kind.doubles) {
      for (const id of double.caughtBy) {
        it(`T86 ${id} catches a type that ${double.fault}`, async () => {
          const kill = await killOf(kind, double, id)
          assert.notEqual(kill.outcome, "missed", formatKill(kill))
        })
      }
    }
  }

  for (const seed of [1, Math.floor(Math.random() * 2 ** 31)]) {
    it(`T86 are right but for their faults: every case passes for the plain type beneath them, seed ${seed}`, async () => {
      const report = await crdtSuite(bag, { edit: editBag, seed }).run()
      assert.ok(report.conforms && report.skipped === 0 && report.warnings === 0, formatReport(report))
    })
  }

  it("T86 exist for every case", () => {
    const caught = new Set(crdtDoubles.flatMap(({ caughtBy }) => caughtBy))
    assert.deepEqual(crdtCases.map(({ id }) => id).filter((id) => !caught.has(id)), [])
  })
})
