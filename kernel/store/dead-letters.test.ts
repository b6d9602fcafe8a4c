/**
 * Goal: what a remote refuses stays visible, is answered by whoever knows what it means, and holds up nothing else meanwhile.
 * Method: devices that sync with logs which refuse what is marked as bad, by the product's own cycle, whenever a test says so.
 */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { CallbackNotSynchronous, CorruptValue, InvalidOption, InvalidValue, StoreClosed } from "../errors.ts"
import type { CrdtType } from "../ports/crdt-type.ts"
import type { Adapter } from "../ports/log-storage.ts"
import { silentLogger } from "../ports/logger.ts"
import type { Remote } from "../ports/remote.ts"
import { logRemote } from "../sync/log-remote.ts"
import type { ArrivingOperation } from "../sync/remote-log.ts"
import { RemoteCycle } from "../sync/remote-cycle.ts"
import { dotOf, ForeignWriter } from "../testing/foreign-frame.ts"
import { TestPlatform } from "../testing/platform.ts"
import { RecordingLogger } from "../testing/recording-logger.ts"
import type { DeadLetter } from "./dead-letter.ts"
import { openStore, type Store } from "./store.ts"

/** A type whose states only grow: the words that were ever added. */
const words: CrdtType<readonly string[], { state: readonly string[]; add(word: string): void }, readonly string[]> = {
  name: "words",
  empty: () => [],
  join: (a, b) => [...new Set([...a, ...b])].sort(),
  encode: (state) => ({ words: state }),
  decode: (value) => Object(value).words,
  view: (state) => state,
  edit: (state) => ({
    state,
    add(word) {
      this.state = [...new Set([...this.state, word])].sort()
    },
  }),
}

interface Task {
  readonly n: number
  readonly bad?: boolean
}

const NOON = Date.UTC(2026, 0, 1, 12)
const NEVER: AbortSignal = new AbortController().signal
const bad = (n: number): Task => ({ n, bad: true })
const isBad = ({ value }: ArrivingOperation): string | undefined => (Object(value()).bad === true ? "not here" : undefined)

/** A remote that refuses what `refuse` says. */
const strict = (refuse: (operation: ArrivingOperation) => string | undefined = isBad, name = "strict"): Remote =>
  logRemote(memoryAdapter(), { store: "tasks", name, platform: new TestPlatform(90, NOON), logger: silentLogger, refuse })

let devices = 0

/** A store, its log, and what syncs it with some remotes. */
class Device {
  readonly adapter: Adapter
  readonly label: string
  readonly logger = new RecordingLogger()
  readonly platform: TestPlatform = new TestPlatform(++devices, NOON + devices)
  readonly #remotes: readonly Remote[]
  store!: Store<Task>

  private constructor(label: string, remotes: readonly Remote[], adapter: Adapter) {
    this.label = label
    this.#remotes = remotes
    this.adapter = adapter
  }

  static async open(label: string, remotes: readonly Remote[], adapter: Adapter = memoryAdapter()): Promise<Device> {
    const device = new Device(label, remotes, adapter)
    await device.reopen()
    return device
  }

  async reopen(): Promise<void> {
    await this.store?.close()
    this.platform.stepMillis = 1
    this.store = await openStore<Task>("tasks", this.adapter, { platform: this.platform, label: this.label, logger: this.logger })
  }

  cycle(remote: Remote = this.#remotes[0]!): RemoteCycle {
    return new RemoteCycle(this.store.synced, remote)
  }

  async sync(): Promise<void> {
    for (const remote of this.#remotes) {
      const cycle = this.cycle(remote)
      await cycle.pull(NEVER)
      await cycle.push(NEVER)
      await cycle.pull(NEVER)
    }
  }

  /** The only letter. */
  async letter(): Promise<DeadLetter<Task>> {
    const letters = await this.store.deadLetters.list()
    assert.equal(letters.length, 1)
    return letters[0]!
  }
}

/** A device with a record that was taken, and then written over by what is refused. */
async function refusedOver(first: Task | undefined, key = "a"): Promise<Device> {
  const device = await Device.open("one", [strict()])
  if (first !== undefined) await device.store.records.put(key, first)
  await device.sync()
  await device.store.records.put(key, bad(7))
  await device.sync()
  return device
}

/** What devices show is alike, everywhere. */
async function assertAlike(...all: readonly Device[]): Promise<void> {
  const digests = await Promise.all(all.map(({ store }) => store.digest()))
  assert.deepEqual(digests, all.map(() => digests[0]))
}

async function settle(...all: readonly Device[]): Promise<void> {
  for (let round = 0; round < 3; round++) for (const device of all) await device.sync()
  await assertAlike(...all)
}

