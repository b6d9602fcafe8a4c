/** Messages as bytes: what arrives changed is damaged, what arrives as it was sent and is none is invalid, and answers name their calls. */
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { isSameCall } from "../../protocol/envelope.ts"
import { ensure, equal } from "../expect.ts"
import { CALL_HEAD, drawCall, fieldsOf, joined, rawRequest, requestOf, sealed, unsealed, valueOf } from "./message.ts"
import type { ServerCase, ServerTrial } from "./trial.ts"

const DAMAGED =
  "Bytes with a wrong one, or without one, are not those that were sent, and nothing of them is used: a server answers `body_damaged`"
const REFUSES =
  "It MUST refuse what is not a message, what breaks the limits of section 8, and fields that are missing or not as described: a server with `invalid_request`"
const BOUNDED =
  "MUST compare every length and count with the bytes that are left before it reserves memory for it, and MUST NOT recurse to a depth that the bytes decide"

/** Text as bytes. */
const ascii = (text: string): Bytes => new TextEncoder().encode(text)
/** The fields of a push with one more member, whose bytes are given. */
const withMember = (trial: ServerTrial, ...member: readonly number[]): Bytes => {
  const fields = valueOf(fieldsOf("push", trial.store))
  return joined([fields[0]! + 1], fields.subarray(1), member)
}
const X = [0xa1, 0x78]
const repeated = (byte: number, count: number): number[] => Array.from({ length: count }, () => byte)

/** A push that is taken, and would be seen if it were. */
const goodPush = (trial: ServerTrial): Bytes => {
  const writer = trial.writer().write(2)
  return requestOf("push", trial.store, { own: [writer.id] }, [writer.part()])
}

/** Bodies that changed on their way, by what happened to them. */
const damage = (good: Bytes): ReadonlyMap<string, Bytes> => {
  const damaged = new Map<string, Bytes>()
  for (let at = 0; at < good.length; at += 9) damaged.set(`bit ${at % 8} of byte ${at}`, good.with(at, good[at]! ^ (1 << at % 8)))
  for (let length = 1; length < good.length; length += 23) damaged.set(`cut to ${length} bytes`, good.slice(0, length))
  damaged.set("without its last byte", good.slice(0, -1))
  damaged.set("a byte behind it", joined(good, [0]))
  damaged.set("twice", joined(good, good))
  damaged.set("without its checksum", unsealed(good).slice() as Bytes)
  damaged.set("its checksum as uint64", joined(unsealed(good), [0xcf, 0, 0, 0, 0], good.slice(-4)))
  damaged.set("nothing", new Uint8Array(0))
  damaged.set("a checksum alone", Uint8Array.of(0xce, 0, 0, 0, 0))
  damaged.set("a page of HTML", ascii("<!doctype html><title>Welcome</title>"))
  return damaged
}

