/** What the processes race for: a store of any adapter, with one record that all of them increment. */
import { createStore, type CreateStoreOptions, type Store } from "@cuitty/persist"
import type { State } from "../processes/history.ts"

/** What all processes agree on; goes to them as JSON. */
export interface Subject {
  /** Name of the adapter. */
  readonly adapter: string
  /** Name of the store: a new one for each race, since a server may keep those of earlier ones. */
  readonly store: string
  /** What else `createStore` is given. */
  readonly options: Readonly<Record<string, string>>
}

/** The key of the record, and the one under which the end of the race is written. */
export const COUNTER = "counter"
export const END = "end"

export const openStore = async ({ adapter, store, options }: Subject): Promise<Store<State>> => {
  // A name that `createStore` does not know is refused by it.
  const name = adapter as NonNullable<CreateStoreOptions["adapter"]>
  return await createStore<State>(store, { create: true, ...options, adapter: name })
}

/** The collection in which the end of the race is written. */
export const endOf = (store: Store<State>): ReturnType<typeof store.collection<boolean>> => store.collection<boolean>("end")
