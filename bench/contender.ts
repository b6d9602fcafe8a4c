/**
 * What is measured against what: contenders that do the same work through their own interface.
 *
 * `chunk` functions do `operations` operations; a round opens a contender anew, so that each starts from an empty or prepared store.
 */

export interface Contender {
  /** As it stands in the table. */
  readonly name: string
  /** What an acknowledged write has survived. */
  readonly durability: string
  /** Prepares a fresh place and answers the work of one iteration, which is called with 0, 1, 2 … */
  open(folder: string): Promise<Round>
}

export interface Round {
  /** Does one chunk of operations. */
  chunk(iteration: number): Promise<void> | void
  close(): Promise<void> | void
}

export interface Workload {
  readonly id: string
  readonly title: string
  /** Operations of one chunk. */
  readonly operations: number
  /** Chunks of one round. */
  readonly iterations: number
  /** The first is the baseline. */
  readonly contenders: readonly Contender[]
}
