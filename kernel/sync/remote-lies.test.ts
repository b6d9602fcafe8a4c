/** Goal: whatever a remote answers, a cycle ends, a log grows by little, and nothing that was written is lost. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { A, B, blockOf, operation } from "../../conformance/vectors/blocks.ts"
import { NoProgress, ProtocolViolation } from "../errors.ts"
import { fromHex, notationOf } from "../format/block-notation.ts"
import type { Cursor, PullAnswer, PullRequest, PushAnswer, PushRequest, Refusal, Remote } from "../ports/remote.ts"
import { openStore, type Store } from "../store/store.ts"
import { cursorOf, partOf } from "../testing/noted-frames.ts"
import { TestPlatform } from "../testing/platform.ts"
import { readBlockBytes } from "../testing/read-block.ts"
import { CURSOR_START } from "../views/remotes.ts"
import { RemoteCycle } from "./remote-cycle.ts"
import { DEFAULT_REMOTE_LIMITS } from "./remote-log.ts"

const NEVER = new AbortController().signal
const START = Date.UTC(2026, 0, 1)

type Answers = { readonly push?: (request: PushRequest) => PushAnswer; readonly pull?: (request: PullRequest) => PullAnswer }
const emptyPage = (next: Cursor, more: Partial<Extract<PullAnswer, { kind: "page" }>> = {}): PullAnswer => ({
  kind: "page",
  parts: [],
  ranges: [],
  next,
  upToDate: true,
  head: next.position,
  serverTimeMillis: START,
  ...more,
})

/** A device and a remote that says what a test wants; by default it has nothing and takes nothing. */
class Lied {
  readonly platform = new TestPlatform(5, START)
  readonly store: Store
  readonly cycle: RemoteCycle
  pushes = 0
  pulls = 0
  answers: Answers = {}

  private constructor(store: Store) {
    this.store = store
    const remote: Remote = {
      name: "liar",
      handshake: () =>
        Promise.resolve({
          head: CURSOR_START,
          serverTimeMillis: START,
          limits: DEFAULT_REMOTE_LIMITS,
          rights: { read: true, write: true, relay: true, admin: false },
          durability: "durable",
          live: false,
        }),
      push: (request) => {
        if (++this.pushes > 1000) throw new Error("it pushes for ever")
        return Promise.resolve(this.answers.push?.(request) ?? { kind: "unknown" })
      },
      pull: (request) => {
        if (++this.pulls > 1000) throw new Error("it pulls for ever")
        return Promise.resolve(this.answers.pull?.(request) ?? emptyPage(request.cursor))
      },
      watch: () => Promise.resolve(),
      close: () => Promise.resolve(),
    }
    this.cycle = new RemoteCycle(store.synced, remote)
  }
  static async open(): Promise<Lied> {
    return new Lied(await openStore("s", memoryAdapter(), { platform: new TestPlatform(5, START) }))
  }
  get head(): number {
    return this.store.synced.head
  }
}

/** All operations that a push lists. */
const listed = ({ parts }: PushRequest): Refusal[] =>
  parts.flatMap(({ content }) => {
    const { writers, operations } = notationOf(readBlockBytes(content))
    return operations.map(({ seq }): Refusal => ({ writer: fromHex(writers[0]!), seq, code: "clock_ahead", message: "never enough" }))
  })

