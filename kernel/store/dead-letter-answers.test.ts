/** Goal: whoever knows what a refused write means answers it, once, in whatever company it is; all devices end alike. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { CallbackNotSynchronous, InvalidOption, InvalidValue, WrongCollectionType } from "../errors.ts"
import type { CrdtType } from "../ports/crdt-type.ts"
import { dotOf, ForeignWriter } from "../testing/foreign-frame.ts"
import {
  assertAlike,
  bad,
  Device,
  isBad,
  NEVER,
  NOON,
  refusedOver,
  settle,
  strict,
  type Task,
  versions,
} from "../testing/refusing-devices.ts"

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

  it("list() says that a handle without the type cannot read it, which may answer it all the same, unless by a change", async () => {
    const [device] = await open()
    await device.reopen()
    const letter = await device.letter()
    assert.match(letter.unreadable ?? "", /words/)
    await assert.rejects(device.store.deadLetters.retry<Words>(letter, (editor) => editor.add("polite")), WrongCollectionType)
    await device.store.deadLetters.retry(letter)
    await device.sync()
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
