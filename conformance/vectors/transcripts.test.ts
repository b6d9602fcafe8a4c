/** R9 P4 P110: the transcript of each version of the protocol, replayed at today's server and at today's client. */
import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import type { Cursor, PullAnswer, PushAnswer, Remote } from "../../kernel/ports/remote.ts"
import { httpRemote } from "../../protocol/client/http-remote.ts"
import { decodeEnvelope, encodeEnvelope, type FieldValues } from "../../protocol/envelope.ts"
import { MEDIA_TYPE } from "../../protocol/routes.ts"
import { listen } from "../../protocol/server/listen.ts"
import { createSyncServer, type SyncServer } from "../../protocol/server/server.ts"
import { tokens } from "../../protocol/server/tokens.ts"
import { type Exchange, Ids, meaningOf, messageOf, plain, requestHere, type Transcript } from "./transcripts.ts"

const TOKEN = "a-token-for-a-transcript"
/** SHA-256 of what was checked in: it is never recorded anew. */
const SUMS: Readonly<Record<string, string>> = { "wire-v1": "0a4ff8691d0d83fc08d0ef958b307b3633febfc7124e86a6431793abe6688d72" }

const versions = (await readdir(import.meta.dirname)).filter((name) => /^wire-v[0-9]+$/.test(name)).sort()
const textOf = async (version: string): Promise<string> => await readFile(join(import.meta.dirname, version, "transcript.json"), "utf8")
const load = async (version: string): Promise<Transcript> => JSON.parse(await textOf(version))

const newServer = (): SyncServer =>
  createSyncServer({
    storage: memoryAdapter(),
    authenticate: tokens({ owner: { token: TOKEN, stores: ["*"], rights: { read: true, write: true, relay: true } } }),
    refuse: ({ key, value }) => key.startsWith("dear") && Object(value()).price > 1000 ? "too dear" : undefined,
  })

const ask = async (server: SyncServer, { route }: Exchange, body: Bytes): Promise<{ readonly status: number; readonly body: Bytes }> => {
  const headers = { authorization: `Bearer ${TOKEN}`, "content-type": MEDIA_TYPE }
  const response = await server.fetch(new Request(`http://server/v1/${route}`, { method: "POST", headers, body }))
  return { status: response.status, body: new Uint8Array(await response.arrayBuffer()) }
}

describe("transcripts of the sync protocol", () => {
  it("exist for each version, as they were recorded", async () => {
    assert.deepEqual(versions, Object.keys(SUMS))
    for (const version of versions) assert.equal(createHash("sha256").update(await textOf(version)).digest("hex"), SUMS[version], version)
  })

  for (const version of versions) {
    it(`R9 ${version}: a server that is asked the same answers the same`, async () => {
      const { steps } = await load(version), ids = new Ids(), seen = new Set<unknown>()
      let server = newServer()
      for (const [at, step] of steps.entries()) {
        if ("wiped" in step) {
          await server.close()
          server = newServer()
          continue
        }
        const { status, body } = await ask(server, step, requestHere(step.request, ids))
        const recorded = messageOf(step.answer), found = decodeEnvelope(body), what = `step ${at}, ${step.route}`
        ids.learn(recorded.fields, found.fields)
        assert.equal(status, step.status, what)
        assert.deepEqual(meaningOf(found), meaningOf(recorded, ids), what)
        seen.add(recorded.fields["code"] ?? recorded.fields["type"])
      }
      await server.close()
      for (const type of ["handshake", "ok", "refused", "page", "restart", "store_not_found"]) {
        assert.ok(seen.has(type), `no answer of the type ${type}`)
      }
    })

    it(`R9 ${version}: a client that is answered the same asks the same, and makes the same of it`, async () => {
      const { steps } = await load(version)
      let current: Exchange | undefined, asked: Bytes = new Uint8Array(0)
      // Answers whatever is asked as was recorded, naming the call of the request.
      const fetch = async (request: Request): Promise<Response> => {
        if (current === undefined) return new Response(null, { status: 404 })
        asked = new Uint8Array(await request.arrayBuffer())
        const { fields, parts } = messageOf(current.answer)
        const body = encodeEnvelope(fields, parts, decodeEnvelope(asked).call)
        return new Response(body, { status: current.status, headers: { "content-type": MEDIA_TYPE, "cache-control": "no-store" } })
      }
      const server = newServer(), listener = await listen({ ...server, fetch })
      const remote = httpRemote(listener.url, { store: "notes", token: TOKEN })
      for (const [at, step] of steps.entries()) {
        if ("wiped" in step) continue
        current = step
        const recorded = messageOf(step.request), { fields: answer } = messageOf(step.answer), what = `step ${at}, ${step.route}`
        const outcome = await callAgain(remote, step).then((value) => ({ value }), (error: unknown) => ({ error }))
        assert.deepEqual(askedFor(decodeEnvelope(asked).fields), askedFor(recorded.fields), `${what}: what it asks`)
        assert.deepEqual(
          decodeEnvelope(asked).parts.map(({ content }) => plain(content)),
          recorded.parts.map(({ content }) => plain(content)),
          what,
        )
        if ("error" in outcome) {
          assert.equal(Object(Object(outcome.error).details).remoteCode, answer["code"], `${what}: ${String(outcome.error)}`)
        } else assert.deepEqual(plain(outcome.value), plain(expectedOf(step)), `${what}: what it makes of the answer`)
      }
      await remote.close()
      await listener.stop()
    })
  }
})

