import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { checkThreats, OWNED, testedNumbers } from "./check-threats.ts"
import { withFiles } from "./temporary.ts"

const tests = (numbers: readonly string[]): string => numbers.map((number) => `it("${number} does something", () => {})`).join("\n")

describe("checkThreats()", () => {
  it("accepts a repository where each number has a test", async () => {
    assert.deepEqual(await withFiles({ "a.test.ts": tests(OWNED.slice(0, 5)), "b/c.test.ts": tests(OWNED.slice(5)) }, checkThreats), [])
  })

  it("reports a number that no test starts with", async () => {
    const files = { "a.test.ts": tests(OWNED.filter((number) => number !== "T22")), "not-a-test.ts": tests(["T22"]) }
    assert.deepEqual(await withFiles(files, checkThreats), ["T22 has no test whose name starts with it"])
  })
})

describe("testedNumbers()", () => {
  it("reads one number, several, and the name of a suite or an optioned test", () => {
    const source = ['it("T5 a", f)', "test('T6, T7 b', f)", "describe(`T8 c`, f)", 'it.skip("I23 and I24 d", f)', 'it(\n  "T9 e",\n  f)']
      .join("\n")
    assert.deepEqual(testedNumbers(source), ["T5", "T6", "T7", "T8", "I23", "I24", "T9"])
  })

  it("does not take a number from the middle of a name, nor part of a word", () => {
    assert.deepEqual(testedNumbers('it("open() answers T5", f); it("T5a x", f); submit("T6 x")'), [])
  })
})
