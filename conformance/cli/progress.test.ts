import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { logStorageCases } from "../mod.ts"
import { runCase } from "../runner.ts"
import { Progress } from "./progress.ts"

const [one = assert.fail("no case")] = logStorageCases
const result = await runCase(
  { ...one, run: () => Promise.resolve() },
  () => Promise.resolve({ warnings: [], lacks: () => undefined, end: () => Promise.resolve() }),
)

describe("Progress", () => {
  it("shows on a terminal which case is running, of how many, and takes it away before its line is said", () => {
    const seen: string[] = []
    const progress = new Progress((line) => seen.push(`${line}\n`), { isTTY: true, write: (text) => seen.push(text) })
    progress.started(one, 8, 135)
    progress.ended(result)
    assert.deepEqual(seen, [`\r\u001b[2K[  9/135] ${one.id}`, "\r\u001b[2K", `ok    ${one.id}\n`])
  })

  it("says nothing but lines where nobody looks", () => {
    const seen: string[] = []
    const progress = new Progress((line) => seen.push(line), { write: (text) => seen.push(text) })
    progress.started(one, 0, 1)
    progress.ended(result)
    assert.deepEqual(seen, [`ok    ${one.id}`])
  })
})
