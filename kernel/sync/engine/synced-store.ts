/** What the engine asks of an open store. */

export interface SyncedStore {
  readonly name: string
  /** Position of the last frame that the views hold. */
  readonly head: number
  /** Dead letters that nobody has answered. */
  readonly deadLetterCount: number
  /** Records in conflict: several versions were written apart, and somebody has to decide. */
  readonly conflictCount: number
  /**
   * Calls `listener` after every frame that the views took, whoever wrote it: what came from one remote may be lacking at another. It has to
   * return at once. Answers the function that ends it.
   */
  onWrite(listener: () => void): () => void
  /** Puts everything that is stored onto the device: only then may others see it. */
  flush(): Promise<void>
  /** Calls `listener` when the store is about to close; closing waits for what it answers. Answers the function that ends it. */
  onClose(listener: () => Promise<void>): () => void
}