/** What a request asks for, without what each process draws or offers anew. */
const askedFor = ({ session: _, replica: _1, accept: _2, features: _3, ...fields }: FieldValues): unknown => plain(fields)

const cursorOf = (field: unknown): Cursor => {
  const [position, id] = field as readonly [number, Bytes]
  return { position, id }
}
const signal = new AbortController().signal

/** The recorded request as a call of a client. */
const callAgain = async (remote: Remote, { route, request }: Exchange): Promise<unknown> => {
  const { fields, parts } = messageOf(request)
  if (route === "handshake") {
    const { head, rights, durability } = await remote.handshake({ signal })
    return { head, rights, durability }
  }
  if (route === "push") {
    const basis = (fields["basis"] as readonly unknown[]).map(cursorOf)
    return withoutTime(await remote.push({ basis, own: fields["own"] as readonly Bytes[], parts }, { signal }))
  }
  const have = (fields["have"] as readonly (readonly [Bytes, number])[]).map(([writer, seq]) => ({ writer, seq }))
  return withoutTime(
    await remote.pull({ cursor: cursorOf(fields["cursor"]), have, partsBytesMax: Number(fields["partsBytesMax"]) }, { signal }),
  )
}

const withoutTime = (answer: PushAnswer | PullAnswer): unknown =>
  Object.fromEntries(Object.entries(answer).filter(([name]) => name !== "serverTimeMillis"))

/** What a client has to make of a recorded answer, by the tables of the specification. */
const expectedOf = ({ answer }: Exchange): unknown => {
  const { fields, parts } = messageOf(answer)
  const writers = (list: unknown): readonly unknown[] => (list as readonly (readonly unknown[])[]).map(([writer, seq]) => ({ writer, seq }))
  switch (fields["type"]) {
    case "handshake": {
      const rights = fields["rights"] as readonly string[], has = (right: string): boolean => rights.includes(right)
      return {
        head: cursorOf(fields["head"]),
        rights: { read: has("read"), write: has("write"), relay: has("relay"), admin: has("admin") },
        durability: fields["durability"],
      }
    }
    case "ok": {
      const pairs = (fields["pairs"] as readonly (readonly unknown[])[]).map(([writer, seq, withheld]) => ({ writer, seq, withheld }))
      return { kind: "ok", pairs, last: cursorOf(fields["last"]), durability: fields["durability"] }
    }
    case "refused": {
      const refused = (fields["refused"] as readonly (readonly unknown[])[]).map(([writer, seq, code, message]) => ({
        writer,
        seq,
        code,
        message,
      }))
      return { kind: "refused", refused }
    }
    case "unknown":
      return { kind: "unknown" }
    case "page": {
      const { next, upToDate, head, ranges } = fields
      return {
        kind: "page",
        parts: parts.map(({ type, content }) => ({ type, content })),
        ranges: writers(ranges),
        next: cursorOf(next),
        upToDate,
        head,
      }
    }
    default:
      return { kind: "restart", at: cursorOf(fields["at"]) }
  }
}