/** Bodies with a right checksum that are no message, by what is wrong with them. */
const malformed = (trial: ServerTrial): ReadonlyMap<string, Bytes> => {
  const fields = valueOf(fieldsOf("push", trial.store)), call = joined(CALL_HEAD, drawCall())
  const part = (...bytes: readonly number[]): Bytes => rawRequest({ fields, parts: [0x91, ...bytes] })
  return new Map<string, Bytes>([
    ["nil", sealed([0xc0])],
    ["fields alone", sealed(fields)],
    ["two elements", sealed([0x92], fields, [0x90])],
    ["three elements", sealed([0x93], fields, [0x90], call)],
    ["five elements", sealed([0x95], fields, [0x90], call, [0xc0])],
    ["four elements in a long form", sealed([0xdc, 0, 4], fields, [0x90], call)],
    ["a byte between the call and the checksum", rawRequest({ fields, call: joined(call, [0xc0]) })],
    ["a call of 15 bytes", rawRequest({ fields, call: joined([0xc4, 15], repeated(1, 15)) })],
    ["a call of 17 bytes", rawRequest({ fields, call: joined([0xc4, 17], repeated(1, 17)) })],
    ["a call that is nil", rawRequest({ fields, call: [0xc0] })],
    ["a call that is a string", rawRequest({ fields, call: joined([0xb0], repeated(0x61, 16)) })],
    ["fields that are a list", rawRequest({ fields: [0x90] })],
    ["fields that are nil", rawRequest({ fields: [0xc0] })],
    ["fields with a member twice", rawRequest({ fields: withMember(trial, 0xa3, ...ascii("own"), 0x90) })],
    ["fields with a key that is a number", rawRequest({ fields: withMember(trial, 1, 1) })],
    ["fields with a member __proto__", rawRequest({ fields: withMember(trial, 0xa9, ...ascii("__proto__"), 0x80) })],
    ["a string that is no UTF-8", rawRequest({ fields: withMember(trial, ...X, 0xa2, 0xc3, 0x28) })],
    ["a string with a surrogate", rawRequest({ fields: withMember(trial, ...X, 0xa3, 0xed, 0xa0, 0x80) })],
    ["an extension", rawRequest({ fields: withMember(trial, ...X, 0xd4, 5, 0) })],
    ["the byte C1", rawRequest({ fields: withMember(trial, ...X, 0xc1) })],
    ["a number in a long form", rawRequest({ fields: withMember(trial, ...X, 0xcc, 1) })],
    ["a string in a long form", rawRequest({ fields: withMember(trial, ...X, 0xd9, 1, 0x61) })],
    ["a list in a long form", rawRequest({ fields: withMember(trial, ...X, 0xdc, 0, 0) })],
    ["a binary32", rawRequest({ fields: withMember(trial, ...X, 0xca, 0x3f, 0x80, 0, 0) })],
    ["an integer as binary64", rawRequest({ fields: withMember(trial, ...X, 0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0) })],
    ["parts that are nil", rawRequest({ fields, parts: [0xc0] })],
    ["a part of one element", part(0x91, 1)],
    ["a part of three elements", part(0x93, 1, 0xc6, 0, 0, 0, 1, 0xc0, 0xc0)],
    ["a part with a type below 0", part(0x92, 0xff, 0xc6, 0, 0, 0, 1, 0xc0)],
    ["a part with a type that is a string", part(0x92, 0xa1, 0x31, 0xc6, 0, 0, 0, 1, 0xc0)],
    ["a part with a type in a long form", part(0x92, 0xcc, 1, 0xc6, 0, 0, 0, 1, 0xc0)],
    ["a part that is a bin8", part(0x92, 1, 0xc4, 1, 0xc0)],
    ["a part that is a string", part(0x92, 1, 0xa1, 0x61)],
  ])
}

/** Bodies whose lengths, counts or depths cost more than they bring, if somebody believes them. */
const excessive = (trial: ServerTrial): ReadonlyMap<string, Bytes> => {
  const fields = valueOf(fieldsOf("push", trial.store)), MOST = [0xff, 0xff, 0xff, 0xff]
  const member = (...bytes: readonly number[]): Bytes => rawRequest({ fields: withMember(trial, ...X, ...bytes) })
  return new Map<string, Bytes>([
    ["lists 64 deep within the fields", member(...repeated(0x91, 63), 0x90)],
    ["lists 1,000 deep", member(...repeated(0x91, 1000), 0xc0)],
    ["lists 500,000 deep", rawRequest({ fields: joined(withMember(trial, ...X), new Uint8Array(500_000).fill(0x91), [0xc0]) })],
    ["500,000 lists that do not end", rawRequest({ fields: joined(withMember(trial, ...X), new Uint8Array(500_000).fill(0x91)) })],
    ["maps 1,000 deep", member(...repeated(0, 1000).flatMap(() => [0x81, ...X]), 0xc0)],
    ["a list that announces 2^32 - 1 elements", member(0xdd, ...MOST)],
    ["a map that announces 2^32 - 1 members", member(0xdf, ...MOST)],
    ["a binary that announces 2^32 - 1 bytes", member(0xc6, ...MOST)],
    ["a string that announces 2^32 - 1 bytes", member(0xdb, ...MOST)],
    ["fields that announce 2^32 - 1 members", rawRequest({ fields: [0xdf, ...MOST] })],
    ["2^32 - 1 parts", rawRequest({ fields, parts: [0xdd, ...MOST] })],
    ["a part of 2^32 - 1 bytes", rawRequest({ fields, parts: [0x91, 0x92, 1, 0xc6, ...MOST] })],
    ["a part with one byte too few", rawRequest({ fields, parts: [0x91, 0x92, 1, 0xc6, 0, 0, 0, 200, 0xc0] })],
  ])
}

