/** Each vector of the sync protocol, read and written by the product, and read by the second reader: all must agree. */
import assert from "node:assert/strict"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, it } from "node:test"
import { fromHex } from "../../kernel/format/block-notation.ts"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { callOf, decodeEnvelope, encodeEnvelope, type FieldValues } from "../../protocol/envelope.ts"
import { DamagedMessage, MalformedMessage, WireError } from "../../protocol/errors.ts"
import { formatHint, parseHint } from "../../protocol/hints.ts"
import { testedMessages } from "../../protocol/testing/tested-messages.ts"
import { makeWireVectors, WIRE_VECTORS } from "./make.ts"
import { fromNotation, toHex } from "./notation.ts"
import { Refused } from "./reader/cursor.ts"
import { type Message, readAnswer, readHint, readRequest } from "./reader/wire.ts"
import type { EqualVector, HintVectors, MessageName, RefusedMessage } from "./wire-other.ts"
import type { WireVectors } from "./wire.ts"

const load = async (name: string) => {
  const { protocol, ...lists } = JSON.parse(await readFile(join(WIRE_VECTORS, name), "utf8"))
  assert.equal(protocol, 1)
  return lists
}
const requests: WireVectors = await load("requests.json")
const answers: WireVectors = await load("answers.json")
const { equal }: { readonly equal: readonly EqualVector[] } = await load("equal.json")
const { refused }: { readonly refused: readonly RefusedMessage[] } = await load("refused.json")
const hints: HintVectors = await load("hints.json")

const readAgain = (message: MessageName, hex: string): Message => {
  const [endpoint = "", kind] = message.split(" ")
  return kind === "request" ? readRequest(endpoint, fromHex(hex)) : readAnswer(endpoint, fromHex(hex))
}
/** What an answer of type "error" is read as by the decoders of all answers. */
const decode = (message: MessageName, body: Bytes): unknown => {
  try {
    return testedMessages[message]!.decode(body)
  } catch (error) {
    const isAnswer = error instanceof WireError && !(error instanceof MalformedMessage) && !(error instanceof DamagedMessage)
    if (isAnswer && message.endsWith("answer")) return error
    throw error
  }
}
const present = (fields: object): object =>
  Object.fromEntries(Object.entries(fields).filter(([name, value]) => value !== null || name === "replica"))

