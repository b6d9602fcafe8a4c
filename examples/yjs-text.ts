/**
 * Text that several write at once, kept by Yjs (https://yjs.dev) and synced by a store:
 *
 *   const notes = store.collection("notes", { type: yjsText() })
 *   await notes.update("note:1", (text) => text.insert(0, "Hello"))
 *   await notes.get("note:1") // "Hello"
 *
 * A state is the whole history of one `Y.Text`, as the update that Yjs makes of it, and who edited it last. Yjs names what is inserted by a client
 * and a clock, and two texts under one name break it for ever. So a client is one operation's (writer, seq), and is continued only by the very
 * next operation of that writer, which cannot have forgotten anything of it; all others take a new one. Editing one text a stretch at a time is
 * therefore small, and editing several in turn costs 20 to 40 bytes an update.
 */
import type { CrdtEditor, CrdtSite, CrdtType } from "@cuitty/persist/crdt"
import * as Y from "yjs"
import { checkUpdate } from "./yjs-text/update-check.ts"

/** The name of the root in each document. */
const ROOT = "text"
const WRITER_DIGITS = 32

/** The last edit in a state: the only client that may be continued. */
interface LastEdit {
  readonly client: number
  readonly writer: string
  readonly seq: number
  readonly millis: number
}

/** State of a text. Opaque; never changed once made. */
export interface YjsTextState {
  readonly update: Uint8Array
  readonly last: LastEdit | undefined
}

/** What `update` of a text works on. Places and lengths are counted in UTF-16 units, as those of strings are. */
export interface YjsTextEditor extends CrdtEditor<YjsTextState> {
  /** The text as it is now. */
  readonly text: string
  /** Inserts `text` before the character at `at`. Throws `RangeError` for a place outside of the text, `TypeError` for what is no text. */
  insert(at: number, text: string): void
  /** Deletes `length` units from `at` on. Throws `RangeError` for what is outside of the text. */
  delete(at: number, length: number): void
}

/** Bounds of a text: states above them are refused, and edits that would make one. */
export interface YjsTextOptions {
  /** Bytes of a state. Default 256 KiB. */
  readonly bytesMax?: number
  /**
   * Stretches that were written or deleted on their own. Default 1,000. Yjs takes time that grows with the square of what was written apart at one
   * place, and somebody can write so on purpose: a thousand cost half a second at worst, four thousand twelve.
   */
  readonly structsMax?: number
}

const load = (...updates: readonly Uint8Array[]): Y.Doc => {
  const doc = new Y.Doc()
  for (const update of updates) Y.applyUpdate(doc, update)
  if (doc.store.pendingStructs !== null || doc.store.pendingDs !== null) throw new TypeError("a text is not whole")
  return doc
}

/** 53 bits of a writer and a number (cyrb53, by bryc, public domain): the writer's 16 random bytes make them different. */
const clientOf = ({ writer, seq }: CrdtSite): number => {
  let high = 0xdeadbeef, low = 0x41c6ce57
  for (const character of `${writer}-${seq}`) {
    high = Math.imul(high ^ character.charCodeAt(0), 0x9e3779b1)
    low = Math.imul(low ^ character.charCodeAt(0), 0x5f356495)
  }
  high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35)
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35)
  return (low & 0x1f_ffff) * 2 ** 32 + (high >>> 0)
}

const compareText = (a: string, b: string): number => a < b ? -1 : a > b ? 1 : 0

const later = (a: LastEdit | undefined, b: LastEdit | undefined): LastEdit | undefined => {
  if (a === undefined || b === undefined) return a ?? b
  return (a.millis - b.millis || compareText(a.writer, b.writer) || a.seq - b.seq || a.client - b.client) >= 0 ? a : b
}

const EMPTY: YjsTextState = { update: Y.encodeStateAsUpdate(new Y.Doc()), last: undefined }

