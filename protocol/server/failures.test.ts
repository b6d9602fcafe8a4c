import assert from "node:assert/strict"
import { describe, it } from "node:test"
import {
  BatchTooLarge,
  CorruptBytes,
  CorruptFrame,
  InvalidKey,
  OutcomeUnknown,
  StorageFailed,
  StorageFull,
  StoreBusy,
  StoreClosed,
  StoreLocked,
  StoreNotFound,
} from "../../kernel/errors.ts"
import { RecordingLogger } from "../../kernel/testing/recording-logger.ts"
import { MalformedMessage, wireError } from "../errors.ts"
import { toWireError } from "./failures.ts"

const SECRET = "canary-7f3a"
const translate = (error: unknown): { code: string; text: string; told: string } => {
  const logger = new RecordingLogger(), wire = toWireError(error, logger, { route: "push" })
  return { code: wire.code, text: JSON.stringify([wire.message, wire.details]), told: logger.text }
}

describe("toWireError()", () => {
  it("passes on what is an error of the protocol already", () => {
    const error = wireError("rate_limited", "x"), malformed = new MalformedMessage("basis", "is empty"), logger = new RecordingLogger()
    assert.equal(toWireError(error, logger, {}), error)
    assert.equal(toWireError(malformed, logger, {}).code, "invalid_request")
    assert.equal(logger.entries.length, 0)
  })

  it("says what a client can do about a failing store", () => {
    const cases = [
      [new StoreNotFound({ store: SECRET, location: SECRET, stores: [SECRET] }), "store_not_found"],
      [new StoreBusy({ store: SECRET, waitedMillis: 1 }), "overloaded"],
      [new StoreLocked({ store: SECRET, location: SECRET, holder: SECRET }), "overloaded"],
      [new StoreClosed({ store: SECRET, call: "push" }), "overloaded"],
      [new OutcomeUnknown({ store: SECRET, position: 1 }), "overloaded"],
      [new StorageFull({ location: SECRET, neededBytes: 1, reason: SECRET }), "quota_exceeded"],
      [new BatchTooLarge({ bytes: 1, bytesMax: 1, operations: 1, operationsMax: 1 }), "batch_too_large"],
      [new CorruptBytes({ what: "a push", byteOffset: 0, reason: SECRET }), "invalid_request"],
    ] as const
    for (const [error, code] of cases) {
      const answer = translate(error)
      assert.equal(answer.code, code)
      assert.ok(!(answer.text + answer.told).includes(SECRET), code)
    }
  })

  it("T38 says nothing of what it does not know, neither to the client nor, but for its kind and place, to the logger", () => {
    const errors = [
      new Error(`${SECRET}\n    at ${SECRET}`),
      new TypeError(SECRET),
      new StorageFailed({ location: SECRET, call: "read", reason: SECRET }),
      new CorruptFrame({ location: SECRET, position: 1, reason: SECRET }),
      new InvalidKey({ key: SECRET, reason: SECRET }),
      SECRET,
      { toString: () => SECRET },
      null,
      undefined,
    ]
    for (const error of errors) {
      const { code, text, told } = translate(error)
      assert.equal(code, "internal")
      assert.ok(!(text + told).includes(SECRET), text + told)
      assert.match(told, /a request failed.*"route":"push"/)
    }
    assert.match(translate(new TypeError(SECRET)).told, /"code":"TypeError","at":"at .*failures\.test/)
  })

  it("T32 does not depend on who listens", () => {
    const broken = (): never => {
      throw new Error("no disk")
    }
    assert.equal(toWireError(new Error("x"), { warn: broken, error: broken }, {}).code, "internal")
  })
})
