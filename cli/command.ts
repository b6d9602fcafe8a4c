/** Command: what `persist` can be told to do by a first word. */

/** One command; it loads what it needs only when it is run, so that help is there at once. */
export interface Command {
  readonly name: string
  /** What it is for, in one line. */
  readonly summary: string
  /** The whole help: how it is called, what its options do, an example. */
  readonly help: string
  /** Runs the arguments behind the name. Answers the exit code: 0 done, 1 failed, 2 the call was wrong; what is wrong is printed. */
  readonly run: (args: readonly string[]) => Promise<number>
}
