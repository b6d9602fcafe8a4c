/**
 * The server on a real port of the runtime that runs this file. What a web `Request` cannot say goes over raw sockets: lengths that lie,
 * bodies that drip, readers that stand still.
 */
import assert from "node:assert/strict"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { sqliteAdapter } from "../../adapters/sqlite/mod.ts"
import { ForeignWriter } from "../../kernel/testing/foreign-frame.ts"
import { httpRemote } from "../client/http-remote.ts"
import { decodeHeadAnswer, decodePullAnswer, decodePushAnswer } from "../messages.ts"
import type { RouteName } from "../routes.ts"
import { listen, type Listener } from "./listen.ts"
import type { SyncServerOptions } from "./options.ts"
import { createSyncServer, type SyncServer } from "./server.ts"
import { bodies, bytesOf, errorOf, gzip, post } from "./testing/asking.ts"
import { cursorAt } from "./testing/double-log.ts"
import { headOf, RawSocket } from "./testing/raw-socket.ts"
import { tokens } from "./tokens.ts"

const ALICE = "alice-secret-0123456789", BOB = "bob-secret-9876543210"
const IS_NODE = !("Deno" in globalThis) && !("Bun" in globalThis)
const MIB = 1_048_576

const stops: (() => Promise<void>)[] = []
after(async () => {
  for (const stop of stops) await stop()
})

interface Started {
  readonly server: SyncServer
  readonly listener: Listener
  readonly fetch: (
    route: RouteName,
    body: BodyInit,
    options?: { readonly token?: string; readonly signal?: AbortSignal },
  ) => Promise<Response>
}

/** A server on a port, stopped at the end. */
const start = async (options: Partial<SyncServerOptions> = {}): Promise<Started> => {
  const server = createSyncServer({
    storage: memoryAdapter(),
    authenticate: tokens({ alice: { token: ALICE, stores: ["*"] }, bob: { token: BOB, stores: ["*"] } }),
    ...options,
  })
  const listener = await listen(server, { graceMillis: 2000 })
  stops.push(() => listener.stop())
  return {
    server,
    listener,
    fetch: (route, body, { token = ALICE, signal } = {}) =>
      fetch(post(route, body, { token, base: listener.url }), signal === undefined ? {} : { signal }),
  }
}

/** Resolves once `holds`; the runner's limit of time ends what never does. */
const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** Puts one record of `bytes` bytes into the store "notes". */
const fill = async ({ fetch }: Started, byte: number, bytes: number): Promise<void> => {
  const writer = new ForeignWriter(byte).put("k", crypto.getRandomValues(new Uint8Array(Math.min(bytes, 65_536))))
  if (bytes > 65_536) { for (let n = 1; n * 65_536 < bytes; n++) writer.put(`k${n}`, crypto.getRandomValues(new Uint8Array(65_536))) }
  const answer = await fetch("push", bodies("notes").push([writer.part()], [writer.id]))
  assert.equal(decodePushAnswer(await bytesOf(answer)).kind, "ok")
}

/** Milliseconds after which a connection is closed that says no more than the beginning of a head; taken while other cases run. */
const slowHead = IS_NODE ? closeOfSlowHead() : Promise.resolve(0)

async function closeOfSlowHead(): Promise<number> {
  const { listener } = await start(), socket = new RawSocket(listener.port), began = performance.now()
  await socket.write("POST /v1/push HTTP/1.1\r\nhost: x\r\n")
  await socket.closed()
  return performance.now() - began
}

const handshake = bodies("notes").handshake()

