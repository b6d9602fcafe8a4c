import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { StorageFull } from "../../kernel/errors.ts"
import type { Adapter, Bytes } from "../../kernel/ports/log-storage.ts"
import type { Part } from "../../kernel/ports/remote.ts"
import { ForeignWriter } from "../../kernel/testing/foreign-frame.ts"
import { Gate, turn } from "../../kernel/testing/gate.ts"
import { callOf, encodeEnvelope, NO_CALL } from "../envelope.ts"
import { WIRE_ERRORS } from "../errors.ts"
import { decodeErrorAnswer, decodeHandshakeAnswer, decodeHeadAnswer, decodePullAnswer, decodePushAnswer } from "../messages.ts"
import { type RouteName, ROUTES } from "../routes.ts"
import type { GivenRights, Identity } from "./identity.ts"
import type { ServiceAnswer } from "./service.ts"
import { bodies, bodyOf, messageOf, resum } from "./testing/asking.ts"
import { cursorAt, type DoubleLog, DoubleLogs } from "./testing/double-log.ts"
import { codeOf, ServiceBench } from "./testing/service-bench.ts"

const ALL: GivenRights = { read: true, write: true }
const ALICE: Identity = { principal: "alice", namespace: "alice", rights: ALL }
const BOB: Identity = { principal: "bob", namespace: "bob", rights: ALL }
const NAMES = Object.keys(ROUTES) as readonly RouteName[]

/** An error as a client sees it. */
const failure = ({ body }: ServiceAnswer) => decodeErrorAnswer(body)

/** Pushes one record of a writer of its own. */
const pushOne = async (bench: ServiceBench, store: string, identity: Identity, byte: number = 1, value: unknown = 1): Promise<void> => {
  const writer = new ForeignWriter(byte).put("key", value)
  assert.equal(codeOf(await bench.handle("push", bodies(store).push([writer.part()], [writer.id]), identity)), "ok")
}

