import assert from "node:assert/strict"
import { describe, it } from "node:test"
import {
  type PersistError,
  ProtocolViolation,
  RemoteError,
  RemoteUnreachable,
  Unauthenticated,
  UnsupportedVersion,
} from "../../kernel/errors.ts"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import type { Cursor, Rights } from "../../kernel/ports/remote.ts"
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
import { at, OK, PAGE, prepared, PULL, PUSH, violates } from "./testing/prepared-exchange.ts"

const id = (byte: number): Bytes => new Uint8Array(16).fill(byte)
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

  it("T51, F14 takes no answer to another request, whatever it is, as if nobody had answered", async () => {
    const { exchange, remote } = prepared(), failed = new WireError("unauthenticated", "who?")
    exchange.isEcho = false
    const old = withCall(encodePullAnswer(PAGE), id(9)), oldError = encodeErrorAnswer(failed, "r", id(9))
    const oldHandshake = encodeHandshakeAnswer(HANDSHAKE, id(9)), oldHead = encodeHeadAnswer(at(1), id(9))
    for (const body of [old, encodePullAnswer(PAGE), oldError, oldHandshake, oldHead]) {
      exchange.answer = body
      await assert.rejects(
        remote.pull(PULL, { signal }),
        (error) => error instanceof RemoteUnreachable && error.retryable && /another request/.test(error.message),
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