describe("listen()", () => {
  it("serves every route over HTTP, a stream of hints too", async () => {
    const started = await start()
    assert.match(started.listener.url, /^http:\/\/127\.0\.0\.1:\d+$/)
    assert.equal((await started.fetch("handshake", handshake)).status, 200)
    const response = await started.fetch("watch", bodies("notes").watch()),
      reader = response.body!.pipeThrough(new TextDecoderStream() as never).getReader() as ReadableStreamDefaultReader<string>
    assert.match((await reader.read()).value ?? "", /^event: head\ndata: 0 0{32}\n\n$/)
    await fill(started, 1, 100)
    assert.match((await reader.read()).value ?? "", /^event: head\ndata: 1 [0-9a-f]{32}\n\n$/)
    const page = decodePullAnswer(await bytesOf(await started.fetch("pull", bodies("notes").pull())))
    assert.ok(page.kind === "page" && page.upToDate && page.parts.length === 1)
    const head = decodeHeadAnswer(await bytesOf(await started.fetch("wait", bodies("notes").wait())))
    assert.equal(head.position, 1)
    const waiting = started.fetch("wait", bodies("notes").wait(head))
    await fill(started, 2, 100)
    assert.equal(decodeHeadAnswer(await bytesOf(await waiting)).position, 2)
    assert.equal((await fetch(`${started.listener.url}/v1/health`)).status, 200)
    await reader.cancel()
    await until(() => started.server.health().live === 0)
  })

  it("takes and gives large messages, zipped and as they are", async () => {
    const started = await start()
    await fill(started, 1, 3_000_000)
    const part = new ForeignWriter(2).put("k", "x".repeat(1_000_000)).part()
    const zipped = await fetch(
      post("push", await gzip(bodies("notes").push([part])), {
        token: ALICE,
        base: started.listener.url,
        headers: { "content-encoding": "gzip" },
      }),
    )
    assert.equal(decodePushAnswer(await bytesOf(zipped)).kind, "ok")
    const first = decodePullAnswer(await bytesOf(await started.fetch("pull", bodies("notes").pull(cursorAt(0), 3_600_000))))
    assert.ok(first.kind === "page" && first.parts[0]!.content.length > 3_000_000)
    const second = decodePullAnswer(await bytesOf(await started.fetch("pull", bodies("notes", { accept: ["gzip"] }).pull(first.next))))
    assert.ok(second.kind === "page" && second.upToDate)
    assert.deepEqual(second.parts, [part])
    assert.equal(started.server.health().heldBytes, 0)
  })

  it("is what the client of this package speaks to", async () => {
    const { listener } = await start(), signal = AbortSignal.timeout(20_000)
    const remote = httpRemote(listener.url, { store: "notes", token: ALICE })
    const { rights, live } = await remote.handshake({ signal })
    assert.deepEqual([rights.write, live], [true, true])
    const heads: number[] = [], stop = new AbortController()
    const watching = remote.watch(({ position }) => {
      heads.push(position)
      if (position === 1) stop.abort()
    }, { signal: stop.signal }).catch(() => {})
    await until(() => heads.length > 0)
    const writer = new ForeignWriter(1).put("k", 1), part = writer.part()
    const pushed = await remote.push({ basis: [cursorAt(0)], own: [writer.id], parts: [part] }, { signal })
    assert.equal(pushed.kind, "ok")
    const page = await remote.pull({ cursor: cursorAt(0), have: [], partsBytesMax: 1000 }, { signal })
    assert.ok(page.kind === "page")
    assert.deepEqual(page.parts, [part])
    await watching
    assert.deepEqual(heads, [0, 1])
    await remote.close()
  })

  it("rejects where the port is not to be had", async () => {
    const { listener } = await start()
    await assert.rejects(listen(createSyncServer({ storage: memoryAdapter(), authenticate: () => undefined }), { port: listener.port }))
  })

  it("T54 takes no more of a body than may be, whatever its head says", async () => {
    const { listener, server } = await start({ limits: { bodyBytesMax: 100_000 } }), chunk = new Uint8Array(65_536)
    // In chunks, without a length: a gigabyte is offered.
    const chunked = new RawSocket(listener.port)
    await chunked.write(headOf("/v1/push", ALICE, { "transfer-encoding": "chunked" }))
    let sent = 0
    while (sent < 1024 * MIB && !chunked.text.includes("\r\n\r\n")) {
      if (!(await chunked.write("10000\r\n") && await chunked.write(chunk) && await chunked.write("\r\n"))) break
      sent += chunk.length
      await new Promise((resolve) => setTimeout(resolve))
    }
    assert.ok(sent < 64 * MIB, `${sent} bytes went through`)
    if (chunked.text !== "") assert.match(chunked.text, /^HTTP\/1\.1 413 /)
    chunked.destroy()
    // A length that is too great is refused at once; one that lies is a length all the same.
    const great = new RawSocket(listener.port)
    await great.write(headOf("/v1/push", ALICE, { "content-length": 100_001 }))
    assert.ok(await great.until("413"))
    great.destroy()
    const lying = new RawSocket(listener.port)
    await lying.write(headOf("/v1/handshake", ALICE, { "content-length": 10 }))
    await lying.write(new Uint8Array(10_000_000))
    assert.ok(await lying.until("HTTP/1.1 400"))
    lying.destroy()
    // What no parser may guess at is refused by the runtime, and reaches nothing.
    const ambiguous: Readonly<Record<string, string>>[] = [{ "content-length": "abc" }, { "content-length": "-5" }, {
      "content-length": "5",
      "transfer-encoding": "chunked",
    }, { "content-length": "5, 6" }]
    for (const headers of ambiguous) {
      const socket = new RawSocket(listener.port)
      await socket.write(headOf("/v1/handshake", ALICE, headers))
      await socket.write(handshake)
      socket.end()
      await socket.until("HTTP/1.1 4") // or it is closed
      assert.ok(!socket.text.includes("HTTP/1.1 200"), `${JSON.stringify(headers)}: ${socket.text}`)
      socket.destroy()
    }
    await until(() => server.health().requests === 0)
    assert.equal(server.health().heldBytes, 0)
  })

  it("T55 answers others at once while hundreds of clients drip their heads and bodies, and gives those bodies up", async () => {
    const started = await start({ limits: { bodySecondsMax: 4, requestsPerPrincipalMax: 300, requestsMax: 300 } })
    await started.fetch("handshake", handshake)
    const slow = Array.from({ length: 250 }, () => new RawSocket(started.listener.port))
    const heads = Array.from({ length: 250 }, () => new RawSocket(started.listener.port))
    await Promise.all(slow.map((socket) => socket.write(headOf("/v1/push", ALICE, { "content-length": 1000 }) + "x")))
    await Promise.all(heads.map((socket) => socket.write("POST /v1/push HTTP/1.1\r\nhost: x\r\nx-slow: ")))
    await until(() => started.server.health().requests === 250)
    const times: number[] = []
    for (let n = 0; n < 8; n++) {
      const began = performance.now()
      assert.equal((await started.fetch("handshake", handshake, { token: BOB })).status, 200)
      times.push(performance.now() - began)
      await Promise.all(heads.slice(0, 50).map((socket) => socket.write("y")))
    }
    assert.equal(started.server.health().requests, 250, "the slow ones are there all the while")
    // The fastest one: other processes of the machine cost the others more.
    assert.ok(Math.min(...times) < 200, `${times.join(", ")} ms`)
    for (const socket of slow) assert.ok(await socket.until("HTTP/1.1 408"))
    for (const socket of [...slow, ...heads]) socket.destroy()
    await until(() => started.server.health().requests === 0)
  })

  it("T56 takes as many streams as may be of hundreds, and forgets those that go away", async () => {
    const started = await start({ limits: { livePerStoreMax: 10, requestsPerPrincipalMax: 300, requestsMax: 300 } })
    await started.fetch("handshake", handshake)
    const statuses = new Map<number, number>(), open: Response[] = []
    for (let batch = 0; batch < 4; batch++) {
      const answers = await Promise.all(Array.from({ length: 100 }, () => started.fetch("watch", bodies("notes").watch())))
      for (const response of answers) {
        statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1)
        if (response.status === 200) open.push(response)
        else await response.body?.cancel()
      }
    }
    assert.deepEqual([...statuses].sort(), [[200, 10], [429, 390]])
    assert.equal(started.server.health().live, 10)
    for (const { body } of open) await body?.cancel()
    await until(() => started.server.health().live === 0)
    const gone = new RawSocket(started.listener.port), watch = bodies("notes").watch()
    await gone.write(headOf("/v1/watch", ALICE, { "content-length": watch.length }))
    await gone.write(watch)
    assert.ok(await gone.until("event: head"))
    assert.equal(started.server.health().live, 1)
    gone.destroy()
    await until(() => started.server.health().live === 0)
  })

  it("T59, T55 counts what slow readers have not taken, and gives it up when they are gone", async () => {
    const started = await start({ limits: { partsBytesMax: 3_600_000, heldBytesMax: 40 * MIB, requestsPerPrincipalMax: 50 } })
    for (let byte = 1; byte <= 3; byte++) await fill(started, byte, 3_400_000)
    const pull = bodies("notes").pull(cursorAt(0), 3_600_000)
    // Two requests on each connection: together more than the operating system's buffers take.
    const slow = Array.from({ length: 6 }, () => new RawSocket(started.listener.port))
    for (const socket of slow) {
      socket.pause()
      for (let n = 0; n < 2; n++) {
        void socket.write(headOf("/v1/pull", ALICE, { "content-length": pull.length }))
        void socket.write(pull)
      }
    }
    await until(() => started.server.health().heldBytes > 3_000_000)
    // Others are served meanwhile, and what nobody reads is still held.
    for (let n = 0; n < 20; n++) assert.equal((await bytesOf(await started.fetch("handshake", handshake))).length > 0, true)
    const { heldBytes, requests } = started.server.health()
    assert.ok(heldBytes > 0 && requests > 0, `${heldBytes} bytes of ${requests} requests`)
    assert.ok(heldBytes <= 40 * MIB)
    for (const socket of slow) socket.destroy()
    await until(() => started.server.health().heldBytes === 0 && started.server.health().requests === 0)
    const codes = await Promise.all(Array.from({ length: 30 }, async () => {
      const response = await started.fetch("pull", pull)
      return response.status === 200 ? String((await bytesOf(response)).length > 3_000_000) : (await errorOf(response)).code
    }))
    assert.deepEqual([...new Set(codes)].filter((code) => code !== "overloaded"), ["true"])
    assert.equal(started.server.health().heldBytes, 0)
  })

  it("forgets a wait whose client goes away", {
    skip: "Deno" in globalThis ? "Deno tells a handler of that only with a flag of its own" : false,
  }, async () => {
    const started = await start(), gone = new AbortController()
    await started.fetch("handshake", handshake)
    const waiting = started.fetch("wait", bodies("notes").wait(), { signal: gone.signal }).catch(() => {})
    await until(() => started.server.health().live === 1)
    gone.abort()
    await waiting
    await until(() => started.server.health().live === 0)
  })

  it("stop() ends streams and waits, answers what is under way, and then listens no more", async () => {
    const started = await start()
    await started.fetch("handshake", handshake)
    const text = started.fetch("watch", bodies("notes").watch()).then((response) => response.text())
    const waiting = started.fetch("wait", bodies("notes").wait())
    await until(() => started.server.health().live === 2)
    const stopping = started.listener.stop()
    assert.equal((await waiting).status, 200)
    assert.match(await text, /^event: head\n.*\n\nevent: bye\ndata:\n\n$/)
    await stopping
    await started.listener.stop()
    await assert.rejects(fetch(`${started.listener.url}/v1/health`))
    assert.deepEqual(started.server.health(), { status: "draining", stores: 0, live: 0, heldBytes: 0, requests: 0 })
  })

  it("several servers over one database are one server", async () => {
    const folder = await mkdtemp(join(tmpdir(), "persist-server-"))
    stops.push(() => rm(folder, { recursive: true }))
    const storage = (): SyncServerOptions["storage"] => sqliteAdapter({ path: join(folder, "server.db") })
    const [a, b] = [await start({ storage: storage() }), await start({ storage: storage() })]
    assert.equal((await a.fetch("handshake", handshake)).status, 200)
    const watch = await b.fetch("watch", bodies("notes").watch()), reader = watch.body!.getReader()
    await reader.read()
    await Promise.all(Array.from({ length: 20 }, async (_, n) => {
      const writer = new ForeignWriter(n + 1).put(`k${n}`, n)
      const pushed = decodePushAnswer(
        await bytesOf(await (n % 2 === 0 ? a : b).fetch("push", bodies("notes").push([writer.part()], [writer.id]))),
      )
      assert.ok(pushed.kind === "ok" && pushed.durability === "durable")
    }))
    for (const { fetch } of [a, b]) {
      const page = decodePullAnswer(await bytesOf(await fetch("pull", bodies("notes").pull())))
      assert.ok(page.kind === "page" && page.parts.length === 20 && page.next.position === 20)
    }
    let heard = ""
    while (!heard.includes("data: 20 ")) heard += new TextDecoder().decode((await reader.read()).value)
    await reader.cancel()
  })

  if (IS_NODE) {
    it("T55 closes a connection whose head takes more than ten seconds", async () => {
      const millis = await slowHead
      assert.ok(millis > 9000 && millis < 40_000, String(millis))
    })
  }
})
