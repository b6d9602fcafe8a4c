/** Faults that show only after a crash, on a damaged medium, or in a fresh process. */
import type { DiskFault } from "./disk.ts"
import { diskSubject } from "./disk-adapter.ts"
import type { Double } from "./double.ts"

const diskDouble = (fault: DiskFault, ...caughtBy: readonly string[]): Double => ({ fault, caughtBy, subject: () => diskSubject(fault) })

export const diskDoubles: readonly Double[] = [
  diskDouble("writes frames only when it is flushed or closed", "crash/after-append", "durability/other-adapter"),
  diskDouble("writes a frame in two steps, without a sum", "crash/during-append", "append/whole-for-readers"),
  diskDouble("fills in a new store's head later", "crash/during-first-open"),
  diskDouble("shows a snapshot from its first slice on", "crash/during-snapshot"),
  diskDouble("records a base only when it is closed", "crash/after-trim"),
  diskDouble("drops the last frame of a store that was not closed", "crash/twice"),
  diskDouble("checks no sums", "damage/flipped-bits", "damage/truncated", "damage/bytes-behind", "damage/snapshots"),
  diskDouble("checks no sums", "damage/every-bit", "damage/torn-anywhere", "damage/old-bytes-behind"),
  diskDouble("takes damage for the end of the log", "damage/good-frames-stay"),
  diskDouble("leaves out frames that are damaged", "damage/flipped-bits"),
  diskDouble("reports a torn tail and does not cut it", "damage/truncated"),
  diskDouble("makes a new store over what it does not know", "damage/foreign-bytes"),
  diskDouble("writes at every open", "damage/none"),
  diskDouble("remembers heads outside of the store", "damage/older-copy"),
  diskDouble("keeps a store for each level", "durability/level-changes"),
  diskDouble("keeps snapshots in memory", "durability/fresh-process-snapshots", "snapshots/opened-again"),
  diskDouble("writes when it lists", "stores/list-writes-nothing"),
  diskDouble("trims without freeing bytes", "trim/space"),
  diskDouble("destroys a store without freeing bytes", "stores/destroyed-bytes"),
]
