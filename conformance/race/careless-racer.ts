/** A double of the racer: one `update()` in five is a read and a put without `ifVersion`. It proves that the race can fail. */
import type { Store } from "@cuitty/persist"
import { START, type State, stateAfter } from "../processes/history.ts"
import { COUNTER } from "./subject.ts"
import { Racer, runAsRacer } from "./racer.ts"

class CarelessRacer extends Racer {
  #updates = 0

  protected override update(store: Store<State>): Promise<void> {
    if (++this.#updates % 5 !== 0) return super.update(store)
    return this.call(async (mark) => {
      const state = stateAfter(await store.records.get(COUNTER) ?? START, mark)
      const { version } = await store.records.put(COUNTER, state)
      return { what: "wrote", state, version }
    })
  }
}

if (import.meta.main) await runAsRacer((order) => new CarelessRacer(order))
