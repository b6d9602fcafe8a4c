/**
 * Judges the store of records after a kill: no acknowledged call is lost, the store stands where some call ended (`records-oracle.ts`), and
 * a second replay gives the same digest and finds nothing left to repair.
 */
import type { Recovery } from "../../kernel/ports/log-storage.ts"
import { ensure, equal } from "../expect.ts"
import { Judge } from "./judge.ts"
import { callAt, COLLECTIONS, ensureValue, isLarge, markOf } from "./record-calls.ts"
import { type Marks, nameOf, Oracle } from "./records-oracle.ts"
import { openStore, type Subject } from "./subject.ts"
import type { Victim } from "./victim.ts"

export class RecordsJudge extends Judge {
  readonly #oracle: Oracle
  #called = 0

  constructor(subject: Subject) {
    super(subject)
    this.#oracle = new Oracle((number) => callAt(subject.seed, number))
  }

  get next(): number {
    return this.#called + 1
  }

  isLarge(number: number): boolean {
    return isLarge(callAt(this.subject.seed, number))
  }

  override note(victim: Victim): void {
    super.note(victim)
    this.#called = Math.max(this.#called, victim.called)
  }

  async check({ first, acknowledged, called }: Victim): Promise<number> {
    const look = await lookAt(this.subject)
    this.openMillis = look.openMillis
    this.noteOpened(look.head, look.recovery?.position)
    const last = this.#oracle.settle(look.marks, first, acknowledged, called)
    const again = await lookAt(this.subject)
    equal(again.digest, look.digest, "the digest of a second replay")
    equal(again.head, look.head, "the head of a second replay")
    ensure(again.recovery === undefined, `opening again found something to repair: ${again.recovery?.reason}`)
    return last
  }
}

/** What is seen of a store from outside. */
interface Sight {
  readonly marks: Marks
  readonly digest: string
  readonly head: number
  readonly recovery: Recovery | undefined
  readonly openMillis: number
}

/** Opens the store, reads all of it and closes it. Fails if a value is none of ours, or if counts and lists disagree. */
const lookAt = async (subject: Subject): Promise<Sight> => {
  const started = performance.now()
  const store = await openStore(subject)
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
