import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { InvalidOption } from "../../kernel/errors.ts"
import { RecordingLogger } from "../../kernel/testing/recording-logger.ts"
import { allowAnyone, bearerToken, checkIdentity, type Identity, isEnough, resolveRights, rightsTo, warnIfOpen } from "./identity.ts"
import { processorMillis } from "../../kernel/testing/processor-time.ts"

describe("resolveRights()", () => {
  it("gives what is given, and relay along with write unless that is taken away", () => {
    const nothing = { read: false, write: false, relay: false, admin: false }
    assert.deepEqual(resolveRights({}), nothing)
    assert.deepEqual(resolveRights({ read: true }), { ...nothing, read: true })
    assert.deepEqual(resolveRights({ write: true }), { ...nothing, write: true, relay: true })
    assert.deepEqual(resolveRights({ write: true, relay: false }), { ...nothing, write: true })
    assert.deepEqual(resolveRights({ admin: true }), { ...nothing, admin: true })
  })
})

describe("isEnough()", () => {
  it("asks for the right itself: admin is none of the others", () => {
    const admin = resolveRights({ admin: true }), reader = resolveRights({ read: true })
    assert.deepEqual([isEnough(admin, "any"), isEnough(admin, "read"), isEnough(admin, "write")], [true, false, false])
    assert.deepEqual([isEnough(reader, "any"), isEnough(reader, "read"), isEnough(reader, "write")], [true, true, false])
    assert.equal(isEnough(resolveRights({}), "any"), false)
  })
})

describe("checkIdentity()", () => {
  const good: Identity = { principal: "alice", namespace: "team", rights: { read: true } }

  it("takes names of 1 to 200 bytes, and rights of either form", () => {
    checkIdentity(good)
    checkIdentity({ ...good, principal: "x".repeat(200), rights: () => ({}) })
  })

  it("T29 refuses what an authenticate of one's own may answer by mistake", () => {
    const wrong = [
      { ...good, principal: "" },
      { ...good, namespace: "" },
      { ...good, namespace: undefined },
      { ...good, principal: 7 },
      { ...good, principal: "x".repeat(201) },
      { ...good, rights: undefined },
      { ...good, rights: "read" },
      { ...good, rights: null },
    ]
    for (const identity of wrong) assert.throws(() => checkIdentity(identity as Identity), InvalidOption)
  })
})

describe("rightsTo()", () => {
  it("asks a function with the name of the store", () => {
    const asked: string[] = []
    const identity: Identity = { principal: "a", namespace: "a", rights: (store) => (asked.push(store), { read: store === "x" }) }
    assert.deepEqual([rightsTo(identity, "x").read, rightsTo(identity, "y").read], [true, false])
    assert.deepEqual(asked, ["x", "y"])
  })
})

describe("bearerToken()", () => {
  it("T64 reads a megabyte of anything within 50 ms", () => {
    for (const header of [`Bearer ${"a".repeat(1_000_000)}`, `Bearer${" ".repeat(1_000_000)}x`, `${"Bearer ".repeat(140_000)}x`]) {
      const headers = new Headers({ authorization: header })
      const started = processorMillis()
      bearerToken(headers)
      assert.ok(processorMillis() - started < 250)
    }
  })
})

describe("allowAnyone()", () => {
  it("lets everybody in, and is told of, once a server", () => {
    const authenticate = allowAnyone(), logger = new RecordingLogger()
    warnIfOpen(authenticate, logger)
    assert.equal(logger.entries.length, 1)
    assert.match(logger.text, /everybody/)
    warnIfOpen(() => undefined, logger)
    assert.equal(logger.entries.length, 1)
  })
})
