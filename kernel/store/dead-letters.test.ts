/** Goal: what a remote refuses stays visible, is told of once, and holds up nothing else. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { CorruptValue, InvalidOption, StoreClosed } from "../errors.ts"
import { ForeignWriter } from "../testing/foreign-frame.ts"
import { assertAlike, bad, Device, isBad, NEVER, NOON, refusedOver, strict, type Task } from "../testing/refusing-devices.ts"
import type { Store } from "./store.ts"

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
