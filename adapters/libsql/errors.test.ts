import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { FlushFailed, NotAStore, PermissionDenied, ReadOnly, StorageFailed, StorageFull, StoreNotFound } from "../../kernel/errors.ts"
import { answerOf, DatabaseError, type Meaning, persistError } from "./errors.ts"

const failure = (code: string, rawCode?: number): Error => Object.assign(new Error(`${code}: it failed`), { code, rawCode })

describe("answerOf", () => {
  it("knows each code of the table", () => {
    const table: readonly (readonly [Error, Meaning])[] = [
      [failure("SQLITE_BUSY", 261), "busy"],
      [failure("SQLITE_LOCKED"), "busy"],
      [failure("SQLITE_CONSTRAINT", 1555), "constraint"],
      [failure("SQLITE_READONLY", 8), "read-only"],
      [failure("SQLITE_READONLY", 1544), "no-open"],
      [failure("BLOCKED"), "read-only"],
      [failure("SQLITE_FULL", 13), "full"],
      [failure("SQLITE_AUTH"), "denied"],
      [failure("AUTH_JWT_EXPIRED"), "denied"],
      [failure("SQLITE_NOTADB", 26), "damaged"],
      [failure("SQLITE_IOERR", 1034), "no-flush"],
      [failure("SQLITE_IOERR", 778), "failed"],
      [failure("SQL_PARSE_ERROR"), "rejected"],
      [failure("TRANSACTION_TIMEOUT"), "failed"],
      [new Error('ConnectionFailed("Unable to open connection to local database x: 14")'), "no-open"],
      [new Error("SQLITE_UNKNOWN: SQLite error: no such table: persist_frames"), "rejected"],
    ]
    for (const [cause, meaning] of table) assert.equal(answerOf(cause)?.meaning, meaning, cause.message)
  })

  it("knows nothing of errors that no SQLite answered", () => {
    for (
      const cause of [
        failure("HRANA_WEBSOCKET_ERROR"),
        failure("ECONNRESET"),
        failure("SERVER_ERROR"),
        new TypeError("x"),
        "text",
        undefined,
      ]
    ) {
      assert.equal(answerOf(cause), undefined)
    }
  })
})

describe("persistError", () => {
  it("says of each meaning what is known of the outcome, and keeps the cause", () => {
    const table = [
      ["read-only", ReadOnly, true],
      ["full", StorageFull, true],
      ["denied", PermissionDenied, true],
      ["damaged", NotAStore, true],
      ["no-flush", FlushFailed, false],
      ["rejected", StorageFailed, true],
      ["no-open", StorageFailed, true],
      ["unreachable", StorageFailed, true],
      ["failed", StorageFailed, false],
    ] as const
    for (const [meaning, Class, storedNothing] of table) {
      const cause = new Error("why")
      const error = persistError(new DatabaseError(meaning, "reason", { cause }), "append to", "http://db.example", 7)
      assert.ok(error instanceof Class, meaning)
      assert.deepEqual([error.storedNothing, error.cause], [storedNothing, cause], meaning)
      assert.match(error.message, /reason/)
    }
    assert.equal(persistError(new DatabaseError("unreachable", "x"), "open", "x").retryable, true)
    const ours = new StoreNotFound({ store: "a", location: "x", stores: [] })
    assert.equal(persistError(ours, "open", "x"), ours)
    assert.equal(persistError("text", "open", "x").storedNothing, false)
  })
})
