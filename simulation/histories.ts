/**
 * All histories. Each holds on the product; a planted bug that takes its rule out breaks it (`planted-bugs.ts`). Rules are those of the sync model
 * in the design's reference.
 */
import { CONFLICT_HISTORIES } from "./histories/conflicts.ts"
import { COUNTER_HISTORIES } from "./histories/counters.ts"
import { LINEAGE_HISTORIES } from "./histories/lineage.ts"
import { PULLING_HISTORIES } from "./histories/pulling.ts"
import { PUSHING_HISTORIES } from "./histories/pushing.ts"
import { REFUSAL_HISTORIES } from "./histories/refusals.ts"
import { RIGHTS_HISTORIES } from "./histories/rights.ts"
import { WRITING_HISTORIES } from "./histories/writing.ts"
import type { History } from "./history.ts"

/** Every history, in the order of its area. */
export const HISTORIES: readonly History[] = [
  ...WRITING_HISTORIES,
  ...PUSHING_HISTORIES,
  ...PULLING_HISTORIES,
  ...REFUSAL_HISTORIES,
  ...LINEAGE_HISTORIES,
  ...RIGHTS_HISTORIES,
  ...CONFLICT_HISTORIES,
  ...COUNTER_HISTORIES,
]