const versions = async (device: Device, key = "a"): Promise<unknown[]> =>
  ((await device.store.records.getEntry(key))?.versions ?? [await device.store.records.getEntry(key)]).map((one) => one?.value)

describe("deadLetters.list()", () => {
  it("shows in the order of collections and keys what was refused, why and by whom, as frozen data", async () => {
    const device = await Device.open("one", [strict()])
    const { store } = device
    await store.collection("side").put("a", bad(1))
    const { version } = await store.records.put("b", bad(2))
    await store.records.put("a", { n: 3 })
    await store.records.put("é", bad(4))
    assert.deepEqual(await store.deadLetters.list(), [])
    await device.sync()
    const letters = await store.deadLetters.list()
    assert.deepEqual(letters.map(({ collection, key }) => [collection, key]), [["", "b"], ["", "é"], ["side", "a"]])
    const { updatedAt, ...letter } = letters[0]!
    assert.deepEqual(letter, {
      collection: "",
      key: "b",
      value: bad(2),
      deleted: false,
      unreadable: undefined,
      code: "op_invalid",
      message: "not here",
      remotes: [{ remote: "strict", code: "op_invalid", message: "not here" }],
      version,
      replica: store.status().replica,
      label: "one",
      own: true,
    })
    assert.equal(updatedAt, (await store.records.getEntry("b"))?.updatedAt)
    for (const part of [letters, letters[0], letters[0]?.value, letters[0]?.remotes, letters[0]?.remotes[0]]) {
      assert.ok(Object.isFrozen(part))
    }
  })

  it("leaves out what any write has answered since: a put, an update, a delete, a batch, resolve", async () => {
    const answers: readonly ((store: Store<Task>) => Promise<unknown>)[] = [
      ({ records }) => records.put("a", { n: 1 }),
      ({ records }) => records.update("a", (task) => ({ n: task?.n ?? 0 })),
      ({ records }) => records.delete("a"),
      ({ records }) => records.putMany([{ key: "a", value: { n: 1 } }]),
      (store) => store.batch((tx) => tx.put("a", { n: 1 })),
      ({ records }) => records.resolve("a", { n: 1 }),
      ({ records }) => records.clear(),
    ]
    for (const answer of answers) {
      const device = await refusedOver({ n: 0 })
      assert.equal(device.store.status().deadLetters, 1)
      await answer(device.store)
      assert.deepEqual([await device.store.deadLetters.list(), device.store.status().deadLetters], [[], 0], String(answer))
      await device.sync()
      assert.equal(device.cycle().hasPending, false)
    }
  })

  it("keeps them over restarts, and counts them without syncing", async () => {
    const device = await refusedOver({ n: 0 }), before = await device.store.deadLetters.list()
    await device.reopen()
    assert.equal(device.store.status().deadLetters, 1)
    assert.deepEqual(await device.store.deadLetters.list(), before)
    assert.deepEqual((await device.store.records.getEntry("a"))?.refused, { code: "op_invalid", message: "not here" })
  })

  it("names every remote that refused it, and one that is several remotes' is one letter", async () => {
    const device = await Device.open("one", [strict(isBad, "r1"), strict(() => undefined, "r2"), strict(({ key }) => `no ${key}`, "r3")])
    await device.store.records.put("a", bad(1))
    await device.sync()
    const { code, message, remotes } = await device.letter()
    assert.deepEqual([code, message], ["op_invalid", "not here"])
    assert.deepEqual(remotes.map(({ remote, message }) => [remote, message]), [["r1", "not here"], ["r3", "no a"]])
  })

  it("S20 has what another copy wrote and a remote withholds, as not its own", async () => {
    const server = strict(), between = strict(() => undefined, "between")
    const author = await Device.open("author", [server]), other = await Device.open("other", [server])
    await author.store.records.put("a", bad(1))
    await author.cycle(between).pull(NEVER)
    await author.cycle(between).push(NEVER)
    await other.cycle(between).pull(NEVER)
    await author.sync()
    await other.sync()
    const { own, label, replica, code } = await other.letter()
    assert.deepEqual([own, label, replica, code], [false, "author", author.store.status().replica, "withheld"])
    assert.equal((await author.letter()).own, true)
  })

  it("shows the others beside one whose value cannot be read, which discard() ends", async () => {
    const device = await refusedOver(undefined, "b"),
      storage = await device.adapter.open("tasks", { durability: "none", create: undefined })
    const foreign = new ForeignWriter(7, NOON)
    await foreign.put("a", "fine").append(storage, (values) => values.fill(0xc1))
    await device.store.refresh()
    await device.sync()
    const [first, second] = await device.store.deadLetters.list()
    assert.deepEqual([first?.key, first?.value, second?.key, second?.value], ["a", undefined, "b", bad(7)])
    assert.match(first?.unreadable ?? "", /Cannot/)
    await assert.rejects(device.store.deadLetters.retry(first!), CorruptValue)
    await assert.rejects(device.store.deadLetters.retry(first!, () => ({ n: 1 })), CorruptValue)
    assert.equal(device.store.status().deadLetters, 2)
    await device.store.deadLetters.discard(first!)
    assert.equal(await device.store.records.get("a"), undefined)
    assert.deepEqual((await device.letter()).key, "b")
  })

  it("rejects once the store is closed, as do the answers", async () => {
    const { store } = await refusedOver({ n: 0 }), [letter] = await store.deadLetters.list()
    await store.close()
    const { deadLetters } = store
    for (const call of [deadLetters.list(), deadLetters.retry(letter!), deadLetters.discard(letter!)]) {
      await assert.rejects(call, StoreClosed)
    }
    assert.throws(() => deadLetters.subscribe(() => {}), StoreClosed)
  })
})

