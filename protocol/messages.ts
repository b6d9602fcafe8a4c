/**
 * Every message of the protocol by name, and the bytes that it is. `SPEC.md` is normative.
 *
 *   client                                            server
 *   encode…Request ──▶ body of a POST ──▶ decode…Request
 *   decode…Answer  ◀── body of its answer ◀── encode…Answer, encodeErrorAnswer
 */
export * from "./answers.ts"
export * from "./error-answer.ts"
export * from "./requests.ts"
