/** Cases: answers that arrived as they were sent, and are no message of this protocol, or one with more than a client knows. */
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import type { FieldValues } from "../../protocol/envelope.ts"
import { ensure } from "../expect.ts"
import { CALL_HEAD, joined, sealed, valueOf } from "../server/message.ts"
import { answered, callOf, changed, raw, refielded, silent, slow } from "./misdeeds.ts"
import { gzip } from "../server/gzip.ts"
import type { SeenRequest } from "./seen-request.ts"
import type { Misdeed } from "./server.ts"
import type { ClientCase, ClientTrial } from "./trial.ts"

const VIOLATION = "protocol_violation"
/** Zeros that fit some kilobytes when they are zipped. */
const BOMB_BYTES = 67_108_864

/** Each of these answers to a pull fails the sync as a violation, and nothing of it stays. */
const areRefused = async (
  trial: ClientTrial,
  misdeeds: Readonly<Record<string, Misdeed>>,
  codes: readonly string[] = [VIOLATION],
): Promise<void> => {
  const client = await trial.synced()
  await trial.elsewhere("theirs", "from elsewhere")
  for (const [what, misdeed] of Object.entries(misdeeds)) {
    trial.server.on("pull", misdeed, 1)
    await client.failsToSync(`a pull that is answered with ${what}`, ...codes)
    await client.lacks("theirs")
    trial.server.behave()
  }
  await client.syncs("the sync after them")
  await client.shows("theirs", "from elsewhere")
}

/** Message bytes around other fields, parts or a tail. */
const made = (seen: SeenRequest, fields: ArrayLike<number>, parts: ArrayLike<number> = [0x90], tail: ArrayLike<number> = []): Bytes =>
  sealed([0x94], fields, parts, CALL_HEAD, callOf(seen), tail)

const EMPTY_PAGE: FieldValues = { type: "page", ranges: [], next: [0, new Uint8Array(16)], upToDate: true, head: 0, serverTimeMillis: 0 }

/** The page that is right, with one field replaced. */
const field = (name: string, value: unknown): Misdeed => refielded((fields) => ({ ...fields, [name]: value }))

/** Parts of a page with one more, and the frame that it would be in. */
const withPart = (type: number): Misdeed => changed(({ parts }) => ({ parts: [...parts, { type, content: new Uint8Array([1, 2, 3]) }] }))

