/**
 * CRDT type: how the versions of a record that were written apart become one, by themselves. State-based: a record's value is a whole state, and
 * siblings are joined when they are read (Shapiro et al., "Conflict-free Replicated Data Types", 2011, section 2).
 *
 * `join` is commutative, associative and idempotent, `empty()` is its neutral element, and an edit answers a state that its old one joins into:
 * `join(edited, old)` is `edited`. All members are pure and synchronous, and their cost is bounded by the size of what they are given: values come
 * from other devices. `crdtSuite` of `@cuitty/persist/conformance` checks all that.
 */
export interface CrdtType<View, Editor extends CrdtEditor<State>, State = unknown> {
  /** Stands in the log beside the collection's name, so that no other type reads its values. 1 to 64 bytes in UTF-8. */
  readonly name: string
  /** The state of a record that is not there. */
  empty(): State
  /** Both states together; changes neither. */
  join(a: State, b: State): State
  /** A value that can be stored, and that `decode` makes the same state of. Alike for alike states, so that devices that agree store the same. */
  encode(state: State): unknown
  /** Throws for what is no state of this type, before any work that its size does not pay for. */
  decode(value: unknown): State
  /** What `get` shows of a state: alike for alike states, whatever way they came. */
  view(state: State): View
  /**
   * What `update` hands out: changes a copy of the state, on behalf of one operation. The state has all of the record that this writer wrote
   * before, but for what a delete had seen: so what a type knows of a writer by its greatest number stands for all of its earlier ones.
   */
  edit(state: State, site: CrdtSite): Editor
}

/** What an `update` works on. Its methods change it; `state` is what becomes of it. */
export interface CrdtEditor<State> {
  readonly state: State
}

/** The operation that an edit becomes: (writer, seq) names it for ever, and no other edit has it. */
export interface CrdtSite {
  /** 32 hex digits; another one each time a store was opened and written to. */
  readonly writer: string
  /** Greater than in any earlier edit of this writer. */
  readonly seq: number
  /** Milliseconds since 1970-01-01 by the hybrid clock: not before what this device has seen. */
  readonly millis: number
}
