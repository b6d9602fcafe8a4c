import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { RemoteError, RemoteUnreachable } from "../../errors.ts"
import { toFailure } from "./failure.ts"

const REMOTE = "https://remote.example"
const answered = (remoteCode: string): RemoteError =>
  new RemoteError({ remote: REMOTE, call: "push", remoteCode, reason: "there is no room", retry: "later" })

describe("toFailure()", () => {
  it("names the remote's own code, which is what programs decide by", () => {
    const { code, remoteCode, retryable, at } = toFailure(answered("quota_exceeded"), REMOTE, "push", 7)
    assert.deepEqual([code, remoteCode, retryable, at], ["remote_error", "quota_exceeded", true, 7])
  })

  it("bounds and escapes that code: it comes from outside", () => {
    const { remoteCode = "" } = toFailure(answered(`\n${"x".repeat(1000)}`), REMOTE, "push", 0)
    assert.ok(remoteCode.length < 120 && remoteCode.startsWith("\\u000axx"), remoteCode)
  })

  it("has none for any other error", () => {
    for (const error of [new RemoteUnreachable({ remote: REMOTE, call: "push", reason: "gone" }), new Error("secret"), undefined]) {
      const failure = toFailure(error, REMOTE, "push", 0)
      assert.equal("remoteCode" in failure, false)
      assert.doesNotMatch(failure.message, /secret/)
    }
  })
})
