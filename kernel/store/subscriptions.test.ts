/** Goal: who is subscribed hears of each frame once, in order; who watches slowly hears of the latest of each key. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { ForeignWriter } from "../testing/foreign-frame.ts"
import { turn } from "../testing/gate.ts"
import { RecordingLogger } from "../testing/recording-logger.ts"
import { hashKey } from "../views/key-table.ts"
import { openStore, type Store } from "./store.ts"
import type { Change } from "./types.ts"

type Shown = readonly [key: string, value: unknown]

const shown = (changes: readonly Change<unknown>[]): Shown[] => changes.map(({ key, value, deleted }) => [key, deleted ? "deleted" : value])

describe("subscribe()", () => {
  it("calls once a frame, in order, with the state after that frame", async () => {
    const store = await openStore("notes", memoryAdapter())
    const frames: Shown[][] = []
    store.records.subscribe({}, (changes) => {
      frames.push(shown(changes))
      for (const { key, value } of changes) assert.equal(store.records.peek(key), value)
    })
    await store.records.put("a", 1)
    await Promise.all([store.records.put("a", 2), store.records.put("b", 1), store.records.put("a", 3)])
    await store.records.batch([{ type: "delete", key: "a" }, { type: "put", key: "c", value: 1 }])
    await store.records.delete("none")
    await Promise.all([store.records.put("d", 1), store.records.delete("d")])
    assert.deepEqual(frames, [[["a", 1]], [["a", 3], ["b", 1]], [["a", "deleted"], ["c", 1]], [["d", "deleted"]]])
  })

  it("tells the version of each change, frozen values, and nothing of other keys, ranges and collections", async () => {
    const store = await openStore("notes", memoryAdapter())
    const calls: string[] = []
    const note = (name: string) => (changes: readonly Change<unknown>[]): void => {
      calls.push(`${name}: ${changes.map(({ key }) => key)}`)
      for (const { value, deleted } of changes) assert.ok(deleted || Object.isFrozen(value))
    }
    store.records.subscribe("user:1", note("key"))
    store.records.subscribe({ prefix: "user:" }, note("prefix"))
    store.records.subscribe({ gt: "user:1", lte: "user:2" }, note("range"))
    store.records.subscribe({}, note("all"))
    store.collection("other").subscribe("user:1", note("other"))
    store.collection("other").subscribe({}, note("all of other"))
    await store.records.putMany([{ key: "user:2", value: {} }, { key: "user:1", value: {} }, { key: "task:1", value: {} }])
    assert.deepEqual(calls.splice(0).sort(), ["all: user:2,user:1,task:1", "key: user:1", "prefix: user:2,user:1", "range: user:2"])
    await store.collection("other").put("user:1", {})
    assert.deepEqual(calls.splice(0).sort(), ["all of other: user:1", "other: user:1"])
    const versions: string[] = []
    store.records.subscribe("v", ([change]) => versions.push(change!.version))
    const written = [await store.records.put("v", 1), await store.records.put("v", 2)]
    assert.deepEqual(versions, written.map(({ version }) => version))
  })

  it("tells keys of the same hash apart, and the same key in two collections", async () => {
    const store = await openStore("notes", memoryAdapter()), keys = ["task:58444", "task:117274"] as const
    const bytes = keys.map((key) => new TextEncoder().encode(key))
    const hashes = bytes.map((key) => hashKey(key, 0, key.length, 0, 0))
    assert.equal(hashes[0], hashes[1])
    const calls: Shown[][] = []
    const end = store.records.subscribe(keys[0], (changes) => calls.push(shown(changes)))
    store.records.subscribe(keys[1], (changes) => calls.push(shown(changes)))
    await store.records.putMany([{ key: keys[0], value: 1 }, { key: keys[1], value: 2 }, { key: "other", value: 3 }])
    await store.collection("others").put(keys[0], 4)
    end()
    await store.records.putMany(keys.map((key) => ({ key, value: 5 })))
    assert.deepEqual(calls, [[[keys[0], 1]], [[keys[1], 2]], [[keys[1], 5]]])
  })

  it("is called before the write's promise resolves, and not any more once it was ended", async () => {
    const store = await openStore("notes", memoryAdapter())
    const order: string[] = []
    const end = store.records.subscribe("a", () => order.push("told"))
    await store.records.put("a", 1).then(() => order.push("resolved"))
    end()
    end()
    await store.records.put("a", 2)
    assert.deepEqual(order, ["told", "resolved"])
  })

  it("ending a subscription twice leaves a later one to the same key alone", async () => {
    const store = await openStore("notes", memoryAdapter())
    let told = 0
    const end = store.records.subscribe("a", () => {})
    end()
    store.records.subscribe("a", () => told++)
    end()
    await store.records.put("a", 1)
    assert.equal(told, 1)
  })

  it("a callback that ends another one's subscription, or closes the store, ends it at once", async () => {
    const store = await openStore("notes", memoryAdapter())
    let calls = 0
    const ends: (() => void)[] = []
    for (let index = 0; index < 3; index++) {
      ends.push(store.records.subscribe(index === 1 ? {} : "a", () => {
        calls++
        for (const end of ends) end()
      }))
    }
    await store.records.put("a", 1)
    assert.equal(calls, 1)
    let closed: Promise<void> | undefined, told = 0
    for (let index = 0; index < 2; index++) {
      store.records.subscribe("a", () => {
        told++
        closed = store.close()
      })
    }
    await store.records.put("a", 2)
    await closed
    assert.equal(told, 1)
  })

  it("a callback that throws is told to the logger, and stops nobody else", async () => {
    const logger = new RecordingLogger()
    const store = await openStore("notes", memoryAdapter(), { logger })
    const heard: string[] = []
    store.records.subscribe("secret key", () => {
      throw new Error("secret value")
    })
    store.records.subscribe("secret key", () => {
      throw "secret value"
    })
    store.records.subscribe("secret key", () => heard.push("second"))
    await store.records.put("secret key", "secret value")
    await store.records.put("secret key", "secret value")
    assert.deepEqual(heard, ["second", "second"])
    assert.equal(logger.entries.length, 4)
    assert.doesNotMatch(logger.text, /secret/)
  })

  it("an asynchronous callback that rejects is told to the logger, too", async () => {
    const logger = new RecordingLogger()
    const store = await openStore("notes", memoryAdapter(), { logger })
    store.records.subscribe("a", async () => await Promise.reject(new Error("thrown late")))
    await store.records.put("a", 1)
    await turn()
    assert.equal(logger.entries.length, 1)
  })

  it("a key that is no text, in a log that was tampered with, does not keep others from being told", async () => {
    for (const query of ["fine", {}]) {
      const adapter = memoryAdapter(), store = await openStore("notes", adapter), told: unknown[] = []
      store.records.subscribe(query, (changes) => told.push(...changes.map(({ key }) => key)))
      const storage = await adapter.open("notes", { durability: "none", create: true })
      await new ForeignWriter(7).put("spoilt", 1).put("fine", 1).append(storage, (_, keys) => keys.fill(0xff, 0, 6))
      await store.refresh()
      await store.records.put("fine", 2)
      assert.equal(store.status().state, "open")
      assert.deepEqual(told, ["fine", "fine"])
    }
  })

  it("a logger that throws harms nobody", async () => {
    const fail = (): never => {
      throw new Error("the disk of the log is full")
    }
    const store = await openStore("notes", memoryAdapter(), { logger: { warn: fail, error: fail } })
    store.records.subscribe("a", fail)
    await store.records.put("a", 1)
    await store.records.put("a", 2)
    assert.equal(await store.records.get("a"), 2)
    await store.close()
  })

  it("a callback may write; its write is a frame of its own", async () => {
    const store = await openStore("notes", memoryAdapter())
    const inner: Promise<unknown>[] = []
    store.records.subscribe("a", ([change]) => inner.push(store.records.put("copy", change!.value)))
    await store.records.put("a", 1)
    await Promise.all(inner)
    assert.equal(await store.records.get("copy"), 1)
    assert.equal(store.status().head, 2)
  })

  it("hears what another handle wrote, soon after and without a call", async () => {
    const adapter = memoryAdapter()
    const [left, right] = [await openStore("notes", adapter), await openStore("notes", adapter)]
    const heard = new Promise<readonly Change<unknown>[]>((resolve) => right.records.subscribe("a", resolve))
    await left.records.put("a", 1)
    assert.deepEqual(shown(await heard), [["a", 1]])
    assert.equal(right.records.peek("a"), 1)
  })
})

describe("openStore()", () => {
  it("misses nothing that another handle writes while it opens, whatever the moment", async () => {
    for (let moment = 0; moment < 30; moment++) {
      const adapter = memoryAdapter(), other = await openStore("notes", adapter)
      await other.records.put("a", 1)
      const opening = openStore("notes", adapter)
      for (let step = 0; step < moment; step++) await Promise.resolve()
      const written = other.records.put("a", 2), store = await opening
      await written
      await turn()
      assert.equal(store.records.peek("a"), 2, `at moment ${moment}`)
    }
  })
})

describe("watch()", () => {
  const nextOf = async (changes: AsyncIterator<readonly Change<unknown>[]>): Promise<Shown[]> => {
    const { value, done } = await changes.next()
    return done === true ? [["end", undefined]] : shown(value)
  }

  it("gives a slow consumer the latest change of each key, the latest last", async () => {
    const store = await openStore("notes", memoryAdapter())
    const changes = store.records.watch({})[Symbol.asyncIterator]()
    const first = nextOf(changes)
    await store.records.put("a", 1)
    assert.deepEqual(await first, [["a", 1]])
    for (let index = 0; index < 50; index++) await store.records.put(`key ${index % 3}`, index)
    await store.records.delete("a")
    await store.records.put("key 0", "last")
    assert.deepEqual(await nextOf(changes), [["key 2", 47], ["key 1", 49], ["a", "deleted"], ["key 0", "last"]])
    const waiting = nextOf(changes)
    await store.records.put("b", 1)
    assert.deepEqual(await waiting, [["b", 1]])
  })

  it("ends when the store is closed, also while it waits", async () => {
    const store = await openStore("notes", memoryAdapter())
    const ended = (async () => {
      for await (const _ of store.records.watch("a")) assert.fail("nothing was written")
    })()
    await turn()
    await store.close()
    await ended
  })

  it("ends with the signal's reason, also while it waits", async () => {
    const store = await openStore("notes", memoryAdapter()), reason = new Error("enough")
    const controller = new AbortController()
    const read = async (signal: AbortSignal): Promise<void> => {
      for await (const _ of store.records.watch("a", { signal })) assert.fail("nothing was written")
    }
    const ended = read(controller.signal)
    await turn()
    controller.abort(reason)
    await assert.rejects(ended, reason)
    await assert.rejects(read(AbortSignal.abort(reason)), reason)
  })

  it("can be left by break or return(), and then hears nothing and holds nothing", async () => {
    const store = await openStore("notes", memoryAdapter())
    const left = (async () => {
      for await (const changes of store.records.watch("a")) return shown(changes)
    })()
    await turn()
    await store.records.put("a", 1)
    assert.deepEqual(await left, [["a", 1]])
    const waiting = store.records.watch("a")[Symbol.asyncIterator]()
    const next = waiting.next()
    await turn()
    const returned = waiting.return!()
    await store.records.put("a", 2)
    await Promise.all([next, returned])
    assert.equal((await waiting.next()).done, true)
  })

  it("return() ends a next() that waits, without a change", async () => {
    const store = await openStore("notes", memoryAdapter())
    const changes = store.records.watch("a")[Symbol.asyncIterator]()
    const next = changes.next()
    await turn()
    assert.equal((await changes.return!()).done, true)
    assert.equal((await next).done, true)
  })

  it("two consumers of one iterable each hear everything", async () => {
    const store: Store = await openStore("notes", memoryAdapter())
    const consume = async (): Promise<Shown[]> => {
      for await (const changes of store.records.watch({})) return shown(changes)
      return []
    }
    const both = [consume(), consume()]
    await turn()
    await store.records.put("a", 1)
    assert.deepEqual(await Promise.all(both), [[["a", 1]], [["a", 1]]])
  })
})
