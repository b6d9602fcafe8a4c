import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { countCases, parseJunit, withSkipsOf } from "./junit.ts"

describe("parseJunit()", () => {
  it("reads cases of node, with reasons and nested suites", () => {
    const cases = parseJunit(`<testsuites><testsuite name="outer" tests="3">
      <testcase name="one &amp; &lt;two>" time="0.1" classname="outer"/>
      <testcase name="bad" failure="1 !== 2&#10;"><failure type="x" message="1 !== 2">Error: 1 !== 2\n at here</failure></testcase>
      <testcase name="later"><skipped type="skipped" message="no driver"/></testcase>
      <testsuite name="inner"><testcase name="plain skip"><skipped type="skipped" message="true"/></testcase></testsuite>
    </testsuite></testsuites>`)
    assert.deepEqual(cases, [
      { name: "outer > one & <two>", outcome: "passed", message: "" },
      { name: "outer > bad", outcome: "failed", message: "Error: 1 !== 2\n at here" },
      { name: "outer > later", outcome: "skipped", message: "no driver" },
      { name: "outer > inner > plain skip", outcome: "skipped", message: "" },
    ])
  })

  it("counts a suite of deno by its steps alone", () => {
    const cases = parseJunit(
      `<testsuite name="./a.test.ts"><testcase name="outer"><failure message="1 test step failed">x</failure></testcase></testsuite>
      <testsuite name="ext:deno_node/testing.ts"><testcase name="outer &gt; a"></testcase><testcase name="outer &gt; b"><failure message="m">no</failure></testcase></testsuite>`,
    )
    assert.deepEqual(cases.map(({ name, outcome }) => [name, outcome]), [["outer > a", "passed"], ["outer > b", "failed"]])
  })

  it("reads cases of bun, skips without a reason", () => {
    const cases = parseJunit(
      '<testsuite name="k/a.test.ts"><testsuite name="s"><testcase name="a" time="0" /></testsuite><testcase name="b"><skipped />\n</testcase></testsuite>',
    )
    assert.deepEqual(cases.map(({ name }) => name), ["s > a", "b"])
    assert.deepEqual(countCases(cases), { passed: 1, failed: 0, skipped: 1 })
  })

  it("reads nothing from an empty report", () => {
    assert.deepEqual(parseJunit('<?xml version="1.0"?><testsuites></testsuites>'), [])
  })
})

describe("withSkipsOf()", () => {
  const skipped = { name: "s > b", outcome: "skipped", message: "no driver" } as const

  it("takes over reasons, and skips that a runner reported as passes", () => {
    const cases = [{ name: "s > a", outcome: "passed", message: "" }, { name: "s > b", outcome: "passed", message: "" }] as const
    assert.deepEqual(withSkipsOf(cases, [skipped]), [cases[0], skipped])
    assert.deepEqual(withSkipsOf([{ ...skipped, message: "" }], [skipped]), [skipped])
  })

  it("never hides a failure", () => {
    const failed = { name: "s > b", outcome: "failed", message: "no" } as const
    assert.deepEqual(withSkipsOf([failed], [skipped]), [failed])
  })
})
