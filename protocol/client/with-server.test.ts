/** The client with the server of this package, over real connections of each runtime. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { RemoteError, RemoteUnreachable, Unauthenticated } from "../../kernel/errors.ts"
import type { Cursor, PullAnswer, PushAnswer, Remote } from "../../kernel/ports/remote.ts"
import { ForeignWriter } from "../../kernel/testing/foreign-frame.ts"
import { TimedPlatform } from "../../kernel/testing/platform.ts"
import { createSyncServer, listen, type SyncServerOptions, type TokenGrant, tokens } from "../server/mod.ts"
import { type HttpRemote, httpRemote, type HttpRemoteOptions } from "./http-remote.ts"

const TOKEN = "token-of-alice-0001"
const NEXT_TOKEN = "token-of-alice-0002"
const ALICE: TokenGrant = { token: TOKEN, stores: ["*"], rights: { read: true, write: true, relay: true } }
const START: Cursor = { position: 0, id: new Uint8Array(16) }
const signal = new AbortController().signal
const silent = { debug() {}, info() {}, warn() {}, error() {} }

/** A server with its remotes, and the end of all of them. */
const start = async (options: Partial<SyncServerOptions> = {}) => {
  const server = createSyncServer({
    storage: memoryAdapter(),
    authenticate: tokens({ alice: ALICE }),
    logger: silent,
    ...options,
  })
  const listener = await listen(server, { graceMillis: 1000 })
  const remotes: Remote[] = []
  const makeRemote = (more: Partial<HttpRemoteOptions> = {}): HttpRemote => {
    const remote = httpRemote(listener.url, { store: "notes", token: TOKEN, ...more })
    remotes.push(remote)
    return remote
  }
  return {
    server,
    listener,
    remote: makeRemote,
    /** A remote that has shaken hands, which makes the store where it is missing. */
    async connect(more: Partial<HttpRemoteOptions> = {}): Promise<HttpRemote> {
      const remote = makeRemote(more)
      await remote.handshake({ signal })
      return remote
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(remotes.map((remote) => remote.close()))
      await listener.stop()
    },
  }
}

const push = async (remote: Remote, writer: ForeignWriter): Promise<Extract<PushAnswer, { kind: "ok" }>> => {
  const answer = await remote.push({ basis: [START], own: [], parts: [writer.part()] }, { signal })
  assert.ok(answer.kind === "ok", answer.kind)
  return answer
}
const pull = async (remote: Remote, cursor: Cursor = START): Promise<Extract<PullAnswer, { kind: "page" }>> => {
  const answer = await remote.pull({ cursor, have: [], partsBytesMax: 1_000_000 }, { signal })
  assert.ok(answer.kind === "page", answer.kind)
  return answer
}
/** What compresses well: the same text 2,000 times. */
const manyPuts = (writer: ForeignWriter): ForeignWriter => {
  for (let index = 0; index < 2000; index++) writer.put(`key ${index}`, "the same text again and again")
  return writer
}
/** Resolves with the first head at or above `position` that `remote` tells, and ends the watch. */
const headFrom = async (remote: Remote, position: number): Promise<Cursor> => {
  const caller = new AbortController()
  let found: Cursor | undefined
  await remote.watch((head) => {
    if (head.position < position) return
    found = head
    caller.abort("heard")
  }, { signal: caller.signal }).catch((reason) => assert.equal(reason, "heard"))
  return found ?? assert.fail("the watch ended")
}