export const messageCases: readonly ClientCase[] = [
  {
    id: "reply/no-message",
    title: "Bytes with a right checksum that are no message of four elements in their shortest forms are refused.",
    level: "MUST",
    requires: [],
    rule: "It MUST refuse what is not a message, what breaks the limits of section 8, and fields that are missing or not as described",
    why: "What two readers understand differently makes devices differ.",
    run: (trial) => {
      const fields = valueOf(EMPTY_PAGE)
      return areRefused(trial, {
        "a byte behind the message": raw((seen) => made(seen, fields, [0x90], [0xc0])),
        "fields that are a list": raw((seen) => made(seen, [0x90])),
        "a member twice": raw((seen) => made(seen, joined([0x82], valueOf("type"), valueOf("page"), valueOf("type"), valueOf("page")))),
        "a float of four bytes": raw((seen) => made(seen, joined([0x81], valueOf("type"), [0xca, 0, 0, 0, 0]))),
        "three elements": raw((seen) => sealed([0x93], fields, CALL_HEAD, callOf(seen))),
        "a number in a longer form than it needs": raw((seen) => made(seen, fields, [0xdc, 0, 0])),
      })
    },
  },
  {
    id: "reply/announced",
    title: "What announces more than there is, or is nested without end, is refused, and the client goes on.",
    level: "MUST",
    requires: [],
    rule:
      "MUST compare every length and count with the bytes that are left before it reserves memory for it, and MUST NOT recurse to a depth that the bytes decide",
    why: "A few bytes of anybody on the way would end the application.",
    run: (trial) =>
      areRefused(trial, {
        "four thousand million parts": raw((seen) => made(seen, valueOf(EMPTY_PAGE), [0xdd, 0xff, 0xff, 0xff, 0xff])),
        "a string of four gigabytes": raw((seen) => made(seen, joined([0x81], valueOf("type"), [0xdb, 0xff, 0xff, 0xff, 0xf0]))),
        "a part of four gigabytes": raw((seen) => made(seen, valueOf(EMPTY_PAGE), [0x91, 0x92, 0x01, 0xc6, 0xff, 0xff, 0xff, 0xf0])),
        "200,000 lists in each other": raw((seen) =>
          made(seen, joined([0x81], valueOf("type"), new Uint8Array(200_000).fill(0x91), [0xc0]))
        ),
      }),
  },
  {
    id: "reply/fields",
    title: "A page of which a field is missing, or is not what it should be, is refused.",
    level: "MUST",
    requires: [],
    rule: "It MUST refuse what is not a message, what breaks the limits of section 8, and fields that are missing or not as described",
    why: "A number that is none would become the place from which the device goes on.",
    run: (trial) =>
      areRefused(trial, {
        "no next": field("next", null),
        "a next without an id": field("next", [7]),
        "an id of 15 bytes": field("next", [7, new Uint8Array(15)]),
        "position 0 with an id": field("next", [0, new Uint8Array(16).fill(1)]),
        "a position that is a fraction": field("next", [7.5, new Uint8Array(16)]),
        "a head below 0": field("head", -1),
        "a head that is text": field("head", "7"),
        "no upToDate": field("upToDate", undefined),
        "an upToDate that is 1": field("upToDate", 1),
        "no ranges": field("ranges", null),
        "a range without a number": field("ranges", [[new Uint8Array(16)]]),
        "a time of another age": field("serverTimeMillis", 2 ** 48),
        "the type of another answer": field("type", "ok"),
        "a type that nobody knows": field("type", "bundle"),
      }),
  },
  {
    id: "reply/members-ignored",
    title: "Members that this version does not name are passed over, at each level, and their order means nothing.",
    level: "MUST",
    requires: [],
    rule: "Members of `fields`, and of maps in them, that this page does not name MUST be ignored; their order means nothing.",
    why: "The first server that says a little more would cut all devices off.",
    run: async (trial) => {
      await trial.elsewhere("theirs", "from elsewhere")
      const client = await trial.open()
      await client.put("ours", "from here")
      const more = { later: { deep: [1, [2]] }, "": null, zzz: new Uint8Array(3) }
      trial.server.on(
        "any",
        changed(({ fields }) => {
          const limits = fields["limits"] === undefined ? {} : { limits: { more, ...Object(fields["limits"]) } }
          const rights = Array.isArray(fields["rights"]) ? { rights: [...fields["rights"], "fly"] } : {}
          return { fields: { ...more, ...Object.fromEntries(Object.entries({ ...fields, ...limits, ...rights }).reverse()) } }
        }),
      )
      await client.syncs("a sync whose answers say more")
      await client.lists({ ours: "from here", theirs: "from elsewhere" })
    },
  },
  {
    id: "reply/absent-members",
    title: "A member that may be absent may be nil instead.",
    level: "MUST",
    requires: [],
    rule: "A member that may be absent may be nil instead, and one that may be nil may be absent, with the same meaning.",
    why: "A server that writes nil would cut the device off.",
    run: async (trial) => {
      const client = await trial.open()
      trial.server.on("handshake", refielded(() => ({ tokenExpiresMillis: null })))
      await client.syncs("a sync whose handshake has a member that is nil")
    },
  },
  {
    id: "reply/part-passed-over",
    title: "A part of a type from 128 on is passed over, and the rest of the page is taken.",
    level: "SHOULD",
    requires: [],
    rule: "A part from 128 on MAY be left out by whoever receives it.",
    why: "The first server that adds what may be ignored would cut the device off.",
    run: async (trial) => {
      await trial.elsewhere("theirs", "from elsewhere")
      const client = await trial.open()
      trial.server.on("pull", withPart(200))
      await client.syncs("a sync whose pages have parts of type 200")
      await client.shows("theirs", "from elsewhere")
    },
  },
  {
    id: "reply/part-refused",
    title: "A page with a part of another type below 128 is refused: with what is not in use, and with what never leaves its log.",
    level: "MUST",
    requires: [],
    rule: "A part of another type below 128 is of a feature that is not in use, or is one that never leaves its log (types 3 and 4: W-41)",
    why: "The device would leave out what it has to know, and show something else than others.",
    run: (trial) => areRefused(trial, Object.fromEntries([0, 2, 3, 4, 5, 127].map((type) => [`a part of type ${type}`, withPart(type)]))),
  },
  {
    id: "reply/parts-where-none-are",
    title: "An answer other than a page that has parts is refused.",
    level: "SHOULD",
    requires: [],
    rule: "empty where a message has none",
    why: "Two readers would make different things of it.",
    run: async (trial) => {
      const client = await trial.open()
      trial.server.on("handshake", withPart(1), 1)
      await client.failsToSync("a sync whose handshake brings a part", VIOLATION)
      await client.syncs("the sync after it")
    },
  },
  {
    id: "reply/without-end",
    title: "An answer that does not end is given up before it fills the device.",
    level: "MUST",
    requires: [],
    rule: "A client MUST bound what it reads of an answer (W-51), and the time that it takes.",
    why: "Anybody on the way would end the application by sending zeros.",
    run: async (trial) => {
      const client = await trial.synced()
      let sent = 0
      const zeros = async function* (): AsyncGenerator<Uint8Array> {
        for (; sent < 268_435_456; sent += 65_536) yield new Uint8Array(65_536)
      }
      trial.server.on("pull", async ({ serve }) => ({ ...await serve(), body: zeros() }), 1)
      await client.failsToSync("a sync whose page does not end", "network", VIOLATION)
      ensure(sent <= 33_554_432, `it has read ${sent} bytes of an answer, of which at most 5,242,880 can be a message`)
      await client.syncs("the sync after it")
    },
  },
  {
    id: "reply/bomb",
    title: "A zipped answer that comes to more than a message may have is not taken.",
    level: "MUST",
    requires: ["gzip"],
    rule: "Who inflates MUST count what comes out and stop at a limit",
    why: "A small answer of anybody on the way would end the application.",
    run: async (trial) => {
      const client = await trial.synced()
      for (const zeros of [BOMB_BYTES, 6_000_000]) {
        trial.server.on(
          "pull",
          raw((seen) => {
            const head = joined([0x91, 0x92, 0xcc, 200, 0xc6], [zeros >>> 24, zeros >>> 16, zeros >>> 8, zeros].map((byte) => byte & 255))
            return gzip(made(seen, valueOf(EMPTY_PAGE), joined(head, new Uint8Array(zeros))))
          }, { "content-encoding": "gzip" }),
          1,
        )
        await client.failsToSync(`a sync whose page comes to ${zeros} bytes`, "network", VIOLATION)
        trial.server.behave()
      }
      await client.syncs("the sync after it")
    },
  },
  {
    id: "reply/never",
    title: "A request that is never answered is given up after the time that the client was given.",
    level: "MUST",
    requires: [],
    rule: "A client MUST bound what it reads of an answer (W-51), and the time that it takes.",
    why: "A connection that is open and dead would keep the device from syncing until it is started anew.",
    run: async (trial) => {
      const client = await trial.synced({ timeoutMillis: 800 })
      await isGivenUp(trial, client, silent)
    },
  },
  {
    id: "reply/dribble",
    title: "An answer that comes a few bytes at a time is given up, too.",
    level: "MUST",
    requires: [],
    rule: "A client MUST bound what it reads of an answer (W-51), and the time that it takes.",
    why: "Who bounds only the time between two pieces waits for ever.",
    run: async (trial) => {
      const client = await trial.synced({ timeoutMillis: 800 })
      await isGivenUp(trial, client, slow(600))
    },
  },
  {
    id: "reply/answer-of-another-route",
    title: "A message of the protocol that is no answer to this request is refused.",
    level: "MUST",
    requires: [],
    rule: "The fields of an answer have a `type`: what it is, or `error` (section 9).",
    why: "The device would take one thing for another.",
    run: async (trial) => {
      const client = await trial.synced()
      await client.put("ours", "from here")
      trial.server.on("push", answered(EMPTY_PAGE), 1)
      await client.failsToSync("a push that is answered with a page", VIOLATION)
      await client.syncs("the sync after it")
      await trial.arrives("ours", "from here")
    },
  },
]

const isGivenUp = async (trial: ClientTrial, client: Awaited<ReturnType<ClientTrial["open"]>>, misdeed: Misdeed): Promise<void> => {
  await client.put("ours", "from here")
  trial.server.on("pull", misdeed, 1)
  trial.server.on("push", misdeed, 1)
  const began = performance.now()
  await client.failsToSync("a sync that is not answered", "network")
  const took = Math.round(performance.now() - began)
  ensure(took < 8000, `it took ${took} ms to give up two requests with 800 ms each`)
  trial.server.behave()
  await client.syncs("the sync after it")
  await trial.arrives("ours", "from here")
}
