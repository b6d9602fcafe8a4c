/**
 * Lives and deaths: random work, broken off at any call to the file system, over a model of a device that keeps what was flushed and of
 * the rest whatever it likes.
 *
 * A life ends because the power fails (then the device is as the model draws it) or because the process dies (then the system still
 * has what was written, but the device may not). The next one must open the store without `CorruptFrame`: nothing was damaged, only not
 * finished. It must hold what was promised (with `full` every append that returned, else all up to the last flush; and whatever an
 * open has shown), and nothing but what was written.
 */
import assert from "node:assert/strict"
import fs from "node:fs"
import { describe, it } from "node:test"
import fc from "fast-check"
import { FramesTrimmed } from "../../kernel/errors.ts"
import type { Durability, LogStorage } from "../../kernel/ports/log-storage.ts"
import { FaultyCalls, isKilled } from "./testing/faulty-calls.ts"
import { PowerLoss, type Random } from "./testing/power-loss.ts"
import { adapterAt, assertFrames, deadIdentity, frameAt, inTemporaryFolder, OPEN, readAll, restoreFolder } from "./testing/workbench.ts"

const SETTINGS = { segmentBytesMax: 4000, own: deadIdentity() }

interface Step {
  readonly action: "append" | "flush" | "flush-behind" | "snapshot" | "trim" | "reopen"
  /** Frames that `append` appends. */
  readonly count: number
}

interface Life {
  readonly steps: readonly Step[]
  /** Number of the call in which it ends; it ends after its steps if it makes fewer. */
  readonly calls: number
  /** A write that it ends in puts half of its bytes down. */
  readonly isWriteCut: boolean
  readonly endsBy: "power" | "kill" | "close"
}

const step: fc.Arbitrary<Step> = fc.record({
  action: fc.constantFrom("append", "append", "append", "append", "flush", "flush-behind", "snapshot", "trim", "reopen"),
  count: fc.integer({ min: 1, max: 12 }),
})
const life: fc.Arbitrary<Life> = fc.record({
  steps: fc.array(step, { maxLength: 12 }),
  calls: fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 400 })),
  isWriteCut: fc.boolean(),
  endsBy: fc.constantFrom("power", "power", "kill", "close"),
})

