/**
 * Goal: what is stored is a prefix of what was called, and every call ends with the truth about itself.
 * Method: random calls on a storage that fails before and after it stored, holds, loses replies and stores when nobody waits any more,
 * while another handle writes too. The log is then read with the public API alone.
 */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { FlushFailed, PersistError, PositionTaken, StorageFailed, StorageFull } from "../errors.ts"
import { openStore, type Store } from "../store/store.ts"
import { failAfter, failBefore, faultyAdapter, landLater, type Step } from "../testing/faulty-storage.ts"
import { Gate, turn } from "../testing/gate.ts"
import { TestPlatform } from "../testing/platform.ts"

type Fault = "full" | "taken" | "lost" | "lost reply" | "late" | "flush" | "none"
type Action =
  | { readonly type: "put" | "batch" | "transaction" | "update" | "other"; readonly count: number }
  | { readonly type: "fault"; readonly fault: Fault; readonly held: boolean }
  | { readonly type: "turn" | "refresh" | "flush" | "let go" | "readable" | "unreadable" | "headless" }

interface Call {
  readonly index: number
  readonly keys: readonly string[]
  readonly calledAt: number
  endedAt: number
  end: "stored" | "nothing" | "unknown" | undefined
}

const ofType = <T extends Action["type"]>(...types: T[]): fc.Arbitrary<{ type: T }> => fc.record({ type: fc.constantFrom(...types) })
const fault = fc.constantFrom<Fault>("full", "taken", "lost", "lost reply", "late", "flush", "none")
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ type: fc.constantFrom("put", "batch", "transaction", "update"), count: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("other"), count: fc.constant(1) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("fault"), fault, held: fc.boolean() }) },
  { weight: 4, arbitrary: ofType("turn", "turn", "let go") },
  { weight: 2, arbitrary: ofType("unreadable", "readable", "headless", "refresh", "flush") },
)

const lost = (): StorageFailed => new StorageFailed({ location: "memory", call: "write to", reason: "the cable is out" })
const full = (): StorageFull => new StorageFull({ location: "memory", neededBytes: 1, reason: "no space is left" })
const taken = (): PositionTaken => new PositionTaken({ position: 1, head: 1 })
const flushFailed = (): FlushFailed => new FlushFailed({ location: "memory", reason: "the device is gone" })

/** What the next append does instead. */
const appendWith = (fault: Fault, gate: Gate): Step<"append"> =>
  ({
    full: failBefore(full()),
    taken: failBefore(taken()),
    lost: failBefore(lost()),
    "lost reply": failAfter(lost()),
    late: landLater(gate, lost()),
    flush: failAfter(flushFailed()),
    none: (call: () => unknown) => call(),
  })[fault]

/** Waits at the gate first, so that more is called behind it. */
const heldBefore = (gate: Gate, step: Step<"append">): Step<"append"> => async (call, position, frame) => {
  await gate.pass()
  return await step(call, position, frame)
}

/** Every key that is in the log, in the order of its operations. */
async function keysInLog(store: Store): Promise<string[]> {
  const found: { readonly key: string; readonly position: number; readonly seq: number }[] = []
  for await (const { key } of store.records.list()) {
    for await (const { position, version } of store.records.history(key)) {
      found.push({ key, position, seq: parseInt(version.split("-")[1]!, 36) })
    }
  }
  return found.sort((a, b) => a.position - b.position || a.seq - b.seq).map(({ key }) => key)
}

async function run(actions: readonly Action[]): Promise<void> {
  const memory = memoryAdapter(), platform = new TestPlatform()
  platform.stepMillis = 6000 // an append that cannot be read back at once is undecided
  const adapter = faultyAdapter(memory, { capabilities: { watch: false } })
  const store = await openStore("notes", adapter, { platform }), other = await openStore("notes", memory), storage = adapter.last
  const calls: Call[] = [], ends: Promise<unknown>[] = []
  let clock = 0, gate = new Gate(), written = 0
  const call = (keys: readonly string[], work: () => Promise<unknown>): void => {
    const call: Call = { index: calls.length, keys, calledAt: clock++, endedAt: Infinity, end: undefined }
    calls.push(call)
    ends.push(
      work().then(() => "stored" as const, (error: unknown) => {
        assert.ok(error instanceof PersistError, String(error))
        return error.storedNothing ? "nothing" as const : "unknown" as const
      }).then((end) => {
        call.end = end
        call.endedAt = clock++
      }),
    )
  }
  for (const action of actions) {
    const keys = "count" in action ? Array.from({ length: action.count }, () => `key ${written++}`) : []
    if (action.type === "put") { for (const key of keys) call([key], () => store.records.put(key, key)) }
    else if (action.type === "update") { for (const key of keys) call([key], () => store.records.update(key, () => key)) }
    else if (action.type === "batch") call(keys, () => store.records.putMany(keys.map((key) => ({ key, value: key }))))
    else if (action.type === "transaction") call(keys, () => store.batch((tx) => keys.forEach((key) => tx.put(key, key))))
    else if (action.type === "other") {
      await other.records.put(`other ${keys[0]}`, 1)
      await turn() // so that a call that has ended is known to have
    } else if (action.type === "fault") {
      const step = appendWith(action.fault, gate)
      storage.next("append", action.held ? heldBefore(gate, step) : step)
    } else if (action.type === "turn") await turn()
    else if (action.type === "refresh") ends.push(store.refresh().catch(() => {}))
    else if (action.type === "flush") ends.push(store.flush().catch(() => {}))
    else if (action.type === "readable") storage.always("read", undefined)
    else if (action.type === "unreadable") storage.always("read", failBefore(lost()))
    else if (action.type === "headless") storage.next("head", failBefore(lost()))
    else {
      gate.open()
      gate = new Gate()
    }
  }
  gate.open()
  storage.always("read", undefined)
  await Promise.all(ends)
  await turn()
  assert.equal(store.status().pendingWrites, 0)

  const again = await openStore("notes", memory)
  const inLog = (await keysInLog(again)).filter((key) => key.startsWith("key"))
  const order = new Map(inLog.map((key, at) => [key, at]))
  assert.equal(order.size, inLog.length, "nothing is stored twice")
  let last = -1
  for (const { keys, end } of calls) {
    const stored = keys.filter((key) => order.has(key))
    assert.ok(stored.length === 0 || stored.length === keys.length, "all or nothing")
    if (end === "stored") assert.equal(stored.length, keys.length, `${keys} was acknowledged`)
    if (end === "nothing") assert.equal(stored.length, 0, `${keys} was said not to be stored`)
    for (const key of stored) {
      assert.ok(order.get(key)! > last, `${key} is stored before what was called earlier`)
      last = order.get(key)!
    }
  }
  for (const before of calls) {
    if (before.keys.some((key) => order.has(key))) continue
    const behind = calls.find(({ index, calledAt, keys }) =>
      index > before.index && calledAt < before.endedAt && keys.some((key) => order.has(key))
    )
    assert.equal(behind?.keys, undefined, `${before.keys} was not stored, what was called behind it was`)
  }
  if (store.status().state === "open") {
    while (!await store.refresh().then(() => true, () => false)); // faults that are left
    assert.equal(await store.digest(), await again.digest(), "live and replayed")
  }
  await Promise.all([store.close(), other.close(), again.close()])
}

describe("the log", () => {
  it("what is stored is a prefix of what was called, whatever the storage does", async () => {
    await fc.assert(fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 60 }), run), { numRuns: 200 })
  })
})
