import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { reportsToJunit } from "./junit.ts"
import { type CaseResult, reportOf } from "./runner.ts"

const result = (id: string, outcome: CaseResult["outcome"], rest: Partial<CaseResult> = {}): CaseResult => ({
  id,
  title: "it <holds> & stays",
  level: "MUST",
  rule: 'A "rule" of somebody\'s.',
  why: "Somebody relies on it.",
  outcome,
  warnings: [],
  millis: 1500,
  ...rest,
})

/** The elements of a document with their attributes and texts, in order. Throws if it is not well-formed: as far as our documents go, a whole parser. */
const parse = (xml: string): readonly (readonly [string, Readonly<Record<string, string>>, string])[] => {
  const found: [string, Record<string, string>, string][] = [], open: [string, Record<string, string>, string][] = []
  const unescape = (text: string): string => {
    assert.doesNotMatch(text, /[<>"']|&(?!(?:amp|lt|gt|quot|apos|#\d+);)/)
    const marks: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" }
    return text.replace(/&(?:#(\d+)|(\w+));/g, (_, code, name) => code === undefined ? marks[name]! : String.fromCharCode(Number(code)))
  }
  assert.match(xml, /^<\?xml version="1\.0" encoding="UTF-8"\?>\n/)
  assert.doesNotMatch(xml, /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/u)
  let rest = xml.slice(xml.indexOf("\n"))
  while (rest !== "") {
    const [whole, text = "", slash, name = "", attributes = "", empty] = /^([^<]*)(?:<(\/?)([a-z-]+)((?: [a-z]+="[^"<]*")*)(\/?)>)?/.exec(
      rest,
    )!
    assert.ok(whole !== "", `not well-formed at ${rest.slice(0, 80)}`)
    if (open.length > 0) open.at(-1)![2] += unescape(text)
    else assert.equal(text.trim(), "")
    rest = rest.slice(whole.length)
    if (name === "") continue
    if (slash === "/") assert.equal(open.pop()![0], name)
    else {
      const values = Object.fromEntries([...attributes.matchAll(/ ([a-z]+)="([^"]*)"/g)].map(([, key, value]) => [key!, unescape(value!)]))
      const element: [string, Record<string, string>, string] = [name, values, ""]
      found.push(element)
      if (empty === "") open.push(element)
    }
  }
  assert.equal(open.length, 0)
  return found
}

describe("reportsToJunit()", () => {
  it("has a test suite a report and a test case a case, with counts, times, reasons and why it matters", () => {
    const elements = parse(reportsToJunit([
      reportOf("mine", [
        result("a/passes", "passed", { warnings: ["noticed"] }),
        result("a/fails", "failed", { reason: "found 1, expected 2", error: new Error("x", { cause: new Error("the driver said no") }) }),
        result("b/skipped", "skipped", { reason: "it does not claim it" }),
      ]),
      reportOf("other", [result("a/passes", "passed")]),
    ]))
    const of = (name: string) => elements.filter(([found]) => found === name)
    assert.deepEqual(of("testsuites").map(([, values]) => values), [{
      tests: "4",
      failures: "1",
      errors: "0",
      skipped: "1",
      time: "6.000",
    }])
    assert.deepEqual(of("testsuite").map(([, { name, tests, failures, skipped }]) => [name, tests, failures, skipped]), [
      ["mine", "3", "1", "1"],
      ["other", "1", "0", "0"],
    ])
    assert.deepEqual(of("testcase").map(([, { classname, name, time }]) => [classname, name, time]), [
      ["mine.a", "a/passes", "1.500"],
      ["mine.a", "a/fails", "1.500"],
      ["mine.b", "b/skipped", "1.500"],
      ["other.a", "a/passes", "1.500"],
    ])
    const [[, failure, text] = assert.fail()] = of("failure")
    assert.deepEqual(failure, { message: "found 1, expected 2", type: "MUST" })
    assert.deepEqual(text.split("\n"), [
      "expected: it <holds> & stays",
      "seen:     found 1, expected 2",
      "from:     Error: the driver said no",
      'rule:     A "rule" of somebody\'s.',
      "why:      Somebody relies on it.",
    ])
    assert.deepEqual(of("skipped").map(([, values]) => values), [{ message: "it does not claim it" }])
    assert.deepEqual(of("system-out").map(([, , found]) => found), ["noticed"])
  })

  it("stays well-formed whatever a subject says", () => {
    const evil = `</failure>]]><!-- "'&<> \u0000\u001b\ud800\uffff\ufffe 😀\r\n\t`
    const elements = parse(reportsToJunit([reportOf(evil, [
      result("a/fails", "failed", { reason: evil, warnings: [evil] }),
      result("a/skipped", "skipped", { reason: evil }),
    ])]))
    const safe = `</failure>]]><!-- "'&<> \\u0000\\u001b\\ud800\\uffff\\ufffe 😀\r\n\t`
    assert.equal(elements.find(([name]) => name === "failure")?.[1]["message"], safe)
    assert.equal(elements.find(([name]) => name === "testsuite")?.[1]["name"], safe)
    assert.ok(elements.find(([name]) => name === "failure")?.[2].includes(safe))
  })
})
