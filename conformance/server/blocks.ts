/** Pushes as they travel: what is judged before what, what of damaged and of later blocks is told, and who comes back from a backup. */
import type { Part } from "../../kernel/ports/remote.ts"
import type { WireErrorCode } from "../../protocol/errors.ts"
import { ensure, equal } from "../expect.ts"
import { BlockWriter, type PlayedOperation, RawValue } from "../remote/block-writer.ts"
import { type Fields, requestOf } from "./message.ts"
import type { ServerCase, ServerTrial } from "./trial.ts"

const BY_ITSELF =
  "Every block by itself: damaged ones (F-17 to F-27, but not their keys and values) are `invalid_request`; a codec or kind that the server does not know is `unsupported_feature`; more than it announced (W-52) is `batch_too_large`."
const IN_ORDER = "A server judges a push in this order."
const FIRST_ONES = "if there is any, answer `refused` with all of them, or with the first ones. Nothing is stored."
const UNREADABLE =
  "What others could not read is not stored: for a key or value that breaks F-4 to F-7, of an operation that the log has seen, the answer is `invalid_request`."
const BY_DOT = "A push is *idempotent*, without limit of time: whatever was taken before is skipped, by dot."
const PAIRS = "The seq of a pair is at least the `to` of every block that was sent of its writer."

const own = (...writers: readonly BlockWriter[]): Fields => ({ own: writers.map(({ id }) => id) })
const pushOf = (trial: ServerTrial, parts: readonly Part[], fields: Fields = {}) =>
  ({ route: "push", body: requestOf("push", trial.store, fields, parts) }) as const
/** Pushes, and answers the type of what is answered. */
const typeOf = async (trial: ServerTrial, what: string, parts: readonly Part[], fields: Fields = {}): Promise<unknown> =>
  (await trial.answered(what, "push", { parts, fields })).fields["type"]
/** Pushes what must be taken; answers the seq of the first pair. */
const taken = async (trial: ServerTrial, what: string, parts: readonly Part[], fields: Fields = {}): Promise<number> => {
  const answer = (await trial.answered(what, "push", { parts, fields })).fields
  equal(answer["type"], "ok", `${what}: type`)
  return Object(answer["pairs"])[0][1]
}
/** What the store holds, a text for each part. */
const held = async (trial: ServerTrial): Promise<readonly string[]> =>
  (await trial.answered("a pull", "pull")).parts.map(({ content }) => content.join())
const textsOf = (parts: readonly Part[]): readonly string[] => parts.map(({ content }) => content.join())

/** Another device's operations under the same writer. */
const twinOf = (trial: ServerTrial, { id }: BlockWriter, operations: readonly PlayedOperation[]): BlockWriter => {
  const twin = new BlockWriter(trial.handshake.serverTimeMillis, id)
  for (const operation of operations) twin.write(1, operation)
  return twin
}

/** Stamps further ahead than any server takes. */
const FAR_MILLIS = 40 * 24 * 3_600_000

