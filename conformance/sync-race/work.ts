/**
 * Work: what the devices of a sync race write, and what must hold of it wherever it is read.
 *
 *   write number n of device d, one batch:   writes   "d/n"            a record of its own
 *                                            counters "d/1" … "d/3"    one of them is incremented
 *                                            shared   "1" … "5"        sometimes: a record that all write
 *
 * So in every state that anybody ever sees, the counters of d sum up to some n, "d/1" … "d/n" are there and "d/n+1" is not: a push is a
 * prefix of the log and a batch is whole. At the end n is what d was told is stored.
 */
import type { Store } from "@cuitty/persist"
import { ensure, equal, fail } from "../expect.ts"
import type { Random } from "../processes/random.ts"

/** The name of the store on every device and at the servers. */
export const STORE = "sync-race"
/** What the servers keep it under. */
export const NAMESPACE = "race"
/** The server's own name for it at its adapter. */
export const SERVER_STORE: string = `${NAMESPACE}/${STORE}`

export const COUNTERS = 3
const SHARED = 5
const NOTE = "written on one device, and read on all of them"

/** What a store holds, as far as the race judges it. */
export interface Summary {
  readonly digest: string
  /** Records of the writes of each device, from the first one on. */
  readonly written: readonly number[]
  /** Sum of the counters of each device. */
  readonly counted: readonly number[]
  /** Records that no device has written. */
  readonly strange: number
  readonly conflicts: number
}

export const writeKey = (device: number, number: number): string => `${device}/${number}`
const counterKey = (device: number, counter: number): string => `${device}/${counter}`

/** One write of a device; resolves when it is stored there. */
export async function write(store: Store, random: Random, device: number, number: number): Promise<void> {
  const counter = counterKey(device, 1 + random.below(COUNTERS))
  const shared = random.oneIn(4) ? String(1 + random.below(SHARED)) : undefined
  await store.batch((transaction) => {
    transaction.collection("writes").put(writeKey(device, number), { device, number, note: NOTE })
    transaction.collection<number>("counters").update(counter, (count = 0) => count + 1)
    if (shared !== undefined) transaction.collection("shared").put(shared, { device, number })
  })
}

/** Fails if a device's counters and writes are not of one moment. Looks at one state of the store. */
export async function checkMoment(store: Store, devices: number): Promise<void> {
  await store.batch((transaction) => {
    const counters = transaction.collection<number>("counters"), writes = transaction.collection("writes")
    for (let device = 1; device <= devices; device++) {
      let sum = 0
      for (let counter = 1; counter <= COUNTERS; counter++) sum += counters.peek(counterKey(device, counter)) ?? 0
      if (sum > 0 && writes.peek(writeKey(device, sum)) === undefined) fail(`device ${device} counts ${sum}, and that write is not there`)
      if (writes.peek(writeKey(device, sum + 1)) !== undefined) fail(`device ${device} counts ${sum}, and the write after that is there`)
    }
  })
}

/** Reads all of a store. */
export async function summarize(store: Store, devices: number): Promise<Summary> {
  const written = Array.from({ length: devices }, () => 0), counted = Array.from({ length: devices }, () => 0)
  let strange = 0, conflicts = 0
  for await (const { key, value } of store.collection<{ device: number; number: number }>("writes").list()) {
    if (written[value.device - 1] !== undefined && key === writeKey(value.device, value.number)) written[value.device - 1]!++
    else strange++
  }
  for await (const { key, value } of store.collection<number>("counters").list()) {
    const device = Number(key.split("/", 1)[0])
    if (counted[device - 1] !== undefined) counted[device - 1]! += value
    else strange++
  }
  const shared = store.collection("shared")
  for await (const { key } of shared.list()) if ((await shared.getEntry(key))?.conflicted === true) conflicts++
  return { digest: await store.digest(), written, counted, strange, conflicts }
}

/** Fails unless a store holds exactly `writes` of each device. */
export function checkSummary(whose: string, { written, counted, strange }: Summary, writes: readonly number[]): void {
  for (const [index, expected] of writes.entries()) {
    equal(written[index], expected, `${whose}: records of device ${index + 1}`)
    equal(counted[index], expected, `${whose}: the sum of the counters of device ${index + 1}`)
  }
  equal(strange, 0, `${whose}: records that nobody wrote`)
}

/** Fails if a counter was incremented out of turn or twice in the history of the log: its values rise by one or more, each in one frame. */
export async function checkCounters(store: Store, devices: number): Promise<void> {
  const counters = store.collection<number>("counters")
  for (let device = 1; device <= devices; device++) {
    for (let counter = 1; counter <= COUNTERS; counter++) {
      const key = counterKey(device, counter)
      let last = 0
      for await (const { value = 0, position } of counters.history(key)) {
        ensure(value > last, `counter ${key} is ${value} at position ${position}, after ${last}`)
        last = value
      }
      equal(last, await counters.get(key) ?? 0, `counter ${key} at the end of its history`)
    }
  }
}
