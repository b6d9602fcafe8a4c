/** Goal: a call ends when every required remote has what it wrote, and never says less, or more, than is known. An open store, remotes by word alone. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { NotConfirmed, type NotConfirmedDetails } from "../errors.ts"
import type { RefusedDot, WriterDot } from "../format/change.ts"
import { openStore, type Store } from "../store/store.ts"
import type { StoreViews } from "../views/store-views.ts"
import { SimulatedTime } from "./engine/testing/simulated-time.ts"
import { outcomeOf } from "./engine/testing/workbench.ts"
import { noChange } from "./refusals.ts"
import { type ConfirmingRemote, WriteConfirmation } from "./write-confirmation.ts"

const DEADLINE_MILLIS = 1000

/** Says it has what a test makes it say. */
class TalkingRemote implements ConfirmingRemote {
  readonly name: string
  /** By the writer's index; of every writer where it is a number. */
  known: number | ReadonlyMap<number, number> = 0

  constructor(name: string) {
    this.name = name
  }
  knownOf(writer: number): number {
    return typeof this.known === "number" ? this.known : this.known.get(writer) ?? 0
  }
}

/** A store whose writes wait. */
class Play {
  readonly time: SimulatedTime
  readonly store: Store
  readonly remotes: readonly TalkingRemote[]
  readonly confirmation: WriteConfirmation

  private constructor(time: SimulatedTime, store: Store, remotes: readonly TalkingRemote[]) {
    this.time = time
    this.store = store
    this.remotes = remotes
    this.confirmation = new WriteConfirmation({
      store: store.name,
      platform: time,
      views: () => store.synced.views,
      required: () => remotes,
      deadlineMillis: DEADLINE_MILLIS,
    })
    store.confirmers.push(this.confirmation)
  }

  static async open(...names: readonly string[]): Promise<Play> {
    const time = new SimulatedTime()
    const remotes = (names.length === 0 ? ["R"] : names).map((name) => new TalkingRemote(name))
    return new Play(time, await openStore("notes", memoryAdapter(), { platform: time }), remotes)
  }

  get remote(): TalkingRemote {
    const [remote] = this.remotes
    if (remote === undefined) throw new Error("a play has a remote")
    return remote
  }
  get views(): StoreViews {
    return this.store.synced.views
  }

  /** What a remote refused comes into the log, as a cycle puts it there; `rewritten` are those that are written anew. */
  async refuse(remote: string, seq: number, code: string, end: "dead" | "rewritten" | "open"): Promise<void> {
    const dot: WriterDot = { writer: this.views.writers.idOf(0), seq }, refused: RefusedDot[] = [{ ...dot, code, message: "" }]
    await this.store.synced.commit((views) => ({
      parts: [],
      rewrites: end === "rewritten" ? views.records.liveVersions((_, other) => other === seq) : [],
      change: { ...noChange(remote), refused, dead: end === "dead" ? [dot] : [] },
    }))
  }

  /** Something was learnt. */
  async check(): Promise<void> {
    this.confirmation.check()
    await this.time.run()
  }
}

/** A promise of a write that is not awaited by what hands it over. */
const held = <T>(call: Promise<T>): { readonly call: Promise<T> } => {
  call.catch(() => {})
  return { call }
}

async function detailsOf(call: Promise<unknown>): Promise<NotConfirmedDetails> {
  const error = await call.then(() => undefined, (error) => error)
  if (!(error instanceof NotConfirmed)) throw new Error(`it ended with ${error}`)
  assert.equal(error.retryable, false)
  assert.equal(error.storedNothing, false)
  return error.details
}

