/** An exchange without another end, for tests of the remote above it. */
import assert from "node:assert/strict"
import { A, B, blockOf, operation } from "../../../conformance/vectors/blocks.ts"
import { ProtocolViolation } from "../../../kernel/errors.ts"
import { type BlockNotation, encodeNotedBlock, fromHex } from "../../../kernel/format/block-notation.ts"
import type { Bytes } from "../../../kernel/ports/log-storage.ts"
import type { Cursor, PullAnswer, PullRequest, PushAnswer, PushRequest, Remote } from "../../../kernel/ports/remote.ts"
import { callOf } from "../../envelope.ts"
import { withCall } from "../../testing/sealed.ts"
import type { CallRoute, Exchange, ExchangeTerms, HintRequests } from "../exchange.ts"
import { wireRemote } from "../wire-remote.ts"

/** An exchange that gives prepared answers, and keeps what was asked. */
export class PreparedExchange implements Exchange {
  readonly name = "https://example.test/sync"
  features: readonly string[] = ["live", "gzip"]
  accept: readonly string[] = []
  answer: Bytes | Error = new Error("nothing was prepared")
  /** The answer gets the call of the request. */
  isEcho = true
  /** What is heard at once by who watches. */
  head: Cursor = { position: 9, id: new Uint8Array(16).fill(9) }
  readonly asked: { readonly route: CallRoute; readonly body: Bytes; readonly signal: AbortSignal }[] = []
  readonly terms: ExchangeTerms[] = []
  requests: HintRequests | undefined
  closed = 0

  agree(terms: ExchangeTerms): void {
    this.terms.push(terms)
  }
  async call(route: CallRoute, body: Bytes, { signal }: { readonly signal: AbortSignal }): Promise<Bytes> {
    this.asked.push({ route, body, signal })
    if (this.answer instanceof Error) throw this.answer
    return this.isEcho ? withCall(this.answer, callOf(body)) : this.answer
  }
  async watch(requests: HintRequests, onHead: (head: Cursor) => void): Promise<void> {
    this.requests = requests
    onHead(this.head)
  }
  async close(): Promise<void> {
    this.closed++
  }
}

const id = (byte: number): Bytes => new Uint8Array(16).fill(byte)
/** A cursor whose id is one byte again and again. */
export const at = (position: number, byte: number = position): Cursor => ({ position, id: id(byte) })

/** A remote over an exchange that has this answer for whatever is asked. */
export function prepared(answer?: Bytes | Error): { readonly exchange: PreparedExchange; readonly remote: Remote } {
  const exchange = new PreparedExchange()
  if (answer !== undefined) exchange.answer = answer
  return { exchange, remote: wireRemote({ exchange, store: "notes", session: id(5), replica: new Uint8Array(8).fill(3) }) }
}

/** Asserts that an answer was not taken, since it breaks the protocol. */
export const violates = (asked: Promise<unknown>, reason: RegExp): Promise<void> =>
  assert.rejects(asked, (error) => {
    assert.ok(error instanceof ProtocolViolation, String(error))
    assert.equal(error.details.remote, "https://example.test/sync")
    assert.match(error.details.reason, reason)
    return true
  })

const part = (block: BlockNotation) => ({ type: 1, content: encodeNotedBlock(block) })
/** Two of A's operations, with a number between them that is void and one behind that is withheld; one of B's. */
export const PUSH: PushRequest = {
  basis: [at(5), at(7)],
  own: [fromHex(A)],
  parts: [
    part(blockOf([A], [operation(4, "k1", "01"), operation(6, "k2", "02")], { to: 7, withheld: [7] })),
    { type: 200, content: new Uint8Array(3) },
    part(blockOf([B], [operation(2, "k3", "03")])),
  ],
}
/** An answer to it. */
export const OK: PushAnswer & { readonly kind: "ok" } = {
  kind: "ok",
  pairs: [{ writer: fromHex(A), seq: 7, withheld: [7] }, { writer: fromHex(B), seq: 2, withheld: [] }],
  last: at(8),
  durability: "durable",
  serverTimeMillis: 1000,
}
/** A pull, and an answer to it. */
export const PULL: PullRequest = { cursor: at(5), have: [{ writer: fromHex(A), seq: 4 }], partsBytesMax: 1000 }
export const PAGE: PullAnswer & { readonly kind: "page" } = {
  kind: "page",
  parts: [],
  ranges: [],
  next: at(7),
  upToDate: true,
  head: 7,
  serverTimeMillis: 1000,
}
