/** Own answer: whether a message answers what was asked, or something that was asked before. `SPEC.md`, W-13. */
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { callOf, decodeEnvelope, isSameCall, NO_CALL } from "../envelope.ts"
import { DamagedMessage, MalformedMessage, type WireError } from "../errors.ts"

/** What an error says of an answer that is another request's. */
export const OTHER_ANSWER = "what came is the answer to another request"

/**
 * Whether `answer` is that of another request than the one with the call `asked`. `error` is what its decoder threw, if it did: what an answer
 * says went wrong may name no call, and what is no message at all answers nobody.
 */
export function isOtherAnswer(answer: Bytes, asked: Bytes, error?: WireError): boolean {
  if (error instanceof DamagedMessage) return false
  const named = error instanceof MalformedMessage ? callIn(answer) : callOf(answer)
  if (named === undefined || isSameCall(named, asked)) return false
  return error === undefined || !isSameCall(named, NO_CALL)
}

/** The call of bytes that were not damaged and may be a message all the same: an old answer of another type, say. */
function callIn(body: Bytes): Bytes | undefined {
  try {
    return decodeEnvelope(body).call
  } catch {
    return undefined
  }
}