describe("WriteConfirmation", () => {
  it("check() ends a call when every required remote has it, and with what it would have ended with", async () => {
    const play = await Play.open("R1", "R2"), { call } = held(play.store.records.put("k", 1))
    await play.time.run()
    assert.equal(await play.store.records.get("k"), 1, "it is stored and read before that")
    for (const remote of play.remotes) {
      await play.check()
      assert.equal(await outcomeOf(call), "open")
      remote.known = 1
    }
    await play.check()
    const { version } = await call
    assert.equal(version, (await play.store.records.getEntry("k"))?.version)
    assert.equal(play.time.waiting.all, 0)
    await play.store.close()
  })

  it("asks for every kind of call, once for each, and for its last operation", async () => {
    const play = await Play.open(), { store, store: { records } } = play
    const calls: readonly [number, () => Promise<unknown>][] = [
      [1, () => records.put("a", 1)],
      [3, () => records.putMany([{ key: "b", value: 2 }, { key: "c", value: 3 }])],
      [4, () => records.update("a", () => 4)],
      [6, () => records.batch([{ type: "put", key: "d", value: 5 }, { type: "delete", key: "a" }])],
      [7, () => records.delete("b")],
      [9, () => store.batch((tx) => (tx.put("e", 1), tx.put("f", 2)))],
      [10, () => records.resolve("e", 7)],
      [14, () => records.clear()],
    ]
    for (const [seq, write] of calls) {
      const { call } = held(write())
      await play.time.run()
      play.remote.known = seq - 1
      await play.check()
      assert.equal(await outcomeOf(call), "open", `${write}`)
      play.remote.known = seq
      await play.check()
      assert.equal(await outcomeOf(call), "resolved", `${write}`)
    }
    assert.equal(play.confirmation.waiting, 0)
    await store.close()
  })

  it("lets a call pass that wrote nothing, or that failed by itself", async () => {
    const play = await Play.open(), { records } = play.store
    assert.equal(await records.delete("nothing"), false)
    assert.equal(await records.clear(), 0)
    await play.store.batch(() => {})
    await assert.rejects(records.put("k", 1, { ifVersion: "0" }), { code: "version_mismatch" })
    assert.equal(play.confirmation.waiting, 0)
    await play.store.close()
  })

  it("rejects at the deadline, not before, and says who has it and who does not", async () => {
    const play = await Play.open("R1", "R2"), { call } = held(play.store.records.put("k", 1))
    await play.time.run()
    play.remote.known = 1
    await play.time.run(DEADLINE_MILLIS - 1)
    assert.equal(await outcomeOf(call), "open")
    assert.deepEqual(play.time.waiting, { all: 1, holding: 1 }, "who waits is kept alive")
    play.time.millis += 31_536_000_000 // a clock that jumps is no deadline
    await play.time.run(1)
    const entry = await play.store.records.getEntry("k")
    assert.deepEqual(await detailsOf(call), {
      store: "notes",
      operation: entry?.version,
      confirmed: ["R1"],
      missing: ["R2"],
      reason: "deadline",
      refusedCode: undefined,
    })
    assert.equal(play.time.waiting.all, 0)
    await play.store.close()
  })

  it("resolves at the deadline what was confirmed and not looked at yet", async () => {
    const play = await Play.open(), { call } = held(play.store.records.put("k", 1))
    await play.time.run()
    play.remote.known = 1
    await play.time.run(DEADLINE_MILLIS)
    assert.equal(await outcomeOf(call), "resolved")
    await play.store.close()
  })

  it("gives what is stored together one deadline, and each write later its own", async () => {
    const play = await Play.open(), { records } = play.store
    const early = Array.from({ length: 100 }, (_, n) => held(records.put(`k${n}`, n)))
    await play.time.run(600)
    assert.ok(play.time.waiting.all <= 3, `${play.time.waiting.all} timers`)
    const late = held(records.put("late", 1))
    await play.time.run(400)
    for (const { call } of early) assert.equal((await detailsOf(call)).reason, "deadline")
    assert.equal(await outcomeOf(late.call), "open")
    play.remote.known = 101
    await play.check()
    assert.equal(await outcomeOf(late.call), "resolved")
    await play.store.close()
  })

  it("rejects at once what became a dead letter, with the remote's word for it", async () => {
    const play = await Play.open("R1", "R2"), first = held(play.store.records.put("a", 1)), second = held(play.store.records.put("b", 2))
    await play.time.run()
    await play.refuse("R2", 2, "op_invalid", "dead")
    await play.check()
    const { reason, refusedCode, missing } = await detailsOf(second.call)
    assert.deepEqual({ reason, refusedCode, missing }, { reason: "refused", refusedCode: "op_invalid", missing: ["R1", "R2"] })
    assert.equal(await outcomeOf(first.call), "open")
    await play.store.close()
  })

  it("does not care what a remote refuses that is not required", async () => {
    const play = await Play.open("R1"), { call } = held(play.store.records.put("a", 1))
    await play.time.run()
    await play.refuse("another", 1, "op_invalid", "dead")
    play.remote.known = 1
    await play.check()
    assert.equal(await outcomeOf(call), "resolved")
    await play.store.close()
  })

  it("S19 goes on waiting for what was written anew, and a number that is withheld is none that is had", async () => {
    const play = await Play.open(), { call } = held(play.store.records.put("k", 1))
    await play.time.run()
    await play.refuse("R", 1, "clock_ahead", "rewritten")
    play.remote.known = 1 // withheld
    await play.check()
    assert.equal(await outcomeOf(call), "open")
    play.remote.known = 2
    await play.check()
    assert.equal(await outcomeOf(call), "resolved")
    await play.store.close()
  })

  it("S19 rejects when what was written anew is a dead letter", async () => {
    const play = await Play.open(), { call } = held(play.store.records.put("k", 1))
    await play.time.run()
    await play.refuse("R", 1, "clock_ahead", "rewritten")
    await play.refuse("R", 2, "op_invalid", "dead")
    play.remote.known = 2
    await play.check()
    const { reason, refusedCode } = await detailsOf(call)
    assert.deepEqual({ reason, refusedCode }, { reason: "refused", refusedCode: "op_invalid" })
    await play.store.close()
  })

  it("S20 waits while nobody has answered a refusal yet", async () => {
    const play = await Play.open(), { call } = held(play.store.records.put("k", 1))
    await play.time.run()
    await play.refuse("R", 1, "clock_ahead", "open")
    play.remote.known = 1
    await play.check()
    assert.equal(await outcomeOf(call), "open")
    await play.store.close()
  })

  it("waits for what was written over a refused operation", async () => {
    const play = await Play.open(), first = held(play.store.records.put("k", 1)), second = held(play.store.records.put("k", 2))
    await play.time.run()
    await play.refuse("R", 1, "clock_ahead", "rewritten")
    play.remote.known = 1
    await play.check()
    assert.equal(await outcomeOf(first.call), "open")
    play.remote.known = 2
    await play.check()
    assert.deepEqual([await outcomeOf(first.call), await outcomeOf(second.call)], ["resolved", "resolved"])
    await play.store.close()
  })

  it("asks all who were added, and ends with the first that says no", async () => {
    const play = await Play.open(), other = new TalkingRemote("other")
    const second = new WriteConfirmation({
      store: "notes",
      platform: play.time,
      views: () => play.views,
      required: () => [other],
      deadlineMillis: 5000,
    })
    play.store.confirmers.push(second)
    const { call } = held(play.store.records.put("k", 1))
    await play.time.run()
    play.remote.known = 1
    await play.check()
    assert.equal(await outcomeOf(call), "open")
    await play.time.run(5000)
    const { missing, reason } = await detailsOf(call)
    assert.deepEqual({ missing, reason }, { missing: ["other"], reason: "deadline" })
    await play.store.close()
  })

  it("close() rejects what waits at once, but what was confirmed by then", async () => {
    const play = await Play.open(), early = held(play.store.records.put("a", 1))
    await play.time.run()
    const late = held(play.store.records.put("b", 2))
    await play.time.run()
    play.remote.known = 1
    play.confirmation.close()
    assert.equal(await outcomeOf(early.call), "resolved")
    assert.equal((await detailsOf(late.call)).reason, "stopped")
    assert.equal(play.time.waiting.all, 0)
    await play.store.close()
  })
})