describe("a dead letter", () => {
  it("holds nothing back: later writes of its record and of others go on syncing", async () => {
    const device = await refusedOver({ n: 0 }), other = await Device.open("other", [strict()])
    await device.store.records.put("b", { n: 1 })
    const { operations, refused, requests } = await device.cycle().push(NEVER)
    assert.deepEqual([operations, refused, requests], [1, 0, 1])
    await device.store.records.put("a", { n: 2 })
    await device.sync()
    assert.equal(device.cycle().hasPending, false)
    await other.store.close()
  })

  it("stays visible and marked, and its record is no part of the digest until it is answered", async () => {
    const device = await refusedOver(undefined), empty = await Device.open("empty", [strict()])
    assert.deepEqual(await device.store.records.get("a"), bad(7))
    assert.deepEqual((await device.store.records.getEntry("a"))?.refused, { code: "op_invalid", message: "not here" })
    await assertAlike(device, empty)
    await device.store.records.put("a", { n: 1 })
    assert.equal("refused" in (await device.store.records.getEntry("a"))!, false)
    assert.notEqual(await device.store.digest(), await empty.store.digest())
  })

  it("does not wake subscribers to its record, which shows the same as before", async () => {
    const device = await Device.open("one", [strict()]), heard: unknown[] = []
    await device.store.records.put("a", bad(1))
    device.store.records.subscribe("a", (changes) => heard.push(...changes.map(({ value }) => value)))
    await device.sync()
    assert.deepEqual(heard, [])
    await device.store.deadLetters.retry(await device.letter(), ({ n }) => ({ n }))
    assert.deepEqual(heard, [{ n: 1 }])
  })
})

