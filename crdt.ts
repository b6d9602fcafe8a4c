/**
 * `@cuitty/persist/crdt`: types of collections whose records join by themselves, whatever devices wrote apart. `docs/guides/crdt.md` says when to
 * use which, what each costs, and how to write another one.
 *
 *   import { counter } from "@cuitty/persist/crdt"
 *
 *   const votes = store.collection("votes", { type: counter() })
 *   await votes.update("post:1", (votes) => votes.increment())
 *
 * @module
 */
export { addWinsSet, type AddWinsSetEditor, type AddWinsSetState, type AddWinsSetType, type SetElement } from "./crdt/add-wins-set.ts"
export type { CausalMap, Dot } from "./crdt/causal-map.ts"
export { counter, COUNTER_ENTRY_MAX, type CounterEditor, type CounterEntry, type CounterState, type CounterType } from "./crdt/counter.ts"
export {
  registerMap,
  type RegisterMapEditor,
  type RegisterMapState,
  type RegisterMapType,
  type RegisterWrite,
} from "./crdt/register-map.ts"
export type { CrdtEditor, CrdtSite, CrdtType } from "./kernel/ports/crdt-type.ts"
