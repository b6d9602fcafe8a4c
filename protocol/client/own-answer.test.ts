import assert from "node:assert/strict"
import { describe, it } from "node:test"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { encodeEnvelope, NO_CALL } from "../envelope.ts"
import { DamagedMessage, MalformedMessage, wireError } from "../errors.ts"
import { encodeErrorAnswer, encodeHeadAnswer } from "../messages.ts"
import { sealed } from "../testing/sealed.ts"
import { isOtherAnswer } from "./own-answer.ts"

const call = (byte: number): Bytes => new Uint8Array(16).fill(byte)
const head = (named?: Bytes): Bytes => encodeHeadAnswer({ position: 1, id: call(1) }, named)

describe("isOtherAnswer()", () => {
  it("F14 tells answers by every byte of their call", () => {
    assert.equal(isOtherAnswer(head(call(7)), call(7)), false)
    for (let at = 0; at < 16; at++) {
      const other = call(7)
      other[at] = 8
      assert.equal(isOtherAnswer(head(other), call(7)), true)
    }
    assert.equal(isOtherAnswer(head(), call(7)), true)
  })

  it("lets what a server says went wrong name no call, and none but that", () => {
    const error = wireError("body_damaged", "cut")
    for (const [named, isOther] of [[undefined, false], [NO_CALL, false], [call(7), false], [call(8), true]] as const) {
      assert.equal(isOtherAnswer(encodeErrorAnswer(error, "r", named), call(7), error), isOther)
    }
  })

  it("F14 knows an old answer that is none to such a request", () => {
    const error = new MalformedMessage("type", "is none of page, restart")
    for (const [named, isOther] of [[undefined, false], [call(7), false], [call(8), true]] as const) {
      assert.equal(isOtherAnswer(head(named), call(7), error), isOther)
    }
  })

  it("says of no bytes that are no message whose they are", () => {
    const long = new Uint8Array(100).fill(0xc0)
    for (const body of [new Uint8Array(0), long]) assert.equal(isOtherAnswer(body, call(7), new DamagedMessage("cut")), false)
    assert.equal(isOtherAnswer(sealed(long), call(7), new MalformedMessage("body", "is no message")), false)
    assert.equal(isOtherAnswer(encodeEnvelope({}, [], call(8)), call(7), new MalformedMessage("type", "is nothing")), true)
  })
})