/** Numbers from 0 up to 1, the same for the same seed (xorshift32; G. Marsaglia, 2003). */
const randomFrom = (seed: number): Random => {
  let state = seed | 1
  return (): number => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

/** What was promised so far, and what may be there at most. */
class Ledger {
  isMade = false
  /** On the device. */
  promised = 0
  /** Told to be stored: there as long as the power stays. */
  stored = 0
  begun = 0
  snapshot = 0
  snapshotsBegun = new Set<number>([0])
  base = 0
}

const live = async (storage: LogStorage, steps: readonly Step[], durability: Durability, ledger: Ledger): Promise<void> => {
  for (const { action, count } of steps) {
    if (action === "append") {
      for (let left = count; left > 0; left--) {
        const position = ledger.begun = ledger.stored + 1
        await storage.append(position, frameAt(position))
        ledger.stored = position
        if (durability === "full") ledger.promised = position
      }
    } else if (action === "flush") {
      await storage.flush()
      ledger.promised = ledger.stored
    } else if (action === "flush-behind") {
      const { stored } = ledger
      Promise.resolve(storage.flush()).then(() => ledger.promised = Math.max(ledger.promised, stored), () => undefined)
    } else if (action === "snapshot") {
      const at = ledger.stored
      ledger.snapshotsBegun.add(at)
      await storage.snapshots.write(at, [frameAt(at, 700)])
      ledger.promised = Math.max(ledger.promised, at)
      ledger.snapshot = at
    } else if (action === "trim") {
      ledger.base = Math.max(ledger.base, await storage.trim(ledger.stored))
    }
  }
}

/** Fails unless an open store holds what the ledger says; what it holds is promised from now on. */
const check = async (storage: LogStorage, ledger: Ledger, isPowerLost: boolean): Promise<void> => {
  const head = Number(await storage.head())
  const least = isPowerLost ? ledger.promised : ledger.stored
  assert.ok(head >= least && head <= ledger.begun, `head ${head}, at least ${least}, begun ${ledger.begun}`)
  const found = await storage.snapshots.list()
  const newest = found[0]?.at ?? 0
  assert.ok(newest >= ledger.snapshot && ledger.snapshotsBegun.has(newest), `snapshot ${newest}, promised ${ledger.snapshot}`)
  for (const { at } of found) assert.deepEqual(await storage.snapshots.readSlice(at, 0), frameAt(at, 700))
  const base = await baseOf(storage)
  assert.ok(base >= ledger.base && (base === 0 || base <= (found[1]?.at ?? 0)), `base ${base}, promised ${ledger.base}`)
  await assertFrames(storage, base, head)
  const names = fs.readdirSync(storage.opened.location!)
  assert.deepEqual(names.filter((name) => /tmp|lock-/.test(name)), [], "files that are not finished")
  Object.assign(ledger, { isMade: true, promised: head, stored: head, begun: head, snapshot: newest, base })
}

const baseOf = async (storage: LogStorage): Promise<number> => {
  try {
    await readAll(storage)
    return 0
  } catch (cause) {
    if (cause instanceof FramesTrimmed) return cause.details.base
    throw cause
  }
}

const run = async (root: string, lives: readonly Life[], durability: Durability, random: Random): Promise<void> => {
  const ledger = new Ledger()
  let power = new PowerLoss(root)
  let isPowerLost = false
  const end: Life = { steps: [], calls: Infinity, isWriteCut: false, endsBy: "close" }
  for (const { steps, calls, isWriteCut, endsBy } of [...lives, end]) {
    const faulty = new FaultyCalls({ at: calls, kind: isWriteCut ? "cut" : "kill" }, power.calls)
    const adapter = adapterAt(root, { ...SETTINGS, calls: faulty.calls })
    try {
      // Pieces of a life, each with a handle of its own.
      for (let rest: readonly Step[] = steps, isFirst = true; isFirst || rest.length > 0; isFirst = false) {
        const storage = await adapter.open("notes", { ...OPEN, durability })
        assert.equal(storage.opened.created && ledger.isMade, false, "the store is gone")
        await check(storage, ledger, isPowerLost)
        isPowerLost = false
        const reopen = rest.findIndex(({ action }) => action === "reopen")
        await live(storage, reopen < 0 ? rest : rest.slice(0, reopen), durability, ledger)
        rest = reopen < 0 ? [] : rest.slice(reopen + 1)
        if (endsBy !== "close" && rest.length === 0) break
        await storage.close()
        if (durability !== "relaxed") ledger.promised = ledger.stored
      }
    } catch (cause) {
      if (!isKilled(cause)) throw cause
    }
    assert.deepEqual(faulty.misused, [])
    if (endsBy === "power") {
      const image = power.image(random)
      // Or the next open would wait for whoever might still be writing it.
      for (const [path, bytes] of image) if (/lock[^.]*$/.test(path)) assert.ok(bytes.at(-1) === 0x0a, `${path} is not whole`)
      faulty.dispose()
      restoreFolder(root, image)
      power = new PowerLoss(root)
      isPowerLost = true
    }
    faulty.dispose()
  }
}

describe("a power cut", () => {
  for (const durability of ["normal", "full", "relaxed"] as const satisfies readonly Durability[]) {
    it(`I24 at any call, again and again, keeps what ${durability} has promised`, () =>
      fc.assert(
        fc.asyncProperty(
          fc.array(life, { minLength: 1, maxLength: 6 }),
          fc.nat(),
          (lives, seed) => inTemporaryFolder((root) => run(root, lives, durability, randomFrom(seed))),
        ),
        { numRuns: 200 },
      ))
  }
})
