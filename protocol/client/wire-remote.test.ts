import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { A, B, blockOf, operation } from "../../conformance/vectors/blocks.ts"
import {
  type PersistError,
  ProtocolViolation,
  RemoteError,
  RemoteUnreachable,
  Unauthenticated,
  UnsupportedVersion,
} from "../../kernel/errors.ts"
import { type BlockNotation, encodeNotedBlock, fromHex } from "../../kernel/format/block-notation.ts"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import type { Cursor, PullAnswer, PullRequest, PushAnswer, PushRequest, Remote, Rights } from "../../kernel/ports/remote.ts"
import { callOf, encodeEnvelope } from "../envelope.ts"
import { WIRE_ERRORS, WireError } from "../errors.ts"
import {
  decodeHandshakeRequest,
  decodePullRequest,
  decodePushRequest,
  decodeWaitRequest,
  decodeWatchRequest,
  encodeErrorAnswer,
  encodeHandshakeAnswer,
  encodeHeadAnswer,
  encodePullAnswer,
  encodePushAnswer,
  type HandshakeAnswer,
} from "../messages.ts"
import { withCall } from "../testing/sealed.ts"
import type { CallRoute, Exchange, ExchangeTerms, HintRequests } from "./exchange.ts"
import { wireRemote } from "./wire-remote.ts"

const id = (byte: number): Bytes => new Uint8Array(16).fill(byte)
const at = (position: number, byte: number = position): Cursor => ({ position, id: id(byte) })
const START = at(0)
const RIGHTS: Rights = { read: true, write: true, relay: true, admin: false }
const HANDSHAKE: HandshakeAnswer = {
  protocol: 1,
  features: ["gzip"],
  head: at(7),
  serverTimeMillis: 1000,
  limits: { partsBytesMax: 1_000_000, operationsMax: 500, partsMax: 10, bodyBytesMax: 2_000_000, inflatedBytesMax: 3_000_000 },
  rights: RIGHTS,
  durability: "durable",
}
const signal = new AbortController().signal

/** An exchange that gives prepared answers, and keeps what was asked. */
class PreparedExchange implements Exchange {
  readonly name = "https://example.test/sync"
  features: readonly string[] = ["live", "gzip"]
  accept: readonly string[] = []
  answer: Bytes | Error = new Error("nothing was prepared")
  /** The answer gets the call of the request. */
  isEcho = true
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
    onHead(at(9))
  }
  async close(): Promise<void> {
    this.closed++
  }
}
const prepared = (answer?: Bytes | Error): { readonly exchange: PreparedExchange; readonly remote: Remote } => {
  const exchange = new PreparedExchange()
  if (answer !== undefined) exchange.answer = answer
  return { exchange, remote: wireRemote({ exchange, store: "notes", session: id(5), replica: new Uint8Array(8).fill(3) }) }
}
const violates = (asked: Promise<unknown>, reason: RegExp): Promise<void> =>
  assert.rejects(asked, (error) => {
    assert.ok(error instanceof ProtocolViolation, String(error))
    assert.equal(error.details.remote, "https://example.test/sync")
    assert.match(error.details.reason, reason)
    return true
  })

const part = (block: BlockNotation) => ({ type: 1, content: encodeNotedBlock(block) })
/** Two of A's operations, with a number between them that is void and one behind that is withheld; one of B's. */
const PUSH: PushRequest = {
  basis: [at(5), at(7)],
  own: [fromHex(A)],
  parts: [
    part(blockOf([A], [operation(4, "k1", "01"), operation(6, "k2", "02")], { to: 7, withheld: [7] })),
    { type: 200, content: new Uint8Array(3) },
    part(blockOf([B], [operation(2, "k3", "03")])),
  ],
}
const OK: PushAnswer & { readonly kind: "ok" } = {
  kind: "ok",
  pairs: [{ writer: fromHex(A), seq: 7, withheld: [7] }, { writer: fromHex(B), seq: 2, withheld: [] }],
  last: at(8),
  durability: "durable",
  serverTimeMillis: 1000,
}
const PULL: PullRequest = { cursor: at(5), have: [{ writer: fromHex(A), seq: 4 }], partsBytesMax: 1000 }
const PAGE: PullAnswer & { readonly kind: "page" } = {
  kind: "page",
  parts: [],
  ranges: [],
  next: at(7),
  upToDate: true,
  head: 7,
  serverTimeMillis: 1000,
}

