/** What can be wrong with an adapter over files, in a few words, and where such a place is opened. */

export type FileFault =
  | "acknowledges an append before it writes"
  | "puts a frame where another one may be by now"
  | "looks whether there is a store, then makes it"
  | "fills in a new store's head in place"
  | "writes a frame under the name that readers look for"
  | "writes a snapshot under the name that readers look for"
  | "drops frames before it records the base"
  | "copies what stays to another folder when it drops frames"
  | "drops the last frame of a store that was not closed"
  | "drops one more frame at each open that was broken off"
  | "removes a store file by file, its head last"
  | "lets a second process in, and claims that it does not"
  | "keeps a lock that a killed process has left"
  | "compares with the head that it found at open"
  | "refuses a store that is newer than its clock"
  | "hears of its own appends alone"
  | "takes a failed write for a success"
  | "says that nothing was stored after the frame has its name"
  | "goes on after a flush that failed"
  | "never tells the device to flush"
  | "flushes frames, and never their names"
  | "takes a frame that cannot be read for the end of the log"
  | "takes a head that cannot be opened for none"
  | "writes once, and does not look how much"
  | "leaves a frame that did not fit under its name"
  | "takes what it may not read for an empty place"
  | "leaves files open"

/** What `openAdapter` is given, as JSON. */
export interface FaultyPlace {
  readonly folder: string
  readonly faults: readonly FileFault[]
}
