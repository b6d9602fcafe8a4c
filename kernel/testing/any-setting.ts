/** Random settings with everything that they can have. */
import fc from "fast-check"
import type { CollectionSetting } from "../format/settings.ts"
import { DELETE_CONFLICTS, type Setting, STRATEGIES } from "../model/strategy.ts"

/** How records are shown; the type is there exactly where the strategy is one's. */
export const anyStrategy: fc.Arbitrary<Setting> = fc.record({
  strategy: fc.constantFrom(...STRATEGIES),
  deleteConflict: fc.constantFrom(...DELETE_CONFLICTS),
  type: fc.oneof(fc.string({ unit: "binary", minLength: 1, maxLength: 16 }), fc.constantFrom("t".repeat(64), "\u{1f600}".repeat(16))),
}, { noNullPrototype: true }).map((setting) => setting.strategy === "crdt" ? setting : { ...setting, type: undefined })

const anyName = fc.oneof(fc.string({ unit: "binary", maxLength: 50 }), fc.constantFrom("", "n".repeat(200), "\u{1f600}".repeat(50)))
/** A setting of a collection, or of all without one. */
export const anySetting: fc.Arbitrary<CollectionSetting> = fc.tuple(anyStrategy, fc.option(anyName, { nil: undefined })).map((
  [setting, name],
) => ({ collection: setting.type === undefined ? name : name ?? "", ...setting }))
