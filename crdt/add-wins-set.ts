/**
 * Add-wins set: elements that are added or deleted apart; where one device adds what another deletes, it stays.
 *
 *   state   a causal map (`causal-map.ts`): element → dots of the operations that added it
 *   add     a new dot in place of those that it had, also for an element that is there already: so a delete that has not seen it gives way
 *   view    the elements, sorted: false, true, numbers, strings by code units
 *
 * An element is encoded as: 0 false · 1 true · 2 and a zigzag, an integer of at most 2^52 - 1 either way · 3 and eight bytes, any other number ·
 * 4, length in bytes and UTF-8, a string. -0 is 0; NaN is no element.
 */
import { InvalidValue } from "../kernel/errors.ts"
import type { ByteReader, ByteWriter } from "../kernel/format/bytes.ts"
import type { CrdtEditor, CrdtSite, CrdtType } from "../kernel/ports/crdt-type.ts"
import { textOf } from "../kernel/text.ts"
import {
  type CausalMap,
  CausalMapEdit,
  type CausalMapKind,
  decodeCausalMap,
  emptyCausalMap,
  encodeCausalMap,
  joinCausalMaps,
} from "./causal-map.ts"
import { compareText } from "./writer-ids.ts"
import { checkText, readText, writeText } from "./state-text.ts"

/** What can be an element. */
export type SetElement = string | number | boolean

/** State of a set. Opaque; never changed once made. */
export type AddWinsSetState = CausalMap<SetElement, null>

/** What `update` of a set works on. Methods throw `InvalidValue` for what can be no element, and then change nothing. */
export interface AddWinsSetEditor<Element extends SetElement> extends CrdtEditor<AddWinsSetState> {
  add(...elements: readonly Element[]): void
  /** Deletes what is there; what is added apart at the same time stays. */
  delete(...elements: readonly Element[]): void
  has(element: Element): boolean
  /** Deletes every element that is there. */
  clear(): void
}

/** Type of a set. */
export type AddWinsSetType<Element extends SetElement> = CrdtType<readonly Element[], AddWinsSetEditor<Element>, AddWinsSetState>

const FALSE = 0, TRUE = 1, INTEGER = 2, NUMBER = 3, STRING = 4
const INTEGER_MAX = 2 ** 52 - 1

const isShortInteger = (value: number): boolean => Number.isInteger(value) && Math.abs(value) <= INTEGER_MAX

const rankOf = (element: SetElement): number => typeof element === "boolean" ? 0 : typeof element === "number" ? 1 : 2

const compareElements = (a: SetElement, b: SetElement): number => {
  if (typeof a === "string" && typeof b === "string") return compareText(a, b)
  return rankOf(a) - rankOf(b) || (a < b ? -1 : a > b ? 1 : 0)
}

const writeElement = (element: SetElement, target: ByteWriter): void => {
  if (typeof element === "boolean") return target.u8(element ? TRUE : FALSE)
  if (typeof element === "string") {
    target.u8(STRING)
    return writeText(element, target)
  }
  if (isShortInteger(element)) {
    target.u8(INTEGER)
    return target.zigzag(element)
  }
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setFloat64(0, element)
  target.u8(NUMBER)
  target.bytes(bytes, 0, 8)
}

const readElement = (source: ByteReader): SetElement => {
  const tag = source.u8()
  if (tag === FALSE || tag === TRUE) return tag === TRUE
  if (tag === STRING) return readText(source)
  if (tag !== INTEGER && tag !== NUMBER) return source.refuse("an element is expected")
  const element = tag === INTEGER ? source.zigzag() : readNumber(source)
  if (Number.isNaN(element) || isShortInteger(element) !== (tag === INTEGER)) source.refuse("a number is not in its only form")
  return element
}

const readNumber = (source: ByteReader): number => {
  const { buffer, byteOffset } = source.buffer, start = source.skip(8)
  return new DataView(buffer, byteOffset + start, 8).getFloat64(0)
}

const KIND: CausalMapKind<SetElement, null> = {
  what: "a set",
  compareKeys: compareElements,
  compareWritten: () => 0,
  writeKey: writeElement,
  readKey: readElement,
  writeWritten: () => undefined,
  readWritten: () => null,
}

/** `element` as it is kept. */
const checkElement = <Element extends SetElement>(element: Element): SetElement => {
  if (typeof element === "boolean") return element
  if (typeof element === "string") return checkText(element, "")
  if (typeof element === "number" && !Number.isNaN(element)) return element === 0 ? 0 : element
  throw new InvalidValue({ path: "", reason: `an element is a string, a number or a boolean, found ${textOf(element)}` })
}

class Editor<Element extends SetElement> implements AddWinsSetEditor<Element> {
  readonly #edit: CausalMapEdit<SetElement, null>

  constructor(state: AddWinsSetState, site: CrdtSite) {
    this.#edit = new CausalMapEdit(state, site)
  }

  get state(): AddWinsSetState {
    return this.#edit.map
  }

  add(...elements: readonly Element[]): void {
    for (const element of elements.map(checkElement)) this.#edit.put(element, null)
  }

  delete(...elements: readonly Element[]): void {
    for (const element of elements.map(checkElement)) this.#edit.remove(element)
  }

  has(element: Element): boolean {
    return this.#edit.at(checkElement(element)) !== undefined
  }

  clear(): void {
    this.#edit.clear()
  }
}

/**
 * A set of strings, numbers and booleans: `store.collection("tags", { type: addWinsSet<string>() })`. Shows a sorted array, empty for a record
 * that is not there.
 *
 * An element that one device adds while another deletes it stays. Elements of other devices may be of another type than this one expects:
 * `Element` is what the editor takes, not a check of what arrives.
 */
export const addWinsSet = <Element extends SetElement = string>(): AddWinsSetType<Element> => ({
  name: "add-wins-set",
  empty: () => emptyCausalMap<SetElement, null>(),
  join: (a, b) => joinCausalMaps(KIND, a, b),
  encode: (state) => encodeCausalMap(KIND, state),
  decode: (value) => decodeCausalMap(KIND, value),
  view: (state) => [...state.dots.keys()].sort(compareElements) as Element[],
  edit: (state, site) => new Editor<Element>(state, site),
})
