/** The text of examples/yjs-text.ts keeps the laws, and stands what is crafted to cost much. */
import { createStore, enableSync } from "@cuitty/persist"
import { memoryAdapter } from "@cuitty/persist/adapters/memory"
import { crdtCases, crdtSuite, formatReport } from "@cuitty/persist/conformance"
import { allowAnyone, createSyncServer, listen } from "@cuitty/persist/server"
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import * as Y from "yjs"
import { yjsText, type YjsTextEditor, type YjsTextState } from "./yjs-text.ts"

const editText = (editor: YjsTextEditor, random: () => number): void => {
  const { length } = editor.text, at = Math.floor(random() * (length + 1))
  if (random() < 0.3) editor.delete(at, Math.floor(random() * Math.min(5, length - at + 1)))
  else editor.insert(at, ["a", "word ", "😀", "ü", "\n"][Math.floor(random() * 5)] ?? "")
}

const seed = Math.floor(Math.random() * 2 ** 31)
const type = yjsText()
const siteOf = (device: number, seq: number): { writer: string; seq: number; millis: number } => ({
  writer: device.toString(16).padStart(32, "0"),
  seq,
  millis: seq,
})
const edited = (state: YjsTextState, device: number, seq: number, change: (text: YjsTextEditor) => void): YjsTextState => {
  const editor = type.edit(state, siteOf(device, seq))
  change(editor)
  return type.decode(type.encode(editor.state))
}

/** Names of groups of cases: all but what states of thousands of writers cost, which grows with their square in Yjs, and so is bounded instead. */
const GROUPS = ["type", "empty", "join", "edit", "encode", "decode", "view", "replicas"]

/** As Yjs writes it: a long text, and stretches that many clients wrote at one place, each with another end in mind. */
const poison = (clients: number): Uint8Array => {
  const bytes: number[] = []
  const number = (value: number): void => {
    for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push(value % 0x80 + 0x80)
    bytes.push(value)
  }
  const numbers = (...values: readonly number[]): void => values.forEach(number)
  const long = 10_000_000
  numbers(clients + 1, 1, long, 0, 4, 1, 4, ...new TextEncoder().encode("text"), clients + 1)
  bytes.push(...new Array<number>(clients + 1).fill(97))
  for (let client = clients; client > 0; client--) {
    numbers(1, client, 0)
    bytes.push(4 | 0x80 | 0x40)
    numbers(long, 0, long, 1 + client % clients, 1, 98)
  }
  number(0)
  return Uint8Array.from(bytes)
}
const LAST = [1, "0".repeat(32), 1, 1]

