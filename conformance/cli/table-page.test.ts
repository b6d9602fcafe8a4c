import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { cellOf, formatTable, readTable, withTable, wrongCells } from "./table-page.ts"

const page = (table: string): string =>
  `# Page\n\n<!-- table: node conformance/table.ts -->\n\n${table}\n\n<!-- end of table -->\n\nMore.\n`
const columns = new Map([
  ["Deno 2.9.1", new Map([["adapter memory", "3 · 0 · 1"], ["remote log", "2 · 0 · 0"]])],
  ["Node 26.10.0", new Map([["adapter memory", cellOf({ passed: 4, failed: 0, skipped: 0 })], ["remote log", "2 · 0 · 0"]])],
])
const counts = new Map([["adapter memory", 4], ["remote log", 2]])
const text =
  "| subject | Node 26.10.0 | Deno 2.9.1 |\n| --- | --- | --- |\n| adapter memory | 4 · 0 · 0 | 3 · 0 · 1 |\n| remote log | 2 · 0 · 0 | 2 · 0 · 0 |"

describe("the table of docs/conformance.md", () => {
  it("is written between its marks, and read back", () => {
    const table = formatTable(columns, [...counts.keys()], ["Node", "Deno"])
    assert.equal(table, text)
    assert.equal(withTable(page("old"), table), page(text))
    assert.deepEqual(readTable(page(text)), new Map([...columns].reverse()))
    assert.equal(readTable(page("")).size, 0)
  })

  it("has a dash where a subject does not run, which is no count", () => {
    const some = new Map([["workerd 1.2.3", new Map([["remote log", "2 · 0 · 0"]])]])
    const table = formatTable(some, [...counts.keys()], ["workerd"])
    assert.match(table, /^\| adapter memory \| – \|$/m)
    const read = readTable(page(table))
    assert.equal(formatTable(read, [...counts.keys()], ["workerd"]), table)
    assert.equal(wrongCells(read, counts, ["workerd"]).length, 1)
    assert.deepEqual(wrongCells(read, counts, ["workerd"], (_, row) => row === "remote log"), [])
  })

  it("needs its marks", () => {
    assert.throws(() => withTable("# Page\n", text), /has no <!-- table/)
  })

  it("is wrong with a failure, a missing runtime or subject, or cases that nobody counted", () => {
    assert.deepEqual(wrongCells(columns, counts, ["Node", "Deno"]), [])
    assert.deepEqual(wrongCells(columns, counts, ["Bun"]), ["it has no column for Bun"])
    assert.deepEqual(wrongCells(columns, new Map([["type counter", 1]]), ["Node"]), ["it has no row for type counter"])
    assert.deepEqual(wrongCells(columns, new Map([["remote log", 3]]), ["Node"]), ["Node 26.10.0, remote log is 2 · 0 · 0, of 3 cases"])
    const runsOn = (runtime: string, row: string): boolean => runtime !== "Deno" || row === "remote log"
    assert.deepEqual(wrongCells(columns, new Map([["adapter memory", 9], ["remote log", 2]]), ["Deno"], runsOn), [])
    const failed = new Map([["Node 26", new Map([["remote log", "1 · 1 · 0"]])]])
    assert.deepEqual(wrongCells(failed, new Map([["remote log", 2]]), ["Node"]), ["Node 26, remote log has 1 failed"])
    assert.equal(wrongCells(new Map([["Node 26", new Map([["remote log", ""]])]]), new Map([["remote log", 2]]), ["Node"]).length, 1)
  })
})