describe("httpRemote(), with the server", () => {
  it("shakes hands, pushes, pulls what was pushed byte for byte, and pushes again without effect", async () => {
    await using at = await start()
    const remote = at.remote()
    const { head, rights, live, durability } = await remote.handshake({ signal })
    assert.deepEqual([head, rights.relay, live, durability], [START, true, true, "buffered"])
    const part = new ForeignWriter(1).put("a", 1).part()
    const request = { basis: [START], own: [], parts: [part] }
    const first = await remote.push(request, { signal })
    assert.ok(first.kind === "ok" && first.last.position === 1)
    const second = await remote.push(request, { signal })
    assert.ok(second.kind === "ok")
    assert.deepEqual({ ...second, serverTimeMillis: 0 }, { ...first, serverTimeMillis: 0 })
    const page = await pull(remote)
    assert.deepEqual([page.parts, page.next, page.upToDate], [[part], first.last, true])
  })

  it("moves gzip both ways where it is told to, and counts what that saves", async () => {
    await using at = await start()
    const [plain, zipped] = [await at.connect({ compress: "never" }), await at.connect({ compress: "always" })]
    const before = [plain.traffic, zipped.traffic]
    await push(plain, manyPuts(new ForeignWriter(1)))
    await push(zipped, manyPuts(new ForeignWriter(2)))
    await pull(plain)
    assert.deepEqual((await pull(zipped)).parts.length, 2)
    assert.equal(plain.traffic.savedBytes, 0)
    const sent = (remote: HttpRemote, index: number): number => remote.traffic.sentBytes - before[index]!.sentBytes
    const received = (remote: HttpRemote, index: number): number => remote.traffic.receivedBytes - before[index]!.receivedBytes
    assert.ok(sent(zipped, 1) < sent(plain, 0) / 5, `${sent(zipped, 1)} sent of ${sent(plain, 0)}`)
    assert.ok(received(zipped, 1) < received(plain, 0) / 5, `${received(zipped, 1)} received of ${received(plain, 0)}`)
    const moved = sent(zipped, 1) + received(zipped, 1) + zipped.traffic.savedBytes
    assert.ok(moved > sent(plain, 0) + received(plain, 0), "what is saved is counted both ways")
  })

  it("hears of a push by another within a second (R75)", async () => {
    await using at = await start()
    const [watcher, pusher] = [await at.connect(), await at.connect()]
    assert.deepEqual(await headFrom(watcher, 0), START)
    const caller = new AbortController()
    let hear = (_: Cursor): void => undefined
    const began = new Promise<Cursor>((resolve) => hear = resolve)
    const watching = watcher.watch((head) => hear(head), { signal: caller.signal }).catch((reason) => assert.equal(reason, "enough"))
    await began
    const heard = new Promise<Cursor>((resolve) => hear = resolve)
    const startedMillis = performance.now()
    const { last } = await push(pusher, new ForeignWriter(1).put("a", 1))
    assert.deepEqual(await heard, last)
    assert.ok(performance.now() - startedMillis < 1000)
    caller.abort("enough")
    await watching
  })

  it("hears of it by long-poll where events are held back", async () => {
    await using at = await start()
    const platform = new TimedPlatform()
    let streams = 0
    // What a buffering proxy does: the request goes through, and nothing comes back.
    const fetch = (url: string, init: RequestInit): Promise<Response> => {
      if (!url.endsWith("/watch")) return globalThis.fetch(url, init)
      streams++
      platform.advance(10_000)
      return new Promise(() => undefined)
    }
    const watcher = at.remote({ platform, fetch })
    const heard = headFrom(watcher, 1)
    const { last } = await push(await at.connect(), new ForeignWriter(1).put("a", 1))
    assert.deepEqual([await heard, streams], [last, 1])
  })

  it("asks for another token when the server takes the first no more, and is told when there is none", async () => {
    await using at = await start({ authenticate: tokens({ alice: [{ ...ALICE, token: NEXT_TOKEN }] }) })
    let asked = 0
    const remote = at.remote({ token: () => [TOKEN, NEXT_TOKEN][asked++] ?? assert.fail("asked too often") })
    await remote.handshake({ signal })
    assert.equal(asked, 2)
    for (const token of [undefined, "token-of-nobody-0001"]) {
      await assert.rejects(() => at.remote({ token }).handshake({ signal }), Unauthenticated)
    }
  })

  it("is told what the server refuses, by code", async () => {
    await using at = await start({
      authenticate: tokens({ alice: { ...ALICE, stores: ["notes"], rights: { read: true } } }),
      rateLimit: ({ route }) => route === "pull" ? 2500 : 0,
    })
    const code = async (call: Promise<unknown>): Promise<string> => {
      const error = await call.then(() => assert.fail("it resolves"), (error: unknown) => error)
      assert.ok(error instanceof RemoteError, String(error))
      assert.match(error.details.requestId ?? "", /^[0-9a-f]{16}$/)
      return `${error.details.remoteCode} ${error.details.retryAfterMillis ?? "-"} ${error.retryable}`
    }
    assert.match(await code(push(at.remote(), new ForeignWriter(1).put("a", 1))), /^forbidden - false$/)
    assert.match(await code(pull(at.remote())), /^rate_limited 2500 true$/)
    assert.match(await code(at.remote({ store: "others" }).handshake({ signal })), /^(store_not_found|forbidden) - false$/)
  })

  it("resolves a watch when the server stops, and finds nobody there afterwards", async () => {
    const at = await start()
    const remote = await at.connect()
    let begin = (): void => undefined
    const began = new Promise<void>((resolve) => begin = resolve)
    const watching = remote.watch(() => begin(), { signal })
    await began
    const closing = at.server.close()
    await watching
    await assert.rejects(
      () => remote.handshake({ signal }),
      (error) => error instanceof RemoteError && error.details.remoteCode === "draining",
    )
    await closing
    await at.listener.stop()
    await assert.rejects(() => remote.handshake({ signal }), RemoteUnreachable)
    await at[Symbol.asyncDispose]()
  })

  it("ends a watch at the server too when the caller stops it", async () => {
    await using at = await start()
    await headFrom(await at.connect(), 0)
    for (let tries = 0; at.server.health().live > 0; tries++) {
      assert.ok(tries < 1000, "the server keeps the stream")
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  })
})