describe("wireRemote()", () => {
  it("P1 says in every request who asks, and passes the signal on", async () => {
    const { exchange, remote } = prepared(encodeHandshakeAnswer(HANDSHAKE))
    await remote.handshake({ signal })
    exchange.accept = ["gzip"]
    exchange.answer = encodePushAnswer(OK)
    await remote.push(PUSH, { signal })
    exchange.answer = encodePullAnswer(PAGE)
    await remote.pull(PULL, { signal })
    const [handshake, push, pull] = exchange.asked
    assert.ok(exchange.asked.every((asked) => asked.signal === signal))
    assert.deepEqual(exchange.asked.map(({ route }) => route), ["handshake", "push", "pull"])
    const identity = { store: "notes", session: id(5), replica: new Uint8Array(8).fill(3), accept: ["gzip"], features: ["live", "gzip"] }
    const asked = ({ body }: { readonly body: Bytes }) => ({ ...identity, call: callOf(body) })
    assert.deepEqual(decodeHandshakeRequest(handshake!.body), {
      identity: { ...asked(handshake!), accept: [] },
      request: { versions: [1] },
    })
    assert.deepEqual(decodePushRequest(push!.body), {
      identity: asked(push!),
      request: { ...PUSH, parts: PUSH.parts.filter(({ type }) => type === 1) },
    })
    assert.deepEqual(decodePullRequest(pull!.body), { identity: asked(pull!), request: PULL })
    assert.equal(new Set(exchange.asked.map(({ body }) => callOf(body).join())).size, 3)
    assert.equal(remote.name, exchange.name)
  })

  it("P6 tells the exchange what a handshake settled, and gives limits that this release can use", async () => {
    const { exchange, remote } = prepared(encodeHandshakeAnswer(HANDSHAKE))
    assert.deepEqual(await remote.handshake({ signal }), {
      head: at(7),
      serverTimeMillis: 1000,
      limits: { partsBytesMax: 1_000_000, operationsMax: 500, partsMax: 10 },
      rights: RIGHTS,
      durability: "durable",
      live: false,
    })
    assert.deepEqual(exchange.terms, [{ features: ["gzip"], bodyBytesMax: 2_000_000, inflatedBytesMax: 3_000_000 }])
    const most = 2 ** 53 - 1
    const limits = { partsBytesMax: most, operationsMax: most, partsMax: most, bodyBytesMax: most, inflatedBytesMax: most }
    exchange.answer = encodeHandshakeAnswer({ ...HANDSHAKE, limits, features: ["live"] })
    const { live, limits: used } = await remote.handshake({ signal })
    assert.deepEqual([live, used], [true, { partsBytesMax: 3_500_000, operationsMax: 65_536, partsMax: 4096 }])
  })

  it("R7 takes no version and no feature that it did not offer", async () => {
    for (const protocol of [0, 2, 999]) {
      await violates(prepared(encodeHandshakeAnswer({ ...HANDSHAKE, protocol })).remote.handshake({ signal }), /which was not offered/)
    }
    const { exchange, remote } = prepared(encodeHandshakeAnswer({ ...HANDSHAKE, features: ["gzip", "state"] }))
    await violates(remote.handshake({ signal }), /a feature that was not offered/)
    exchange.features = ["must-gzip"]
    exchange.answer = encodeHandshakeAnswer(HANDSHAKE)
    await remote.handshake({ signal })
    assert.equal(exchange.terms.length, 1)
  })

  it("gives what the exchange rejects with as it is", async () => {
    const lost = new RemoteUnreachable({ remote: "r", call: "push", reason: "no network" })
    await assert.rejects(prepared(lost).remote.push(PUSH, { signal }), (error) => error === lost)
  })

  it("P60, R8 turns every error of the wire into one that says whether to try again", async () => {
    const { exchange, remote } = prepared()
    const thrown = async (error: WireError): Promise<PersistError> => {
      exchange.answer = encodeErrorAnswer(error, "request-1")
      return await remote.pull(PULL, { signal }).then(() => assert.fail("it resolved"), (error) => error)
    }
    for (const [code, { retry }] of Object.entries(WIRE_ERRORS)) {
      const error = await thrown(new WireError(code, "why\nnot", { details: { min: 2, max: 3 }, retryAfterMillis: 1500 }))
      if (code === "unauthenticated") assert.ok(error instanceof Unauthenticated)
      else if (code === "unsupported_version") {
        assert.ok(error instanceof UnsupportedVersion)
        assert.deepEqual(error.details, { remote: remote.name, min: 2, max: 3, ours: 1 })
      } else {
        assert.ok(error instanceof RemoteError, String(error))
        const expected = { remoteCode: code, reason: "why\\u000anot", retry, retryAfterMillis: 1500, requestId: "request-1" }
        assert.deepEqual(error.details, { remote: remote.name, call: "pull", ...expected })
        assert.equal(error.retryable, retry === "later")
      }
    }
    const unknown = await thrown(new WireError("not_yet_known", "", { retry: "now" }))
    assert.ok(unknown instanceof RemoteError && unknown.retryable && unknown.details.remoteCode === "not_yet_known")
    const without = await thrown(new WireError("unsupported_version", ""))
    assert.ok(without instanceof RemoteError && !without.retryable)
  })

  it("T8, R10 takes bytes that are none, or not as they were sent, as if nobody had answered", async () => {
    const { exchange, remote } = prepared(), page = encodePullAnswer(PAGE)
    exchange.isEcho = false
    const html = new TextEncoder().encode("<!doctype html><title>Welcome</title>")
    for (const body of [new Uint8Array(0), html, page.subarray(0, -1), page.map((byte, at) => at === 20 ? byte ^ 1 : byte)]) {
      exchange.answer = body
      await assert.rejects(remote.pull(PULL, { signal }), (error) => error instanceof RemoteUnreachable && /checksum/.test(error.message))
    }
  })

  it("T51 takes no answer to another request, not even an error", async () => {
    const { exchange, remote } = prepared(), failed = new WireError("unauthenticated", "who?")
    exchange.isEcho = false
    const old = withCall(encodePullAnswer(PAGE), id(9)), oldError = encodeErrorAnswer(failed, "r", id(9))
    for (const body of [old, encodePullAnswer(PAGE), oldError]) {
      exchange.answer = body
      await assert.rejects(
        remote.pull(PULL, { signal }),
        (error) => error instanceof RemoteUnreachable && /another request/.test(error.message),
      )
    }
    // The server could not read whose request it was.
    exchange.answer = encodeErrorAnswer(failed, "r")
    await assert.rejects(remote.pull(PULL, { signal }), Unauthenticated)
    exchange.isEcho = true
    await assert.rejects(remote.pull(PULL, { signal }), Unauthenticated)
    // What arrived damaged at the server is sent again.
    exchange.answer = encodeErrorAnswer(new WireError("body_damaged", "cut"), "r")
    await assert.rejects(remote.pull(PULL, { signal }), (error) => error instanceof RemoteError && error.retryable)
  })

  it("T8 takes no answer that is none of this request: other types, missing fields", async () => {
    const bodies: readonly (readonly [Bytes, RegExp])[] = [
      [encodeEnvelope({}), /type is none of/],
      [encodeHeadAnswer(at(1)), /type is none of page, restart/],
      [encodeEnvelope({ type: "page" }), /serverTimeMillis is no integer/],
      [encodeEnvelope({ type: "staged", next: 1 }), /type is none of/],
      [encodeEnvelope({ type: "restart", at: [0, id(0)], serverTimeMillis: 1 }, [{ type: 2, content: id(1) }]), /parts are 1, not 0/],
    ]
    for (const [body, reason] of bodies) await violates(prepared(body).remote.pull(PULL, { signal }), reason)
    const state = encodePullAnswer({ ...PAGE, parts: [{ type: 2, content: id(1) }] })
    await violates(prepared(state).remote.pull(PULL, { signal }), /parts have one of the unknown type 2/)
  })

  it("hears hints, and asks for one with the same identity", async () => {
    const { exchange, remote } = prepared()
    const heads: Cursor[] = []
    await remote.watch((head) => heads.push(head), { signal })
    assert.deepEqual(heads, [at(9)])
    const { watch, wait, readHead } = exchange.requests!
    assert.equal(decodeWatchRequest(watch).identity.store, "notes")
    assert.deepEqual(decodeWaitRequest(wait(at(9), 20_000)).request, { cursor: at(9), waitMillis: 20_000 })
    assert.deepEqual(readHead(encodeHeadAnswer(at(10))), at(10))
    assert.throws(() => readHead(encodePullAnswer(PAGE)), ProtocolViolation)
    assert.throws(() => readHead(encodeErrorAnswer(new WireError("rate_limited", "slow down"))), RemoteError)
    await remote.close()
    assert.equal(exchange.closed, 1)
  })
})