describe("deadLetters.retry()", () => {
  it("writes another value in its place, which the remotes then take", async () => {
    const server = strict(), device = await Device.open("one", [server]), other = await Device.open("two", [server])
    await device.store.records.put("a", bad(1))
    await device.sync()
    const { version } = await device.store.deadLetters.retry(await device.letter(), ({ n }) => ({ n: n + 1 }))
    assert.deepEqual(await device.store.deadLetters.list(), [])
    const entry = await device.store.records.getEntry("a")
    assert.deepEqual([entry?.value, entry?.version, entry?.refused], [{ n: 2 }, version, undefined])
    await settle(device, other)
    assert.deepEqual(await other.store.records.get("a"), { n: 2 })
  })

  it("writes the same value again; refused again it is a new letter, and nothing goes round in circles", async () => {
    const device = await refusedOver({ n: 0 })
    for (let time = 0; time < 3; time++) {
      const before = await device.letter(), { head } = device.store.status()
      const { version } = await device.store.deadLetters.retry(before)
      assert.deepEqual(await device.store.deadLetters.list(), [])
      const { requests, refused } = await device.cycle().push(NEVER)
      assert.deepEqual([requests, refused], [2, 1], "it is refused, and withheld")
      const after = await device.letter()
      assert.deepEqual([after.version, after.value], [version, before.value])
      assert.notEqual(after.version, before.version)
      assert.equal(device.store.status().head, head + 2, "the answer, and the refusal")
      await device.cycle().pull(NEVER)
      assert.equal((await device.cycle().push(NEVER)).requests, 0)
    }
  })

  it("reaches a remote that has changed its mind", async () => {
    let mood: "strict" | "mild" = "strict"
    const server = strict((operation) => (mood === "strict" ? isBad(operation) : undefined))
    const device = await Device.open("one", [server]), other = await Device.open("two", [server])
    await device.store.records.put("a", bad(1))
    await device.sync()
    mood = "mild"
    await device.sync()
    assert.equal(device.store.status().deadLetters, 1, "it is not sent again by itself")
    await device.store.deadLetters.retry(await device.letter())
    await settle(device, other)
    assert.deepEqual(await other.store.records.get("a"), bad(1))
  })

  it("deletes again what could not be deleted, or writes a value instead", async () => {
    const noDeletes = strict(({ kind }) => (kind === "delete" ? "nothing is deleted here" : undefined))
    for (const change of [undefined, (): Task => ({ n: 5 })]) {
      const device = await Device.open("one", [noDeletes])
      await device.store.records.put("a", { n: 0 })
      await device.sync()
      await device.store.records.delete("a")
      await device.sync()
      const letter = await device.letter()
      assert.deepEqual([letter.deleted, letter.value, letter.unreadable], [true, undefined, undefined])
      const seen: unknown[] = []
      const { version } = await device.store.deadLetters.retry(letter, change && ((value) => (seen.push(value), change())))
      assert.notEqual(version, letter.version)
      assert.deepEqual(seen, change === undefined ? [] : [undefined])
      assert.equal(device.store.status().deadLetters, 0)
      await device.sync()
      assert.deepEqual(await device.store.records.get("a"), change?.())
      assert.equal(device.store.status().deadLetters, change === undefined ? 1 : 0)
    }
  })

  it("covers its letter alone: what others wrote at once stays beside it, and a later write covers all", async () => {
    const server = strict(), device = await Device.open("one", [server]), other = await Device.open("two", [server])
    await device.store.records.put("a", { n: 0 })
    await settle(device, other)
    await other.store.records.put("a", { n: 1 })
    await device.store.records.put("a", bad(2))
    await other.sync()
    await device.sync()
    const retried = device.store.deadLetters.retry(await device.letter(), () => ({ n: 2 }))
    await retried
    assert.deepEqual(await versions(device), [{ n: 1 }, { n: 2 }])
    await settle(device, other)
    assert.deepEqual(await versions(other), [{ n: 1 }, { n: 2 }])
    await device.store.records.put("a", { n: 3 })
    await settle(device, other)
    assert.deepEqual(await versions(other), [{ n: 3 }])
  })

  it("is done before writes that are called in the same turn, which cover what it left open", async () => {
    const server = strict(), device = await Device.open("one", [server]), other = await Device.open("two", [server])
    await other.store.records.put("a", { n: 1 })
    await device.store.records.put("a", bad(2))
    await other.sync()
    await device.sync()
    const letter = await device.letter()
    const calls = [
      device.store.records.put("b", { n: 0 }),
      device.store.deadLetters.retry(letter, () => ({ n: 2 })),
      device.store.records.put("a", { n: 3 }),
    ]
    assert.deepEqual(await device.store.records.get("a"), { n: 3 })
    await Promise.all(calls)
    assert.deepEqual(await versions(device), [{ n: 3 }])
    await settle(device, other)
  })

  it("rejects and stores nothing if `change` throws, is asynchronous, or answers what cannot be stored", async () => {
    const device = await refusedOver({ n: 0 }),
      letter = await device.letter(),
      { head } = device.store.status(),
      { deadLetters } = device.store
    const thrown = new Error("of the user")
    const throwing = (): never => {
      throw thrown
    }
    await assert.rejects(deadLetters.retry(letter, throwing), thrown)
    await assert.rejects(deadLetters.retry(letter, () => Promise.resolve({ n: 1 })), CallbackNotSynchronous)
    for (const value of [undefined, Symbol("s"), () => {}]) await assert.rejects(deadLetters.retry(letter, () => value), InvalidValue)
    await assert.rejects(deadLetters.retry(letter, 5 as never), InvalidOption)
    assert.equal(device.store.status().head, head)
    assert.deepEqual(await device.letter(), letter)
    let given: Task | undefined
    await deadLetters.retry<Task>(letter, (value) => {
      Object.assign(value, { n: 99 })
      given = value
      return { n: 1 }
    })
    assert.equal(given?.n, 99, "a copy of its own")
    assert.deepEqual(letter.value, bad(7))
  })

  it("passes a full queue, as does discard()", async () => {
    const device = await refusedOver({ n: 0 })
    device.store.gates.push({
      admit: () => {
        throw new Error("it is full")
      },
    })
    await assert.rejects(device.store.records.put("b", { n: 1 }))
    await device.store.deadLetters.retry(await device.letter())
    await device.sync()
    await device.store.deadLetters.discard(await device.letter())
    assert.deepEqual(await device.store.records.get("a"), { n: 0 })
  })
})

