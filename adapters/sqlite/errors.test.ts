import assert from "node:assert/strict"
import { join } from "node:path"
import { tmpdir } from "node:os"
import { describe, it } from "node:test"
import {
  FlushFailed,
  NotAStore,
  PathNotFound,
  PermissionDenied,
  ReadOnly,
  StorageFailed,
  StorageFull,
  StoreBusy,
} from "../../kernel/errors.ts"
import { type Meaning, meaningOf, sqliteError } from "./errors.ts"

describe("meaningOf", () => {
  it("goes by the extended code where it has a row, else by the primary one", () => {
    const cases: [number | undefined, Meaning][] = [
      [5, "busy"],
      [261, "busy"],
      [517, "busy"],
      [6, "busy"],
      [262, "busy"],
      [15, "busy"],
      [19, "constraint"],
      [1555, "constraint"],
      [1299, "constraint"],
      [2067, "constraint"],
      [8, "read-only"],
      [776, "read-only"],
      [1032, "read-only"],
      [1544, "no-open"],
      [13, "full"],
      [11, "damaged"],
      [267, "damaged"],
      [26, "damaged"],
      [14, "no-open"],
      [526, "no-open"],
      [3, "denied"],
      [23, "denied"],
      [1034, "no-flush"],
      [1290, "no-flush"],
      [10, "failed"],
      [266, "failed"],
      [778, "failed"],
      [3082, "failed"],
      [1, "failed"],
      [7, "failed"],
      [21, "failed"],
      [0, "failed"],
      [undefined, "failed"],
    ]
    for (const [code, meaning] of cases) assert.equal(meaningOf(code), meaning, String(code))
  })
})

describe("sqliteError", () => {
  it("says of each code what it means for the store, with the words and the code of SQLite", () => {
    const cases: [number, new (...values: never[]) => Error, boolean][] = [
      [8, ReadOnly, true],
      [13, StorageFull, true],
      [23, PermissionDenied, true],
      [26, NotAStore, true],
      [1034, FlushFailed, false],
      [266, StorageFailed, false],
    ]
    for (const [code, kind, storedNothing] of cases) {
      const cause = new Error("the words")
      const error = sqliteError(cause, code, "append to", "/place", 7)
      assert.ok(error instanceof kind, String(code))
      assert.equal(error.storedNothing, storedNothing)
      assert.equal(error.cause, cause)
      assert.match(error.message, new RegExp(`the words \\(SQLite result code ${code}\\)`))
    }
  })

  it("answers one of ours as it is", () => {
    const ours = new StoreBusy({ store: "a", waitedMillis: 1 })
    assert.equal(sqliteError(ours, 10, "read", "/place"), ours)
  })

  it("asks the file system why a file cannot be opened", () => {
    assert.ok(sqliteError(new Error("unable"), 14, "open", join(tmpdir(), "persist", "is", "not", "there")) instanceof PathNotFound)
    assert.ok(sqliteError(new Error("unable"), 14, "open", tmpdir()) instanceof StorageFailed)
  })

  it("takes the refusal of a runtime for one of the system", () => {
    const cause = Object.assign(new Error("Requires write access"), { name: "NotCapable", code: "ERR_SQLITE_ERROR" })
    assert.ok(sqliteError(cause, undefined, "open", "/place") instanceof PermissionDenied)
  })
})