describe("SyncService", () => {
  it("handle() takes a push, and gives it to who pulls", async () => {
    const bench = new ServiceBench(), writer = new ForeignWriter(1).put("a", { title: "hello" }), part = writer.part()
    const pushed = decodePushAnswer((await bench.handle("push", bodies("notes").push([part], [writer.id]), ALICE)).body)
    assert.ok(pushed.kind === "ok" && pushed.last.position === 1 && pushed.pairs[0]?.seq === 1)
    const pulled = decodePullAnswer((await bench.handle("pull", bodies("notes").pull(), ALICE)).body)
    assert.ok(pulled.kind === "page" && pulled.upToDate)
    assert.deepEqual(pulled.parts, [part])
  })

  it("handle() says in a handshake what the server is like, and changes nothing by it", async () => {
    const bench = new ServiceBench({ limits: { bodyBytesMax: 1_000_000, inflatedBytesMax: 2_000_000, partsMax: 7 } })
    const body = bodies("notes", { features: ["gzip", "must-live", "other"] }).handshake([7, 1])
    for (let n = 0; n < 3; n++) {
      const answer = decodeHandshakeAnswer(
        (await bench.handle("handshake", body, { ...ALICE, expiresMillis: bench.platform.millis + 5 })).body,
      )
      assert.deepEqual([answer.protocol, answer.features, answer.head.position], [1, ["gzip", "live"], 0])
      assert.deepEqual(answer.rights, { read: true, write: true, relay: true, admin: false })
      const { bodyBytesMax, inflatedBytesMax, partsMax } = answer.limits
      assert.deepEqual([bodyBytesMax, inflatedBytesMax, partsMax], [1_000_000, 2_000_000, 7])
      assert.deepEqual([answer.serverTimeMillis, answer.tokenExpiresMillis], [bench.platform.millis, bench.platform.millis + 5])
      assert.equal(answer.durability, "buffered")
    }
  })

  it("handle() refuses versions and required features that it does not have, in every request", async () => {
    const bench = new ServiceBench()
    const refused = failure(await bench.handle("handshake", bodies("s").handshake([2, 999]), ALICE))
    assert.deepEqual([refused.code, refused.details], ["unsupported_version", { min: 1, max: 1 }])
    for (const route of NAMES) {
      assert.equal(await bench.code(route, bodyOf(route, "s", { features: ["must-fly"] }), ALICE), "unsupported_feature", route)
    }
    assert.deepEqual(await bench.adapter.list(), [])
  })

  it("handle() names in every answer the call of its request, in errors too where the request was read", async () => {
    const bench = new ServiceBench(), nobody = { ...ALICE, rights: {} }
    for (const [index, route] of (["handshake", "push", "pull", "wait"] as const).entries()) {
      const call = new Uint8Array(16).fill(index + 1)
      const body = route === "wait" ? bodies("s", { call }).wait(cursorAt(0), 0) : bodyOf(route, "s", { call })
      for (const identity of [ALICE, nobody]) {
        assert.deepEqual(callOf((await bench.handle(route, body, identity)).body), call, `${route} ${identity.rights === ALICE.rights}`)
      }
      assert.deepEqual(callOf((await bench.handle(route, body.slice(0, -1), ALICE)).body), NO_CALL, route)
    }
    const call = new Uint8Array(16).fill(9), answer = await bench.service.watch(bodies("s", { call }).watch(), nobody)
    assert.ok("body" in answer)
    assert.deepEqual(callOf(answer.body), call)
  })

  it("T29 keeps the stores of namespaces apart, whatever name or cursor is used", async () => {
    const bench = new ServiceBench(), canary = "canary-of-alice"
    await pushOne(bench, "notes", ALICE, 1, canary)
    const { head } = decodeHandshakeAnswer((await bench.handle("handshake", bodies("notes").handshake(), ALICE)).body)
    const answers: Bytes[] = []
    for (const name of ["notes", "alice/notes", "alice%2fnotes", "../alice/notes", "/notes", "alice", "*"]) {
      for (const cursor of [cursorAt(0), head]) {
        for (const body of [bodies(name).pull(cursor), bodies(name).pull(cursor, 1)]) {
          answers.push((await bench.handle("pull", body, BOB)).body)
        }
        answers.push((await bench.handle("push", bodies(name).push([new ForeignWriter(9).put("k", 1).part()], [], [cursor]), BOB)).body)
      }
      answers.push((await bench.handle("handshake", bodies(name).handshake(), BOB)).body)
    }
    for (const answer of answers) assert.ok(!new TextDecoder("latin1").decode(answer).includes(canary))
    const mine = decodePullAnswer((await bench.handle("pull", bodies("notes").pull(), ALICE)).body)
    assert.ok(mine.kind === "page" && mine.parts.length === 1)
    assert.match(new TextDecoder("latin1").decode(mine.parts[0]!.content), new RegExp(canary))
  })

  it("T29, T30 gives each role what its rights are for, on every route", async () => {
    const roles: readonly (readonly [GivenRights, readonly RouteName[]])[] = [
      [{}, []],
      [{ read: true }, ["handshake", "pull", "watch", "wait"]],
      [{ write: true }, ["handshake", "push"]],
      [{ relay: true }, ["handshake"]],
      [{ admin: true }, ["handshake"]],
      [{ read: true, write: true }, NAMES],
      [{ read: true, write: true, relay: false, admin: true }, NAMES],
    ]
    for (const [rights, allowed] of roles) {
      const bench = new ServiceBench({ limits: { waitMillisMax: 1 } })
      await pushOne(bench, "s", ALICE)
      for (const route of NAMES) {
        const writer = new ForeignWriter(2).put("k", 1)
        const body = route === "push" ? bodies("s").push([writer.part()], [writer.id]) : bodyOf(route, "s")
        const code = await bench.code(route, body, { ...ALICE, rights })
        assert.equal(code, allowed.includes(route) ? "ok" : "forbidden", `${JSON.stringify(rights)} ${route}`)
      }
    }
  })

  it("T30 gives rights at the stores that they are for, and at no other", async () => {
    const bench = new ServiceBench(), only: Identity = { ...ALICE, rights: (store) => store === "mine" ? ALL : {} }
    for (const route of NAMES) {
      if (route === "push") await pushOne(bench, "mine", only)
      else await bench.code(route, bodyOf(route, "mine"), only)
      for (const store of ["other", "mine2", "Mine", "__proto__"]) {
        assert.equal(await bench.code(route, bodyOf(route, store), only), "forbidden")
      }
    }
    assert.deepEqual(await bench.adapter.list(), ["alice/mine"])
  })

  it("T29 shows nobody without a right whether there is a store", async () => {
    const bench = new ServiceBench(), nobody: Identity = { ...ALICE, principal: "mallory", rights: {} }
    await pushOne(bench, "there", ALICE)
    for (const route of NAMES) {
      const answers: string[] = []
      for (const store of ["there", "other"]) {
        const answer = route === "watch"
          ? await bench.service.watch(bodyOf(route, store), nobody)
          : await bench.handle(route, bodyOf(route, store), nobody)
        assert.ok("status" in answer)
        answers.push(`${answer.status} ${new TextDecoder("latin1").decode(answer.body)}`)
      }
      assert.equal(answers[0], answers[1])
    }
  })

  it("T57 makes a store for a handshake or push of who may write, and for nothing else", async () => {
    const bench = new ServiceBench(), reader: Identity = { ...ALICE, rights: { read: true } }
    for (const route of NAMES) {
      const code = await bench.code(route, bodyOf(route, `r-${route}`), reader)
      assert.equal(code, route === "push" ? "forbidden" : "store_not_found", route)
    }
    for (const route of ["pull", "watch", "wait"] as const) {
      assert.equal(await bench.code(route, bodyOf(route, "w"), ALICE), "store_not_found")
    }
    assert.deepEqual(await bench.adapter.list(), [])
    assert.equal(await bench.code("handshake", bodyOf("handshake", "w1"), ALICE), "ok")
    await pushOne(bench, "w2", ALICE)
    assert.deepEqual(await bench.adapter.list(), ["alice/w1", "alice/w2"])
  })

  it("T57 holds a bounded number of stores open, whatever number is asked for", async () => {
    const bench = new ServiceBench({ limits: { openStoresMax: 8, storesMax: 300 } })
    const codes = new Map<string, number>()
    for (let n = 0; n < 400; n++) {
      const code = await bench.code("handshake", bodyOf("handshake", `s${n}`), ALICE)
      codes.set(code, (codes.get(code) ?? 0) + 1)
      assert.ok(bench.service.load.stores <= 8)
    }
    assert.deepEqual([...codes], [["ok", 300], ["quota_exceeded", 100]])
  })

  it("T33 refuses operations of a writer that another principal brought first, and stores nothing", async () => {
    const bench = new ServiceBench(), team = { namespace: "team" }, writer = new ForeignWriter(1).put("a", 1)
    assert.equal(codeOf(await bench.handle("push", bodies("s").push([writer.part()], [writer.id]), { ...ALICE, ...team })), "ok")
    const forged = bodies("s").push([writer.put("a", "forged").part()], [writer.id])
    const answer = decodePushAnswer((await bench.handle("push", forged, { ...BOB, ...team })).body)
    assert.ok(answer.kind === "refused" && answer.refused[0]?.code === "writer_not_owned")
    const foreign = new ForeignWriter(1)
    foreign.put("a", 1).part()
    const relayed = bodies("s").push([foreign.put("a", "forged").part()], [])
    const kept = { ...BOB, ...team, rights: { ...ALL, relay: false } }
    assert.equal(decodePushAnswer((await bench.handle("push", relayed, kept)).body).kind, "forbidden")
    const { head } = decodeHandshakeAnswer((await bench.handle("handshake", bodies("s").handshake(), { ...ALICE, ...team })).body)
    assert.equal(head.position, 1)
  })

  it("T39 asks for rights and expiry with every request", async () => {
    const bench = new ServiceBench(), until = { ...ALICE, expiresMillis: bench.platform.millis + 1000 }
    let rights: GivenRights = ALL
    const revocable: Identity = { ...ALICE, rights: () => rights }
    assert.equal(await bench.code("handshake", bodyOf("handshake", "s"), until), "ok")
    assert.equal(await bench.code("handshake", bodyOf("handshake", "s"), revocable), "ok")
    rights = {}
    bench.platform.millis += 1000
    for (const route of NAMES) {
      assert.equal(await bench.code(route, bodyOf(route, "s"), until), "unauthenticated", route)
      assert.equal(await bench.code(route, bodyOf(route, "s"), revocable), "forbidden", route)
    }
  })

  it("T39 ends a stream within 21 s of the end of its rights", async () => {
    const ends: readonly (readonly [string, () => Identity | undefined])[] = [
      ["token gone", () => undefined],
      ["rights gone", () => ({ ...ALICE, rights: {} })],
      ["rights gone at this store", () => ({ ...ALICE, rights: (store) => store === "s" ? { write: true } : ALL })],
      ["expired", () => ({ ...ALICE, expiresMillis: 1 })],
      ["somebody else", () => ({ ...ALICE, principal: "bob" })],
      ["another namespace", () => ({ ...ALICE, namespace: "bob" })],
    ]
    for (const [why, later] of ends) {
      const bench = new ServiceBench()
      await bench.code("handshake", bodyOf("handshake", "s"), ALICE)
      let now: Identity | undefined = ALICE
      const opened = await bench.service.watch(bodies("s").watch(), ALICE, { identify: () => Promise.resolve(now) })
      assert.ok("feed" in opened)
      const kinds: string[] = []
      const taking = (async () => {
        for (let kind = ""; kind !== "end"; kinds.push(kind)) ({ kind } = await opened.feed.next())
      })()
      await bench.platform.advance(21_000)
      assert.ok(!kinds.includes("end"))
      now = later()
      await bench.platform.advance(21_000)
      await taking
      assert.deepEqual(kinds.slice(-2), ["bye", "end"], why)
      assert.equal(bench.service.load.live, 0)
    }
  })

  it("T50 answers a cursor of any kind with restart or a refusal, and goes on", async () => {
    const bench = new ServiceBench()
    await pushOne(bench, "s", ALICE)
    const id = new Uint8Array(16),
      fields = { protocol: 1, store: "s", session: new Uint8Array(16), replica: null, have: [], partsBytesMax: 1000 }
    const pull = (cursor: unknown): Promise<ServiceAnswer> => bench.handle("pull", encodeEnvelope({ ...fields, cursor }), ALICE)
    const wrong = [
      [-1, id],
      [0.5, id],
      [NaN, id],
      [Infinity, id],
      [2n, id],
      ["1", id],
      [1],
      [1, id, 1],
      [1, new Uint8Array(15)],
      [1, "x"],
      null,
      1,
      "1",
      {},
      [],
      [0, id.with(0, 1)],
      [null, null],
      "x".repeat(1_000_000),
    ]
    for (const cursor of wrong) assert.equal(codeOf(await pull(cursor)), "invalid_request")
    for (const position of [1, 2, 1000, 2 ** 32, 2 ** 53 - 1]) {
      const answer = decodePullAnswer((await pull([position, id.fill(7)])).body)
      assert.ok(answer.kind === "restart" && answer.at.position === 0)
    }
    const pushed = bodies("s").push([new ForeignWriter(5).put("k", 1).part()], [], [cursorAt(2 ** 53 - 1, 7)])
    assert.equal(decodePushAnswer((await bench.handle("push", pushed, ALICE)).body).kind, "unknown")
    const fine = decodePullAnswer((await pull([0, new Uint8Array(16)])).body)
    assert.ok(fine.kind === "page" && fine.parts.length === 1)
  })

  it("T60 caps what a request asks for", async () => {
    const asked: number[] = [], logs = new DoubleLogs()
    await logs.make("alice/s")
    logs.onOpened = (log) => {
      log.onPull = (partsBytesMax) => {
        asked.push(partsBytesMax)
        return Promise.resolve({ kind: "restart", at: cursorAt(0), serverTimeMillis: 0 })
      }
    }
    const bench = new ServiceBench({ openLog: logs.open, storage: () => logs.adapter, limits: { partsBytesMax: 1000 } })
    for (const bytes of [1, 999, 1000, 1001, 2 ** 53 - 1]) await bench.handle("pull", bodies("s").pull(cursorAt(0), bytes), ALICE)
    assert.deepEqual(asked, [1, 999, 1000, 1000, 1000])
    assert.equal(codeOf(await bench.handle("pull", bodies("s").pull(cursorAt(0), 0), ALICE)), "invalid_request")
  })

  it("takes as many parts, operations and bytes in one push as it says, and not one more", async () => {
    const parts = (count: number): Part[] => Array.from({ length: count }, (_, n) => new ForeignWriter(n + 1).put("k", 1).part())
    const operations = (count: number): Part[] => {
      const writer = new ForeignWriter(1)
      for (let n = 0; n < count; n++) writer.put(`k${n}`, n)
      return [writer.part()]
    }
    const oneByte = new ForeignWriter(1).put("k", new Uint8Array(300)).part().content.length - 300
    const bytes = (count: number): Part[] => [new ForeignWriter(1).put("k", new Uint8Array(count - oneByte)).part()]
    assert.equal(bytes(1000)[0]!.content.length, 1000)
    for (const [limit, make] of [["partsMax", parts], ["operationsMax", operations], ["partsBytesMax", bytes]] as const) {
      const max = limit === "partsBytesMax" ? 1000 : 5
      for (const [count, code] of [[max - 1, "ok"], [max, "ok"], [max + 1, "batch_too_large"]] as const) {
        const bench = new ServiceBench({ limits: { [limit]: max } })
        assert.equal(codeOf(await bench.handle("push", bodies("s").push(make(count)), ALICE)), code, `${limit} ${count}`)
      }
    }
  })

  it("T58 takes as many new writers of a principal a day as may be; more may come later, and nothing is refused", async () => {
    const bench = new ServiceBench({ limits: { newWritersPerDayMax: 2 } })
    for (const byte of [7, 8, 9]) {
      const push = bodies("s").push([new ForeignWriter(byte).put("k", 1).part()], [], [cursorAt(99)])
      assert.equal(decodePushAnswer((await bench.handle("push", push, ALICE)).body).kind, "unknown")
    }
    for (const byte of [1, 2]) await pushOne(bench, "s", ALICE, byte)
    await pushOne(bench, "s", ALICE, 2)
    const third = bodies("s").push([new ForeignWriter(3).put("k", 1).part()])
    const limited = failure(await bench.handle("push", third, ALICE))
    assert.deepEqual([limited.code, limited.status, limited.retry], ["rate_limited", 429, "later"])
    bench.platform.millis += 86_400_000
    assert.equal(codeOf(await bench.handle("push", third, ALICE)), "ok")
  })

  it("T1 refuses fields that are nested deeper than 64, and arrays or maps of any depth, without a stack", async () => {
    const bench = new ServiceBench()
    // {"x": …} with `depth` arrays or maps inside of each other; the map around them is one more.
    const nested = (depth: number, isMap: boolean): Bytes =>
      messageOf([0x81, 0xa1, 0x78, ...Array(depth).fill(isMap ? [0x81, 0xa1, 0x79] : [0x91]).flat(), 0xc0])
    for (const isMap of [false, true]) {
      for (const depth of [63, 64, 65, 1000, 100_000, 300_000]) {
        const { code, message } = failure(await bench.handle("handshake", nested(depth, isMap), ALICE))
        assert.equal(code, "invalid_request")
        assert.equal(/nested deeper|have more than/.test(message), depth > 63, `${depth}: ${message}`)
      }
    }
  })

  it("T32 answers whatever bytes come, and goes on", async () => {
    const bench = new ServiceBench(), seed = 20261121, bytes = crypto.getRandomValues.bind(crypto)
    let state = seed
    const next = (below: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0
      return state % below
    }
    await pushOne(bench, "s", ALICE)
    const good = NAMES.map((route) => bodyOf(route, "s"))
    for (let n = 0; n < 3000; n++) {
      const route = NAMES[next(NAMES.length)]!
      let body = good[next(good.length)]!.slice()
      if (n % 3 === 0) body = bytes(new Uint8Array(next(200)))
      else for (let flips = next(4); flips >= 0; flips--) body[next(body.length)] = next(256)
      if (n % 5 === 0) body = body.slice(0, next(body.length + 1))
      if (n % 7 > 0) body = resum(body)
      const code = route === "wait" ? "" : await bench.code(route, body, ALICE)
      assert.ok(code === "" || code === "ok" || Object.hasOwn(WIRE_ERRORS, code), `seed ${seed}, ${n}: ${code}`)
      assert.notEqual(code, "internal", `seed ${seed}, ${n}`)
    }
    assert.equal(await bench.code("handshake", bodyOf("handshake", "s"), ALICE), "ok")
  })

  it("T32 answers internal where its owner's own code throws, says what happened to the logger, and goes on", async () => {
    const boom = (): never => {
      throw new Error("canary of the owner")
    }
    const broken: readonly (readonly [ServiceBench, Identity])[] = [
      [new ServiceBench({ storage: boom }), ALICE],
      [new ServiceBench({ openLog: () => Promise.reject(new TypeError("canary of the owner")) }), ALICE],
      [new ServiceBench(), { ...ALICE, rights: boom }],
    ]
    for (const [bench, identity] of broken) {
      for (const route of NAMES) assert.equal(await bench.code(route, bodyOf(route, "s"), identity), "internal")
      assert.ok(!bench.logger.text.includes("canary"))
      assert.equal(bench.logger.entries.length, NAMES.length)
      assert.deepEqual(bench.service.load, { stores: 0, requests: 0, live: 0 })
    }
  })

  it("T62 says that there is no room, goes on reading, and takes pushes again once there is", async () => {
    let isFull = false
    const bench: ServiceBench = new ServiceBench({
      storage: () => ({
        ...bench.adapter,
        open: async (name, options) => {
          const storage = await bench.adapter.open(name, options)
          return new Proxy(storage, {
            get: (target, key): unknown => {
              if (key === "append" && isFull) {
                return () => {
                  throw new StorageFull({ location: "memory", neededBytes: 1, reason: "full" })
                }
              }
              const member: unknown = Reflect.get(target, key, target)
              return typeof member === "function" ? member.bind(target) : member
            },
          })
        },
      } satisfies Adapter),
    })
    await pushOne(bench, "s", ALICE)
    isFull = true
    const push = bodies("s").push([new ForeignWriter(2).put("k", 1).part()])
    const refused = failure(await bench.handle("push", push, ALICE))
    assert.deepEqual([refused.code, refused.status, refused.retry], ["quota_exceeded", 507, "later"])
    const page = decodePullAnswer((await bench.handle("pull", bodies("s").pull(), ALICE)).body)
    assert.ok(page.kind === "page" && page.parts.length === 1)
    isFull = false
    assert.equal(codeOf(await bench.handle("push", push, ALICE)), "ok")
  })

  it("T63 lets a store that stands still hold up nobody at another one", async () => {
    const gate = new Gate(), logs = new DoubleLogs()
    logs.onOpened = (log, name) => {
      if (name === "alice/slow") log.onPush = () => gate.pass().then(() => ({ kind: "unknown" }))
    }
    const bench = new ServiceBench({ openLog: logs.open, storage: () => logs.adapter })
    let isSlowDone = false
    const slow = bench.handle("push", bodyOf("push", "slow"), ALICE).then(() => isSlowDone = true)
    await gate.reached
    for (let n = 0; n < 50; n++) assert.equal(await bench.code("push", bodyOf("push", `s${n % 5}`), n % 2 === 0 ? ALICE : BOB), "ok")
    assert.equal(isSlowDone, false)
    gate.open()
    await slow
  })

  it("refuses names of stores that are none", async () => {
    const bench = new ServiceBench()
    const fields = { protocol: 1, session: new Uint8Array(16), replica: null, versions: [1] }
    for (const store of ["", "a\0b", "x".repeat(201), 7, null]) {
      assert.equal(codeOf(await bench.handle("handshake", encodeEnvelope({ ...fields, store }), ALICE)), "invalid_request")
    }
    assert.deepEqual(await bench.adapter.list(), [])
  })

  it("refuses a message that is larger than any may be, before it looks at it", async () => {
    const bench = new ServiceBench()
    assert.equal(await bench.code("handshake", new Uint8Array(5_242_881), ALICE), "body_too_large")
    assert.equal(await bench.code("handshake", new Uint8Array(5_242_880), ALICE), "body_damaged")
  })

  it("watch() tells of what is pushed by anybody, and wait() answers it", async () => {
    const bench = new ServiceBench()
    await pushOne(bench, "s", ALICE)
    const opened = await bench.service.watch(bodies("s").watch(), ALICE)
    assert.ok("feed" in opened)
    const first = await opened.feed.next()
    assert.ok(first.kind === "head" && first.head.position === 1)
    const waiting = bench.handle("wait", bodies("s").wait(first.head), ALICE)
    await turn()
    assert.equal(bench.service.load.live, 2)
    await pushOne(bench, "s", ALICE, 2)
    const second = await opened.feed.next(), waited = decodeHeadAnswer((await waiting).body)
    assert.ok(second.kind === "head" && second.head.position === 2)
    assert.deepEqual(waited, second.head)
    opened.feed.end("dropped")
    assert.equal(bench.service.load.live, 0)
  })

  it("close() answers draining, ends streams and waits, finishes what is under way, then closes the stores", async () => {
    const gate = new Gate(), logs = new DoubleLogs()
    let log: DoubleLog | undefined
    logs.onOpened = (opened) => {
      log = opened
      log.onPush = () => gate.pass().then(() => ({ kind: "unknown" }))
    }
    const bench = new ServiceBench({ openLog: logs.open, storage: () => logs.adapter })
    const push = bench.handle("push", bodyOf("push", "s"), ALICE)
    await gate.reached
    const wait = bench.handle("wait", bodies("s").wait(), ALICE), opened = await bench.service.watch(bodies("s").watch(), ALICE)
    let isClosed = false
    const closing = bench.service.close(10_000).then(() => isClosed = true)
    assert.equal(codeOf(await wait), "ok")
    assert.ok("feed" in opened)
    assert.deepEqual([await opened.feed.next(), await opened.feed.next()], [{ kind: "bye" }, { kind: "end" }])
    for (const route of NAMES) {
      const answer = route === "watch"
        ? await bench.service.watch(bodyOf(route, "s"), ALICE)
        : await bench.handle(route, bodyOf(route, "s"), ALICE)
      assert.ok("status" in answer && answer.status === 503)
      const { code, retryAfterMillis = 0 } = failure(answer)
      assert.ok(code === "draining" && retryAfterMillis >= 1000 && retryAfterMillis <= 5000)
    }
    assert.deepEqual([isClosed, log?.isClosed], [false, false])
    gate.open()
    assert.equal(codeOf(await push), "ok")
    await closing
    assert.deepEqual([log?.isClosed, bench.service.load], [true, { stores: 0, requests: 0, live: 0 }])
    await bench.service.close(1)
  })

  it("close() spreads who comes again over some seconds", async () => {
    const bench = new ServiceBench(), times = new Set<number>()
    await bench.service.close(0)
    for (let n = 0; n < 50; n++) times.add(failure(await bench.handle("handshake", bodyOf("handshake", "s"), ALICE)).retryAfterMillis ?? 0)
    assert.ok(times.size > 30)
  })

  it("close() waits no longer than it is told, for requests and for stores, and says so", async () => {
    const logs = new DoubleLogs()
    logs.onOpened = (log) => {
      log.onPush = () => new Promise(() => {})
      log.onClose = () => new Promise(() => {})
    }
    const bench = new ServiceBench({ openLog: logs.open, storage: () => logs.adapter })
    void bench.handle("push", bodyOf("push", "s"), ALICE)
    await turn()
    const began = bench.platform.millis
    let isClosed = false
    const closing = bench.service.close(3000).then(() => isClosed = true)
    await bench.platform.advance(5900)
    assert.equal(isClosed, false)
    await bench.platform.advance(200)
    await closing
    assert.ok(bench.platform.millis - began < 6200)
    assert.equal(bench.logger.entries.length, 2)
  })
})