describe("deadLetters.discard()", () => {
  it("writes again what the letter had replaced", async () => {
    const device = await refusedOver({ n: 1 }), other = await Device.open("two", [strict()])
    const { version } = await device.store.deadLetters.discard(await device.letter())
    assert.deepEqual([await device.store.records.get("a"), await device.store.deadLetters.list()], [{ n: 1 }, []])
    assert.equal((await device.store.records.getEntry("a"))?.version, version)
    await device.sync()
    assert.equal(device.store.status().deadLetters, 0)
    await other.store.close()
  })

  it("deletes a record that was not there before, or that was deleted", async () => {
    const fresh = await refusedOver(undefined)
    await fresh.store.deadLetters.discard(await fresh.letter())
    assert.equal(await fresh.store.records.has("a"), false)
    const device = await Device.open("one", [strict()])
    await device.store.records.put("a", { n: 1 })
    await device.store.records.delete("a")
    await device.store.records.put("a", bad(2))
    await device.sync()
    await device.store.deadLetters.discard(await device.letter())
    assert.equal(await device.store.records.has("a"), false)
    assert.equal(device.store.status().deadLetters, 0)
    await device.sync()
    assert.equal(device.cycle().hasPending, false)
  })

  it("brings back what a refused delete had deleted", async () => {
    const noDeletes = strict(({ kind }) => (kind === "delete" ? "nothing is deleted here" : undefined))
    const device = await Device.open("one", [noDeletes]), other = await Device.open("two", [noDeletes])
    await device.store.records.put("a", { n: 1 })
    await device.sync()
    await device.store.records.delete("a")
    await device.sync()
    await device.store.deadLetters.discard(await device.letter())
    assert.deepEqual(await device.store.records.get("a"), { n: 1 })
    await settle(device, other)
  })

  it("takes no other collection's record of the same key for it", async () => {
    const device = await Device.open("one", [strict()]), side = device.store.collection<Task>("side")
    await side.put("a", { n: 2 })
    await device.store.records.put("a", { n: 1 })
    await device.store.records.put("a", bad(3)) // its context is over the other's number
    await device.sync()
    await device.store.deadLetters.discard(await device.letter())
    assert.deepEqual([await device.store.records.get("a"), await side.get("a")], [{ n: 1 }, { n: 2 }])
    assert.deepEqual(await versions(device), [{ n: 1 }])
  })

  it("passes over dead letters: what those had replaced is written again", async () => {
    const device = await refusedOver({ n: 1 })
    await device.store.records.put("a", bad(8))
    await device.sync()
    await device.store.deadLetters.retry(await device.letter())
    await device.sync()
    await device.store.deadLetters.discard(await device.letter())
    assert.deepEqual(await device.store.records.get("a"), { n: 1 })
  })

  it("finds what came before, in logs of several writers and restarts", async () => {
    const server = strict(), device = await Device.open("one", [server]), other = await Device.open("two", [server])
    for (let n = 1; n <= 4; n++) {
      await (n % 2 === 0 ? other : device).store.records.put("a", { n })
      await settle(device, other)
      await device.reopen()
    }
    await device.store.records.put("a", bad(9))
    await device.sync()
    await device.store.deadLetters.discard(await device.letter())
    assert.deepEqual(await versions(device), [{ n: 4 }])
    await settle(device, other)
  })

  it("chooses what others wrote at once, if it had replaced nothing", async () => {
    const server = strict(), device = await Device.open("one", [server]), other = await Device.open("two", [server])
    await other.store.records.put("a", { n: 1 })
    await device.store.records.put("a", bad(2))
    await other.sync()
    await device.sync()
    await device.store.deadLetters.discard(await device.letter())
    assert.deepEqual(await versions(device), [{ n: 1 }])
    const history = []
    for await (const { isChoice, value } of device.store.records.history("a")) history.push([isChoice, value])
    assert.deepEqual(history.at(-1), [true, { n: 1 }])
    await settle(device, other)
    await other.store.records.put("a", { n: 3 })
    await settle(device, other)
    assert.deepEqual(await versions(device), [{ n: 3 }])
  })

  it("shows what would be shown without it, and keeps open what it had not seen", async () => {
    for (const isLater of [true, false]) {
      const server = strict(), device = await Device.open("one", [server]), other = await Device.open("two", [server])
      other.platform.millis = isLater ? NOON + 50_000 : NOON - 50_000
      await device.store.records.put("a", { n: 0 })
      await other.store.records.put("a", { n: 1 })
      await device.store.records.put("a", bad(2))
      await other.sync()
      await device.sync()
      await device.store.deadLetters.discard(await device.letter())
      assert.deepEqual(await device.store.records.get("a"), { n: isLater ? 1 : 0 })
      assert.deepEqual(await versions(device), isLater ? [{ n: 0 }, { n: 1 }] : [{ n: 1 }, { n: 0 }])
      await settle(device, other)
    }
  })

  it("opens again the conflict that the refused write had ended, in the order of its stamps", async () => {
    for (const isLater of [true, false]) {
      const server = strict(), device = await Device.open("one", [server]), other = await Device.open("two", [server])
      for (const { store } of [device, other]) store.collection("", { strategy: "manual" })
      other.platform.millis = isLater ? NOON + 50_000 : NOON - 50_000
      const expected = isLater ? [{ n: 0 }, { n: 1 }] : [{ n: 1 }, { n: 0 }]
      await device.store.records.put("a", { n: 0 })
      await other.store.records.put("a", { n: 1 })
      await settle(device, other)
      assert.deepEqual(await versions(device), expected)
      await device.store.records.resolve("a", bad(2))
      await device.sync()
      await device.store.deadLetters.discard(await device.letter())
      assert.deepEqual(await versions(device), expected)
      await settle(device, other)
      const [conflict] = await other.store.records.conflicts()
      await other.store.records.resolve("a", conflict!.local)
      await settle(device, other)
      assert.equal((await versions(device)).length, 1)
    }
  })

  it("S9 leaves open what a refused write of a manual conflict had left open", async () => {
    const server = strict(), device = await Device.open("one", [server]), other = await Device.open("two", [server])
    for (const { store } of [device, other]) store.collection("", { strategy: "manual" })
    await other.store.records.put("a", { n: 1 })
    await other.sync()
    device.platform.millis = NOON + 50_000
    await device.store.records.put("a", { n: 0 })
    await settle(device, other)
    await device.store.records.put("a", bad(2)) // goes on from 0, and leaves 1 open
    await device.sync()
    assert.deepEqual(await versions(device), [{ n: 1 }, bad(2)])
    await device.store.deadLetters.discard(await device.letter())
    assert.deepEqual(await versions(device), [{ n: 1 }, { n: 0 }])
    await settle(device, other)
    assert.deepEqual(await versions(other), [{ n: 1 }, { n: 0 }])
  })

  it("leaves another letter of the same record open", async () => {
    const server = strict(), adapter = memoryAdapter(), device = await Device.open("one", [server], adapter)
    const foreign = new ForeignWriter(7, NOON - 1000), { version } = await device.store.records.put("a", { n: 1 })
    await device.store.records.put("a", bad(2))
    await foreign.put("a", bad(3), { context: [dotOf(version)] }).append(
      await adapter.open("tasks", { durability: "none", create: undefined }),
    )
    await device.store.refresh()
    await device.sync()
    const [first, second] = await device.store.deadLetters.list()
    assert.deepEqual([first?.value, second?.value], [bad(3), bad(2)], "in the order of their stamps")
    await device.store.deadLetters.discard(second!)
    assert.deepEqual((await device.letter()).value, bad(3))
    assert.deepEqual(await device.store.records.get("a"), { n: 1 })
    await device.store.deadLetters.discard(first!)
    assert.deepEqual(await versions(device), [{ n: 1 }])
    assert.equal(device.store.status().deadLetters, 0)
  })
})

