import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { CorruptFrame, FramesTrimmed } from "../../kernel/errors.ts"
import { all, bytes, type Fault, nothing, open, openFaulty, rawDatabase, temporaryPaths } from "./testing/workbench.ts"

const newPath = temporaryPaths()

/** A database whose store has ten frames and is trimmed through 4. */
const makeTrimmed = async (): Promise<string> => {
  const path = newPath()
  const storage = await open(path)
  for (let position = 1; position <= 10; position++) await storage.append(position, bytes(position))
  for (const at of [4, 8]) await storage.snapshots.write(at, [bytes(at)])
  assert.equal(await storage.trim(10), 4)
  await storage.close()
  return path
}

describe("FrameTable", () => {
  it("head() of a trimmed store whose frames are all gone is damage behind the base, not an empty log", async () => {
    const path = await makeTrimmed()
    const database = rawDatabase(path)
    database.execute("DELETE FROM frames")
    database.close()
    await assert.rejects(open(path), (error) => error instanceof CorruptFrame && error.details.position === 5)
  })

  it("read() of frames that another process trims meanwhile is FramesTrimmed, not a page with a hole", async () => {
    const path = await makeTrimmed()
    const fault: { now: Fault } = { now: nothing }
    const storage = await openFaulty(path, fault)
    const other = await open(path)
    await other.snapshots.write(9, [bytes(9)])
    // Between measuring the page and reading it, what only another process can do.
    const database = rawDatabase(path)
    fault.now = (sql) => {
      if (!sql.startsWith("SELECT bytes FROM frames")) return
      fault.now = nothing
      database.execute("BEGIN; DELETE FROM frames WHERE id & 1099511627775 <= 8; UPDATE stores SET base = 8; COMMIT")
    }
    await assert.rejects(async () => await storage.read(4, all), (error) => error instanceof FramesTrimmed && error.details.base === 8)
    assert.deepEqual(await storage.read(8, all), [bytes(9), bytes(10)])
    database.close()
    await other.close()
    await storage.close()
  })
})