export const blockCases: readonly ServerCase[] = [
  {
    id: "block/damaged",
    title: "a block that is cut anywhere, or not as the format says, is an invalid request, and nothing of the push is stored", // R18
    level: "MUST",
    requires: [],
    rule: BY_ITSELF,
    why: "Bytes that are no block, once stored, stop every device that pulls them.",
    async run(trial) {
      const writer = trial.writer().write(3, { key: "k" }), { type, content } = writer.part(), good = trial.writer().write(1).part()
      const damaged = new Map<string, Uint8Array<ArrayBuffer>>()
      for (let length = 0; length < content.length; length += 1) damaged.set(`cut to ${length} bytes`, content.slice(0, length))
      damaged.set("a byte behind it", Uint8Array.of(...content, 0))
      damaged.set("25 elements", content.with(2, 25))
      damaged.set("a codec that is a string", content.with(3, 0xa0))
      damaged.set("to before from", content.with(22, 3))
      damaged.set("more rows than numbers", content.with(24, 4))
      damaged.set("no row counted", content.with(24, 0))
      await trial.storesNothing("damaged blocks", async () => {
        for (const [what, bytes] of damaged) await trial.refused(what, pushOf(trial, [good, { type, content: bytes }]), "invalid_request")
      })
    },
  },
  {
    id: "block/too-new",
    title: "a codec or a kind of a later version is told apart from damage",
    level: "MUST",
    requires: [],
    rule: BY_ITSELF,
    why: 'A client that is told "damaged" takes good data for lost; one that is told "too new" keeps them for later.',
    async run(trial) {
      const { type, content } = trial.writer().write(1).part(), deleted = trial.writer().write(1, { kind: "delete" }).part().content
      // The column of kinds, of one row, stands behind millis (9 bytes) and counter.
      const kind = deleted.findIndex((byte, at) => at > 30 && byte === 0xc4 && deleted[at + 1] === 1 && deleted[at + 2] === 1) + 2
      const later: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = {
        "codec 1": content.with(3, 1),
        "codec 127": content.with(3, 127),
        "kind 5": deleted.with(kind, 5),
        "kind 255": deleted.with(kind, 255),
      }
      await trial.storesNothing("blocks of later versions", async () => {
        for (const [what, bytes] of Object.entries(later)) {
          await trial.refused(what, pushOf(trial, [{ type, content: bytes }]), "unsupported_feature")
        }
      })
    },
  },
  {
    id: "block/order",
    title: "what is wrong with a push is judged in order: its frames, its blocks, its gaps, its operations",
    level: "MUST",
    requires: [],
    rule: IN_ORDER,
    why: "Told of the wrong thing first, a client drops data, though all that it lacked was a pull.",
    async run(trial) {
      const ahead = { millis: trial.handshake.serverTimeMillis + FAR_MILLIS }
      const gap = trial.writer().write(3, ahead), refused = trial.writer().write(1, ahead), bad = trial.writer().write(1)
      const cut = { ...bad.part(), content: bad.part().content.slice(0, -1) }
      const basis = [[9, new Uint8Array(16).fill(9)]]
      const error = async (what: string, parts: readonly Part[], code: WireErrorCode): Promise<void> =>
        void await trial.refused(what, pushOf(trial, parts, own(gap, refused, bad)), code)
      await trial.storesNothing("pushes that are wrong in several ways", async () => {
        equal(
          await typeOf(trial, "an unknown basis", [refused.part()], { ...own(refused), basis }),
          "unknown",
          "an unknown basis: type",
        )
        await error("a damaged block behind a gap", [gap.part(1, 3), cut], "invalid_request")
        await error("a damaged block behind a refused one", [refused.part(), cut], "invalid_request")
        equal(
          await typeOf(trial, "a gap behind a refused one", [refused.part(), gap.part(1, 3)], own(gap, refused)),
          "unknown",
          "a gap behind a refused one: type",
        )
        equal(await typeOf(trial, "refused ones", [refused.part(), bad.part()], own(refused, bad)), "refused", "refused ones: type")
      })
    },
  },
  {
    id: "block/order-of-rights",
    title: "rights are asked for behind what is damaged or builds on nothing, and before gaps, links and operations",
    level: "MUST",
    requires: ["author"],
    rule: IN_ORDER,
    why: "A client that is told of a gap first pulls and pushes for ever, and never learns that it has to leave something out.",
    async run(trial) {
      const token = trial.subject.tokens.author, ahead = { millis: trial.handshake.serverTimeMillis + FAR_MILLIS }
      const [mine, others, late] = [trial.writer().write(3), trial.writer().write(1), trial.writer().write(1, ahead)]
      const cut = { ...mine.part(), content: mine.part().content.slice(0, -1) }
      const basis = [[9, new Uint8Array(16).fill(9)]]
      const linked = mine.part(0, 1, { links: [trial.writer().write(1).dot()] })
      await trial.storesNothing("pushes with what others wrote", async () => {
        const fields = own(mine, late)
        const type = async (what: string, parts: readonly Part[], more: Fields = {}): Promise<unknown> =>
          (await trial.answered(what, "push", { token, parts, fields: { ...fields, ...more } })).fields["type"]
        equal(await type("an unknown basis", [others.part()], { basis }), "unknown", "an unknown basis: type")
        const body = requestOf("push", trial.store, fields, [others.part(), cut])
        await trial.refused("a damaged block", { route: "push", token, body }, "invalid_request")
        equal(await type("a gap", [mine.part(1, 3), others.part()]), "forbidden", "a gap: type")
        equal(await type("a link to nothing", [linked, others.part()]), "forbidden", "a link to nothing: type")
        equal(await type("a stamp far ahead", [late.part(), others.part()]), "forbidden", "a stamp far ahead: type")
      })
    },
  },
  {
    id: "block/many-refused",
    title: "of more refused operations than an answer can name the first ones are named",
    level: "MUST",
    requires: [],
    rule: FIRST_ONES,
    why: "A client with many refused operations would never learn of any, and never get past them.",
    async run(trial) {
      const count = Math.min(5000, trial.handshake.limits.operationsMax)
      const writer = trial.writer().write(count, { millis: trial.handshake.serverTimeMillis + FAR_MILLIS, key: "k", value: null })
      await trial.storesNothing("a push that is refused", async () => {
        const { fields } = await trial.answered("stamps far ahead", "push", { parts: [writer.part()], fields: own(writer) })
        equal(fields["type"], "refused", "type")
        const refused = Object(fields["refused"]) as readonly [Uint8Array, number, string, string][]
        ensure(refused.length > 0 && refused.length <= 4096, `refused: found ${refused.length} entries`)
        const first = refused.map(([id, seq, code]) => `${id.join()} ${seq} ${code}`)
        equal(first, first.map((_, at) => `${writer.id.join()} ${at + 1} clock_ahead`), "refused")
        for (const [, , , message] of refused) ensure(new TextEncoder().encode(message).length <= 200, "a message has more than 200 bytes")
      })
    },
  },
  {
    id: "block/named-once",
    title: "what several blocks of a push bring is refused once, and its writer named once",
    level: "MUST",
    requires: ["author"],
    rule: "Lists that name writers, or dots, name each once, but for `ranges` (W-39).",
    why: "A client that is told the same refusal twice makes two dead letters of one write.",
    async run(trial) {
      const writer = trial.writer().write(2).write(1, { millis: trial.handshake.serverTimeMillis + FAR_MILLIS })
      const parts = [writer.part(0, 3), writer.part(1, 3), writer.part(0, 3)], token = trial.subject.tokens.author
      await trial.storesNothing("a push with overlapping blocks", async () => {
        const { fields } = await trial.answered("a stamp far ahead, in three blocks", "push", { parts, fields: own(writer) })
        equal([fields["type"], Object(fields["refused"]).length], ["refused", 1], "type, and how many are refused")
        const answer = await trial.answered("three blocks of another one's", "push", { parts, token })
        equal(
          [answer.fields["type"], Object(answer.fields["writers"]).length],
          ["forbidden", 1],
          "type, and how many writers are forbidden",
        )
      })
      const fields = own(writer), withheld = { withheld: [3] }
      const ok = await trial.answered("three blocks", "push", { parts: [writer.part(0, 3, withheld), writer.part(1, 3, withheld)], fields })
      equal([ok.fields["type"], Object(ok.fields["pairs"]).length], ["ok", 1], "type, and how many pairs there are")
    },
  },
  {
    id: "block/seen-unreadable",
    title: "a number that the log has seen is not judged again, but not stored with bytes that nobody reads",
    level: "MUST",
    requires: [],
    rule: UNREADABLE,
    why: "A value that nobody can read would come in by the back door, and stop every device that pulls it.",
    async run(trial) {
      const writer = trial.writer().write(2), twin = twinOf(trial, writer, [{ value: new RawValue(0xc1) }, {}, {}])
      equal(await taken(trial, "a push", [writer.part()], own(writer)), 2, "the pair")
      await trial.storesNothing("a seen number with a value that is none", async () => {
        await trial.refused(
          "a seen number with a value that is none",
          pushOf(trial, [twin.part()], { own: [writer.id] }),
          "invalid_request",
        )
      })
      const key = twinOf(trial, writer, [{ key: Uint8Array.of(0xff) }, {}, {}])
      await trial.refused("a seen number with a key that is no text", pushOf(trial, [key.part()], { own: [writer.id] }), "invalid_request")
      equal(await held(trial), textsOf([writer.part()]), "what the store holds")
    },
  },
  {
    id: "block/clone",
    title: "what a clone wrote under the same numbers is skipped, and its own writers are taken", // R19
    level: "MUST",
    requires: [],
    rule: BY_DOT,
    why: "A disk image that runs twice is common; the clone must neither overwrite the original nor be lost.",
    async run(trial) {
      const first = trial.writer().write(4), clone = twinOf(trial, first, [{}, {}, { value: "of the clone" }, { value: "of the clone" }])
      equal(await taken(trial, "the first one's", [first.part(0, 4)], own(first)), 4, "its pair")
      equal(await taken(trial, "the clone's under the same numbers", [clone.part(2, 4)], own(first)), 4, "its pair")
      equal(await taken(trial, "the clone's from the beginning", [clone.part(0, 4)], own(first)), 4, "its pair")
      const next = trial.writer().write(1), part = next.part(0, 1, { links: [first.dot(4)] })
      equal(await taken(trial, "the clone's own", [part], own(first, next)), 1, "its pair")
      equal(await held(trial), textsOf([first.part(0, 4), part]), "what the store holds")
    },
  },
  {
    id: "block/restored-device",
    title: "a device that was restored learns from the pair how far it had come, and goes on under a new writer", // P48
    level: "MUST",
    requires: [],
    rule: PAIRS,
    why: "After a restore a device would give out numbers that are taken, and its new work would be skipped.",
    async run(trial) {
      const before = trial.writer().write(6)
      for (const part of before.parts()) await taken(trial, "a push", [part], own(before))
      equal(await taken(trial, "a push from the backup", [before.part(0, 3)], own(before)), 6, "the pair, of which the backup has 3")
      const after = trial.writer().write(2), part = after.part(0, 2, { links: [before.dot(3)] })
      equal(await taken(trial, "the new writer's", [part], own(before, after)), 2, "its pair")
      equal(await held(trial), textsOf([...before.parts(), part]), "what the store holds")
    },
  },
  {
    id: "block/invalid-in-the-middle",
    title: "one operation that is refused in the middle of many blocks keeps all of them out", // R26
    level: "MUST",
    requires: [],
    rule: FIRST_ONES,
    why: "Stored in part, a batch is seen by other devices as data that nobody wrote.",
    async run(trial) {
      const writers = Array.from({ length: 9 }, () => trial.writer().write(2))
      const bad = trial.writer().write(1).write(1, { value: new RawValue(0xa5, 0x61) }).write(1)
      const parts = [...writers.slice(0, 4).map((writer) => writer.part()), bad.part(), ...writers.slice(4).map((writer) => writer.part())]
      await trial.storesNothing("a push with one that is none", async () => {
        equal(await typeOf(trial, "a push with one that is none", parts, own(...writers, bad)), "refused", "type")
      })
      await taken(
        trial,
        "the same without it",
        parts.map((part, at) => at === 4 ? bad.part(0, 3, { withheld: [2] }) : part),
        own(...writers, bad),
      )
      equal((await held(trial)).length, 10, "parts")
    },
  },
]
