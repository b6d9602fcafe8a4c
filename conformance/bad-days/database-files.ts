/** The files of a SQLite database that no process has open: what people copy, lose and bring back. */
import { copyFile, rm } from "node:fs/promises"

/** The database, and what was written but not yet moved into it. The third file, `-shm`, is made anew by whoever opens it. */
const KEPT = ["", "-wal"]
const ALL = [...KEPT, "-shm"]

export class DatabaseFiles {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  /** Copies them to a place beside. */
  async backUp(): Promise<DatabaseFiles> {
    const copy = new DatabaseFiles(`${this.path}.copy`)
    await this.copyTo(copy)
    return copy
  }

  /** Copies them over those of `target`. */
  async copyTo(target: DatabaseFiles): Promise<void> {
    await target.remove()
    for (const end of KEPT) {
      await copyFile(`${this.path}${end}`, `${target.path}${end}`).catch((error) => {
        if (error.code !== "ENOENT" || end === "") throw error
      })
    }
  }

  async remove(): Promise<void> {
    for (const end of ALL) await rm(`${this.path}${end}`, { force: true })
  }
}