describe("in a collection of a CRDT type", () => {
  type Words = { add(word: string): void }

  /** A record with words of two devices that were written apart, one of which was refused. */
  async function open(): Promise<readonly [Device, Device]> {
    const server = strict(({ value }) => (Object(value()).words?.includes("rude") ? "no rude words" : undefined))
    const device = await Device.open("one", [server]), other = await Device.open("two", [server])
    const [mine, theirs] = [device, other].map(({ store }) => store.collection("w", { type: words }))
    for (const { store } of [device, other]) await store.collection("w", { type: words }).clear()
    await settle(device, other)
    await mine!.update("a", (editor) => editor.add("kind"))
    await settle(device, other)
    await theirs!.update("a", (editor) => editor.add("good"))
    await mine!.update("a", (editor) => editor.add("rude"))
    await other.sync()
    await device.sync()
    assert.deepEqual(await mine!.get("a"), ["good", "kind", "rude"])
    return [device, other]
  }
  const get = ({ store }: Device): Promise<readonly string[] | undefined> => store.collection("w", { type: words }).get("a")

  it("list() shows the type's view, and retry() hands out its editor", async () => {
    const [device, other] = await open(), letter = await device.letter()
    assert.deepEqual([letter.collection, letter.value], ["w", ["kind", "rude"]])
    await device.store.deadLetters.retry<Words & { state: readonly string[] }>(letter, (editor) => {
      editor.state = editor.state.filter((word) => word !== "rude")
      editor.add("polite")
    })
    assert.deepEqual(await get(device), ["good", "kind", "polite"])
    await settle(device, other)
    assert.deepEqual(await get(other), ["good", "kind", "polite"])
  })

  it("retry() without a change writes the same state", async () => {
    const [device] = await open()
    await device.store.deadLetters.retry(await device.letter())
    assert.deepEqual([device.store.status().deadLetters, await get(device)], [0, ["good", "kind", "rude"]])
    await device.sync()
    assert.deepEqual((await device.letter()).value, ["kind", "rude"])
  })

  it("discard() goes back to the state before, and loses nothing of others", async () => {
    const [device, other] = await open()
    await device.store.deadLetters.discard(await device.letter())
    assert.deepEqual(await get(device), ["good", "kind"])
    await settle(device, other)
    assert.deepEqual(await get(other), ["good", "kind"])
  })

  it("list() says that a handle without the type cannot read it", async () => {
    const [device] = await open()
    await device.reopen()
    assert.match((await device.letter()).unreadable ?? "", /words/)
    await device.store.deadLetters.discard(await device.letter())
    assert.equal(device.store.status().deadLetters, 0)
  })
})

