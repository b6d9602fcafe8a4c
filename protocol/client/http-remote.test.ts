/** A remote over real connections; what its messages mean is tested with `wire-remote.ts`. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { gunzipSync } from "node:zlib"
import { InvalidOption, InvalidStoreName, RemoteUnreachable } from "../../kernel/errors.ts"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import type { Cursor } from "../../kernel/ports/remote.ts"
import { callOf } from "../envelope.ts"
import { formatHint } from "../hints.ts"
import { decodeHandshakeRequest, decodePullRequest, encodeHandshakeAnswer, encodePullAnswer } from "../messages.ts"
import { MEDIA_TYPE } from "../routes.ts"
import { httpRemote } from "./http-remote.ts"
import { type SeenRequest, startWebServer } from "./testing/web-server.ts"

const signal = new AbortController().signal
const START: Cursor = { position: 0, id: new Uint8Array(16) }
const HEAD: Cursor = { position: 7, id: new Uint8Array(16).fill(7) }
const PULL = { cursor: START, have: [], partsBytesMax: 1000 }

const answerHandshake = (request: Bytes, features: readonly string[]): Bytes =>
  encodeHandshakeAnswer({
    protocol: 1,
    features,
    head: HEAD,
    serverTimeMillis: 1,
    limits: { partsBytesMax: 1e6, operationsMax: 1e3, partsMax: 1e3, bodyBytesMax: 1e6, inflatedBytesMax: 1e6 },
    rights: { read: true, write: true, relay: true, admin: false },
    durability: "durable",
  }, callOf(request))
const answerPull = (request: Bytes): Bytes =>
  encodePullAnswer(
    { kind: "page", parts: [], ranges: [], next: START, upToDate: true, head: 0, serverTimeMillis: 1 },
    callOf(request),
  )

const start = (features: readonly string[] = ["live", "gzip"], change: (answer: Bytes) => Bytes = (answer) => answer) =>
  startWebServer(({ path, headers, body: sent }, response) => {
    const body = headers["content-encoding"] === "gzip" ? new Uint8Array(gunzipSync(sent)) : sent
    if (path.endsWith("/watch")) {
      response.writeHead(200, { "content-type": "text/event-stream" })
      return void response.end(`event: head\ndata: ${formatHint(HEAD)}\n\nevent: bye\ndata:\n\n`)
    }
    const answer = path.endsWith("/handshake") ? answerHandshake(body, features) : change(answerPull(body))
    response.writeHead(200, { "content-type": MEDIA_TYPE }).end(answer)
  })
const only = (seen: readonly SeenRequest[], route: string): Bytes =>
  seen.find(({ path }) => path === `/v1/${route}`)?.body ?? assert.fail(route)

describe("httpRemote()", () => {
  it("speaks the protocol over HTTP: the four verbs, and what they moved", async () => {
    await using server = await start()
    const remote = httpRemote(server.url, { store: "notes", compress: "always", replica: new Uint8Array(8).fill(1) })
    const { head, live } = await remote.handshake({ signal })
    assert.deepEqual([head, live], [HEAD, true])
    const heads: Cursor[] = []
    await remote.watch((head) => heads.push(head), { signal })
    assert.deepEqual(heads, [HEAD])
    assert.equal((await remote.pull(PULL, { signal })).kind, "page")
    const { identity } = decodeHandshakeRequest(only(server.seen, "handshake"))
    assert.deepEqual([identity.store, identity.features, identity.accept, identity.replica?.length], ["notes", ["live", "gzip"], [], 8])
    const pulled = decodePullRequest(new Uint8Array(gunzipSync(only(server.seen, "pull")))).identity
    assert.deepEqual([pulled.accept, pulled.session], [["gzip"], identity.session])
    assert.ok(remote.traffic.sentBytes > 100 && remote.traffic.receivedBytes > 100)
    await remote.close()
    await assert.rejects(() => remote.pull(PULL, { signal }), RemoteUnreachable)
  })

  it("is named by the URL without anything secret, or by what it is told", () => {
    assert.equal(httpRemote("https://Sync.example.com/a/", { store: "notes", token: "s3cret" }).name, "https://sync.example.com/a")
    assert.equal(httpRemote("https://sync.example.com", { store: "notes", name: "backup" }).name, "backup")
  })

  it("asks for plain answers where the remote does not zip", async () => {
    await using server = await start(["live"])
    const remote = httpRemote(server.url, { store: "notes", compress: "always" })
    await remote.handshake({ signal })
    await remote.pull(PULL, { signal })
    assert.equal(server.seen.at(-1)?.headers["content-encoding"], undefined)
    assert.deepEqual(decodePullRequest(only(server.seen, "pull")).identity.accept, [])
  })

  it("is unreachable where an answer was cut or changed on its way, whatever the status says", async () => {
    const changes: readonly ((answer: Bytes) => Bytes)[] = [
      (answer) => answer.slice(0, -3),
      (answer) => answer.slice(0, 0),
      (answer) => answer.with(10, (answer[10] ?? 0) ^ 1),
    ]
    for (const change of changes) {
      await using server = await start(["live"], change)
      await assert.rejects(() => httpRemote(server.url, { store: "notes" }).pull(PULL, { signal }), RemoteUnreachable)
    }
  })

  it("refuses what it cannot use, and sends nothing", () => {
    for (const store of ["", "\ud800", "x".repeat(201), "a\0b", 7, undefined]) {
      assert.throws(() => httpRemote("https://sync.example.com", { store: store as string }), InvalidStoreName)
    }
    assert.throws(() => httpRemote("http://sync.example.com", { store: "notes" }), InvalidOption)
    assert.throws(() => httpRemote("https://sync.example.com", { store: "notes", token: "" }), InvalidOption)
  })
})
