/**
 * Goal: text from outside cannot forge a line of a log, change a terminal or turn a reading direction, and values are told to nobody.
 * Method: a canary of every kind of harmful character, in every name and message that comes from outside.
 */
import assert from "node:assert/strict"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { createStore, deleteStore, listStores } from "../../mod.ts"
import * as errors from "../errors.ts"
import { openStore } from "../store/store.ts"
import { failAfter, failBefore, faultyAdapter } from "../testing/faulty-storage.ts"
import { ForeignWriter } from "../testing/foreign-frame.ts"
import { turn } from "../testing/gate.ts"
import { TestPlatform } from "../testing/platform.ts"
import { RecordingLogger } from "../testing/recording-logger.ts"
import { printable, quote } from "../text.ts"

/** Escape codes, line ends of every kind, bidirectional and invisible controls, a tag character, half a surrogate pair, quotes. */
const CANARY =
  "x\u001b[31m\u009b2J\r\n\u0000\u0007\u0008\u007f\u0085\u2028\u2029\u061c\u200b\u200e\u200f\u202a\u202e\u2066\u2069\u2060\ufeff\u00ad\u{e0041}\ud800\"\\'`y"
/** The same without what no name may have. */
const NAME = CANARY.replace("\ud800", "").replace("\u0000", "")
/** The tests' own line ends are none of a message's. */
const HARMFUL = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u
const SECRET = "payload 4711"

const assertHarmless = (text: string, from: string): void => {
  assert.doesNotMatch(text, HARMFUL, `${from}: ${JSON.stringify(text)}`)
  assert.doesNotMatch(text, /payload/, from)
}

/** Every text that an error says to people. */
const assertHarmlessError = (error: unknown): true => {
  assert.ok(error instanceof errors.PersistError, String(error))
  assertHarmless(error.message, error.code)
  assertHarmless(error.hint!, error.code)
  assertHarmless(error.name, error.code)
  assertHarmless(error.code, error.code)
  return true
}

