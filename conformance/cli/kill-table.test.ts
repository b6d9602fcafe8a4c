import assert from "node:assert/strict"
import { describe, it } from "node:test"
import type { Case } from "../case.ts"
import { main } from "../cli.ts"
import type { Trial } from "../mod.ts"
import { makeSuite } from "../suite.ts"
import { formatKill, printKillTable, selectKills } from "./kill-table.ts"
import { allDoubles, type DoublesOfKind } from "./kills.ts"

const makeCase = (id: string, rest: Partial<Case<Trial>> = {}): Case<Trial> => ({
  id,
  title: id,
  level: "MUST",
  requires: [],
  rule: "It holds.",
  why: "Somebody relies on it.",
  run: () => Promise.resolve(),
  ...rest,
})
const failing = (): Promise<void> => Promise.reject(new Error("broken"))

/** One kind of subject whose double fails the cases that do. */
const kindOf = (cases: readonly Case<Trial>[], ...caughtBy: readonly string[]): DoublesOfKind => {
  const trial: Trial = { warnings: ["noticed"], lacks: () => undefined, end: () => Promise.resolve() }
  const suite = makeSuite(() => "double", cases, () => Promise.resolve(trial))
  return { kind: "thing", cases, timeoutMillis: 100, doubles: [{ fault: "lies", caughtBy, suite }] }
}

const print = async (
  kind: DoublesOfKind,
  only?: readonly string[],
): Promise<{ readonly code: number; readonly lines: readonly string[] }> => {
  const lines: string[] = []
  const code = await printKillTable(selectKills(only, [kind]), false, (line) => lines.push(line), [kind])
  return { code, lines: lines.map((line) => line.replace(/ {2,}/g, "  ")) }
}

describe("npm run conformance -- doubles", () => {
  const cases = [makeCase("a/must", { run: failing }), makeCase("a/should", { level: "SHOULD", run: failing })]

  it("answers 0 where each double is caught by its cases, and each case catches one", async () => {
    const { code, lines } = await print(kindOf(cases, "a/must", "a/should"))
    assert.equal(code, 0)
    assert.deepEqual(lines, [
      "thing  a/must  failed  a thing that lies",
      "thing  a/should  warned  a thing that lies",
      "2 of 2 caught (100 %), 2 of 2 cases proven",
    ])
  })

  it("answers 1 where a case does not catch a double that it is meant for; that a MUST warns is not enough", async () => {
    const { code, lines } = await print(kindOf([makeCase("a/must")], "a/must"))
    assert.equal(code, 1)
    assert.match(lines[0]!, /^thing {2}a\/must {2}missed {2}a thing that lies\n/)
    assert.deepEqual(lines.slice(1), ["unproven thing a/must: no double fails it", "0 of 1 caught (0 %), 0 of 1 cases proven"])
  })

  it("answers 1 where no double is meant for a case", async () => {
    const { code, lines } = await print(kindOf(cases, "a/must"))
    assert.equal(code, 1)
    assert.deepEqual(lines.slice(1), ["unproven thing a/should: no double fails it", "1 of 1 caught (100 %), 1 of 2 cases proven"])
    assert.equal((await print(kindOf(cases, "a/must"), ["a/must"])).code, 0)
  })

  it("has doubles of every kind for each case, and none that is meant for a case that does not exist", () => {
    for (const { kind, cases, doubles } of allDoubles) {
      const ids = cases.map(({ id }) => id), meant = new Set(doubles.flatMap(({ caughtBy }) => caughtBy))
      assert.deepEqual(ids.filter((id) => !meant.has(id)), [], kind)
      assert.deepEqual([...meant].filter((id) => !ids.includes(id)), [], kind)
    }
  })

  it("is reached by the program, for a selection too", async () => {
    assert.equal(await main(["doubles", "--only", "join", "--only", "close/twice"]), 0)
  })

  it("says what a case found that missed its double", () => {
    const kill = { kind: "adapter", id: "append/order", level: "MUST", fault: "lies", outcome: "missed", seen: "it passed" } as const
    assert.match(formatKill(kill), /^adapter {2}append\/order +missed +an adapter that lies\n +it passed$/)
  })
})
