/** Every message under one interface, so that tests can go through all of them. */
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import type { PullAnswer, PullRequest, PushAnswer, PushRequest } from "../../kernel/ports/remote.ts"
import type { WireError } from "../errors.ts"
import {
  type Asked,
  decodeErrorAnswer,
  decodeHandshakeAnswer,
  decodeHandshakeRequest,
  decodeHeadAnswer,
  decodePullAnswer,
  decodePullRequest,
  decodePushAnswer,
  decodePushRequest,
  decodeWaitRequest,
  decodeWatchRequest,
  encodeErrorAnswer,
  encodeHandshakeAnswer,
  encodeHandshakeRequest,
  encodeHeadAnswer,
  encodePullAnswer,
  encodePullRequest,
  encodePushAnswer,
  encodePushRequest,
  encodeWaitRequest,
  encodeWatchRequest,
  type RequestIdentity,
} from "../messages.ts"

/** A message of which only its own decoder knows what it is. */
export interface TestedMessage {
  decode(body: Bytes): unknown
  /** Takes what `decode` gave; an answer needs the call too, which a request holds. */
  encode(message: unknown, call?: Bytes): Bytes
}

const tested = <Message>(decode: (body: Bytes) => Message, encode: (message: Message, call?: Bytes) => Bytes): TestedMessage => ({
  decode,
  encode: (message, call) => encode(message as Message, call),
})
const asked = <Request>(
  decode: (body: Bytes) => Asked<Request>,
  encode: (identity: RequestIdentity, request: Request) => Bytes,
): TestedMessage => tested(decode, ({ identity, request }) => encode(identity, request))

/** By name: "push request", "pull answer". */
export const testedMessages: Readonly<Record<string, TestedMessage>> = {
  "handshake request": asked(decodeHandshakeRequest, encodeHandshakeRequest),
  "push request": asked<PushRequest>(decodePushRequest, encodePushRequest),
  "pull request": asked<PullRequest>(decodePullRequest, encodePullRequest),
  "watch request": asked(decodeWatchRequest, encodeWatchRequest),
  "wait request": asked(decodeWaitRequest, encodeWaitRequest),
  "handshake answer": tested(decodeHandshakeAnswer, encodeHandshakeAnswer),
  "push answer": tested<PushAnswer>(decodePushAnswer, encodePushAnswer),
  "pull answer": tested<PullAnswer>(decodePullAnswer, encodePullAnswer),
  "wait answer": tested(decodeHeadAnswer, encodeHeadAnswer),
  "error answer": tested<WireError>(decodeErrorAnswer, (error, call) => encodeErrorAnswer(error, undefined, call)),
}
