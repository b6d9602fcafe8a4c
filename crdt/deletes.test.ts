/**
 * What a record shows after deletes, reopens, clones and restores, judged by who had seen what.
 *
 * Method: random lives of three devices; every write is remembered with what its author had seen, and the view of all logs together is compared
 * with what follows from that alone. Numbers are powers of four, so that the sum tells which increments are in it, and how often.
 */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { addWinsSet, counter, registerMap } from "../crdt.ts"
import { anySteps, runs } from "./testing/any-steps.ts"
import { Device, healDevices, playSteps, type Version } from "./testing/devices.ts"

const INCREMENTS_MAX = 25
const LIFE = { edit: 6, delete: 1, pull: 5, reopen: 1, restore: 1 }
const WITHOUT_DELETES = { edit: 6, pull: 5, reopen: 1, restore: 1 }

/** The power of each increment: earlier ones are not always smaller. */
const powerOf = (index: number): number => index * 11 % (INCREMENTS_MAX + 1)

/** How often each power of four is in a sum. */
const timesCounted = (sum: number): readonly number[] =>
  Array.from({ length: INCREMENTS_MAX + 1 }, (_, index) => Math.floor(sum / 4 ** index) % 4)

describe("counter() in a record", () => {
  /** Versions that made an increment, in order; and deletes. Restores destroy what nobody else has: only what survives is judged. */
  const check = (kinds: object, isExact: boolean): void =>
    fc.assert(
      fc.property(anySteps(kinds), (steps) => {
        const increments: Version[] = [], deletes: Version[] = []
        const devices = playSteps(counter(), 3, steps, {
          edit: (device) => {
            if (increments.length < INCREMENTS_MAX) increments.push(device.edit((c) => c.increment(4 ** powerOf(increments.length))))
          },
          delete: (device) => deletes.push(device.delete()),
        })
        healDevices(devices)
        const [first] = devices
        if (first === undefined) return
        for (const device of devices) assert.equal(device.view, first.view)
        const surviving = new Set(first.log.map(({ dot }) => dot))
        const times = timesCounted(first.view)
        increments.forEach(({ dot }, index) => {
          const isDeleted = deletes.some(({ dot: by, seen }) => surviving.has(by) && seen.has(dot))
          const found = times[powerOf(index)] ?? 0
          if (isExact || surviving.has(dot) && !isDeleted) {
            assert.equal(found, isExact && !surviving.has(dot) ? found : 1, `increment ${index}`)
          }
          assert.ok(found <= 1, `increment ${index} counts ${found} times`)
        })
        assert.equal(times.reduce((sum, count) => sum + count, 0) <= increments.length, true)
      }),
      runs(400),
    )

  it("I15 shows each increment once, whatever the order of deliveries, on devices that reopen and are restored", () =>
    check(WITHOUT_DELETES, true))
  it("I15 shows each increment that no delete had seen, and none twice", () => check(LIFE, false))

  it("counts what a writer adds anew after a delete, although an older state of it survives elsewhere", () => {
    const clock = { millis: 0, opens: 0 }
    const here = new Device(counter(), 0, clock), there = new Device(counter(), 1, clock)
    here.edit((c) => c.increment(5))
    there.pull(here)
    here.delete()
    there.edit((c) => c.increment(10)) // has not seen the delete, and so brings the five back
    here.edit((c) => c.increment(1))
    here.pull(there)
    assert.equal(here.view, 16)
  })

  it("counts what a writer adds to an older state of its own that came back, although a later one survives, too", () => {
    const clock = { millis: 0, opens: 0 }
    const [here, early, late] = [0, 1, 2].map((index) => new Device(counter(), index, clock)) as [Home, Home, Home]
    here.edit((c) => c.increment(1))
    early.pull(here)
    here.edit((c) => c.increment(256)) // to 257, which only `late` gets
    late.pull(here)
    here.delete()
    early.edit((c) => c.increment(16))
    late.edit((c) => c.increment(64))
    here.pull(early) // back at 1
    here.edit((c) => c.increment(4)) // to 5, beside the 257 at `late`
    here.pull(late)
    assert.deepEqual(timesCounted(here.view).slice(0, 5), [1, 1, 1, 1, 0]) // the 256 was deleted; the 4 was not
  })
})

