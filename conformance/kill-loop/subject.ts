/** The store that is written and killed: where it lies, how it is opened, what it holds. */
import { createStore, type Store } from "@cuitty/persist"
import type { Recovery } from "../../kernel/ports/log-storage.ts"
import { ensure, equal } from "../expect.ts"
import { COLLECTIONS, ensureValue, markOf, type Value } from "./calls.ts"
import { type Marks, nameOf } from "./oracle.ts"

/** What child and parent agree on. */
export interface Subject {
  readonly adapter: "file" | "sqlite"
  readonly path: string
  readonly durability: "normal" | "full" | "relaxed"
  /** Gives the calls. */
  readonly seed: number
}

/** Levels that the adapters offer. */
export const LEVELS: readonly Subject["durability"][] = ["normal", "full", "relaxed"]

export const openSubject = ({ adapter, path, durability }: Subject): Promise<Store<Value>> =>
  createStore<Value>("kill-loop", { adapter, path, durability })

/** What is seen of a store from outside. */
export interface Sight {
  readonly marks: Marks
  readonly digest: string
  readonly head: number
  readonly recovery: Recovery | undefined
  readonly openMillis: number
}

/** Opens the store, reads all of it and closes it. Fails if a value is none of ours, or if counts and lists disagree. */
export const lookAt = async (subject: Subject): Promise<Sight> => {
  const started = performance.now()
  const store = await openSubject(subject)
  const openMillis = performance.now() - started
  try {
    const marks = new Map<string, string>()
    for (const name of COLLECTIONS) {
      const collection = store.collection(name)
      let count = 0
      for await (const { key, value } of collection.list()) {
        marks.set(nameOf(name, key), markOf(ensureValue(key, value)))
        count++
      }
      equal(await collection.count(), count, `count() of "${name}"`)
    }
    const { head, recovery, state } = store.status()
    ensure(state === "open", `the store is ${state} after opening`)
    return { marks, digest: await store.digest(), head, recovery, openMillis }
  } finally {
    await store.close()
  }
}
