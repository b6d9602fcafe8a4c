import assert from "node:assert/strict"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, it } from "node:test"
import { RuleBroken } from "../expect.ts"
import { START, type State, stateAfter } from "./history.ts"
import { callsOf, checkTurns, type Entry, JournalReader, JournalWriter, type Version } from "./journal.ts"

const a = stateAfter(START, "1.1")
const states: ReadonlyMap<Version, State> = new Map<Version, State>([[null, START], ["va", a]])
const called = (process: number, call: number): Entry => ({ what: "called", process, call })
const opened = (process: number): Entry => ({ what: "opened", process, head: 0 })
const closing = (process: number): Entry => ({ what: "closing", process })

describe("the journal", () => {
  it("gives what several writers wrote, in the order in which they did, while it grows", () => {
    const folder = mkdtempSync(join(tmpdir(), "persist-journal-"))
    try {
      const path = join(folder, "journal.jsonl")
      writeFileSync(path, "")
      const [one, other, reader] = [new JournalWriter(path), new JournalWriter(path), new JournalReader(path)]
      const large: State = { count: 1, mark: "é".repeat(100_000), before: "" }
      one.write(called(1, 1))
      assert.deepEqual(reader.read(), [called(1, 1)])
      other.write(called(2, 1))
      one.write({ what: "wrote", process: 1, call: 1, micros: 5, state: large, version: "v" })
      other.write(called(2, 2))
      assert.deepEqual(reader.read().map(({ what, process }) => `${what} ${process}`), ["called 2", "wrote 1", "called 2"])
      assert.deepEqual(reader.read(), [])
      reader.close()
      assert.throws(() => reader.read(), /the race is over/)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe("callsOf()", () => {
  it("makes moments of line numbers, and a call of unknown outcome of one that was never answered", () => {
    const journal: Entry[] = [
      opened(1),
      called(1, 1),
      called(2, 1),
      { what: "wrote", process: 1, call: 1, micros: 5, state: a, version: "va" },
    ]
    assert.deepEqual(callsOf(journal, states), [
      { process: 1, mark: "1.1", called: 1, ended: 3, effect: { kind: "wrote", state: a } },
      { process: 2, mark: "2.1", called: 2, ended: Infinity, effect: { kind: "unknown" } },
    ])
  })

  it("takes a refused put for a look at the version that was found", () => {
    const refused = (expected: Version, found: Version): readonly Entry[] => [
      called(1, 2),
      { what: "refused", process: 1, call: 2, micros: 5, expected, found },
    ]
    assert.deepEqual(callsOf(refused(null, "va"), states)[0]!.effect, { kind: "saw", state: a })
    assert.throws(() => callsOf(refused("va", "va"), states), /1\.2 was refused, though/)
    assert.throws(() => callsOf(refused("va", "vb"), states), /1\.2 was refused because of a version that is not in the log/)
  })

  it("refuses a version that names another state in the log, or none", () => {
    const saw = (version: Version): readonly Entry[] => [
      called(2, 1),
      { what: "saw", process: 2, call: 1, micros: 5, state: a, version },
    ]
    assert.equal(callsOf(saw("va"), states).length, 1)
    assert.throws(() => callsOf(saw(null), states), RuleBroken)
    assert.throws(() => callsOf(saw("vb"), states), RuleBroken)
  })
})

describe("checkTurns()", () => {
  it("takes processes that open the store one after another, also after one that was killed", () => {
    checkTurns([
      opened(1),
      { what: "locked", process: 2 },
      closing(1),
      opened(2),
      { what: "killed", process: 2 },
      opened(3),
      closing(3),
      opened(3),
    ])
  })

  it("refuses a process that opens the store while another one has it open", () => {
    assert.throws(() => checkTurns([opened(1), opened(2)]), /process 2 opened the store while process 1 had it open/)
    assert.throws(() => checkTurns([opened(1), { what: "killed", process: 3 }, closing(2), opened(2)]), RuleBroken)
  })
})
