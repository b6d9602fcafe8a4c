import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { Hono } from "hono"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { InvalidOption, UnsupportedDurability } from "../../kernel/errors.ts"
import type { Adapter, Bytes } from "../../kernel/ports/log-storage.ts"
import { ForeignWriter } from "../../kernel/testing/foreign-frame.ts"
import { Gate, turn } from "../../kernel/testing/gate.ts"
import { RecordingLogger } from "../../kernel/testing/recording-logger.ts"
import { ANSWER_HEADERS, EVENTS_MEDIA_TYPE, HEALTH_PATH, MEDIA_TYPE, REQUEST_ID_HEADER, type RouteName, ROUTES } from "../routes.ts"
import { WIRE_ERRORS, type WireErrorCode } from "../errors.ts"
import { decodeHandshakeAnswer, decodePullAnswer, decodePushAnswer } from "../messages.ts"
import { allowAnyone } from "./identity.ts"
import type { SyncServerOptions } from "./options.ts"
import { assembleServer, createSyncServer, type SyncServer } from "./server.ts"
import { bodies, bodyOf, bytesOf, errorOf, gzip, post, type PostOptions, streamOf } from "./testing/asking.ts"
import { cursorAt, DoubleLogs } from "./testing/double-log.ts"
import { HandPlatform } from "./testing/hand-platform.ts"
import { tokens } from "./tokens.ts"
import type { AccessEntry } from "./visit.ts"

const ALICE = "alice-secret-0123456789",
  READER = "reader-secret-0123456789",
  NOBODY = "nobody-secret-0123456789",
  APP = "https://app.example.com"
const NAMES = Object.keys(ROUTES) as readonly RouteName[]

/** A server with some logins, and what it told. */
class Bench {
  readonly logger = new RecordingLogger()
  readonly log: AccessEntry[] = []
  readonly server: SyncServer

  constructor(options: Partial<SyncServerOptions> = {}, logs?: DoubleLogs) {
    const all: SyncServerOptions = {
      storage: memoryAdapter(),
      authenticate: tokens({
        alice: { token: ALICE, stores: ["*"] },
        reader: { token: READER, stores: ["*"], rights: { read: true }, namespace: "alice" },
        nobody: { token: NOBODY, stores: [] },
      }),
      accessLog: (entry) => this.log.push(entry),
      logger: this.logger,
      allowedOrigins: [APP],
      ...options,
    }
    this.server = logs === undefined
      ? createSyncServer(all)
      : assembleServer(all, (adapter, name, { create }) => logs.open(adapter, name, create ?? true))
  }

  fetch(route: RouteName, body: BodyInit | null, options: PostOptions = {}): Promise<Response> {
    return this.server.fetch(post(route, body, { token: ALICE, ...options }))
  }

  /** "ok", or the code of the error that was answered. */
  async code(route: RouteName, body: BodyInit | null, options: PostOptions = {}): Promise<string> {
    const response = await this.fetch(route, body, options)
    if (response.status === 200) {
      await response.body?.cancel()
      return "ok"
    }
    return (await errorOf(response)).code
  }
}

const HANDSHAKE = bodies("notes").handshake()

/** A request of each kind that is answered with another status. */
const ofEveryStatus = async (bench: Bench): Promise<readonly (readonly [WireErrorCode | "ok", Response])[]> => {
  const full = new Bench({ rateLimit: () => 1 }),
    stopped = new Bench(),
    small = new Bench({ limits: { bodyBytesMax: 10, heldBytesMax: 20 } })
  const held = new Bench({ limits: { heldBytesMax: 20 } }), broken = new Bench({ authenticate: () => Promise.reject(new Error("x")) })
  await stopped.server.close()
  return [
    ["ok", await bench.fetch("handshake", HANDSHAKE)],
    ["ok", await bench.fetch("watch", bodies("notes").watch())],
    ["invalid_request", await bench.fetch("handshake", bodies("notes").handshake([]))],
    ["invalid_request", await bench.server.fetch(new Request("http://server.test/nothing"))],
    ["body_damaged", await bench.fetch("handshake", new Uint8Array(7))],
    ["unauthenticated", await bench.fetch("handshake", HANDSHAKE, { token: undefined })],
    ["forbidden", await bench.fetch("handshake", HANDSHAKE, { token: NOBODY })],
    ["forbidden", await bench.fetch("handshake", HANDSHAKE, { headers: { origin: "https://evil.example" } })],
    ["store_not_found", await bench.fetch("pull", bodies("none").pull())],
    ["body_too_large", await small.fetch("handshake", HANDSHAKE)],
    ["unsupported_encoding", await bench.fetch("handshake", HANDSHAKE, { headers: { "content-encoding": "br" } })],
    ["unsupported_version", await bench.server.fetch(new Request("http://server.test/v2/push", { method: "POST" }))],
    ["rate_limited", await full.fetch("handshake", HANDSHAKE)],
    ["internal", await broken.fetch("handshake", HANDSHAKE)],
    ["overloaded", await held.fetch("handshake", HANDSHAKE)],
    ["draining", await stopped.fetch("handshake", HANDSHAKE)],
  ]
}

