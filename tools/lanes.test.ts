import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { judgeFile, type Lane, LANES, runFile } from "./lanes.ts"
import { listFiles, ROOT } from "./repository.ts"
import { withFiles } from "./temporary.ts"

const passed = { name: "a", outcome: "passed", message: "" } as const
const failed = { name: "b", outcome: "failed", message: "no" } as const
const CONTENT = { code: 0, output: "", isTimedOut: false }

describe("judgeFile()", () => {
  it("passes a file whose cases and runner both passed", () => {
    assert.deepEqual(judgeFile([passed], CONTENT), { cases: [passed] })
  })

  it("leaves it at the failed cases of a report", () => {
    assert.deepEqual(judgeFile([passed, failed], { ...CONTENT, code: 1 }), { cases: [passed, failed] })
  })

  it("fails a file that ran no tests, even if its runner is content", () => {
    assert.equal(judgeFile([], CONTENT).problem, "has no tests")
  })

  it("fails a file whose runner failed outside of a case", () => {
    assert.match(judgeFile([passed], { ...CONTENT, code: 1, output: "late" }).problem ?? "", /^fails outside of a case[\s\S]*late$/)
  })

  it("adds what bun reports outside of cases, beside its failed ones", () => {
    const { problem = "" } = judgeFile([failed], { ...CONTENT, code: 1, output: " 5 pass\n 2 fail\n 1 error\nRan 11 tests" })
    assert.match(problem, /^fails outside of a case/)
  })

  it("fails a file that was ended, whatever its report says", () => {
    assert.match(judgeFile([passed], { ...CONTENT, isTimedOut: true }).problem ?? "", /^hangs/)
  })
})

describe("LANES", () => {
  it("leave files to later runs that are there, and none of them to all lanes", async () => {
    const files = await listFiles(ROOT, ".test.ts")
    for (const { name, isFor, isLater } of LANES) {
      const later = files.filter((path) => isFor(path) && isLater(path))
      assert.ok(later.length > 5 && later.length < 20, `${name}: ${later.join(", ")}`)
    }
    const seldom = files.filter((path) => LANES.filter(({ isFor }) => isFor(path)).every(({ isLater }) => isLater(path)))
    assert.ok(seldom.every((path) => /^(conformance|tools)\//.test(path)), seldom.join(", "))
  })
})

describe("runFile()", () => {
  const BODIES = {
    "pass.test.ts": 'it("passes", () => {})',
    "fail.test.ts": 'it("passes", () => {})\nit("fails", () => { throw new Error("on purpose") })',
    "load.test.ts": 'import "./gone.ts"',
    "late.test.ts": 'it("passes", () => { setTimeout(() => { throw new Error("late") }, 20) })',
    "spin.test.ts": 'it("never ends", () => { while (true); })',
    "deeper/none.test.ts": "",
  }
  const files = Object.fromEntries(Object.entries(BODIES).map(([path, body]) => [path, `import { it } from "node:test"\n${body}\n`]))
  const resultOf = (lane: Lane, path: string, fileMillisMax?: number): ReturnType<typeof runFile> =>
    withFiles(
      { ...files, "package.json": '{ "type": "module" }' },
      (root) => runFile(lane, path, fileMillisMax === undefined ? { root } : { root, fileMillisMax }),
    )

  for (const lane of LANES) {
    it(`reads a pass and a failure with its message from ${lane.name}`, async () => {
      const good = await resultOf(lane, "pass.test.ts")
      assert.deepEqual([good.cases, good.problem], [[{ name: "passes", outcome: "passed", message: "" }], undefined])
      const bad = await resultOf(lane, "fail.test.ts")
      assert.deepEqual(bad.cases.map(({ name, outcome }) => [name, outcome]), [["passes", "passed"], ["fails", "failed"]])
      if (lane.name !== "bun") assert.match(bad.cases[1]?.message ?? "", /on purpose/)
    })

    it(`fails a file that does not load, and one without tests, on ${lane.name}`, async () => {
      for (const path of ["load.test.ts", "deeper/none.test.ts"]) {
        const { cases, problem } = await resultOf(lane, path)
        assert.ok(problem !== undefined || cases.some(({ outcome }) => outcome === "failed"), path)
      }
    })

    it(`ends a file that spins, on ${lane.name}`, async () => {
      const { problem = "", seconds } = await resultOf(lane, "spin.test.ts", 1_500)
      assert.match(problem, /^hangs/)
      assert.ok(seconds < 30, `${seconds} s`)
    })
  }

  it("fails a file with an error after its cases", async () => {
    const [node] = LANES
    assert.match((await resultOf(node!, "late.test.ts")).problem ?? "", /^fails outside of a case[\s\S]*late/)
  })
})
