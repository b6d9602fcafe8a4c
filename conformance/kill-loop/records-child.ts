/**
 * A child that writes records: opens the store when it is told to, makes calls without end, and reports each one that is acknowledged.
 *
 * Some calls are awaited one by one, some are made many at a time, so that frames with one call and with many are under way.
 */
import process from "node:process"
import { setImmediate as nextTurn } from "node:timers/promises"
import type { Store } from "@cuitty/persist"
import { type Call, callAt, ensureValue, type Value, valueOf } from "./record-calls.ts"
import { Random } from "../processes/random.ts"
import { readOrder, report } from "./reports.ts"
import { openStore, type Subject } from "./subject.ts"

const BURST_MAX = 60

/** Waits for the order, then opens the store, writes, and closes it. */
export const runChild = async (subject: Subject, makeCall: (store: Store<Value>, call: Call) => Promise<unknown>): Promise<void> => {
  report("ready", process.pid)
  const order = await readOrder()
  if (order === undefined) return
  const { first, calls } = order
  report("opening")
  const store = await openStore(subject)
  const { head, recovery } = store.status()
  report("opened", head, recovery?.position ?? 0)

  const random = new Random(subject.seed, first, 1)
  for (let number = first; number < first + calls;) {
    const last = Math.min(number + (random.oneIn(4) ? random.spread(BURST_MAX) : 1), first + calls) - 1
    report("called", last)
    const made: Promise<void>[] = []
    for (; number <= last; number++) {
      const call = callAt(subject.seed, number)
      made.push(makeCall(store, call).then(() => report("stored", call.number)))
    }
    await Promise.all(made)
    if (random.oneIn(8)) await nextTurn() // else timers, and with them the background flush, would never run
    if (random.oneIn(60)) {
      report("flushing")
      await store.flush()
    }
  }
  report("closing")
  await store.close()
  report("closed")
}

/** Makes one call on the store. */
export const makeCall = (store: Store<Value>, call: Call): Promise<unknown> => {
  const [{ collection: name, key }] = call.steps as [Call["steps"][0]]
  const collection = store.collection(name)
  const updated = (place: number, at: string) => (found: Value | undefined): Value =>
    valueOf(call, place, found === undefined ? 1 : ensureValue(at, found).updates + 1)
  switch (call.kind) {
    case "put":
      return collection.put(key, valueOf(call, 0, 0))
    case "delete":
      return collection.delete(key)
    case "update":
      return collection.update(key, updated(0, key))
    case "batch":
      return collection.batch(
        call.steps.map(({ type, key }, place) => type === "delete" ? { type, key } : { type: "put", key, value: valueOf(call, place, 0) }),
      )
    case "transaction":
      return store.batch((transaction) => {
        for (const [place, { type, collection: name, key }] of call.steps.entries()) {
          const records = transaction.collection<Value>(name)
          if (type === "put") records.put(key, valueOf(call, place, 0))
          else if (type === "delete") records.delete(key)
          else records.update(key, updated(place, key))
        }
      })
  }
}

if (import.meta.main) await runChild(JSON.parse(process.argv[2]!), makeCall)
