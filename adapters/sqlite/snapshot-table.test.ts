import assert from "node:assert/strict"
import { statSync } from "node:fs"
import { describe, it } from "node:test"
import { PositionOutOfRange, SnapshotMissing, StorageFailed, StoreClosed } from "../../kernel/errors.ts"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { all, bytes, type Fault, InjectedError, nothing, open, openFaulty, rawDatabase, temporaryPaths } from "./testing/workbench.ts"

const newPath = temporaryPaths()

describe("snapshots and trim", () => {
  it("a snapshot whose slices fail leaves nothing", async () => {
    const path = newPath()
    const storage = await open(path)
    for (let position = 1; position <= 4; position++) await storage.append(position, bytes(position))
    const reason = new Error("no more")
    await assert.rejects(
      async () =>
        await storage.snapshots.write(
          2,
          (function* () {
            yield bytes(1)
            throw reason
          })(),
        ),
      (error) => error === reason,
    )
    const database = rawDatabase(path)
    assert.equal(database.prepare("SELECT count(*) AS n FROM snapshots").get()?.n, 0)
    assert.equal(database.prepare("SELECT count(*) AS n FROM slices").get()?.n, 0)
    database.close()
    await storage.close()
  })

  it("a snapshot does not keep others from writing while its slices come", async () => {
    const path = newPath()
    const [one, two] = [await open(path), await open(path)]
    await one.append(1, bytes(1))
    let position = 1
    await one.snapshots.write(
      1,
      (async function* () {
        for (let slice = 0; slice < 5; slice++) {
          yield bytes(slice)
          await two.append(++position, bytes(2))
          assert.deepEqual(await two.snapshots.list(), [])
        }
      })(),
    )
    assert.deepEqual(await two.snapshots.list(), [{ at: 1, sliceBytes: [1, 1, 1, 1, 1] }])
    await one.close()
    await two.close()
  })

  it("close() in the middle of a snapshot drops it and does not wait for its slices", async () => {
    const path = newPath()
    const storage = await open(path)
    await storage.append(1, bytes(1))
    let release = (): void => {}
    const held = new Promise<void>((resolve) => release = resolve)
    const writing = storage.snapshots.write(
      1,
      (async function* () {
        yield bytes(1)
        await held
        yield bytes(2)
      })(),
    ) as Promise<void>
    writing.catch(() => {})
    await new Promise((resolve) => setImmediate(resolve))
    await storage.close()
    release()
    await assert.rejects(writing, StoreClosed)
    const database = rawDatabase(path)
    assert.equal(database.prepare("SELECT (SELECT count(*) FROM snapshots) + (SELECT count(*) FROM slices) AS n").get()?.n, 0)
    database.close()
  })

  it("one that a dead process left unfinished is invisible, and swept once it is old", async () => {
    const path = newPath()
    const storage = await open(path)
    for (let position = 1; position <= 4; position++) await storage.append(position, bytes(position))
    await storage.snapshots.write(1, [bytes(1)])
    const database = rawDatabase(path)
    const count = (): unknown => database.prepare("SELECT count(*) AS n FROM slices").get()?.n
    const leave = (touched: number): void =>
      database.execute(
        `INSERT INTO snapshots (store, at, touched) VALUES (1, 2, ${touched}); INSERT INTO slices (id, bytes) VALUES (last_insert_rowid() << 24, x'01')`,
      )
    leave(Date.now())
    assert.deepEqual(await storage.snapshots.list(), [{ at: 1, sliceBytes: [1] }])
    await assert.rejects(async () => await storage.snapshots.readSlice(2, 0), SnapshotMissing)
    await (await open(path)).close()
    assert.equal(count(), 2, "it may still be at work")
    leave(Date.now() - 3_600_000)
    leave(Date.now() + 3_600_000)
    await (await open(path)).close()
    assert.equal(count(), 2)
    database.close()
    await storage.close()
  })

  it("what a dead process left is swept by the next snapshot, too", async () => {
    const path = newPath()
    const storage = await open(path)
    await storage.append(1, bytes(1))
    const database = rawDatabase(path)
    database.execute("INSERT INTO snapshots (store, at, touched) VALUES (1, 1, 0); INSERT INTO slices (id, bytes) VALUES (1 << 24, x'01')")
    await storage.snapshots.write(1, [])
    assert.equal(database.prepare("SELECT count(*) AS n FROM slices").get()?.n, 0)
    database.close()
    await storage.close()
  })

  it("one whose slices take long is not taken for abandoned: each slice says that its writer lives", async () => {
    const path = newPath()
    const storage = await open(path)
    await storage.append(1, bytes(1))
    const database = rawDatabase(path)
    await storage.snapshots.write(
      1,
      (function* () {
        database.execute("UPDATE snapshots SET touched = 0")
        yield bytes(1)
        const { touched } = database.prepare("SELECT touched FROM snapshots").get() as { touched: number }
        assert.ok(Math.abs(Date.now() - touched) < 60_000, `touched at ${touched}`)
      })(),
    )
    assert.deepEqual(await storage.snapshots.list(), [{ at: 1, sliceBytes: [1] }])
    database.close()
    await storage.close()
  })

  it("one that a newer one has overtaken is given up, and leaves nothing", async () => {
    const path = newPath()
    const [slow, other] = [await open(path), await open(path)]
    for (let position = 1; position <= 2; position++) await slow.append(position, bytes(position))
    async function* slices(): AsyncGenerator<Bytes> {
      yield bytes(1)
      await other.snapshots.write(2, [bytes(2)])
    }
    await assert.rejects(async () => await slow.snapshots.write(1, slices()), PositionOutOfRange)
    assert.deepEqual(await other.snapshots.list(), [{ at: 2, sliceBytes: [1] }])
    const database = rawDatabase(path)
    assert.equal(database.prepare("SELECT count(*) AS n FROM slices").get()?.n, 1)
    database.close()
    await other.close()
    await slow.close()
  })

  it("one that was swept while its writer slept is given up", async () => {
    const path = newPath()
    const storage = await open(path)
    await storage.append(1, bytes(1))
    const database = rawDatabase(path)
    await assert.rejects(async () =>
      await storage.snapshots.write(
        1,
        (function* () {
          yield bytes(1)
          database.execute("DELETE FROM snapshots; DELETE FROM slices")
          yield bytes(2)
        })(),
      ), StorageFailed)
    assert.deepEqual(await storage.snapshots.list(), [])
    assert.equal(database.prepare("SELECT count(*) AS n FROM slices").get()?.n, 0)
    database.close()
    await storage.close()
  })

  it("a snapshot with a slice that is missing or no BLOB is none, and nothing is trimmed by it", async () => {
    for (
      const sql of [
        "DELETE FROM slices WHERE id & 255 = 1 AND id >> 24 = 2",
        "UPDATE slices SET bytes = 'x' WHERE id >> 24 = 2",
        "UPDATE snapshots SET at = 'x' WHERE id = 2",
      ]
    ) {
      const path = newPath()
      const storage = await open(path)
      for (let position = 1; position <= 6; position++) await storage.append(position, bytes(position))
      await storage.snapshots.write(3, [bytes(1), bytes(2)])
      await storage.snapshots.write(5, [bytes(1), bytes(2)])
      const database = rawDatabase(path)
      database.execute(sql)
      database.close()
      assert.deepEqual(await storage.snapshots.list(), [{ at: 3, sliceBytes: [1, 1] }])
      assert.equal(await storage.trim(6), 0)
      await storage.snapshots.write(6, [])
      assert.deepEqual(await storage.snapshots.list(), [{ at: 6, sliceBytes: [] }, { at: 3, sliceBytes: [1, 1] }])
      assert.equal(await storage.trim(6), 3)
      await storage.close()
    }
  })

  it("trim() gives the space back by itself, in steps between which others have their turn", async () => {
    const path = newPath()
    const storage = await open(path)
    for (let position = 1; position <= 3000; position++) await storage.append(position, new Uint8Array(3000))
    await storage.snapshots.write(2990, [bytes(1)])
    await storage.snapshots.write(2995, [bytes(1)])
    await storage.flush()
    const before = statSync(path).size
    let turns = 0
    const ticking = setInterval(() => turns++, 0)
    assert.equal(await storage.trim(5000), 2990)
    clearInterval(ticking)
    assert.ok(turns >= 2, "others have had their turns meanwhile")
    assert.ok(statSync(path).size < before / 20, `${before} to ${statSync(path).size} bytes`)
    assert.equal(await storage.head(), 3000)
    assert.equal((await storage.read(2990, all)).length, 10)
    await storage.close()
  })

  it("trim() that is closed or fails in the middle has dropped a prefix", async () => {
    const path = newPath()
    const fault: { now: Fault } = { now: nothing }
    const storage = await openFaulty(path, fault, "relaxed")
    for (let position = 1; position <= 3000; position++) await storage.append(position, bytes(1))
    await storage.snapshots.write(2990, [])
    await storage.snapshots.write(2995, [])
    let drops = 0
    fault.now = (sql) => {
      if (sql.startsWith("DELETE FROM frames") && ++drops === 2) throw new InjectedError(10)
    }
    await assert.rejects(async () => await storage.trim(2990), StorageFailed)
    fault.now = nothing
    assert.equal((await storage.read(1024, all)).length, 1976)
    assert.equal(await storage.trim(2990), 2990)
    await storage.close()
  })

  it("trim() refuses what is no position", async () => {
    const storage = await open(newPath())
    for (const through of [-1, 1.5, NaN]) await assert.rejects(async () => await storage.trim(through), PositionOutOfRange)
    await storage.close()
  })
})