describe("an answer to a dead letter", () => {
  it("rejects with InvalidOption for what is none, and stores nothing", async () => {
    const device = await refusedOver({ n: 0 }), letter = await device.letter(), { deadLetters, records } = device.store
    const { version } = await records.put("b", { n: 1 }), { head } = device.store.status()
    const none: unknown[] = [undefined, null, 5, "a", {}, { ...letter, key: "b" }, { ...letter, collection: "no such" }, {
      ...letter,
      key: 5,
    }]
    none.push({ ...letter, version: "" }, { ...letter, key: "" }, { collection: "", key: "b", version }, { ...letter, version: undefined })
    for (const one of none) {
      await assert.rejects(deadLetters.retry(one as typeof letter), InvalidOption)
      await assert.rejects(deadLetters.discard(one as typeof letter), InvalidOption)
    }
    assert.equal(device.store.status().head, head)
    assert.deepEqual(device.store.status().collections, [""])
    const { collection, key, version: name } = JSON.parse(JSON.stringify(letter))
    await deadLetters.retry({ collection, key, version: name }, () => ({ n: 1 }))
    assert.equal(device.store.status().deadLetters, 0)
  })

  it("gives way to a put and to another answer that were called before it", async () => {
    for (const first of ["put", "retry", "discard"] as const) {
      for (const second of ["retry", "discard"] as const) {
        const device = await refusedOver({ n: 0 }), letter = await device.letter(), { deadLetters, records } = device.store
        const answer = (call: "put" | "retry" | "discard"): Promise<unknown> =>
          call === "put"
            ? records.put("a", { n: 1 })
            : call === "retry"
            ? deadLetters.retry(letter, () => ({ n: 1 }))
            : deadLetters.discard(letter)
        const calls = await Promise.allSettled([answer(first), answer(second)])
        const failed = calls.filter((call) => call.status === "rejected")
        assert.equal(failed.length, 1, `${first}, then ${second}`)
        assert.ok(failed[0]?.reason instanceof InvalidOption)
        assert.equal(device.store.status().deadLetters, 0)
        assert.equal((await versions(device)).length, 1)
      }
    }
  })

  it("is given once by two processes on one log", async () => {
    for (const call of ["retry", "discard"] as const) {
      const device = await refusedOver({ n: 0 }), second = await Device.open("again", [strict()], device.adapter)
      const letters = [await device.letter(), await second.letter()]
      assert.deepEqual(letters[0], letters[1])
      const outcomes = await Promise.allSettled([device, second].map(({ store }) => store.deadLetters[call](letters[0]!)))
      assert.deepEqual(outcomes.map(({ status }) => status).sort(), ["fulfilled", "rejected"])
      for (const one of [device, second]) {
        await one.store.refresh()
        assert.equal(one.store.status().deadLetters, 0)
        assert.equal((await versions(one)).length, 1)
      }
      await assertAlike(device, second)
    }
  })

  it("of another device answers it here as well", async () => {
    for (const call of ["retry", "discard"] as const) {
      const server = strict(), between = strict(() => undefined, "between")
      const author = await Device.open("author", [server, between]), other = await Device.open("other", [between, server])
      await author.store.records.put("a", { n: 1 })
      await settle(author, other)
      await author.store.records.put("a", bad(2))
      await author.sync()
      await other.sync()
      await author.sync()
      const [mine, theirs] = [await author.letter(), await other.letter()]
      assert.equal(mine.version, theirs.version)
      if (call === "retry") await other.store.deadLetters.retry(theirs, ({ n }) => ({ n }))
      else await other.store.deadLetters.discard(theirs)
      await settle(other, author)
      await assert.rejects(author.store.deadLetters.retry(mine), InvalidOption)
      await assert.rejects(author.store.deadLetters.discard(mine), InvalidOption)
      assert.deepEqual(await author.store.records.get("a"), { n: call === "retry" ? 2 : 1 })
    }
  })

  it("by two devices at once are two versions, and all end alike", async () => {
    for (const [left, right] of [["retry", "discard"], ["discard", "discard"], ["retry", "retry"]] as const) {
      const server = strict(), between = strict(() => undefined, "between")
      const author = await Device.open("author", [server, between]), other = await Device.open("other", [between, server])
      await author.store.records.put("a", { n: 1 })
      await settle(author, other)
      await author.store.records.put("a", bad(2))
      await author.sync()
      await other.sync()
      for (const [device, call] of [[author, left], [other, right]] as const) {
        const letter = await device.letter()
        if (call === "retry") await device.store.deadLetters.retry(letter, ({ n }) => ({ n: n + 10 }))
        else await device.store.deadLetters.discard(letter)
      }
      await settle(author, other)
      for (const { store } of [author, other]) assert.equal(store.status().deadLetters, 0)
      assert.deepEqual(await versions(author), await versions(other))
      await author.store.records.put("a", { n: 20 })
      await settle(author, other)
      assert.deepEqual(await versions(other), [{ n: 20 }])
    }
  })
})