describe("yjsText()", () => {
  it(`passes the cases of crdtSuite, seed ${seed}`, async () => {
    const report = await crdtSuite(type, { edit: editText, seed }).run({ only: GROUPS })
    assert.ok(report.conforms && report.warnings === 0 && report.skipped === 0, formatReport(report))
    const left = crdtCases.filter(({ id }) => !GROUPS.includes(id.split("/")[0] ?? "")).map(({ id }) => id)
    assert.deepEqual(left, ["cost/in-proportion"])
  })

  it("T44 refuses an update that would keep Yjs busy, before Yjs sees it", () => {
    assert.equal(type.view(type.decode([poison(100), ...LAST])).length, 201) // few of them are a text like any other
    assert.throws(() => type.decode([poison(4000), ...LAST]), /more than 1000 structs/)
    assert.throws(() => yjsText({ bytesMax: 1000 }).decode([poison(100), ...LAST]), /at most 1000 are allowed/)
  })

  it("T44 refuses an update with anything else than one whole text, and with lengths that nothing stands behind", () => {
    const { update } = edited(type.empty(), 1, 1, (text) => text.insert(0, "ab")), other = new Y.Doc()
    const bytesOf = (change: (doc: Y.Doc) => void): Uint8Array => {
      const doc = new Y.Doc()
      change(doc)
      return Y.encodeStateAsUpdate(doc)
    }
    other.getText("text").insert(0, "abc")
    const beginning = Y.encodeStateVector(other)
    other.getText("text").insert(3, "d")
    const wrong: Readonly<Record<string, readonly [Uint8Array, RegExp]>> = {
      "a map": [bytesOf((doc) => doc.getMap("text").set("a", 1)), /something else than text/],
      "another root": [bytesOf((doc) => doc.getText("other").insert(0, "a")), /another text/],
      "an embed": [bytesOf((doc) => doc.getText("text").insertEmbed(0, { a: 1 })), /something else than text/],
      "a part of a history": [Y.encodeStateAsUpdate(other, beginning), /not whole/],
      "2^53 clients": [Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f), /cut short/],
      "2^53 structs": [Uint8Array.of(1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 0), /cut short/],
      "a deletion of 2^53 characters": [
        Uint8Array.of(1, 1, 1, 0, 1, 1, 4, 116, 101, 120, 116, 255, 255, 255, 255, 255, 255, 255, 15, 0),
        /too large/,
      ],
      "something left over": [Uint8Array.of(...update, 0), /left over/],
    }
    for (const [what, [bytes, message]] of Object.entries(wrong)) assert.throws(() => type.decode([bytes, ...LAST]), message, what)
    assert.equal(type.view(type.decode([update, ...LAST])), "ab")
  })

  it("continues a client in the very next operation of its writer alone", () => {
    const clientsOf = (state: YjsTextState): number => Y.decodeStateVector(Y.encodeStateVectorFromUpdate(state.update)).size
    const first = edited(type.empty(), 1, 5, (text) => text.insert(0, "a"))
    const next = edited(first, 1, 6, (text) => text.insert(1, "b")), late = edited(first, 1, 7, (text) => text.insert(1, "b"))
    const otherDevice = edited(next, 2, 7, (text) => text.insert(2, "c"))
    assert.deepEqual([first, next, late, otherDevice].map(clientsOf), [1, 1, 2, 2])
    const returned = edited(otherDevice, 1, 7, (text) => text.insert(3, "d"))
    assert.deepEqual([clientsOf(returned), type.view(returned)], [3, "abcd"])
  })

  it("loses nothing when a record is deleted and an older state of it comes back", () => {
    const first = edited(type.empty(), 1, 1, (text) => text.insert(0, "one ")),
      second = edited(first, 1, 2, (text) => text.insert(4, "two "))
    const elsewhere = edited(second, 2, 1, (text) => text.insert(8, "elsewhere ")) // has both
    const back = edited(first, 1, 4, (text) => text.insert(4, "after ")) // operation 3 deleted the record; then the first state came back
    const shown = type.view(type.join(back, elsewhere))
    for (const word of ["one", "two", "elsewhere", "after"]) assert.ok(shown.includes(word), shown)
  })

  it("refuses places outside of the text and what is no text, and changes nothing then", () => {
    const editor = type.edit(type.empty(), siteOf(1, 1))
    editor.insert(0, "abc")
    for (const at of [-1, 4, 0.5, NaN]) assert.throws(() => editor.insert(at, "x"), RangeError)
    for (const [at, length] of [[0, 4], [3, 1], [-1, 1], [0, -1], [0, 0.5]] as const) {
      assert.throws(() => editor.delete(at, length), RangeError)
    }
    for (const text of [1, null, "\ud800"] as readonly unknown[]) assert.throws(() => editor.insert(0, text as string), TypeError)
    assert.equal(editor.text, "abc")
  })

  // The head of examples/yjs-text.ts and docs/guides/crdt.md say these numbers.
  it("has a byte for each character of a stretch, and 20 to 40 for each stretch that was written on its own", () => {
    let typed = type.empty(), apart = type.empty()
    const bytesOf = (state: YjsTextState): number => state.update.length
    for (let seq = 1; seq <= 200; seq++) {
      typed = edited(typed, 1, seq, (text) => text.insert(seq - 1, "x"))
      apart = edited(apart, 1, 2 * seq, (text) => text.insert(seq - 1, "x"))
    }
    assert.ok(bytesOf(typed) < 240, `${bytesOf(typed)}`)
    const each = bytesOf(apart) / 200
    assert.ok(each > 20 && each < 40, `${each}`)
  })

  it("is a collection's type: devices that write one text apart both have their way", async () => {
    const listener = await listen(createSyncServer({ storage: memoryAdapter(), authenticate: allowAnyone() }))
    const devices = await Promise.all([1, 2].map(async () => {
      const store = await createStore("notes", { adapter: "memory" })
      const sync = await enableSync(store, { remote: listener.url, interval: 3_600_000, live: false })
      sync.pause()
      return { store, sync, notes: store.collection("notes", { type: yjsText() }) }
    }))
    const [here, there] = devices
    if (here === undefined || there === undefined) return assert.fail("there are two")
    await here.notes.update("note:1", (text) => text.insert(0, "Hello"))
    await here.sync.sync()
    await there.sync.sync()
    await here.notes.update("note:1", (text) => text.insert(5, ", world"))
    await there.notes.update("note:1", (text) => {
      text.delete(0, 1)
      text.insert(0, "J")
    })
    for (const { sync } of [here, there, here]) await sync.sync()
    assert.deepEqual(await Promise.all(devices.map(({ notes }) => notes.get("note:1"))), ["Jello, world", "Jello, world"])
    for (const { store } of devices) await store.close()
    await listener.stop()
  })
})
