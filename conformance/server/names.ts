/** Names of stores: whatever is a name is one of its own. */
import { equal } from "../expect.ts"
import { requestOf } from "./message.ts"
import type { ServerCase, ServerTrial } from "./trial.ts"

const OF_ITS_OWN = "A *store* is one log at a server, under a name."
const BYTES = "name of the store, 1 to 200 bytes, without the character U+0000"

/** Endings that somebody takes for something else: a path, an encoding, a query, another spelling, a device. */
const ENDINGS: readonly string[] = [
  "a",
  "A",
  " a",
  "a ",
  "a.",
  "a/b",
  "a%2fb",
  "a%2Fb",
  "a\\b",
  "a/../a",
  "/",
  "/..",
  "/../..",
  "..",
  ".",
  "a?b=c",
  "a#b",
  "a\r\nb",
  "a\tb",
  "*",
  "%",
  "%00",
  "'; DROP TABLE stores; --",
  '"',
  "\u00e9",
  "e\u0301",
  "\ufeffa",
  "ı",
  "İ",
  "ß",
  "ss",
  "\u{1f511}",
  "__proto__",
  "/constructor",
  "con",
  "-1",
  "a~b",
  "a:b",
]

const nameOf = (trial: ServerTrial, ending: string): string => trial.otherStore(ending)
/** A name of exactly `bytes` bytes that ends with `ending`. */
const longName = (trial: ServerTrial, bytes: number, ending: string): string => {
  const start = trial.otherStore(""), encoded = (text: string): number => new TextEncoder().encode(text).length
  return start + "n".repeat(bytes - encoded(start) - encoded(ending)) + ending
}

/** Stores that are asked for: more than a server may have open at once. */
const STORES = 300
const AT_ONCE = 8
/** Of so many, at the beginning and at the end, it is looked at what they hold. */
const LOOKED_AT = 5

export const nameCases: readonly ServerCase[] = [
  {
    id: "name/apart",
    title: "names that look alike, that are paths or that mean something elsewhere are stores of their own",
    level: "MUST",
    requires: [],
    rule: OF_ITS_OWN,
    why: "Two names that become one mix the data of two stores; one that is a path reaches files.",
    async run(trial) {
      const names = [
        ...ENDINGS.map((ending) => nameOf(trial, ending)),
        ...["1", "2", "\u00e9"].map((ending) => longName(trial, 200, ending)),
      ]
      const parts = names.map(() => trial.writer().write(1).part())
      for (const [at, store] of names.entries()) {
        equal(await trial.headPosition(store), 0, `a handshake at ${JSON.stringify(store)}: position of the last frame`)
        const { fields } = await trial.answered(`a push to ${JSON.stringify(store)}`, "push", { store, parts: [parts[at]!] })
        equal(
          [fields["type"], Object(fields["last"])[0]],
          ["ok", 1],
          `a push to ${JSON.stringify(store)}: type, position of the last frame`,
        )
      }
      for (const [at, store] of names.entries()) {
        const found = (await trial.answered(`a pull of ${JSON.stringify(store)}`, "pull", { store })).parts.map(({ content }) =>
          content.join()
        )
        equal(found, [parts[at]!.content.join()], `what ${JSON.stringify(store)} holds`)
      }
    },
  },
  {
    id: "name/bytes",
    title: "a name has 1 to 200 bytes in UTF-8",
    level: "MUST",
    requires: [],
    rule: BYTES,
    why: "A longer name is cut somewhere, and then two stores become one.",
    async run(trial) {
      for (const [bytes, ending] of [[200, ""], [200, "\u00e9"], [200, "\u{1f511}"], [199, ""]] as const) {
        equal(await trial.headPosition(longName(trial, bytes, ending)), 0, `a name of ${bytes} bytes: position of the last frame`)
      }
      const wrong = [
        longName(trial, 201, ""),
        longName(trial, 201, "\u00e9"),
        longName(trial, 100_000, ""),
        "",
        "\u0000",
        trial.otherStore("\u0000"),
      ]
      for (const store of wrong) {
        await trial.refused(`a name of ${store.length} characters`, { body: requestOf("handshake", store) }, "invalid_request")
      }
    },
  },
  {
    id: "name/many",
    title: "however many stores somebody makes, each holds what it held, or no more are made", // R104, T57
    level: "MUST",
    requires: [],
    rule: OF_ITS_OWN,
    why: "A server that forgets stores when there are many loses those of the users who came first.",
    async run(trial) {
      const stores = Array.from({ length: STORES }, (_, at) => trial.otherStore(`many-${at}`))
      const parts = stores.map(() => trial.writer().write(1).part())
      const push = async (at: number): Promise<void> => {
        const { fields } = await trial.answered(`a push to store ${at}`, "push", { store: stores[at]!, parts: [parts[at]!] })
        equal([fields["type"], Object(fields["last"])[0]], ["ok", 1], `a push to store ${at}: type, position of the last frame`)
      }
      let made = 0, isFull = false
      await Promise.all(Array.from({ length: AT_ONCE }, async () => {
        while (made < STORES && !isFull) {
          const at = made++, answer = await trial.send({ body: requestOf("handshake", stores[at]!) })
          if (answer.status !== 200) {
            trial.judgeError(`a handshake at store ${at}`, answer, "quota_exceeded", "rate_limited")
            await trial.refused(`a pull of store ${at}`, { route: "pull", body: requestOf("pull", stores[at]!) }, "store_not_found")
            isFull = true
          } else if (at < LOOKED_AT) await push(at)
        }
      }))
      if (isFull) trial.warn(`no more than ${made} stores are made`)
      const last = isFull ? [] : Array.from({ length: LOOKED_AT }, (_, at) => STORES - 1 - at)
      for (const at of last) await push(at)
      for (const at of [...Array.from({ length: LOOKED_AT }, (_, at) => at), ...last]) {
        const found = (await trial.answered(`a pull of store ${at}`, "pull", { store: stores[at]! })).parts
        equal(found.map(({ content }) => content.join()), [parts[at]!.content.join()], `what store ${at} holds`)
      }
    },
  },
]
