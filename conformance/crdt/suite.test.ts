/** The suite itself is well made; then every case for the types of ours, one test a case. */
import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import { describe, it } from "node:test"
import { addWinsSet, counter, type CrdtEditor, type CrdtType, registerMap, type SetElement } from "../../crdt.ts"
import { editCounter, editMap, editSet } from "../../crdt/testing/our-types.ts"
import { logStorageCases } from "../log-storage/suite.ts"
import { remoteCases } from "../remote/suite.ts"
import { formatResult } from "../report.ts"
import { runCase } from "../runner.ts"
import { crdtCases, crdtSuite, crdtTrial } from "./suite.ts"

/** Long enough for a machine that has much else to do. */
const CASE_MILLIS_MAX = 50_000

const seed = Math.floor(Math.random() * 2 ** 31)

describe("crdtCases", () => {
  it("have ids that are group/name, unique, with cases of one group together, and in groups of their own", () => {
    const ids = crdtCases.map(({ id }) => id)
    for (const id of ids) assert.match(id, /^[a-z]+(-[a-z]+)*\/[a-z]+(-[a-z]+)*$/)
    assert.equal(new Set(ids).size, ids.length)
    const groups = ids.map((id) => id.split("/")[0]).filter((group, index, all) => group !== all[index - 1])
    assert.equal(new Set(groups).size, groups.length)
    const others = new Set([...logStorageCases, ...remoteCases].map(({ id }) => id.split("/")[0]))
    assert.deepEqual(groups.filter((group) => others.has(group)), [])
  })

  it("quote rules that stand in the port, word for word", async () => {
    const source = await readFile(new URL("../../kernel/ports/crdt-type.ts", import.meta.url), "utf8")
    const port = source.replace(/^\s*(\/\*\*|\*\/|\*)/gm, " ").replace(/\s+/g, " ")
    for (const { id, rule } of crdtCases) assert.ok(port.includes(rule), `${id} quotes what nobody says: ${rule}`)
  })
})

describe("crdtSuite()", () => {
  it("checks a type that is given in one line, and names it and the seed", async () => {
    const report = await crdtSuite(counter(), { edit: (votes, random) => votes.increment(Math.floor(random() * 9)) }).run({
      only: ["join"],
    })
    assert.deepEqual([report.name, report.conforms, report.passed], ["counter, seed 1", true, 4])
  })

  it("skips what is timed where the clock stands still while work is done", async () => {
    const { now } = performance
    performance.now = () => 5
    try {
      const report = await crdtSuite(counter(), { edit: (votes) => votes.increment() }).run({ only: ["cost"] })
      assert.deepEqual([report.passed, report.skipped], [0, 1])
      assert.match(report.results[0]?.reason ?? "", /clock/)
    } finally {
      performance.now = now
    }
  })

  it("reports a type that throws everywhere as failed", async () => {
    const broken = { ...counter(), empty: () => assert.fail("never") }
    const report = await crdtSuite(broken, { edit: (votes) => votes.increment() }).run({ only: ["empty", "join"] })
    assert.deepEqual([report.failed, report.conforms], [6, false])
  })
})

const describeType = <View, Editor extends CrdtEditor<State>, State>(
  type: CrdtType<View, Editor, State>,
  edit: (editor: Editor, choice: number) => void,
): void => {
  describe(`${type.name}, seed ${seed}`, () => {
    for (const one of crdtCases) {
      it(`${one.title} [${one.id}]`, async () => {
        const options = { seed, edit: (editor: Editor, random: () => number) => edit(editor, Math.floor(random() * 1000)) }
        const result = await runCase(one, async () => crdtTrial(type, options), CASE_MILLIS_MAX)
        // Of our own types we ask what is recommended, too.
        if (result.outcome !== "passed" || result.warnings.length > 0) assert.fail(formatResult(result))
      })
    }
  })
}

describeType(counter(), editCounter)
describeType(addWinsSet<SetElement>(), editSet)
describeType(registerMap(), editMap)
