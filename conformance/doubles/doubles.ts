/**
 * Every double: adapters that are wrong on purpose, each with the case that catches it.
 *
 * A suite that has never failed proves nothing. Who adds a case adds the double that it catches; who finds a fault in an adapter that no case
 * caught adds both.
 */
import { appendDoubles } from "./append-doubles.ts"
import { diskDoubles } from "./disk-doubles.ts"
import type { Double } from "./double.ts"
import { nameDoubles } from "./name-doubles.ts"
import { readDoubles } from "./read-doubles.ts"
import { snapshotDoubles } from "./snapshot-doubles.ts"
import { storeDoubles } from "./store-doubles.ts"

export const doubles: readonly Double[] = [
  ...appendDoubles,
  ...readDoubles,
  ...snapshotDoubles,
  ...storeDoubles,
  ...nameDoubles,
  ...diskDoubles,
]
