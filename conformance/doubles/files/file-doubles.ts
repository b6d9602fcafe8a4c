/** Faults that show only with real processes, or where calls to the operating system fail. */
import type { LogStorageSubject } from "../../log-storage/trial.ts"
import type { FileFault } from "./file-fault.ts"
import { filesSubject } from "./place.ts"

/** A fault and the cases that must catch it. */
export interface FileDouble {
  readonly fault: string
  readonly caughtBy: readonly string[]
  readonly subject: () => Promise<LogStorageSubject>
}

const fileDouble = (fault: FileFault, ...caughtBy: readonly string[]): FileDouble => ({
  fault,
  caughtBy,
  subject: () => filesSubject(fault),
})

export const fileDoubles: readonly FileDouble[] = [
  fileDouble("acknowledges an append before it writes", "process/killed-at-random"),
  fileDouble("puts a frame where another one may be by now", "process/raced-appends"),
  fileDouble("copies what stays to another folder when it drops frames", "process/raced-trims"),
  fileDouble("looks whether there is a store, then makes it", "process/raced-first-open"),
  fileDouble("lets a second process in, and claims that it does not", "process/second-opener"),
  fileDouble("keeps a lock that a killed process has left", "process/killed-holder"),
  fileDouble("compares with the head that it found at open", "process/stopped-holder"),
  fileDouble("refuses a store that is newer than its clock", "process/clock-jumps"),
  fileDouble("hears of its own appends alone", "process/hears-others"),
  fileDouble("fills in a new store's head in place", "fault/killed-creating"),
  fileDouble("writes a frame under the name that readers look for", "fault/killed-appending"),
  fileDouble("writes a snapshot under the name that readers look for", "fault/killed-saving"),
  fileDouble("drops frames before it records the base", "fault/killed-trimming"),
  fileDouble("drops the last frame of a store that was not closed", "process/killed-at-random", "process/killed-holder"),
  fileDouble("drops one more frame at each open that was broken off", "fault/killed-recovering"),
  fileDouble("removes a store file by file, its head last", "fault/killed-removing"),
  fileDouble("takes a failed write for a success", "fault/failed-writes", "fault/failing-disk", "fault/read-only-volume"),
  fileDouble("says that nothing was stored after the frame has its name", "fault/failed-writes"),
  fileDouble("takes a head that cannot be opened for none", "fault/failed-opens"),
  fileDouble("goes on after a flush that failed", "fault/failed-flushes"),
  fileDouble("never tells the device to flush", "fault/reaches-device"),
  fileDouble("flushes frames, and never their names", "fault/names-reach-device"),
  fileDouble("takes a frame that cannot be read for the end of the log", "fault/failed-reads", "fault/failing-reads"),
  fileDouble("writes once, and does not look how much", "fault/short-writes", "fault/full-volume"),
  fileDouble("leaves a frame that did not fit under its name", "fault/full-volume"),
  fileDouble("leaves files open", "fault/few-files"),
  fileDouble("takes what it may not read for an empty place", "fault/closed-folder"),
]
