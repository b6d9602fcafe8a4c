/**
 * Counter: increments and decrements that are made apart all count.
 *
 *   state   entries (writer, start) → { seq, value }: what that writer added since the operation `start` made the entry, up to `seq`
 *   join    every entry of either; of one that both have, that with the greater seq
 *   view    the sum of the values
 *
 * A PN-counter (Shapiro et al., "A comprehensive study of Convergent and Commutative Replicated Data Types", 2011, 3.1.3) whose entries are
 * named by a dot, not by the writer: after a delete of the record a writer begins anew while an older state of it survives at another device,
 * and under one name the smaller sum would be lost in the larger one. Only its writer ever changes an entry, so the greater seq knows more, and
 * one sum does where both ways would need two. That of an entry's two states the later one counts, not the larger, matters when the record is
 * deleted between them: no increment is ever gone unless a delete had seen it.
 *
 * Encoded, after the writers (`writer-ids.ts`): for each writer its entries, ascending: start, 2 · (seq - start) + (1 if another one of this
 * writer follows), value as zigzag.
 */
import { InvalidValue } from "../kernel/errors.ts"
import type { ByteReader, ByteWriter } from "../kernel/format/bytes.ts"
import type { CrdtEditor, CrdtSite, CrdtType } from "../kernel/ports/crdt-type.ts"
import { textOf } from "../kernel/text.ts"
import { checkedSeq, decodeState, encodeState } from "./state-bytes.ts"
import { compareText, readWriterIds, writeWriterIds } from "./writer-ids.ts"

/** The most that the increments of one writer add up to, either way; what all writers added may be more. */
export const COUNTER_ENTRY_MAX: number = 2 ** 52 - 1

/** What one writer added to a counter from the operation `start` to the operation `seq`. */
export interface CounterEntry {
  readonly start: number
  readonly seq: number
  readonly value: number
}

/** State of a counter: of each writer its entries, ascending. Opaque; never changed once made. */
export interface CounterState {
  readonly entries: ReadonlyMap<string, readonly CounterEntry[]>
}

/** What `update` of a counter works on. */
export interface CounterEditor extends CrdtEditor<CounterState> {
  /** What the counter shows now. */
  readonly value: number
  /** Adds a whole number, 1 unless told. Throws `InvalidValue` for anything else, and where a writer's sum leaves ±{@link COUNTER_ENTRY_MAX}. */
  increment(by?: number): void
  /** Takes away a whole number, 1 unless told; throws as `increment` does. */
  decrement(by?: number): void
}

/** Type of a counter. */
export type CounterType = CrdtType<number, CounterEditor, CounterState>

const NO_ENTRIES: readonly CounterEntry[] = []

/** Of two states of one entry the later one; the larger where forgers gave both the same seq, so that the order of joins does not matter. */
const later = (a: CounterEntry, b: CounterEntry): CounterEntry => a.seq > b.seq || (a.seq === b.seq && a.value >= b.value) ? a : b

const joinEntries = (a: readonly CounterEntry[], b: readonly CounterEntry[]): readonly CounterEntry[] => {
  const joined: CounterEntry[] = []
  let i = 0, j = 0
  while (i < a.length && j < b.length) {
    const left = a[i]!, right = b[j]!
    if (left.start <= right.start) i++
    if (right.start <= left.start) j++
    joined.push(left.start < right.start ? left : right.start < left.start ? right : later(left, right))
  }
  while (i < a.length) joined.push(a[i++]!)
  while (j < b.length) joined.push(b[j++]!)
  return joined
}

const join = (a: CounterState, b: CounterState): CounterState => {
  const entries = new Map(a.entries)
  for (const [writer, theirs] of b.entries) entries.set(writer, joinEntries(entries.get(writer) ?? NO_ENTRIES, theirs))
  return { entries }
}

/** Exact before it is rounded once, so that no order of the entries can show. */
const view = (state: CounterState): number => {
  let sum = 0, far = 0n
  for (const entries of state.entries.values()) {
    for (const { value } of entries) {
      sum += value
      if (Math.abs(sum) <= COUNTER_ENTRY_MAX) continue
      far += BigInt(sum)
      sum = 0
    }
  }
  return far === 0n ? sum : Number(far + BigInt(sum))
}

const encode = (state: CounterState): Uint8Array =>
  encodeState((target: ByteWriter) => {
    const writers = [...state.entries.keys()].sort(compareText)
    writeWriterIds(writers, target)
    for (const writer of writers) {
      const entries = state.entries.get(writer) ?? NO_ENTRIES
      entries.forEach(({ start, seq, value }, index) => {
        target.varint(start)
        target.varint(2 * (seq - start) + (index + 1 < entries.length ? 1 : 0))
        target.zigzag(value)
      })
    }
  })

const readEntries = (source: ByteReader): readonly CounterEntry[] => {
  const entries: CounterEntry[] = []
  for (let startBefore = 0, isMore = true; isMore;) {
    const start = checkedSeq(source.varint(), source), more = source.varint(), value = source.zigzag()
    if (start <= startBefore) source.refuse("entries do not ascend")
    entries.push({ start, seq: checkedSeq(start + Math.floor(more / 2), source), value })
    startBefore = start
    isMore = more % 2 === 1
  }
  return entries
}

const decode = (value: unknown): CounterState =>
  decodeState("a counter", value, (source) => ({ entries: new Map(readWriterIds(source).map((writer) => [writer, readEntries(source)])) }))

class Editor implements CounterEditor {
  readonly #before: CounterState
  readonly #site: CrdtSite
  readonly #own: readonly CounterEntry[]
  #changed: CounterEntry | undefined
  #state: CounterState | undefined

  constructor(state: CounterState, site: CrdtSite) {
    this.#before = this.#state = state
    this.#site = site
    this.#own = state.entries.get(site.writer) ?? NO_ENTRIES
  }

  get state(): CounterState {
    return this.#state ??= this.#make()
  }

  get value(): number {
    return view(this.state)
  }

  increment(by: number = 1): void {
    this.#add(by, 1)
  }

  decrement(by: number = 1): void {
    this.#add(by, -1)
  }

  #add(by: unknown, sign: 1 | -1): void {
    if (typeof by !== "number" || !Number.isSafeInteger(by)) {
      throw new InvalidValue({ path: "", reason: `a counter takes whole numbers, found ${textOf(by)}` })
    }
    if (by === 0) return
    const last = this.#changed ?? this.#own.at(-1), value = (last?.value ?? 0) + sign * by
    if (Math.abs(value) > COUNTER_ENTRY_MAX) {
      throw new InvalidValue({ path: "", reason: `what one writer adds to a counter is at most ${COUNTER_ENTRY_MAX} in all` })
    }
    this.#changed = { start: last?.start ?? this.#site.seq, seq: this.#site.seq, value }
    this.#state = undefined
  }

  #make(): CounterState {
    if (this.#changed === undefined) return this.#before
    const own = [...this.#own.slice(0, -1), this.#changed]
    return { entries: new Map(this.#before.entries).set(this.#site.writer, own) }
  }
}

/**
 * A counter: `store.collection("votes", { type: counter() })`. Shows a number, 0 for a record that is not there.
 *
 * Increments of any devices add up, in whatever order they arrive; whole numbers only. Each open of a store that writes to a counter leaves an
 * entry in it for ever, of about 11 bytes (`docs/guides/crdt.md` says what a year costs).
 */
export const counter = (): CounterType => ({
  name: "counter",
  empty: () => ({ entries: new Map() }),
  join,
  encode,
  decode,
  view,
  edit: (state, site) => new Editor(state, site),
})