describe("createSyncServer()", () => {
  it("takes a push over HTTP and gives it to who pulls, zipped where that is asked for", async () => {
    const bench = new Bench({ platform: new HandPlatform() }), writer = new ForeignWriter(1)
    for (let n = 0; n < 5000; n++) writer.put(`key:${n}`, { title: `the title of ${n}` })
    const part = writer.part(), push = bodies("notes").push([part], [writer.id])
    const pushed = await bench.fetch("push", await gzip(push), { headers: { "content-encoding": "gzip" } })
    assert.equal(decodePushAnswer(await bytesOf(pushed)).kind, "ok")
    const plain = await bench.fetch("pull", bodies("notes").pull()),
      zipped = await bench.fetch("pull", bodies("notes", { accept: ["br", "gzip"] }).pull())
    assert.deepEqual([plain.headers.get("content-encoding"), zipped.headers.get("content-encoding")], [null, "gzip"])
    const inflate = async ({ body }: Response): Promise<Bytes> =>
      bytesOf(new Response(body!.pipeThrough(new DecompressionStream("gzip") as never)))
    const [page, unzipped] = [await bytesOf(plain), await inflate(zipped)]
    assert.deepEqual(unzipped, page)
    const answer = decodePullAnswer(page)
    assert.ok(answer.kind === "page" && answer.parts.length === 1)
    assert.deepEqual(answer.parts[0], part)
    const sizes = bench.log.filter(({ route }) => route === "pull").map(({ bytesOut }) => bytesOut).sort((a, b) => a - b)
    assert.ok(sizes[0]! < page.length / 2 && sizes[1] === page.length, String(sizes))
  })

  it("T31 has no route that does not say which right it needs, and none that lets somebody in without a login", async () => {
    const bench = new Bench(), declared = new Set(Object.values(ROUTES).map(({ path }) => path))
    for (const { method, path } of bench.server.app.routes) {
      if (method === "POST") assert.ok(declared.delete(path), `POST ${path} declares no right`)
      else if (method === "OPTIONS") assert.ok(Object.values(ROUTES).some((route) => route.path === path), `OPTIONS ${path}`)
      else if (method === "GET") assert.equal(path, HEALTH_PATH)
      else assert.deepEqual([method, path], ["ALL", "/*"]) // answers that there is nothing
    }
    assert.equal(declared.size, 0, `not served: ${[...declared]}`)
    for (const { needs } of Object.values(ROUTES)) assert.ok(["any", "read", "write"].includes(needs))
    for (const route of NAMES) {
      for (const token of [undefined, "", "wrong-secret-0123456789", `${ALICE}x`]) {
        assert.equal(await bench.code(route, bodyOf(route, "notes"), { token }), "unauthenticated", route)
      }
      assert.equal(await bench.code(route, bodyOf(route, "notes"), { token: NOBODY }), "forbidden", route)
    }
    // Other ways to write a path lead to the same door.
    for (const path of ["/v1/%70ush", "/v1/./push", "/x/../v1/push"]) {
      assert.equal((await bench.server.fetch(new Request(`http://server.test${path}`, { method: "POST" }))).status, 401, path)
    }
    const others = [
      "/",
      "/v1",
      "/v1/",
      "/v1/admin",
      "/v1/push/",
      "/v1//push",
      "/V1/push",
      "/v1/PUSH",
      "/push",
      "/v1/health/x",
      "//v1/push",
    ]
    for (const path of others) {
      for (const method of ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"]) {
        const response = await bench.server.fetch(
          new Request(`http://server.test${path}`, { method, headers: { authorization: `Bearer ${ALICE}` } }),
        )
        assert.equal(response.status, 400, `${method} ${path}`)
      }
    }
    for (const method of ["GET", "PUT", "DELETE", "PATCH", "HEAD"]) {
      const response = await bench.server.fetch(
        new Request("http://server.test/v1/push", { method, headers: { authorization: `Bearer ${ALICE}` } }),
      )
      assert.equal(response.status, 400, method)
    }
  })

  it("T31 reads nothing of the body before it knows who asks", async () => {
    const bench = new Bench()
    let pieces = 0
    const body = (): ReadableStream<Uint8Array> =>
      new ReadableStream({
        pull(controller) {
          pieces++
          controller.enqueue(new Uint8Array(10))
        },
      }, { highWaterMark: 0 })
    for (const route of NAMES) assert.equal(await bench.code(route, body(), { token: undefined }), "unauthenticated")
    assert.equal(await bench.code("push", body(), { headers: { origin: "null" } }), "forbidden")
    assert.equal(await bench.code("push", body(), { headers: { "content-type": "text/plain" } }), "invalid_request")
    assert.equal(await bench.code("push", body(), { headers: { "content-encoding": "gzip, gzip" } }), "unsupported_encoding")
    assert.equal(pieces, 0)
  })

  it("T69 says on every answer, whatever its status, that nobody may keep it, and of which type it is", async () => {
    const bench = new Bench()
    for (const [code, response] of await ofEveryStatus(bench)) {
      const expected = code === "ok" ? 200 : WIRE_ERRORS[code].status
      assert.equal(response.status, expected, code)
      for (const [name, value] of Object.entries(ANSWER_HEADERS)) assert.equal(response.headers.get(name), value, `${code} ${name}`)
      assert.match(response.headers.get("vary") ?? "", /\bAuthorization\b/)
      assert.match(response.headers.get(REQUEST_ID_HEADER) ?? "", /^[0-9a-f]{16}$/)
      assert.equal(response.headers.get("set-cookie"), null)
      if (response.headers.get("content-type") === EVENTS_MEDIA_TYPE) await response.body?.cancel()
      else if (code !== "ok") {
        assert.equal(response.headers.get("content-type"), MEDIA_TYPE)
        const error = await errorOf(response)
        assert.equal(error.code, code)
        assert.equal(error.requestId, response.headers.get(REQUEST_ID_HEADER))
        if (error.retryAfterMillis !== undefined) assert.ok(Number(response.headers.get("retry-after")) * 1000 >= error.retryAfterMillis)
        if (code === "unauthenticated") assert.equal(response.headers.get("www-authenticate"), "Bearer")
        if (error.status === 429 || error.status === 503) assert.ok(error.retryAfterMillis !== undefined, code)
      }
    }
  })

  it("T38, I22 tells access log and logger neither tokens nor payloads", async () => {
    const canary = "canary-7f3a", bench = new Bench({ refuse: () => canary }), writer = new ForeignWriter(1).put(canary, canary)
    const push = bodies("notes").push([writer.part()], [writer.id])
    await bench.fetch("push", push, { headers: { origin: `https://${canary}.example`, referer: `https://x/?${canary}`, cookie: canary } })
    await bench.fetch("push", push)
    for (const token of [`${canary}-secret-token`, `${canary}`]) await bench.fetch("push", push, { token })
    await bench.server.fetch(post("push", push, { headers: { authorization: `Basic ${canary}` } }))
    await bench.server.fetch(new Request(`http://server.test/${canary}?token=${canary}`, { method: "POST" }))
    await bench.server.fetch(new Request(`http://server.test/v1/push?token=${canary}`, { method: "POST", body: push }))
    await bench.fetch("push", streamOf(new TextEncoder().encode(canary)))
    await ofEveryStatus(bench)
    assert.ok(bench.log.length > 10)
    const told = JSON.stringify(bench.log) + bench.logger.text
    assert.ok(!told.includes(canary))
    for (const token of [ALICE, READER, NOBODY]) assert.ok(!told.includes(token))
  })

  it("says of each request in the access log what it was, once its answer is out", async () => {
    const platform = new HandPlatform(), bench = new Bench({ platform })
    const response = await bench.fetch("handshake", HANDSHAKE, { headers: { [REQUEST_ID_HEADER]: "my-id" } })
    const out = (await bytesOf(response)).length
    assert.deepEqual(bench.log, [{
      time: platform.millis,
      method: "POST",
      route: "handshake",
      status: 200,
      requestId: "my-id",
      principal: "alice",
      namespace: "alice",
      store: "notes",
      bytesIn: HANDSHAKE.length,
      bytesOut: out,
      millis: 0,
      code: undefined,
    }])
    const watching = await bench.fetch("watch", bodies("notes").watch()), reader = watching.body!.getReader()
    await reader.read()
    assert.equal(bench.log.length, 1)
    await platform.advance(5000)
    await reader.cancel()
    await turn()
    const [, watched] = bench.log
    assert.deepEqual([watched?.route, watched?.status, watched?.millis], ["watch", 200, 5000])
    assert.ok(watched!.bytesOut > 50)
    await bench.fetch("pull", bodies("new\nline\u001b[31m").pull())
    assert.deepEqual([bench.log[2]?.store, bench.log[2]?.code], ["new\\u000aline\\u001b[31m", "store_not_found"])
  })

  it("does not depend on an access log that throws", async () => {
    const bench = new Bench({
      accessLog: () => {
        throw new Error("disk full")
      },
    })
    assert.equal(await bench.code("handshake", HANDSHAKE), "ok")
    assert.equal(bench.server.health().requests, 0)
  })

  it("T64 echoes a request's id of visible characters, and draws one in place of any other", async () => {
    const bench = new Bench(),
      idOf = async (id: string): Promise<string | null> =>
        (await bench.fetch("handshake", HANDSHAKE, { headers: { [REQUEST_ID_HEADER]: id } })).headers.get(REQUEST_ID_HEADER)
    for (const id of ["a", "x".repeat(128), "0-9_.~!{}\"'"]) assert.equal(await idOf(id), id)
    for (const id of ["", "x".repeat(129), "a b", "é", "x".repeat(100_000)]) assert.match(await idOf(id) ?? "", /^[0-9a-f]{16}$/)
    assert.equal(new Set(await Promise.all(Array.from({ length: 50 }, () => idOf("")))).size, 50)
  })

  it("T65 answers preflights of listed origins alone, and never with credentials", async () => {
    const bench = new Bench()
    const preflight = (origin: string): Promise<Response> =>
      bench.server.fetch(
        new Request("http://server.test/v1/push", {
          method: "OPTIONS",
          headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "authorization" },
        }),
      )
    const allowed = await preflight(APP)
    assert.equal(allowed.status, 204)
    assert.equal(allowed.headers.get("access-control-allow-origin"), APP)
    assert.match(allowed.headers.get("access-control-allow-headers") ?? "", /authorization.*content-type.*content-encoding/)
    for (const origin of ["https://evil.example", "null", `${APP}.evil.example`, "http://app.example.com"]) {
      const refused = await preflight(origin)
      assert.deepEqual([refused.status, refused.headers.get("access-control-allow-origin")], [403, null], origin)
    }
    const actual = await bench.fetch("handshake", HANDSHAKE, { headers: { origin: APP } })
    assert.deepEqual([actual.status, actual.headers.get("access-control-allow-origin")], [200, APP])
    assert.match(actual.headers.get("vary") ?? "", /\bOrigin\b/)
    for (const [, response] of await ofEveryStatus(bench)) assert.equal(response.headers.get("access-control-allow-credentials"), null)
  })

  it("T66 takes no body that a form could send, with a token or without", async () => {
    const bench = new Bench()
    for (
      const type of [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json",
        `text/plain, ${MEDIA_TYPE}`,
      ]
    ) {
      for (const route of NAMES) {
        assert.equal(
          await bench.code(route, bodyOf(route, "notes"), { headers: { "content-type": type } }),
          "invalid_request",
          `${route} ${type}`,
        )
        assert.equal(
          await bench.code(route, bodyOf(route, "notes"), { token: undefined, headers: { "content-type": type } }),
          "unauthenticated",
        )
      }
    }
    const form = new FormData()
    form.set("store", "notes")
    const request = new Request("http://server.test/v1/push", { method: "POST", body: form, headers: { authorization: `Bearer ${ALICE}` } })
    assert.equal((await bench.server.fetch(request)).status, 400)
    assert.equal(await bench.code("handshake", HANDSHAKE, { headers: { "content-type": `${MEDIA_TYPE}; charset=binary` } }), "ok")
  })

  it("T67 opens a stream for no page of another origin, whatever its token", async () => {
    const bench = new Bench()
    await bench.code("handshake", HANDSHAKE)
    for (const origin of ["https://evil.example", "null"]) {
      for (const route of ["watch", "wait"] as const) {
        assert.equal(await bench.code(route, bodyOf(route, "notes"), { headers: { origin } }), "forbidden")
      }
    }
    assert.equal(bench.server.health().live, 0)
  })

  it("T61 offers no WebSocket", async () => {
    const bench = new Bench(),
      headers = { upgrade: "websocket", connection: "Upgrade", "sec-websocket-key": "x".repeat(22) + "==", "sec-websocket-version": "13" }
    for (const path of ["/v1/watch", "/v1/live", "/v1/health", "/"]) {
      const response = await bench.server.fetch(
        new Request(`http://server.test${path}`, { headers: { ...headers, authorization: `Bearer ${ALICE}` } }),
      )
      assert.ok(response.status === 400 || (path === "/v1/health" && response.status === 200))
    }
  })

  it("T68 lets no name break the lines of a stream", async () => {
    const bench = new Bench(), name = "a\r\n\r\nevent: head\r\ndata: 9 9"
    assert.equal(await bench.code("handshake", bodies(name).handshake()), "ok")
    const response = await bench.fetch("watch", bodies(name).watch()), reader = response.body!.getReader()
    const text = new TextDecoder().decode((await reader.read()).value)
    assert.match(text, /^event: head\ndata: \d+ [0-9a-f]{32}\n\n$/)
    for (const [, value] of response.headers) assert.ok(!/[\r\n]/.test(value))
    await reader.cancel()
  })

  it("T32 answers every method and path without a login, ten thousand times, and goes on", async () => {
    const bench = new Bench(), seed = 20261122
    let state = seed
    const next = (below: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0
      return (state >>> 8) % below
    }
    const pick = <T>(list: readonly T[]): T => list[next(list.length)]!
    const paths = [
      "/",
      "/v1/push",
      "/v1/pull",
      "/v1/watch",
      "/v1/wait",
      "/v1/handshake",
      "/v1/health",
      "/v0/push",
      "/v99999999999/push",
      "/v1/push?x=%00",
      "/%2e%2e/etc/passwd",
      "/v1/" + "x".repeat(2000),
    ]
    const statuses = new Set<number>()
    for (let n = 0; n < 10_000; n++) {
      const method = pick(["GET", "POST", "POST", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"])
      const headers: Record<string, string> = {}
      if (next(2) === 0) headers["content-type"] = pick([MEDIA_TYPE, "text/plain", "", ";"])
      if (next(2) === 0) headers["authorization"] = pick(["", "Bearer", "Bearer x", "Basic eA==", `Bearer ${ALICE.slice(1)}`])
      if (next(3) === 0) headers["content-length"] = pick(["abc", "-1", "99999999999", "0", ""])
      if (next(3) === 0) headers["content-encoding"] = pick(["gzip", "br", "gzip, gzip", ""])
      if (next(4) === 0) headers["origin"] = pick([APP, "null", "x"])
      const hasBody = method !== "GET" && method !== "HEAD" && next(2) === 0
      const body = hasBody ? { body: new Uint8Array(next(100)).map(() => next(256)) } : {}
      const response = await bench.server.fetch(new Request(`http://server.test${pick(paths)}`, { method, headers, ...body }))
      statuses.add(response.status)
      assert.ok(response.status < 500, `seed ${seed}, ${n}: ${response.status}`)
    }
    for (const status of [200, 204, 400, 401, 403, 426]) assert.ok(statuses.has(status), `${status} of ${[...statuses]}`)
    assert.deepEqual(bench.server.health(), { status: "ok", stores: 0, live: 0, heldBytes: 0, requests: 0 })
    assert.equal(await bench.code("handshake", HANDSHAKE), "ok")
  })

  it("T32 keeps in the request what an authenticate of one's own does wrong", async () => {
    const wrong: readonly SyncServerOptions["authenticate"][] = [
      () => {
        throw new Error("canary")
      },
      () => Promise.reject("canary"),
      () => ({ principal: "", namespace: "x", rights: {} }),
      () => ({ principal: "x", namespace: "x" }) as never,
      async (request) => {
        await request.arrayBuffer()
        return { principal: "x", namespace: "x", rights: { read: true, write: true } }
      },
    ]
    for (const authenticate of wrong) {
      const bench = new Bench({ authenticate })
      assert.equal(await bench.code("handshake", HANDSHAKE), "internal")
      assert.equal(bench.logger.entries.length, 1)
      assert.ok(!bench.logger.text.includes("canary"))
      assert.equal(bench.server.health().requests, 0)
    }
    for (const nobody of [undefined, null]) {
      assert.equal(await new Bench({ authenticate: () => nobody as never }).code("push", HANDSHAKE), "unauthenticated")
    }
  })

  it("T32 waits ten seconds for its owner's own code, and lets nobody in meanwhile", async () => {
    const never = (): Promise<never> => new Promise(() => {})
    const identity = { principal: "a", namespace: "a", rights: { read: true } }
    for (const options of [{ authenticate: never }, { authenticate: () => Promise.resolve(identity), rateLimit: never }]) {
      const platform = new HandPlatform(), bench = new Bench({ ...options, platform })
      let code: string | undefined
      const asking = bench.code("handshake", HANDSHAKE).then((answered) => code = answered)
      await platform.advance(9900)
      assert.deepEqual([code, bench.server.health().requests], [undefined, 1])
      await platform.advance(200)
      await asking
      assert.deepEqual([code, bench.server.health().requests], ["overloaded", 0])
    }
  })

  it("T39 asks who it is for every request anew", async () => {
    let isKnown = true
    const bench = new Bench({
      authenticate: () => isKnown ? { principal: "a", namespace: "a", rights: { read: true, write: true } } : undefined,
    })
    assert.equal(await bench.code("handshake", HANDSHAKE), "ok")
    isKnown = false
    for (const route of NAMES) assert.equal(await bench.code(route, bodyOf(route, "notes")), "unauthenticated")
  })

  it("T39 asks again while a stream lasts, with the headers that it began with", async () => {
    const platform = new HandPlatform(), asked: (string | null)[] = []
    const login = tokens({ alice: { token: ALICE, stores: ["*"] } })
    let isKnown = true
    const bench = new Bench({
      platform,
      authenticate: (request) => {
        asked.push(request.headers.get("authorization"))
        return isKnown ? login(request) : undefined
      },
    })
    await bench.code("handshake", HANDSHAKE)
    const reader = (await bench.fetch("watch", bodies("notes").watch())).body!.getReader(), texts: string[] = []
    const reading = (async () => {
      for (;;) {
        const { done, value } = await reader.read()
        if (done) return
        texts.push(new TextDecoder().decode(value))
      }
    })()
    await platform.advance(21_000)
    isKnown = false
    await platform.advance(21_000)
    await reading
    assert.match(texts.join(""), /^event: head\n.*\n\n: beat\n\n(: beat\n\n)?event: bye\ndata:\n\n$/)
    assert.deepEqual(new Set(asked), new Set([`Bearer ${ALICE}`]))
    assert.equal(bench.server.health().live, 0)
  })

  it("takes as many requests of one principal, and of all, as may be at once, and not one more", async () => {
    const gate = new Gate(), logs = new DoubleLogs()
    logs.onOpened = (log) => log.onPush = () => gate.pass().then(() => ({ kind: "unknown" }))
    const bench = new Bench({ storage: logs.adapter, limits: { requestsPerPrincipalMax: 2, requestsMax: 3 } }, logs)
    const push = bodyOf("push", "notes")
    const running = [bench.code("push", push), bench.code("push", push)]
    await gate.reached
    await turn()
    assert.equal(await bench.code("push", push), "rate_limited")
    assert.equal(await bench.code("push", push, { token: READER }), "forbidden")
    const slow = bench.code("push", new ReadableStream<Uint8Array>(), { token: READER })
    await turn()
    assert.equal(bench.server.health().requests, 3)
    assert.equal(await bench.code("handshake", HANDSHAKE, { token: READER }), "overloaded")
    gate.open()
    assert.deepEqual(await Promise.all(running), ["ok", "ok"])
    assert.equal(await bench.code("handshake", HANDSHAKE), "ok")
    void slow
  })

  it("T56 counts listeners for themselves: as many as may be of a principal at a store, and requests go on beside them", async () => {
    const bench = new Bench({ limits: { requestsPerPrincipalMax: 1, requestsMax: 1, livePerStoreMax: 3 } })
    await bench.code("handshake", HANDSHAKE)
    const streams = [await bench.fetch("watch", bodies("notes").watch()), await bench.fetch("watch", bodies("notes").watch())]
    const wait = bench.code("wait", bodies("notes").wait())
    await turn()
    assert.equal(await bench.code("watch", bodies("notes").watch()), "rate_limited")
    assert.equal(await bench.code("wait", bodies("notes").wait()), "rate_limited")
    assert.equal(await bench.code("watch", bodies("notes").watch(), { token: READER }), "ok")
    assert.equal(await bench.code("push", bodies("notes").push([new ForeignWriter(1).put("k", 1).part()])), "ok")
    assert.equal(await wait, "ok")
    for (const { body } of streams) await body?.cancel()
    await turn()
    assert.deepEqual(bench.server.health(), { status: "ok", stores: 1, live: 0, heldBytes: 0, requests: 0 })
  })

  it("T59 holds back pulls that there is no memory for, and counts an answer until it is taken", async () => {
    const bench = new Bench({ limits: { partsBytesMax: 1_000_000, heldBytesMax: 3_000_000 } })
    for (let byte = 1; byte < 4; byte++) {
      const writer = new ForeignWriter(byte).put("k", new Uint8Array(900_000))
      assert.equal(await bench.code("push", bodies("notes").push([writer.part()])), "ok")
    }
    const pull = bodies("notes").pull(cursorAt(0), 2 ** 53 - 1)
    const first = await bench.fetch("pull", pull)
    const held = bench.server.health().heldBytes
    assert.ok(held > 900_000 && held < 1_000_000, String(held))
    const codes = await Promise.all(Array.from({ length: 10 }, () => bench.code("pull", pull)))
    assert.ok(codes.includes("overloaded") && codes.includes("ok"), String(codes))
    assert.ok((await bytesOf(first)).length > 900_000)
    await turn()
    assert.equal(bench.server.health().heldBytes, 0)
  })

  it("rateLimit makes who asks wait, and is told who that is", async () => {
    const asked: string[] = []
    const bench = new Bench({
      rateLimit: ({ principal, namespace, route, request }) => {
        asked.push(`${principal} ${namespace} ${route} ${new URL(request.url).pathname}`)
        return Promise.resolve(asked.length % 2 === 0 ? 1500.5 : 0)
      },
    })
    assert.equal(await bench.code("handshake", HANDSHAKE), "ok")
    const limited = await errorOf(await bench.fetch("pull", bodies("notes").pull(), { token: READER }))
    assert.deepEqual([limited.code, limited.retryAfterMillis], ["rate_limited", 1501])
    assert.deepEqual(asked, ["alice alice handshake /v1/handshake", "reader alice pull /v1/pull"])
  })

  it("names the versions that it speaks at the paths of others", async () => {
    const bench = new Bench()
    for (const path of ["/v0/push", "/v2/push", "/v999/handshake"]) {
      const error = await errorOf(await bench.server.fetch(new Request(`http://server.test${path}`, { method: "POST" })))
      assert.deepEqual([error.code, error.details], ["unsupported_version", { min: 1, max: 1 }])
    }
  })

  it("tells everybody whether it takes requests, and nothing else", async () => {
    const bench = new Bench(),
      health = async (): Promise<readonly [number, string]> => {
        const response = await bench.server.fetch(new Request("http://server.test/v1/health"))
        return [response.status, await response.text()]
      }
    assert.deepEqual(await health(), [200, '{"status":"ok"}'])
    await bench.server.close()
    assert.deepEqual(await health(), [503, '{"status":"draining"}'])
    assert.equal(bench.server.health().status, "draining")
  })

  it("can be mounted in another app, below a path, beside its own routes", async () => {
    const bench = new Bench(), app = new Hono()
    app.get("/", (context) => context.text("home"))
    app.route("/sync", bench.server.app)
    app.get("/after", (context) => context.text("after"))
    const base = "http://server.test/sync"
    const response = await app.fetch(post("handshake", HANDSHAKE, { token: ALICE, base }))
    assert.equal(decodeHandshakeAnswer(await bytesOf(response)).protocol, 1)
    assert.equal((await errorOf(await app.fetch(new Request(`${base}/v2/push`, { method: "POST" })))).code, "unsupported_version")
    assert.equal((await errorOf(await app.fetch(new Request(`${base}/nothing`, { method: "POST" })))).code, "invalid_request")
    assert.equal(await (await app.fetch(new Request("http://server.test/"))).text(), "home")
    assert.equal(await (await app.fetch(new Request("http://server.test/after"))).text(), "after")
  })

  it("handle() and watch() do the same without HTTP", async () => {
    const bench = new Bench(), identity = { principal: "a", namespace: "a", rights: { read: true, write: true } }
    const answer = await bench.server.handle("handshake", HANDSHAKE, identity)
    assert.equal(decodeHandshakeAnswer(answer.body).head.position, 0)
    const opened = await bench.server.watch(bodies("notes").watch(), identity)
    assert.ok("feed" in opened)
    assert.equal((await opened.feed.next()).kind, "head")
    await bench.server.close()
    assert.equal((await opened.feed.next()).kind, "bye")
  })

  it("says durable where what it answers is on the device, and buffered where it was told to be content with less", async () => {
    const levelled = (): Adapter => ({
      ...memoryAdapter(),
      capabilities: { levels: ["normal", "full"], multiHandle: true },
    })
    for (const [durability, said] of [[undefined, "durable"], ["full", "durable"], ["normal", "buffered"]] as const) {
      const bench = new Bench({ storage: levelled(), durability })
      assert.equal(decodeHandshakeAnswer(await bytesOf(await bench.fetch("handshake", HANDSHAKE))).durability, said)
    }
    assert.throws(() => new Bench({ storage: memoryAdapter(), durability: "full" }), UnsupportedDurability)
    const byNamespace = new Bench({ storage: () => memoryAdapter(), durability: "full" })
    assert.equal(await byNamespace.code("handshake", HANDSHAKE), "internal")
    assert.match(byNamespace.logger.text, /unsupported_durability/)
  })

  it("refuses options that cannot be meant", () => {
    const good: SyncServerOptions = { storage: memoryAdapter(), authenticate: () => undefined }
    const wrong: readonly object[] = [
      { storage: good.storage },
      { ...good, authenticate: "token" },
      { ...good, authenticate: undefined },
      { authenticate: good.authenticate },
      { ...good, storage: "./notes.db" },
      { ...good, auhtenticate: () => {} },
      { ...good, limits: { liveMax: 0 } },
      { ...good, limits: { live: 1 } },
      { ...good, allowedOrigins: ["*"] },
      { ...good, refuse: true },
      { ...good, clockAheadMillisMax: -1 },
    ]
    for (const options of wrong) assert.throws(() => createSyncServer(options as SyncServerOptions), InvalidOption, JSON.stringify(options))
  })

  it("allowAnyone() lets everybody in, and says so once", async () => {
    const bench = new Bench({ authenticate: allowAnyone() })
    for (let n = 0; n < 3; n++) assert.equal(await bench.code("handshake", HANDSHAKE, { token: undefined }), "ok")
    assert.equal(bench.logger.entries.length, 1)
  })

  it("refuse() decides on single operations; what it throws fails the push and nothing else", async () => {
    let isBroken = false
    const bench = new Bench({
      refuse: ({ key, value }) => {
        if (isBroken) throw new Error(`canary ${key}`)
        return Object(value()).bad === true ? "it is bad" : undefined
      },
    })
    const push = (byte: number, value: unknown): Bytes => {
      const writer = new ForeignWriter(byte).put("k", value)
      return bodies("notes").push([writer.part()], [writer.id])
    }
    const answer = decodePushAnswer(await bytesOf(await bench.fetch("push", push(1, { bad: true }))))
    assert.ok(answer.kind === "refused" && answer.refused[0]?.code === "op_invalid" && answer.refused[0].message === "it is bad")
    assert.equal(decodePushAnswer(await bytesOf(await bench.fetch("push", push(2, { bad: false })))).kind, "ok")
    isBroken = true
    assert.equal(await bench.code("push", push(3, 1)), "internal")
    assert.ok(!bench.logger.text.includes("canary"))
    isBroken = false
    assert.equal(await bench.code("push", push(3, 1)), "ok")
  })
})
