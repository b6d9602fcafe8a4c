/**
 * Every message of the protocol by name, and the bytes that it is. `SPEC.md` is normative.
 *
 *   client                                            server
 *   encode…Request ──▶ body of a POST ──▶ decode…Request
 *   decode…Answer  ◀── body of its answer ◀── encode…Answer, encodeErrorAnswer
 */
export {
  decodeHandshakeAnswer,
  decodeHeadAnswer,
  decodePullAnswer,
  decodePushAnswer,
  encodeHandshakeAnswer,
  encodeHeadAnswer,
  encodePullAnswer,
  encodePushAnswer,
  type HandshakeAnswer,
  type WireLimits,
} from "./answers.ts"
export { decodeErrorAnswer, encodeErrorAnswer, errorOfAnswer, errorOfStatus } from "./error-answer.ts"
export {
  type Asked,
  decodeHandshakeRequest,
  decodePullRequest,
  decodePushRequest,
  decodeWaitRequest,
  decodeWatchRequest,
  encodeHandshakeRequest,
  encodePullRequest,
  encodePushRequest,
  encodeWaitRequest,
  encodeWatchRequest,
  type HandshakeRequest,
  type RequestIdentity,
  type WaitRequest,
} from "./requests.ts"