describe("deadLetters.subscribe()", () => {
  it("tells of those that are new, in order, and not of those that were there", async () => {
    const device = await refusedOver({ n: 0 }, "old"), heard: string[][] = []
    const stop = device.store.deadLetters.subscribe((letters) => heard.push(letters.map(({ key }) => key)))
    await device.store.records.put("z", bad(1))
    await device.store.records.put("b", bad(2))
    await device.store.records.put("c", { n: 3 })
    assert.deepEqual(heard, [])
    await device.sync()
    assert.deepEqual(heard, [["b", "z"]])
    const letters = await device.store.deadLetters.list()
    await device.store.deadLetters.discard(letters[0]!)
    assert.equal(heard.length, 1)
    await device.store.deadLetters.retry(letters[1]!)
    await device.sync()
    assert.deepEqual(heard, [["b", "z"], ["old"]], "refused again, it is a new one")
    stop()
    await device.store.deadLetters.retry(letters[2]!)
    await device.sync()
    assert.equal(heard.length, 2)
  })

  it("tells every process on a log", async () => {
    const device = await Device.open("one", [strict()]), second = await Device.open("again", [], device.adapter), heard: string[] = []
    second.store.deadLetters.subscribe((letters) => heard.push(...letters.map(({ key }) => key)))
    await device.store.records.put("a", bad(1))
    await device.sync()
    await second.store.refresh()
    assert.deepEqual(heard, ["a"])
  })

  it("lets a listener answer at once, and one that throws disturb nobody", async () => {
    const device = await Device.open("one", [strict()]), { store } = device, answers: Promise<unknown>[] = []
    store.deadLetters.subscribe(() => {
      throw new Error("of a listener")
    })
    store.deadLetters.subscribe(() => Promise.reject(new Error("of an asynchronous one")) as never)
    store.deadLetters.subscribe((letters) => {
      for (const letter of letters) answers.push(store.deadLetters.retry(letter, ({ n }) => ({ n })))
    })
    for (let n = 0; n < 5; n++) await store.records.put(`k${n}`, n % 2 === 0 ? { n } : bad(n))
    await device.sync()
    await Promise.all(answers)
    assert.equal(answers.length, 2)
    await device.sync()
    assert.deepEqual([store.status().deadLetters, device.cycle().hasPending], [0, false])
    assert.deepEqual(device.logger.entries.map(({ message }) => message), [
      "a listener to dead letters threw",
      "a listener to dead letters threw",
    ])
  })

  it("ends when the store is closed, whose last push may be refused", async () => {
    const device = await Device.open("one", [strict()]), { store } = device, cycle = device.cycle(), heard: unknown[] = []
    await cycle.pull(NEVER)
    await store.records.put("a", bad(1))
    store.deadLetters.subscribe((letters) => heard.push(letters))
    let refused = 0
    store.syncedStore.onClose(async () => void (refused = (await cycle.push(NEVER)).refused))
    await store.close()
    assert.deepEqual([refused, heard], [1, []])
    await device.reopen()
    assert.equal((await device.letter()).key, "a")
  })

  it("throws InvalidOption for what is no function", async () => {
    const device = await Device.open("one", [strict()])
    assert.throws(() => device.store.deadLetters.subscribe(5 as never), InvalidOption)
  })
})
