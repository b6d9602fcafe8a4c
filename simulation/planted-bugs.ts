/**
 * Planted bugs: each takes a rule out or makes a small mistake, and has to be found by its history or within its seeds. A place must be there
 * exactly once, so that nobody changes the sources and leaves a bug that is no bug any more.
 */
import type { PlantedBug } from "./planted-bug.ts"
import { MISTAKES } from "./planted-bugs/mistakes.ts"
import { PULLING_AND_REFUSAL_BUGS } from "./planted-bugs/pulling-and-refusals.ts"
import { RIGHTS_BUGS } from "./planted-bugs/rights.ts"
import { STRATEGY_BUGS } from "./planted-bugs/strategies.ts"
import { WRITING_AND_PUSHING_BUGS } from "./planted-bugs/writing-and-pushing.ts"

/** Every bug that is hunted by `npm run simulate -- --planted`. */
export const PLANTED_BUGS: readonly PlantedBug[] = [
  ...WRITING_AND_PUSHING_BUGS,
  ...PULLING_AND_REFUSAL_BUGS,
  ...RIGHTS_BUGS,
  ...STRATEGY_BUGS,
  ...MISTAKES,
]
