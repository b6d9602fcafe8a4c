/** Arbitrary lives of devices, for property tests. */
import fc from "fast-check"
import type { Step } from "./devices.ts"

/** Bun ends a test after some time, and the machine may be busy: what was tried until then must do. */
export const runs = (numRuns: number): fc.Parameters<unknown> => ({ numRuns, interruptAfterTimeLimit: 5000 })

/** Steps of the kinds named, each kind as likely as its share. */
export const anySteps = (kinds: Readonly<Partial<Record<Step["kind"], number>>>, maxLength: number = 40): fc.Arbitrary<readonly Step[]> => {
  const kind = fc.oneof(
    ...Object.entries(kinds).map(([name, weight]) => ({ weight, arbitrary: fc.constant(name as Step["kind"]) })),
  )
  const small = fc.nat({ max: 1000 })
  return fc.array(fc.record({ kind, device: small, other: small, length: small, choice: small }), { maxLength, size: "max" })
}
