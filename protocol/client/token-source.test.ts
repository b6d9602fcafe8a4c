import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { InvalidOption } from "../../kernel/errors.ts"
import { Gate } from "../../kernel/testing/gate.ts"
import { TokenFailed, TokenSource } from "./token-source.ts"

/** A token function that counts its calls: t1, t2, t3 … */
const counted = () => {
  const calls = { count: 0 }
  return { calls, ask: () => `t${++calls.count}` }
}

describe("TokenSource", () => {
  it("has none where none was given, and none instead of it", async () => {
    const source = new TokenSource(undefined)
    assert.equal(await source.current(), undefined)
    assert.equal(await source.refresh(undefined), undefined)
  })

  it("keeps a text for ever: there is no other to try", async () => {
    const source = new TokenSource("abc")
    assert.equal(await source.current(), "abc")
    assert.equal(await source.refresh("abc"), undefined)
    source.forget("abc")
    assert.equal(await source.current(), "abc")
  })

  it("refuses a text that would end the header, and does not show it", () => {
    for (const token of ["", " ", "s3cret\r\nx: y", "s3cret\n", "s3 cret", "s3crét", "s3cret\0", "s".repeat(16_385), 7, null, {}]) {
      assert.throws(() => new TokenSource(token as string), (error) => {
        assert.ok(error instanceof InvalidOption)
        assert.doesNotMatch(error.message, /s3|ssss/)
        return true
      })
    }
  })

  it("asks a function once and keeps what it gave", async () => {
    const { calls, ask } = counted()
    const source = new TokenSource(ask)
    assert.equal(calls.count, 0)
    assert.deepEqual([await source.current(), await source.current()], ["t1", "t1"])
    assert.equal(calls.count, 1)
  })

  it("asks once for all who wait for the same, at first and after a refusal", async () => {
    const gate = new Gate()
    let count = 0
    const source = new TokenSource(async () => {
      count++
      await gate.pass()
      return `t${count}`
    })
    const first = [source.current(), source.current(), source.refresh(undefined)]
    gate.open()
    assert.deepEqual(await Promise.all(first), ["t1", "t1", "t1"])
    assert.deepEqual(await Promise.all([source.refresh("t1"), source.refresh("t1"), source.current()]), ["t2", "t2", "t2"])
    assert.equal(count, 2)
  })

  it("gives who comes late with an old token the one that was got meanwhile", async () => {
    const { calls, ask } = counted()
    const source = new TokenSource(ask)
    await source.current()
    await source.refresh("t1")
    assert.equal(await source.refresh("t1"), "t2")
    assert.equal(calls.count, 2)
  })

  it("takes the same token again for none, and asks anew the next time", async () => {
    let token = "old"
    const source = new TokenSource(() => token)
    assert.equal(await source.current(), "old")
    assert.equal(await source.refresh("old"), undefined)
    source.forget("old")
    token = "new"
    assert.equal(await source.current(), "new")
  })

  it("says that the function threw or gave no token, and nothing of what it threw or gave but as the cause", async () => {
    const thrown = new Error("s3cret")
    const failures: readonly [() => string | Promise<string>, boolean, unknown][] = [
      [
        () => {
          throw thrown
        },
        true,
        thrown,
      ],
      [() => Promise.reject(thrown), true, thrown],
      [() => "s3cret\n", false, undefined],
      [() => undefined as unknown as string, false, undefined],
      [() => Promise.resolve(""), false, undefined],
    ]
    for (const [ask, isPassing, cause] of failures) {
      await assert.rejects(() => new TokenSource(ask).current(), (error) => {
        assert.ok(error instanceof TokenFailed)
        assert.doesNotMatch(error.message, /s3cret/)
        assert.deepEqual([error.isPassing, error.cause], [isPassing, cause])
        return true
      })
    }
  })

  it("asks again after the function failed", async () => {
    let count = 0
    const source = new TokenSource(() => {
      if (++count === 1) throw new Error("offline")
      return `t${count}`
    })
    await assert.rejects(() => source.current(), TokenFailed)
    assert.equal(await source.current(), "t2")
  })
})
