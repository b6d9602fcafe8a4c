import assert from "node:assert/strict"
import { constants } from "node:os"
import { describe, it } from "node:test"
import { PathNotFound, PermissionDenied, ReadOnly, StorageFailed, StorageFull, StoreNotFound } from "../../kernel/errors.ts"
import { systemError } from "./errors.ts"

const failure = (code: string): Error => Object.assign(new Error(`${code}: it failed, write`), { code })
const denoFailure = (name: string): Error => Object.assign(new Error("denied"), { name })

describe("systemError", () => {
  it("knows each code of the table and keeps the cause", () => {
    const table = [
      [["ENOSPC", "EDQUOT", "EFBIG"], StorageFull],
      [["EACCES", "EPERM"], PermissionDenied],
      [["EROFS"], ReadOnly],
      [["ENOENT", "ENOTDIR", "ENAMETOOLONG"], PathNotFound],
      [["EMFILE", "ENFILE", "EIO", "EISDIR", "EWHATEVER"], StorageFailed],
    ] as const
    for (const [codes, Class] of table) {
      for (const code of codes) {
        const cause = failure(code)
        const error = systemError(cause, "write to", "/data/x")
        assert.ok(error instanceof Class, code)
        assert.equal(error.cause, cause)
        assert.match(error.message, new RegExp(code))
        assert.match(error.message, /data\/x/)
      }
    }
    assert.ok(systemError(denoFailure("NotCapable"), "open", "/x") instanceof PermissionDenied)
    assert.ok(systemError(denoFailure("PermissionDenied"), "open", "/x") instanceof PermissionDenied)
    const bare = new Error(`File too large (os error ${constants.errno.EFBIG})`)
    assert.ok(systemError(bare, "write to", "/x") instanceof StorageFull)
  })

  it("says what the caller knows of the outcome, never more", () => {
    for (const code of ["ENOSPC", "EACCES", "EROFS", "ENOENT", "EIO"]) {
      assert.equal(systemError(failure(code), "write to", "/x", true).storedNothing, true, code)
      assert.equal(systemError(failure(code), "write to", "/x", false).storedNothing, false, code)
    }
    assert.equal(systemError(failure("EIO"), "write to", "/x").storedNothing, false)
    assert.equal(systemError(failure("ENOSPC"), "write to", "/x").retryable, true)
  })

  it("answers an error of ours as it is, and takes what is no error", () => {
    const ours = new StoreNotFound({ store: "a", location: "/x", stores: [] })
    assert.equal(systemError(ours, "open", "/x"), ours)
    assert.ok(systemError("text", "open", "/x") instanceof StorageFailed)
    assert.ok(systemError(undefined, "open", "/x") instanceof StorageFailed)
  })
})