describe("wireRemote(), answers to a push", () => {
  const push = (answer: PushAnswer): Promise<PushAnswer> => prepared(encodePushAnswer(answer)).remote.push(PUSH, { signal })

  it("takes those that can be true", async () => {
    const more = {
      ...OK,
      pairs: [{ writer: fromHex(B), seq: 900, withheld: [1] }, { writer: fromHex(A), seq: 7, withheld: [] }],
      last: at(2 ** 40, 1),
    }
    const refused: PushAnswer = {
      kind: "refused",
      refused: [
        { writer: fromHex(A), seq: 6, code: "op_invalid", message: "" },
        { writer: fromHex(B), seq: 2, code: "clock_ahead", message: "" },
      ],
      serverTimeMillis: 1,
    }
    for (
      const answer of [OK, more, { ...OK, last: at(7) }, refused, { kind: "unknown" }, {
        kind: "forbidden",
        writers: [fromHex(B)],
      }] as const
    ) {
      assert.deepEqual(await push(answer), answer)
    }
  })

  it("T51 takes no pair of a writer that was not named, and misses none that was", async () => {
    const stranger = { writer: id(1), seq: 7, withheld: [] }
    await violates(push({ ...OK, pairs: [...OK.pairs, stranger] }), /pair for the writer 0101.*, which was not named/)
    await violates(push({ ...OK, pairs: OK.pairs.slice(1) }), /pairs for 1 of 2 writers/)
    await violates(push({ ...OK, pairs: [] }), /pairs for 0 of 2/)
    await violates(push({ ...OK, pairs: [{ ...OK.pairs[0]!, seq: 6, withheld: [] }, OK.pairs[1]!] }), /up to 6 only, 7 was sent/)
  })

  it("T51 takes no last frame before the frames that the push builds on", async () => {
    for (const last of [at(6), at(7, 6), START]) await violates(push({ ...OK, last }), /last frame \d+ is before/)
  })

  it("T51 takes no refusal of what was not listed: other writers, void, withheld or later numbers", async () => {
    const refuse = (writer: string, seq: number): Promise<unknown> =>
      push({ kind: "refused", refused: [{ writer: fromHex(writer), seq, code: "op_invalid", message: "" }], serverTimeMillis: 1 })
    for (const [writer, seq] of [["01".repeat(16), 4], [A, 1], [A, 3], [A, 5], [A, 7], [A, 8], [B, 1], [B, 3]] as const) {
      await violates(refuse(writer, seq), /which was not sent/)
    }
    for (const [writer, seq] of [[A, 4], [A, 6], [B, 2]] as const) await refuse(writer, seq)
    await violates(push({ kind: "forbidden", writers: [fromHex(B), id(1)] }), /forbids the writer 0101.*, which was not sent/)
  })
})