export const messageCases: readonly ServerCase[] = [
  {
    id: "message/damaged",
    title: "a body with a flipped bit, cut, longer or something else is damaged, and nothing of it is used", // R12
    level: "MUST",
    requires: [],
    rule: DAMAGED,
    why: "Networks and proxies change bytes; a changed one that is stored is changed data on every device.",
    async run(trial) {
      await trial.storesNothing("damaged pushes", async () => {
        for (const [what, body] of damage(goodPush(trial))) await trial.refused(what, { route: "push", body }, "body_damaged")
      })
      for (const route of trial.routes) {
        const good = requestOf(route, trial.store), flipped = good.with(20, good[20]! ^ 4)
        await trial.refused(`${route} with a flipped bit`, { route, body: flipped }, "body_damaged")
      }
    },
  },
  {
    id: "message/malformed",
    title: "a body that arrived as it was sent and is no message is an invalid request", // R12
    level: "MUST",
    requires: [],
    rule: REFUSES,
    why: "A server that guesses what was meant stores what nobody meant.",
    async run(trial) {
      for (const [what, body] of malformed(trial)) await trial.refused(what, { route: "push", body }, "invalid_request")
    },
  },
  {
    id: "message/excessive",
    title: "depths, counts and lengths that the bytes do not hold are refused, and cost nothing",
    level: "MUST",
    requires: [],
    rule: BOUNDED,
    why: "A few bytes from anybody must not take the server's memory or its stack.",
    async run(trial) {
      for (const [what, body] of excessive(trial)) await trial.refused(what, { route: "push", body }, "invalid_request")
      await trial.answered("a handshake afterwards", "handshake")
    },
  },
  {
    id: "message/deep",
    title: "what is as deep as may be is taken",
    level: "MUST",
    requires: [],
    rule: "one value of the profile F-6, within the limits F-7",
    why: "A client that keeps within the limits would be refused for ever.",
    async run(trial) {
      let deep: unknown = []
      for (let depth = 2; depth <= 63; depth += 1) deep = [deep]
      await trial.answered("a member with lists 63 deep", "handshake", { fields: { x: deep } })
    },
  },
  {
    id: "message/call",
    title: "an answer names the call of its request, however often the same bytes are sent",
    level: "MUST",
    requires: [],
    rule: "An answer names the call of its request; an error SHOULD, and names 16 zeros where it was not read.",
    why: "A client that mixes up answers crosses off what was never stored.",
    async run(trial) {
      const writer = trial.writer().write(1)
      for (const route of ["handshake", "push", "pull", "handshake"] as const) {
        const call = drawCall(), parts = route === "push" ? [writer.part()] : []
        const body = requestOf(route, trial.store, {}, parts, call)
        for (const time of ["first", "second", "third"]) {
          const { call: found } = trial.message(`the ${time} ${route}`, await trial.send({ route, body }))
          ensure(isSameCall(found, call), `the ${time} ${route}: the answer names the call ${found.join()}, expected ${call.join()}`)
        }
      }
    },
  },
  {
    id: "message/same-again",
    title: "the same bytes again are a request like any other",
    level: "MUST",
    requires: [],
    rule: "The same bytes MAY be sent again.",
    why: "Clients send the same bytes again when an answer is lost; taken for an attack, they would never get through.",
    async run(trial) {
      const body = goodPush(trial)
      for (let time = 1; time <= 3; time += 1) {
        const { fields } = trial.message("a push", await trial.send({ route: "push", body }))
        equal(fields["type"], "ok", `type of answer ${time}`)
      }
      equal(await trial.headPosition(), 1, "position of the last frame")
    },
  },
  {
    id: "message/error-call",
    title: "an error names the call of its request, where that could be read",
    level: "SHOULD",
    requires: [],
    rule: "An answer names the call of its request; an error SHOULD, and names 16 zeros where it was not read.",
    why: "A client that cannot tell which request failed has to end all of them.",
    async run(trial) {
      const call = drawCall()
      const body = requestOf("pull", trial.otherStore(), {}, [], call)
      const found = trial.message("a pull of no store", await trial.send({ route: "pull", body })).call
      ensure(isSameCall(found, call), `the error names the call ${found.join()}`)
    },
  },
]