type Home = Device<number, ReturnType<ReturnType<typeof counter>["edit"]>, ReturnType<ReturnType<typeof counter>["empty"]>>

/** A put or a removal of a key, and who had seen what by then. */
interface Write {
  readonly version: Version
  readonly key: string
  readonly isPut: boolean
  readonly value: number
}

const KEYS = ["a", "b", "c"]

/** Puts that nothing later has seen: of their key, and of the record. */
const openPuts = (writes: readonly Write[], deletes: readonly Version[], surviving: ReadonlySet<string>, key: string): readonly Write[] => {
  const laters = [...writes.filter((write) => write.key === key).map(({ version }) => version), ...deletes]
    .filter(({ dot }) => surviving.has(dot))
  return writes.filter(({ version, isPut, key: other }) =>
    isPut && other === key && surviving.has(version.dot) && !laters.some(({ seen }) => seen.has(version.dot))
  )
}

describe("addWinsSet() in a record", () => {
  const check = (kinds: object, isExact: boolean): void =>
    fc.assert(
      fc.property(anySteps(kinds), (steps) => {
        const writes: Write[] = [], deletes: Version[] = []
        const devices = playSteps(addWinsSet(), 3, steps, {
          edit: (device, choice) => {
            const key = KEYS[choice % 3] ?? "a", isPut = choice % 5 < 3
            const version = device.edit((set) => isPut ? set.add(key) : set.delete(key))
            writes.push({ version, key, isPut, value: 0 })
          },
          delete: (device) => deletes.push(device.delete()),
        })
        healDevices(devices)
        const [first] = devices
        if (first === undefined) return
        for (const device of devices) assert.deepEqual(device.view, first.view)
        const surviving = new Set(first.log.map(({ dot }) => dot))
        const expected = KEYS.filter((key) => openPuts(writes, deletes, surviving, key).length > 0)
        if (isExact) assert.deepEqual(first.view, expected)
        else for (const key of expected) assert.ok(first.view.includes(key), key)
      }),
      runs(400),
    )

  it("I15 shows exactly the elements of which an add was seen by no delete of them", () => check({ edit: 6, pull: 5, reopen: 1 }, true))
  it("I15 shows each element of which an add was seen by no delete of it or of the record", () => check(LIFE, false))
})

describe("registerMap() in a record", () => {
  const check = (kinds: object, isExact: boolean): void =>
    fc.assert(
      fc.property(anySteps(kinds), (steps) => {
        const writes: Write[] = [], deletes: Version[] = []
        const type = registerMap<number>()
        const devices = playSteps(type, 3, steps, {
          edit: (device, choice) => {
            const key = KEYS[choice % 3] ?? "a", isPut = choice % 5 < 3, value = writes.length
            const version = device.edit((map) => isPut ? map.set(key, value) : map.delete(key))
            writes.push({ version, key, isPut, value })
          },
          delete: (device) => deletes.push(device.delete()),
        })
        healDevices(devices)
        const [first] = devices
        if (first === undefined) return
        for (const device of devices) assert.deepEqual(device.view, first.view)
        const surviving = new Set(first.log.map(({ dot }) => dot))
        for (const key of KEYS) {
          const open = openPuts(writes, deletes, surviving, key)
          if (isExact) assert.deepEqual(first.state.dots.get(key)?.length ?? 0, open.length)
          // The clock of these devices never gives the same time twice.
          const latest = open.toSorted((a, b) => a.version.site.millis - b.version.site.millis).at(-1)
          if (isExact) assert.equal(first.view[key], latest?.value)
          else if (latest !== undefined) assert.notEqual(first.view[key], undefined)
        }
      }),
      runs(400),
    )

  it("I15 keeps exactly the sets of a field that no later write of it had seen, and shows the latest", () =>
    check({ edit: 6, pull: 5, reopen: 1 }, true))
  it("I15 shows each field of which a set was seen by no later write of it or delete of the record", () => check(LIFE, false))
})