describe("RemoteCycle and a remote that lies", () => {
  it("T49, T51 push() gives up on a remote that refuses every stamp, also of what was written anew by its own clock", async () => {
    const play = await Lied.open()
    await play.cycle.pull(NEVER)
    for (let at = 0; at < 20; at++) await play.store.records.put(`k${at}`, at)
    const before = play.head
    let serverTimeMillis = START
    play.answers = { push: (request) => ({ kind: "refused", refused: listed(request), serverTimeMillis: serverTimeMillis -= 86_400_000 }) }
    await assert.rejects(play.cycle.push(NEVER), ProtocolViolation)
    assert.ok(play.pushes <= 5 && play.head <= before + 5, `${play.pushes} pushes, ${play.head - before} frames`)
    for (let at = 0; at < 20; at++) assert.equal(await play.store.records.get(`k${at}`), at)
    await play.store.close()
  })

  it("T43 push() goes on as long as what is refused was there before: some of very many, batch after batch", async () => {
    const play = await Lied.open(), bad = new Set(["k7", "k700", "k1400", "k2100", "k2800", "k3200", "k3299"])
    await play.cycle.pull(NEVER)
    await play.store.records.putMany(Array.from({ length: 3300 }, (_, at) => ({ key: `k${at}`, value: at })))
    const held = new Map<string, number>()
    play.answers = {
      push: (request) => {
        const refused = request.parts.flatMap(({ content }) => {
          const { writers, operations } = notationOf(readBlockBytes(content))
          return operations.filter(({ key }) => bad.has(key)).map(({ seq }): Refusal => ({
            writer: fromHex(writers[0]!),
            seq,
            code: "op_invalid",
            message: "not here",
          }))
        }).slice(0, 1)
        if (refused.length > 0) return { kind: "refused", refused, serverTimeMillis: START }
        const pairs = request.parts.map(({ content }) => {
          const { writers, to, operations, withheld } = notationOf(readBlockBytes(content))
          for (const { key, seq } of operations) held.set(key, seq)
          return { writer: fromHex(writers[0]!), seq: to, withheld }
        })
        return { kind: "ok", pairs, last: cursorOf(1), durability: "durable", serverTimeMillis: START }
      },
    }
    const { refused, operations, stoppedBy } = await play.cycle.push(NEVER)
    assert.deepEqual([refused, operations, stoppedBy, play.pushes], [7, 3293, "done", 8])
    assert.equal(held.size, 3293)
    assert.deepEqual([play.store.synced.views.remotes.dead.size, play.cycle.hasPending], [7, false])
    assert.equal(await play.store.records.get("k7"), 7, "it stays visible here")
    await play.store.close()
  })

  it("T51 push() gives up on a remote that says ok and takes nothing, or refuses what is not there", async () => {
    const lies: readonly (NonNullable<Answers["push"]>)[] = [
      () => ({ kind: "ok", pairs: [], last: cursorOf(1), durability: "durable", serverTimeMillis: START }),
      ({ own }) => ({
        kind: "ok",
        pairs: own.map((writer) => ({ writer, seq: 0, withheld: [] })),
        last: cursorOf(1),
        durability: "durable",
        serverTimeMillis: START,
      }),
      () => ({ kind: "refused", refused: [], serverTimeMillis: START }),
      () => ({ kind: "refused", refused: [{ writer: fromHex(B), seq: 1, code: "op_invalid", message: "" }], serverTimeMillis: START }),
      ({ own }) => ({ kind: "refused", refused: [{ writer: own[0]!, seq: 99, code: "clock_ahead", message: "" }], serverTimeMillis: NaN }),
      () => ({ kind: "forbidden", writers: [fromHex(B)] }),
    ]
    for (const [at, push] of lies.entries()) {
      const play = await Lied.open()
      await play.cycle.pull(NEVER)
      await play.store.records.put("k", 1)
      const before = play.head
      play.answers = { push }
      await assert.rejects(play.cycle.push(NEVER), ProtocolViolation, String(at))
      assert.ok(play.pushes <= 5 && play.head === before, `lie ${at}: ${play.pushes} pushes, ${play.head - before} frames`)
      await play.store.close()
    }
  })

  it("T51 push() believes an answer that takes back an earlier one, and sends it again", async () => {
    const play = await Lied.open(), sent: number[] = []
    await play.cycle.pull(NEVER)
    let isWiped = false
    play.answers = {
      push: (request) => {
        const { writers, from, to } = notationOf(readBlockBytes(request.parts[0]!.content))
        sent.push(from)
        const seq = isWiped && from > 0 ? 0 : to
        return {
          kind: "ok",
          pairs: [{ writer: fromHex(writers[0]!), seq, withheld: [] }],
          last: cursorOf(1),
          durability: "durable",
          serverTimeMillis: START,
        }
      },
    }
    await play.store.records.put("k1", 1)
    await play.cycle.push(NEVER)
    await play.store.records.put("k2", 2)
    isWiped = true
    assert.equal((await play.cycle.push(NEVER)).stoppedBy, "done")
    assert.deepEqual(sent, [0, 1, 0])
    await play.store.close()
  })

  it("T51 pull() ends for endless restarts, and the log does not grow with them", async () => {
    const play = await Lied.open(), before = play.head
    play.answers = { pull: () => ({ kind: "restart", at: CURSOR_START, serverTimeMillis: START }) }
    await assert.rejects(play.cycle.pull(NEVER), ProtocolViolation)
    assert.equal(play.head, before, "nothing comes before the first frame")
    play.answers = {
      pull: ({ cursor }) =>
        cursor.position === 0
          ? emptyPage(cursorOf(1), { upToDate: false, head: 2 })
          : { kind: "restart", at: CURSOR_START, serverTimeMillis: START },
    }
    await assert.rejects(play.cycle.pull(NEVER), NoProgress)
    assert.ok(play.pulls <= 25 && play.head <= before + 20, `${play.pulls} pulls, ${play.head - before} frames`)
    await play.store.close()
  })

  it("T51 pull() ends for endless pages that bring nothing, and goes on from there when it is asked again", async () => {
    const play = await Lied.open()
    play.answers = { pull: ({ cursor }) => emptyPage(cursorOf(cursor.position + 1), { upToDate: false, head: cursor.position + 2 }) }
    await assert.rejects(play.cycle.pull(NEVER), (error) => error instanceof NoProgress && error.retryable)
    const { position } = play.cycle.status().cursor
    assert.ok(play.pulls <= position + 1 && position <= 20, `${play.pulls} pulls`)
    play.answers = {}
    await play.cycle.pull(NEVER)
    assert.deepEqual([play.cycle.status().cursor.position, play.cycle.status().caughtUp], [position, true])
    await play.store.close()
  })

  it("T51 pull() takes no page that goes nowhere, leaves out what nobody has, or cannot be read, and changes nothing", async () => {
    const play = await Lied.open()
    await play.store.records.put("k", 1)
    const before = play.head, digest = await play.store.digest(), block = partOf(blockOf([A], [operation(1, "x", "01")]))
    const gap = partOf(blockOf([A], [operation(2, "x", "01")]))
    const pages: readonly (NonNullable<Answers["pull"]>)[] = [
      ({ cursor }) => emptyPage(cursor, { upToDate: false }),
      () => emptyPage({ ...cursorOf(1), position: -1 }),
      () => emptyPage({ ...cursorOf(1), position: NaN }),
      () => emptyPage(cursorOf(1), { ranges: [{ writer: fromHex(B), seq: 1 }] }),
      ({ have }) => emptyPage(cursorOf(1), { ranges: have.map(({ writer, seq }) => ({ writer, seq: seq + 1 })) }),
      () => emptyPage(cursorOf(1), { parts: [{ ...block, content: block.content.slice(0, -1) }] }),
      () => emptyPage(cursorOf(1), { parts: [gap] }),
      () => emptyPage({ position: 1, id: new Uint8Array(15) }),
      () => emptyPage({ position: 2 ** 53, id: new Uint8Array(16) }),
    ]
    for (const [at, pull] of pages.entries()) {
      play.answers = { pull }
      await assert.rejects(play.cycle.pull(NEVER), Error, `page ${at}`)
      assert.deepEqual([play.head, await play.store.digest(), play.store.status().state], [before, digest, "open"], `page ${at}`)
    }
    play.answers = { pull: ({ cursor }) => (cursor.position === 0 ? emptyPage(cursorOf(1), { parts: [block] }) : emptyPage(cursor)) }
    await play.cycle.pull(NEVER)
    assert.equal(await play.store.records.get("x"), 1)
    await play.store.close()
  })

  it("S20 pull() answers all that a page names as withheld, however much it is", async () => {
    const play = await Lied.open(), value = new Uint8Array(1_000_000)
    for (let at = 0; at < 5; at++) await play.store.records.put(`k${at}`, value)
    const [own] = [...play.store.synced.views.own], writer = play.store.synced.views.writers.idOf(own!)
    const id = [...writer].map((byte) => byte.toString(16).padStart(2, "0")).join("")
    const page = partOf(blockOf([id], [], { from: 0, to: 5, withheld: [1, 2, 3, 4, 5] }))
    play.answers = { pull: ({ cursor }) => (cursor.position === 0 ? emptyPage(cursorOf(1), { parts: [page] }) : emptyPage(cursor)) }
    await play.cycle.pull(NEVER)
    const seqs = [...play.store.synced.views.records.liveVersions(() => true)].map(({ version }) => version.seq).sort((a, b) => a - b)
    assert.deepEqual(seqs, [6, 7, 8, 9, 10])
    for (let at = 0; at < 5; at++) assert.equal((await play.store.records.get(`k${at}`) as Uint8Array).length, value.length)
    await play.store.close()
  })
})
