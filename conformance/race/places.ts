/** Where each adapter keeps the store of a race, and whether several processes may have it open at once. */
import { join } from "node:path"

export interface RacePlace {
  readonly optionsIn: (folder: string) => Readonly<Record<string, string>>
  readonly isShared: boolean
  /** A process closes the store after about so many increments: the last one to close and the first one to open have most to do. */
  readonly turn: number
}

export const PLACES: Readonly<Record<string, RacePlace>> = {
  sqlite: { optionsIn: (folder) => ({ path: join(folder, "race.db") }), isShared: true, turn: 200 },
  libsql: { optionsIn: (folder) => ({ path: join(folder, "race.db") }), isShared: true, turn: 200 },
  file: { optionsIn: (folder) => ({ path: folder }), isShared: false, turn: 50 },
}