describe("vectors of the sync protocol", () => {
  it("are what the program makes", async () => {
    for (const [path, text] of makeWireVectors()) assert.equal(await readFile(path, "utf8"), text, path)
  })

  it("the examples of protocol/SPEC.md are messages of the vectors", async () => {
    const page = await readFile(new URL("../../protocol/SPEC.md", import.meta.url), "utf8")
    const examples = page.split("<!-- example: ").slice(1).map((example) =>
      [...example.matchAll(/^ {4}((?:[0-9a-f]{2}(?: |$))+)/gm)].map(([, hex = ""]) => hex.replaceAll(" ", "")).join("")
    )
    const hexOf = (list: WireVectors[string], vector: string) => list.find(({ name }) => name === vector)!.hex
    assert.deepEqual(examples, [hexOf(requests["push"]!, "one put"), hexOf(answers["push"]!, "taken")])
    assert.match(page, new RegExp(`Content-Length: ${examples[0]!.length / 2}\n`))
  })

  it("rules of refused messages and of this page are those of protocol/SPEC.md and docs/format.md", async () => {
    const pages = await Promise.all(
      ["../../protocol/SPEC.md", "../../docs/format.md"].map((path) => readFile(new URL(path, import.meta.url), "utf8")),
    )
    const defined = new Set(pages.flatMap((page) => [...page.matchAll(/^\*\*([WF]-\d+)\*\*/gm)].map(([, rule]) => rule)))
    const named = [...pages.join("\n").matchAll(/\b([WF]-\d+)\b/g)].map(([, rule]) => rule)
    assert.deepEqual([...named, ...refused.map(({ rule }) => rule)].filter((rule) => !defined.has(rule)), [])
    const numbers = [...pages[0]!.matchAll(/^\*\*W-(\d+)\*\*/gm)].map(([, number]) => Number(number))
    assert.deepEqual(numbers, numbers.map((_, index) => index + 1))
  })

  for (const [kind, lists] of [["request", requests], ["answer", answers]] as const) {
    for (const [endpoint, list] of Object.entries(lists)) {
      for (const { name, fields, parts, call, hex } of list) {
        const message: MessageName = `${endpoint === "error" ? "pull" : endpoint} ${kind}`
        it(`${endpoint} ${kind}: ${name}`, () => {
          const body = fromHex(hex)
          const envelope = decodeEnvelope(body)
          assert.deepEqual(envelope.fields, fromNotation(fields))
          assert.deepEqual(envelope.parts.map(({ type, content }) => ({ type, content: toHex(content) })), parts)
          const values = fromNotation(fields) as FieldValues
          assert.equal(toHex(envelope.call), call)
          assert.equal(toHex(callOf(body)), call)
          const noted = parts.map(({ type, content }) => ({ type, content: fromHex(content) }))
          assert.equal(toHex(encodeEnvelope(values, noted, fromHex(call))), hex)
          assert.deepEqual(readAgain(message, hex), { fields: present(fields), parts, call })
          const { encode } = testedMessages[endpoint === "error" ? "error answer" : message]!
          const decoded = decode(message, body)
          // What may be ignored is not said again, nor is advice that is not known.
          const blocks = envelope.parts.filter(({ type }) => type === 1)
          if (name !== "a code and advice of later") {
            assert.equal(toHex(encode(decoded, fromHex(call))), toHex(encodeEnvelope(values, blocks, fromHex(call))))
          } else assert.equal((decoded as WireError).retry, "later")
        })
      }
    }
  }

  for (const { message, name, same, hex } of equal) {
    it(`P5 ${message}, ${name}: means the same as "${same}"`, () => {
      const [endpoint = "", kind] = message.split(" ")
      const lists = kind === "request" ? [requests[endpoint]!] : [answers[endpoint]!, answers["error"]!]
      const original = lists.flat().find((vector) => vector.name === same)!
      const [decoded, expected] = [hex, original.hex].map((hex) => decode(message, fromHex(hex)))
      assert.deepEqual(decoded, expected)
      const [again, first] = [readAgain(message, hex), readAgain(message, original.hex)]
      assert.deepEqual(again, first)
    })
  }

  for (const { message, name, rule, code, hex } of refused) {
    it(`${rule} no ${message}: ${name}`, () => {
      assert.throws(() => decode(message, fromHex(hex)), (error) => {
        assert.ok(error instanceof WireError, String(error))
        if (code === undefined) assert.ok(error instanceof MalformedMessage || error instanceof DamagedMessage)
        else assert.equal(error.code, code)
        return true
      })
      assert.throws(() => readAgain(message, hex), (error) => error instanceof Refused && error.rule === rule)
    })
  }

  it("R2, R3 name each endpoint, type of answer and code of the page, in both directions", () => {
    assert.deepEqual(Object.keys(requests), ["handshake", "push", "pull", "watch", "wait"])
    const types = Object.values(answers).flat().map(({ fields }) => fields["type"])
    assert.deepEqual([...new Set(types)].sort(), ["error", "forbidden", "handshake", "head", "ok", "page", "refused", "restart", "unknown"])
    assert.deepEqual([...new Set(refused.map(({ code }) => code))].sort(), [
      "body_damaged",
      "invalid_request",
      "unsupported_feature",
      "version_mismatch",
      undefined,
    ])
    assert.ok(refused.length > 200, String(refused.length))
  })

  it("T68 heads in events are numbers and ids, and nothing else is taken for one", () => {
    for (const { data, head } of hints.hints) {
      const cursor = { position: head.position, id: fromHex(head.id) }
      assert.deepEqual(parseHint(data), cursor)
      assert.equal(formatHint(cursor), data)
      assert.deepEqual(readHint(data), head)
    }
    for (const { data } of hints.ignored) {
      assert.equal(parseHint(data), undefined, data)
      assert.equal(readHint(data), undefined, data)
    }
  })
})
