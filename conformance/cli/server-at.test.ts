import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { serverAt } from "./server-at.ts"

const URL_TEXT = "http://127.0.0.1:9/sync/"

describe("serverAt()", () => {
  it("takes the tokens of the environment, and a URL without the slash at its end", () => {
    const one = serverAt(URL_TEXT, { PERSIST_TOKEN: "secret" }, false)
    assert.deepEqual(one, { url: "http://127.0.0.1:9/sync", tokens: { owner: "secret" } })
    const several = serverAt(URL_TEXT, { PERSIST_TOKEN: "secret", PERSIST_TOKENS: '{"reader":"other"}' }, true)
    assert.deepEqual(several, { url: "http://127.0.0.1:9/sync", tokens: { owner: "secret", reader: "other" }, minuteMillis: 60_000 })
  })

  it("shows no token when those of the environment make no sense", () => {
    for (const PERSIST_TOKENS of ["secret", '["secret"]', '{"reader":"secret"}', '{"owner":5}', '{"owner":"secret","king":"secret"}']) {
      assert.throws(() => serverAt(URL_TEXT, { PERSIST_TOKENS }, false), (error: Error) => {
        assert.match(error.message, /^PERSIST_TOKENS /)
        assert.doesNotMatch(error.message, /secret/)
        return error instanceof TypeError
      })
    }
    assert.throws(() => serverAt(URL_TEXT, {}, false), /PERSIST_TOKEN or PERSIST_TOKENS/)
  })

  it("refuses what is no URL of the web", () => {
    for (const url of ["ftp://127.0.0.1", "127.0.0.1:80", ""]) {
      assert.throws(() => serverAt(url, { PERSIST_TOKEN: "x" }, false), /the server is/)
    }
  })
})
