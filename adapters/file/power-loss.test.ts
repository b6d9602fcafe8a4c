/**
 * Power cuts: random work over a model of a device that keeps what was flushed, and of the rest whatever it likes.
 *
 * After every cut the store must open without `CorruptFrame`: nothing was damaged, only not finished. It must hold what was promised
 * (with `full` every append that returned, with `normal` all up to the last flush), and nothing but what was written.
 */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import type { Durability } from "../../kernel/ports/log-storage.ts"
import { PowerLoss } from "./testing/power-loss.ts"
import {
  adapterAt,
  assertFrames,
  deadIdentity,
  frameAt,
  inTemporaryFolder,
  OPEN,
  quickCalls,
  restoreFolder,
  saveFolder,
} from "./testing/workbench.ts"

const SETTINGS = { segmentBytesMax: 4000, own: deadIdentity() }

interface Step {
  readonly action: "append" | "flush" | "snapshot" | "trim" | "reopen" | "cut"
  /** Frames that `append` appends. */
  readonly count: number
}

const step: fc.Arbitrary<Step> = fc.record({
  action: fc.constantFrom("append", "append", "append", "append", "flush", "cut", "cut", "snapshot", "trim", "reopen"),
  count: fc.integer({ min: 1, max: 12 }),
})

/** Numbers from 0 up to 1, the same for the same seed (xorshift32; G. Marsaglia, 2003). */
const randomFrom = (seed: number) => {
  let state = seed | 1
  return (): number => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

describe("a power cut", () => {
  for (const durability of ["normal", "full", "relaxed"] as const satisfies readonly Durability[]) {
    it(`I24 at any moment, again and again, keeps what ${durability} has promised`, () =>
      fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 25 }), fc.nat(), (steps, seed) =>
          inTemporaryFolder(async (root) => {
            const random = randomFrom(seed)
            let promised = 0
            let base = 0
            let newest = 0
            let power = new PowerLoss(root)
            let storage = await adapterAt(root, { ...SETTINGS, calls: power.calls }).open("notes", { ...OPEN, durability })
            let head = 0
            for (const { action, count } of [...steps, { action: "cut", count: 0 }]) {
              if (action === "append") {
                for (let left = count; left > 0; left--) {
                  await storage.append(head + 1, frameAt(head + 1))
                  head++
                }
                if (durability === "full") promised = head
              } else if (action === "flush") {
                await storage.flush()
                promised = head
              } else if (action === "snapshot") {
                await storage.snapshots.write(head, [frameAt(head, 700)])
                promised = newest = head
              } else if (action === "trim") {
                base = await storage.trim(head)
              } else if (action === "reopen") {
                await storage.close()
                if (durability !== "relaxed") promised = head
                storage = await adapterAt(root, { ...SETTINGS, calls: power.calls }).open("notes", { ...OPEN, durability })
                assert.equal(storage.opened.recovery, undefined)
              } else {
                const image = power.image(random)
                await storage.close()
                restoreFolder(root, image)
                power = new PowerLoss(root)
                storage = await adapterAt(root, { ...SETTINGS, calls: power.calls }).open("notes", { ...OPEN, durability })
                const found = Number(await storage.head())
                assert.ok(found >= promised && found <= head, `head ${found}, promised ${promised}, appended ${head}`)
                assert.equal((await storage.snapshots.list())[0]?.at ?? 0, newest, "newest snapshot")
                await assertFrames(storage, base, found)
                head = found
              }
            }
            await storage.close()
            const image = saveFolder(root)
            const last = await adapterAt(root, { ...SETTINGS, calls: quickCalls }).open("notes", OPEN)
            assert.equal(last.opened.recovery, undefined)
            await last.close()
            assert.ok(image.size > 0)
          })),
        { numRuns: 150 },
      ))
  }
})