const join = (a: YjsTextState, b: YjsTextState): YjsTextState => ({
  update: a.last === undefined ? b.update : b.last === undefined ? a.update : Y.encodeStateAsUpdate(load(a.update, b.update)),
  last: later(a.last, b.last),
})

const readLast = (value: readonly unknown[]): LastEdit => {
  const [client, writer, seq, millis] = value
  const areNumbers = [client, seq, millis].every((one) => typeof one === "number" && Number.isSafeInteger(one) && one >= 0)
  if (value.length !== 4 || !areNumbers || typeof writer !== "string" || !/^[0-9a-f]*$/.test(writer) || writer.length !== WRITER_DIGITS) {
    throw new TypeError("the last edit of a text has a client, a writer, a number and a time")
  }
  return { client: Number(client), writer, seq: Number(seq), millis: Number(millis) }
}

class Editor implements YjsTextEditor {
  readonly #before: YjsTextState
  readonly #site: CrdtSite
  readonly #check: (update: Uint8Array) => void
  #doc: Y.Doc | undefined

  constructor(before: YjsTextState, site: CrdtSite, check: (update: Uint8Array) => void) {
    this.#before = before
    this.#site = site
    this.#check = check
  }

  get state(): YjsTextState {
    const doc = this.#doc, { last } = this.#before, { writer, seq, millis } = this.#site
    if (doc === undefined) return this.#before
    const update = Y.encodeStateAsUpdate(doc)
    this.#check(update)
    return { update, last: later(last, { client: doc.clientID, writer, seq, millis }) }
  }

  get text(): string {
    return this.#text().toString()
  }

  insert(at: number, text: string): void {
    if (typeof text !== "string" || /\p{Surrogate}/u.test(text)) throw new TypeError("insert takes a well-formed string")
    this.#checkRange(at, 0)
    if (text !== "") this.#text().insert(at, text)
  }

  delete(at: number, length: number): void {
    this.#checkRange(at, length)
    if (length > 0) this.#text().delete(at, length)
  }

  #checkRange(at: number, length: number): void {
    const end = this.#text().length
    if (!Number.isInteger(at) || !Number.isInteger(length) || at < 0 || length < 0 || at + length > end) {
      throw new RangeError(`${length} units at ${at} are not in a text of ${end}`)
    }
  }

  #text(): Y.Text {
    this.#doc ??= this.#open()
    return this.#doc.getText(ROOT)
  }

  #open(): Y.Doc {
    const doc = load(this.#before.update), { last } = this.#before, { writer, seq } = this.#site
    doc.clientID = last?.writer === writer && last.seq === seq - 1 ? last.client : clientOf(this.#site)
    return doc
  }
}

/** Type of a text: `store.collection("notes", { type: yjsText() })`. Shows a string, "" for a record that is not there. */
export const yjsText = (options: YjsTextOptions = {}): CrdtType<string, YjsTextEditor, YjsTextState> => {
  const { bytesMax = 262_144, structsMax = 1000 } = options
  const check = (update: Uint8Array): void => {
    if (update.length > bytesMax) throw new RangeError(`a text has ${update.length} bytes of history, at most ${bytesMax} are allowed`)
    checkUpdate(update, ROOT, structsMax)
  }
  return {
    name: "yjs-text",
    empty: () => EMPTY,
    join,
    encode: ({ update, last }) => last === undefined ? [update] : [update, last.client, last.writer, last.seq, last.millis],
    decode: (value) => {
      const [update, ...rest]: readonly unknown[] = Array.isArray(value) ? value : []
      if (!(update instanceof Uint8Array)) throw new TypeError("a text begins with its history")
      check(update)
      const state = { update: Y.encodeStateAsUpdate(load(update)), last: rest.length === 0 ? undefined : readLast(rest) }
      if (state.last === undefined && state.update.length > EMPTY.update.length) {
        throw new TypeError("a text that somebody wrote has a last edit")
      }
      return state
    },
    view: ({ update }) => load(update).getText(ROOT).toString(),
    edit: (state, site) => new Editor(state, site, check),
  }
}
