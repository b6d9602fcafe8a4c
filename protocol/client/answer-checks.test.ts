import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { A, B } from "../../conformance/vectors/blocks.ts"
import { fromHex } from "../../kernel/format/block-notation.ts"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import type { PullAnswer, PullRequest, PushAnswer } from "../../kernel/ports/remote.ts"
import { decodePullRequest, encodePullAnswer, encodePushAnswer } from "../messages.ts"
import { at, OK, PAGE, prepared, PULL, PUSH, violates } from "./testing/prepared-exchange.ts"

const id = (byte: number): Bytes => new Uint8Array(16).fill(byte)
const START = at(0)
const signal = new AbortController().signal

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

  it("T51 begins anew neither from the beginning nor at the place where it is, nor where frames would be left out", async () => {
    await violates(pull({ kind: "restart", at: at(5), serverTimeMillis: 1 }), /restart at the same cursor/)
    for (const there of [at(5, 6), at(2), at(900)]) {
      await violates(pull({ kind: "restart", at: there, serverTimeMillis: 1 }), /behind frames that it does not bring/)
    }
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
