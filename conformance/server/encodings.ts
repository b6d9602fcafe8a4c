/** Encodings of bodies: one layer of gzip or none, undone up to a limit. */
import { randomBytes } from "node:crypto"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { ensure, equal } from "../expect.ts"
import { bomb, gunzip, gzip } from "./gzip.ts"
import { joined, requestOf } from "./message.ts"
import type { ServerCase, ServerTrial } from "./trial.ts"

const ONE_LAYER =
  "A body has no content encoding, or `Content-Encoding: gzip` with exactly one layer of gzip (RFC 1952, in one member; a receiver MAY take several); a server MUST answer `unsupported_encoding` to everything else, `gzip, gzip` too."
const DAMAGED = "What cannot be inflated is `body_damaged`."
const COUNTS = "Who inflates MUST count what comes out and stop at a limit (a server with `body_too_large`)."
const ANSWERS = "a server MUST NOT compress an answer unless the request names `gzip` in `accept`"
/** A bomb of a megabyte is a gigabyte; whoever inflates it all takes longer. */
const BOMB_MILLIS_MAX = 5000

/** A body as it is sent with one layer of gzip. */
const zipped = (body: Uint8Array) => ({ body, headers: { "content-encoding": "gzip" } })
/** A push with a large value, which is well zipped. */
const largePush = (trial: ServerTrial): Bytes => {
  const writer = trial.writer().write(1, { value: "x".repeat(100_000) })
  return requestOf("push", trial.store, { own: [writer.id] }, [writer.part()])
}

export const encodingCases: readonly ServerCase[] = [
  {
    id: "encoding/gzip",
    title: "a body in one layer of gzip is the message that is in it", // R37
    level: "MUST",
    requires: ["gzip"],
    rule: ONE_LAYER,
    why: "Clients compress what is large; without this they cannot send it.",
    async run(trial) {
      const writer = trial.writer().write(3, { value: "x".repeat(50_000) })
      const push = requestOf("push", trial.store, { own: [writer.id], features: ["gzip"] }, [writer.part()])
      equal(trial.message("a push", await trial.send({ route: "push", ...zipped(gzip(push)) })).fields["type"], "ok", "type")
      const { parts } = await trial.answered("a pull", "pull")
      equal(parts.map(({ content }) => content.join()), [writer.part().content.join()], "what is stored")
      const { status } = await trial.send({ body: gzip(requestOf("handshake", trial.store)), headers: { "content-encoding": "GZIP" } })
      equal(status, 200, "an encoding in upper case: status")
    },
  },
  {
    id: "encoding/others",
    title: "another encoding, and more than one, is unsupported", // R37
    level: "MUST",
    requires: [],
    rule: ONE_LAYER,
    why: "Several layers hide how much comes out, and other encodings are read wrongly.",
    async run(trial) {
      const body = requestOf("handshake", trial.store)
      for (
        const encoding of ["gzip, gzip", "gzip,gzip", "br", "deflate", "zstd", "compress", "gzip, br", "gzipped", "x-gzip2", "aes128gcm"]
      ) {
        const once = gzip(body), sent = encoding.includes(",") ? gzip(once) : once
        await trial.refused(encoding, { body: sent, headers: { "content-encoding": encoding } }, "unsupported_encoding")
      }
    },
  },
  {
    id: "encoding/damaged",
    title: "what is no gzip, cut, changed, or something behind it, is damaged, and nothing of it is used", // R37
    level: "MUST",
    requires: ["gzip"],
    rule: DAMAGED,
    why: "What can be inflated in part is not what was sent.",
    async run(trial) {
      const push = largePush(trial), good = gzip(push)
      const bodies: Readonly<Record<string, Bytes>> = {
        "no gzip": push,
        "nothing": new Uint8Array(0),
        "gzip without its end": good.slice(0, -1),
        "gzip without its sum": good.slice(0, -8),
        "half of it": good.slice(0, good.length >> 1),
        "another sum": good.with(good.length - 8, good[good.length - 8]! ^ 1),
        "another length": good.with(good.length - 4, good[good.length - 4]! ^ 1),
        "bytes behind it": joined(good, [1, 2, 3, 4, 5]),
        "two layers, one said": gzip(good),
      }
      await trial.storesNothing("damaged pushes", async () => {
        for (const [what, body] of Object.entries(bodies)) await trial.refused(what, { route: "push", ...zipped(body) }, "body_damaged")
      })
      equal(trial.message("the push", await trial.send({ route: "push", ...zipped(good) })).fields["type"], "ok", "type")
    },
  },
  {
    id: "encoding/bomb",
    title: "a body that inflates to a gigabyte is too large, and that is found long before its end", // R37
    level: "MUST",
    requires: ["gzip"],
    rule: COUNTS,
    why: "A few kilobytes from anybody must not take all of the server's memory.",
    async run(trial) {
      const body = bomb(Math.min(1_000_000, trial.handshake.limits.bodyBytesMax))
      const began = performance.now()
      await trial.refused("a bomb", { route: "push", ...zipped(body) }, "body_too_large")
      const millis = performance.now() - began
      ensure(millis < BOMB_MILLIS_MAX, `a bomb took ${Math.round(millis)} ms`)
      const { inflatedBytesMax } = trial.handshake.limits
      if (inflatedBytesMax > 50_000_000) return trial.warn(`inflatedBytesMax is ${inflatedBytesMax}: a byte more is not tried`)
      const over = gzip(new Uint8Array(inflatedBytesMax + 1))
      await trial.refused("a byte more than announced", { route: "push", ...zipped(over) }, "body_too_large")
      await trial.answered("a handshake afterwards", "handshake")
    },
  },
  {
    id: "encoding/answers",
    title: "an answer is only compressed for who accepts that, and is then the same",
    level: "MUST",
    requires: [],
    rule: ANSWERS,
    why: "A client that cannot inflate gets nothing, and one that is answered something else loses data.",
    async run(trial) {
      const writer = trial.writer()
      const length = Math.min(10_000, Math.floor(trial.handshake.limits.partsBytesMax / 25))
      for (let count = 0; count < 20; count += 1) writer.write(1, { value: "x".repeat(length) + randomBytes(8).toString("hex") })
      equal((await trial.answered("a push", "push", { fields: { own: [writer.id] }, parts: [writer.part()] })).fields["type"], "ok", "type")
      for (const accept of [undefined, null, [], ["br"], ["deflate", "zstd"]]) {
        const { headers } = await trial.send({ route: "pull", body: requestOf("pull", trial.store, { accept }) })
        ensure(!headers.has("content-encoding"), `accept ${JSON.stringify(accept)}: found the encoding ${headers.get("content-encoding")}`)
      }
      const ignored = await trial.send({ route: "pull", body: requestOf("pull", trial.store), headers: { "accept-encoding": "gzip" } })
      ensure(!ignored.headers.has("content-encoding"), "gzip is named in a header alone: the answer is compressed")
      for (const accept of [["gzip"], ["br", "gzip", "x"]]) {
        const answer = await trial.send({ route: "pull", body: requestOf("pull", trial.store, { accept }) })
        const encoding = answer.headers.get("content-encoding")
        ensure(encoding === undefined || encoding === "gzip", `accept ${accept.join()}: found the encoding ${encoding}`)
        if (encoding === "gzip") gunzip(answer.body, 5_242_880)
        const { parts } = trial.message("a pull", answer)
        equal(parts.map(({ content }) => content.join()), [writer.part().content.join()], "what comes")
      }
    },
  },
]
