/** Backups: a store that goes back to an older copy knows nothing of what came after it, and takes it again. */
import { ensure, equal } from "../expect.ts"
import { holds, holdsPairs, isSameCursor, isUnknown, pull, pullPage, push, pushed } from "./stream.ts"
import type { RemoteCase } from "./trial.ts"

const CONTAINS =
  "Whole histories are told apart by ids: a log *contains* a cursor if it has a frame with this id at this position, or if the cursor is position 0."

export const backUpCases: readonly RemoteCase[] = [
  {
    id: "backup/older",
    title: "a store that was restored goes on from its copy: cursors of before hold, later ones do not, and what was lost is taken again", // R60, R62
    level: "MUST",
    requires: ["backUp"],
    rule: CONTAINS,
    why: "After a restore the clients are what is left of the last days: a server that believes to have them gets nothing back.",
    async run(trial) {
      const [writer, other, lost] = [trial.writer().write(4), trial.writer().write(1), trial.writer().write(2)]
      const kept = (await pushed(trial.remote, [writer.part(0, 2)])).last
      const restore = await trial.backUp()
      const second = (await pushed(trial.remote, [writer.part(2, 4)], { basis: [kept] })).last
      const third = (await pushed(trial.remote, [lost.part()], { basis: [second] })).last
      await restore()

      const { head } = await trial.remote.handshake({ signal: trial.signal })
      ensure(isSameCursor(head, kept), `the head is at ${head.position}, or another one than that of the copy`)
      const page = await pullPage(trial.remote, { cursor: kept })
      equal([page.parts.length, page.upToDate], [0, true], "a pull from the copy's head: parts, up to date")
      for (const later of [second, third]) {
        equal((await pull(trial.remote, { cursor: later })).kind, "restart", "a pull from behind the copy")
        isUnknown(await push(trial.remote, [other.part()], { basis: [kept, later] }))
      }
      await pushed(trial.remote, [other.part()], { basis: [kept] })
      // As many frames as before, and other ones.
      equal((await pull(trial.remote, { cursor: second })).kind, "restart", "a pull from before, when as many frames are there")
      isUnknown(await push(trial.remote, [lost.part()], { basis: [second] }))

      holdsPairs(await pushed(trial.remote, [writer.part(2, 4)], { basis: [kept] }), [{ ...writer.dot(4), withheld: [] }])
      holdsPairs(await pushed(trial.remote, [lost.part()], { basis: [kept] }), [{ ...lost.dot(), withheld: [] }])
      await holds(await trial.another(), [writer.part(0, 2), other.part(), writer.part(2, 4), lost.part()])
    },
  },
]
