/** A history: the shortest way known to break an invariant where a rule of the sync model is missing. */
import { Play } from "./play.ts"
import type { Habits } from "./world.ts"

export interface History {
  readonly title: string
  /** Rules without which it breaks. */
  readonly rules: readonly string[]
  readonly habits?: Partial<Habits>
  readonly play: (play: Play) => Promise<void>
}

/** One frame a page, and one push a frame. */
export const ONE_FRAME: Partial<Habits> = { limits: { operationsMax: 1, partsMax: 1 } }
/** Storages answer later. */
export const LATER: Partial<Habits> = { timing: "later" }

/** Plays one history to its end; answers what broke. */
export async function playHistory({ habits, play }: History): Promise<ReadonlyMap<string, string>> {
  const game = new Play(habits)
  await play(game)
  return await game.end()
}