describe("text from outside", () => {
  it("T78 is escaped in the message of every error, whatever its details are", () => {
    const anything = {
      ...{ position: 1, head: 0, after: 0, base: 1, bytes: 1, bytesMax: 1, operations: 1, operationsMax: 1, neededBytes: 1, byteOffset: 1 },
      ...{ at: 1, index: 1, waitedMillis: 1, known: 1, found: CANARY, what: CANARY, reason: CANARY, location: CANARY, call: CANARY },
      ...{ store: CANARY, stores: [CANARY], holder: CANARY, adapter: CANARY, tried: [CANARY], levels: [CANARY], durability: CANARY },
      ...{ key: CANARY, path: CANARY, option: CANARY, expected: CANARY, name: CANARY, callback: "a callback", collection: CANARY },
      ...{
        remote: CANARY,
        remoteCode: CANARY,
        retry: "never",
        min: 1,
        max: 1,
        ours: 1,
        queueBytes: 1,
        queueBytesMax: 1,
        requestId: CANARY,
        missing: [CANARY],
        confirmed: [CANARY],
        refusedCode: CANARY,
      },
    }
    let classes = 0
    for (const [name, Class] of Object.entries(errors)) {
      if (name === "PersistError") continue
      const details = name === "UnknownAdapter"
        ? { ...anything, known: [CANARY] }
        : name === "VersionMismatch" || name === "FormatTooNew"
        ? { ...anything, found: 1 }
        : anything
      assertHarmlessError(new (Class as unknown as new (details: object) => errors.PersistError)(details))
      classes++
    }
    assert.ok(classes > 30)
  })

  it("T78 is escaped in what a store rejects with, and values are in none of it", async () => {
    const adapter = faultyAdapter(memoryAdapter())
    const store = await createStore(NAME, { adapter })
    const records = store.collection(NAME)
    await records.put(NAME, SECRET)
    const calls: readonly (() => Promise<unknown>)[] = [
      () => records.put(CANARY, SECRET),
      () => records.put(NAME, { [NAME]: new Map([[SECRET, SECRET]]) }),
      () => records.put(NAME, { [NAME]: () => SECRET }),
      () => records.put(NAME, { secret: `${SECRET}\ud800` }),
      () => records.put(NAME, { [`${NAME}\ud800`]: 1 }),
      () => records.put(NAME, new (class Payload {})()),
      () => records.put(NAME, SECRET.padEnd(1_048_577)),
      () => records.put(NAME, SECRET, { ifVersion: CANARY }),
      () => records.put(NAME, SECRET, { [CANARY]: 1 } as object),
      () => records.update(NAME, () => undefined),
      () => records.batch([{ type: CANARY as "put", key: NAME, value: SECRET }]),
      async () => store.collection(CANARY),
      async () => records.subscribe({ gt: CANARY }, () => {}),
      () => records.count({ prefix: CANARY }),
      () => createStore(CANARY, { adapter }),
      () => createStore(NAME, { adapter: CANARY as "file" }),
      () => createStore(NAME, { adapter, durability: CANARY as "full" }),
      () => createStore(NAME, { adapter, label: CANARY }),
      () => createStore("missing\n", { adapter, create: false }),
      () => createStore(NAME, { adapter, [CANARY]: SECRET } as object),
      () => deleteStore(NAME, { adapter }),
    ]
    for (const call of calls) await assert.rejects(call, assertHarmlessError, String(call))
    for (const thrown of [new Error(CANARY), CANARY, new TypeError(CANARY)]) {
      adapter.last.next("head", failBefore(thrown))
      await assert.rejects(store.refresh(), assertHarmlessError)
      const odd = { ...memoryAdapter(), name: CANARY, open: failBefore(thrown), list: failBefore(thrown), destroy: failBefore(thrown) }
      await assert.rejects(createStore(NAME, { adapter: odd }), assertHarmlessError)
      await assert.rejects(listStores({ adapter: odd }), assertHarmlessError)
      await assert.rejects(deleteStore(NAME, { adapter: odd }), assertHarmlessError)
    }
    adapter.last.next("flush", failBefore(new Error(CANARY)))
    await assert.rejects(store.flush(), assertHarmlessError)
    await assert.rejects(records.put(NAME, SECRET), assertHarmlessError)
    await store.close()
    await assert.rejects(records.get(NAME), assertHarmlessError)
  })

  it("T78 is escaped where it is part of a path on disk", async () => {
    const folder = await mkdtemp(join(tmpdir(), "persist-text-"))
    try {
      const odd = NAME.replace("\u0000", "").replaceAll("/", "")
      for (const adapter of ["sqlite", "file"] as const) {
        const missing = join(folder, odd, odd, odd)
        await assert.rejects(createStore(odd, { adapter, path: missing }), assertHarmlessError)
        await assert.rejects(createStore(odd, { adapter, path: join(folder, `${adapter} ${odd}`), create: false }), assertHarmlessError)
        await assert.rejects(createStore(CANARY, { adapter, path: folder }), assertHarmlessError)
        await assert.rejects(createStore("notes", { adapter, path: `${folder}/${CANARY}` }), assertHarmlessError)
      }
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  // Every call of the logger that the kernel has: constant messages, escaped details.
  it("T78 a logger gets constant messages and escaped details, and neither keys nor values", async () => {
    const logger = new RecordingLogger(), platform = new TestPlatform()
    platform.stepMillis = 2000
    const memory = memoryAdapter()
    const adapter = faultyAdapter(memory, { capabilities: { levels: ["normal"], durable: true, watch: true } })
    const open = (): ReturnType<typeof openStore> => openStore(NAME, adapter, { logger, platform, label: NAME })
    let store = await open()
    await store.records.put(NAME, SECRET)
    for (const thrown of [new Error(CANARY), CANARY, new errors.StorageFailed({ location: CANARY, call: CANARY, reason: CANARY })]) {
      const end = store.records.subscribe({}, () => {
        throw thrown
      })
      await store.records.put(NAME, SECRET)
      end()
      adapter.last.next("head", failBefore(thrown))
      const other = await openStore(NAME, memory)
      await other.records.put(`${NAME} other`, SECRET)
      await other.close()
      await turn()
    }
    adapter.last.next("flush", failBefore(new errors.StoreBusy({ store: CANARY, waitedMillis: 1 })))
    await assert.rejects(store.flush())
    await store.refresh()
    adapter.last.next("append", failAfter(new Error(CANARY)))
    adapter.last.always("read", failBefore(new Error(CANARY)))
    await assert.rejects(store.records.put(NAME, SECRET), assertHarmlessError)
    adapter.last.always("read", undefined)
    await store.refresh()
    adapter.last.next("head", () => 0)
    await store.refresh()
    const end = store.records.subscribe({}, () => {})
    await new ForeignWriter(7).put(`${NAME} foreign`, SECRET).append(adapter.last, (values) => values.fill(0xc1))
    await store.refresh()
    end()
    adapter.last.next("flush", failBefore(new Error(CANARY)))
    await assert.rejects(store.flush())
    await store.close()
    const damaged = faultyAdapter(memory, {
      prepare: (storage) => {
        const position = 2, reason = CANARY
        Object.assign(storage, {
          opened: { created: false, location: CANARY, recovery: { kind: "prefix_only", position, reason, bytes: 0 } },
        })
      },
    })
    store = await openStore(NAME, damaged, { logger, readPrefix: true })
    await assert.rejects(store.records.put(NAME, SECRET), assertHarmlessError)
    await store.close()
    const broken = faultyAdapter(memory, {
      prepare: (storage) => {
        storage.always("read", failBefore(new Error(CANARY)))
        storage.always("close", failBefore(new Error(CANARY)))
      },
    })
    await assert.rejects(openStore(NAME, broken, { logger }), assertHarmlessError)

    const messages = new Set(logger.entries.map(({ message }) => message))
    assert.deepEqual([...messages].sort(), [
      "a changed record cannot be read",
      "a flush failed",
      "a refresh failed",
      "a store that could not be opened could not be closed either",
      "a subscriber threw",
      "opening found damage",
      "the log was replaced by another copy and is folded anew",
      "the outcome of an append is not known",
      "the store takes no more writes until it is opened again",
    ])
    for (const { message, details } of logger.entries) {
      const { store } = details as { readonly store: string }
      assert.equal(store, printable(NAME), message)
      for (const [name, value] of Object.entries(details!)) {
        assert.match(typeof value, /^(string|number)$/, message)
        assertHarmless(String(value), `${message}: ${name}`)
      }
    }
  })

  it("quote() and printable() escape what is harmful and leave other text alone", () => {
    assertHarmless(quote(CANARY), "quote")
    assertHarmless(printable(CANARY), "printable")
    for (const text of ["notes", "Größe", "日本語", "naïve café", "😀 emoji", "a b", "العربية", "C:/x"]) {
      assert.equal(printable(text), text)
      assert.equal(quote(text), `"${text}"`)
    }
    assert.equal(quote('a"b\\c\n\u{e0041}'), '"a\\u0022b\\u005cc\\u000a\\u{e0041}"')
    assert.equal(printable('a"b\\c\n'), 'a"b\\c\\u000a')
    assert.equal(quote("x".repeat(100)), `"${"x".repeat(80)}…"`)
    assert.equal(quote("😀".repeat(2), 3), '"😀\\ud83d…"')
  })
})
