/**
 * Map of registers: fields that are set or deleted apart; where one device sets what another deletes, it stays.
 *
 *   state   a causal map (`causal-map.ts`): field → dots, each with the time and the value that were written
 *   set     a new dot in place of those that the field had
 *   view    of each field the value with the greatest (millis, writer, seq); the others stay in the state until the field is set again
 *
 * So each field is a multi-value register (Shapiro et al., "A comprehensive study of Convergent and Commutative Replicated Data Types", 2011,
 * 3.2.2) of which one value is shown: a clock decides what is shown, never what is kept. A value is kept as its bytes, which no caller can change.
 *
 * What was written is encoded as: millis · length in bytes · the value (`kernel/format/msgpack.ts`).
 */
import { InvalidValue } from "../kernel/errors.ts"
import { type ByteReader, ByteWriter } from "../kernel/format/bytes.ts"
import { checkValue, decodeValue, encodeValue } from "../kernel/format/msgpack.ts"
import { compareBytes } from "../kernel/format/utf8.ts"
import { STAMP_MILLIS_MAX } from "../kernel/limits.ts"
import type { CrdtEditor, CrdtSite, CrdtType } from "../kernel/ports/crdt-type.ts"
import { textOf } from "../kernel/text.ts"
import {
  type CausalMap,
  CausalMapEdit,
  type CausalMapKind,
  decodeCausalMap,
  type Dot,
  emptyCausalMap,
  encodeCausalMap,
  joinCausalMaps,
} from "./causal-map.ts"
import { checkText, readText, writeText } from "./state-text.ts"
import { compareText } from "./writer-ids.ts"

/** One write of a field. */
export interface RegisterWrite {
  readonly millis: number
  /** The value, encoded. */
  readonly bytes: Uint8Array
}

/** State of a map of registers. Opaque; never changed once made. */
export type RegisterMapState = CausalMap<string, RegisterWrite>

/** What `update` of a map works on. Methods throw `InvalidValue` for what can be no field or value, and then change nothing. */
export interface RegisterMapEditor<Value> extends CrdtEditor<RegisterMapState> {
  /** Sets a field to a value that can be stored, which is copied. Any well-formed string is a field, but for `__proto__`. */
  set(field: string, value: Value): void
  /** Deletes a field; what is set apart at the same time stays. */
  delete(field: string): void
  /** What the field shows now, as a copy; undefined for one that is not there. */
  get(field: string): Value | undefined
}

/** Type of a map of registers. */
export type RegisterMapType<Value> = CrdtType<Readonly<Record<string, Value>>, RegisterMapEditor<Value>, RegisterMapState>

/** Of an object, that name is no field but a way to everybody's prototype. */
const REFUSED_FIELD = "__proto__"

const compareWritten = (a: RegisterWrite, b: RegisterWrite): number =>
  a.millis - b.millis || compareBytes(a.bytes, 0, a.bytes.length, b.bytes, 0, b.bytes.length)

const KIND: CausalMapKind<string, RegisterWrite> = {
  what: "a map of registers",
  compareKeys: compareText,
  compareWritten,
  writeKey: writeText,
  readKey: (source: ByteReader): string => {
    const field = readText(source)
    return field === REFUSED_FIELD ? source.refuse("a field is called __proto__") : field
  },
  writeWritten: ({ millis, bytes }, target) => {
    target.varint(millis)
    target.varint(bytes.length)
    target.bytes(bytes, 0, bytes.length)
  },
  readWritten: (source: ByteReader): RegisterWrite => {
    const millis = source.varint()
    if (millis > STAMP_MILLIS_MAX) source.refuse("a time is out of range")
    const start = source.skip(source.varint())
    checkValue(source.buffer, start, source.at)
    return { millis, bytes: source.buffer.slice(start, source.at) }
  },
}

/** Nearly always the only one. */
const shownOf = (dots: readonly Dot<RegisterWrite>[]): Dot<RegisterWrite> | undefined => {
  let shown = dots[0]
  // Dots ascend by (writer, seq), so that of equal times the last one is the greatest.
  for (const dot of dots) if (shown === undefined || dot.written.millis >= shown.written.millis) shown = dot
  return shown
}

const valueOf = <Value>(dots: readonly Dot<RegisterWrite>[] | undefined): Value | undefined => {
  const shown = dots === undefined ? undefined : shownOf(dots)
  return shown === undefined ? undefined : decodeValue(shown.written.bytes, 0, shown.written.bytes.length) as Value
}

const view = <Value>(state: RegisterMapState): Readonly<Record<string, Value>> => {
  const shown: Record<string, Value> = {}
  for (const field of [...state.dots.keys()].sort(compareText)) {
    const value = valueOf<Value>(state.dots.get(field))
    if (value !== undefined) shown[field] = value
  }
  return shown
}

const checkField = (field: unknown): string => {
  if (typeof field !== "string") throw new InvalidValue({ path: "", reason: `a field is a string, found ${textOf(field)}` })
  if (field === REFUSED_FIELD) throw new InvalidValue({ path: "", reason: "no field may be called __proto__" })
  return checkText(field, "")
}

class Editor<Value> implements RegisterMapEditor<Value> {
  readonly #edit: CausalMapEdit<string, RegisterWrite>
  readonly #millis: number

  constructor(state: RegisterMapState, site: CrdtSite) {
    this.#edit = new CausalMapEdit(state, site)
    this.#millis = site.millis
  }

  get state(): RegisterMapState {
    return this.#edit.map
  }

  set(field: string, value: Value): void {
    const key = checkField(field), writer = new ByteWriter()
    encodeValue(value, writer, key)
    this.#edit.put(key, { millis: this.#millis, bytes: writer.buffer.slice(0, writer.length) })
  }

  delete(field: string): void {
    this.#edit.remove(checkField(field))
  }

  get(field: string): Value | undefined {
    return valueOf<Value>(this.#edit.at(checkField(field)))
  }
}

/**
 * A map whose fields are registers of their own: `store.collection("profiles", { type: registerMap<string>() })`. Shows a plain object, empty for
 * a record that is not there.
 *
 * Devices that set different fields both have their way; of a field that several set, the latest value is shown, and one that is set while
 * another device deletes it stays. Values of other devices may be of another type than this one expects: `Value` is what the editor takes, not a
 * check of what arrives.
 */
export const registerMap = <Value = unknown>(): RegisterMapType<Value> => ({
  name: "register-map",
  empty: () => emptyCausalMap<string, RegisterWrite>(),
  join: (a, b) => joinCausalMaps(KIND, a, b),
  encode: (state) => encodeCausalMap(KIND, state),
  decode: (value) => decodeCausalMap(KIND, value),
  view,
  edit: (state, site) => new Editor<Value>(state, site),
})