describe("wireRemote(), answers to a pull", () => {
  const pull = (answer: PullAnswer, request: PullRequest = PULL): Promise<PullAnswer> =>
    prepared(encodePullAnswer(answer)).remote.pull(request, { signal })
  const parts = [PUSH.parts[0]!]

  it("takes those that can be true", async () => {
    const passed = [{ writer: fromHex(A), seq: 4 }, { writer: fromHex(A), seq: 1 }]
    for (
      const answer of [
        PAGE,
        { ...PAGE, parts, ranges: passed },
        { ...PAGE, upToDate: false, head: 8, parts },
        { ...PAGE, upToDate: false, head: 2 ** 53 - 1 },
        { ...PAGE, next: at(5), head: 5 },
        { kind: "restart", at: START, serverTimeMillis: 1 },
        { kind: "restart", at: at(5, 6), serverTimeMillis: 1 },
        { kind: "restart", at: at(900), serverTimeMillis: 1 },
      ] as const
    ) assert.deepEqual(await pull(answer), answer)
    const first = { ...PULL, cursor: START }, empty = { ...PAGE, next: START, head: 0 }
    assert.deepEqual(await pull(empty, first), empty)
  })

  it("T51, R51 goes back on no server's word", async () => {
    for (const next of [at(4), START, at(5, 6)]) await violates(pull({ ...PAGE, next, head: next.position }), /goes back from 5/)
  })

  it("T51, R52 asks no server again that brings something and stays, or has more and brings nothing", async () => {
    const stuck = { ...PAGE, next: at(5), head: 5 }
    await violates(pull({ ...stuck, parts }), /brings something and does not move/)
    await violates(pull({ ...stuck, ranges: [{ writer: fromHex(A), seq: 1 }] }), /brings something and does not move/)
    await violates(pull({ ...stuck, upToDate: false, head: 6 }), /brings nothing and is not up to date/)
  })

  it("T51 takes no page that contradicts its own head", async () => {
    await violates(pull({ ...PAGE, upToDate: true, head: 8 }), /says up to date at 7 with head 8/)
    await violates(pull({ ...PAGE, upToDate: false, head: 7 }), /says not up to date at 7 with head 7/)
    await violates(pull({ ...PAGE, upToDate: true, head: 6 }), /goes up to 7, behind its head 6/)
  })

  it("T51 lets no server leave out what this log does not have", async () => {
    for (const range of [{ writer: fromHex(A), seq: 5 }, { writer: fromHex(B), seq: 1 }, { writer: fromHex(A), seq: 2 ** 31 - 1 }]) {
      await violates(pull({ ...PAGE, ranges: [{ writer: fromHex(A), seq: 4 }, range] }), /leaves out .*, which the puller does not have/)
    }
  })

  it("T51 begins anew neither from the beginning nor at the place where it is", async () => {
    await violates(pull({ kind: "restart", at: at(5), serverTimeMillis: 1 }), /restart at the same cursor/)
    for (const cursor of [START, at(3)]) {
      await violates(pull({ kind: "restart", at: cursor, serverTimeMillis: 1 }, { ...PULL, cursor: START }), /began at the first frame/)
    }
  })

  it("names as many own writers as a request may, the last ones, and believes no range of the others", async () => {
    const have = Array.from({ length: 4100 }, (_, index) => {
      const writer = id(0)
      new DataView(writer.buffer).setUint32(0, index)
      return { writer, seq: 1 }
    })
    const { exchange, remote } = prepared(encodePullAnswer(PAGE))
    await remote.pull({ ...PULL, have }, { signal })
    const { request } = decodePullRequest(exchange.asked[0]!.body)
    assert.deepEqual([request.have.length, request.have[0]], [4096, have[4]])
    exchange.answer = encodePullAnswer({ ...PAGE, ranges: [have[0]!] })
    await violates(remote.pull({ ...PULL, have }, { signal }), /leaves out/)
  })
})
