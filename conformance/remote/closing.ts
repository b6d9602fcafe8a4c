/** Closing: as often as anybody likes, and of no matter to others. */
import { holds, pushed } from "./stream.ts"
import type { RemoteCase } from "./trial.ts"

export const closeCases: readonly RemoteCase[] = [
  {
    id: "close/twice",
    title: "close() may be called again, also at once",
    level: "MUST",
    requires: [],
    rule: "Frees what it holds. Idempotent.",
    why: "Cleaning up runs twice where errors are handled; an error of the second close would hide the first one.",
    async run(trial) {
      const remote = await trial.another()
      await Promise.all([remote.close(), remote.close()])
      await remote.close()
    },
  },
  {
    id: "close/others-go-on",
    title: "a remote that is closed disturbs no other one of the store",
    level: "MUST",
    requires: [],
    rule: "Frees what it holds. Idempotent.",
    why: "Several stores and windows share one place, and one that ends must not cut off the others.",
    async run(trial) {
      const [remote, writer] = [await trial.another(), trial.writer().write(2)]
      await pushed(remote, [writer.part(0, 1)])
      await remote.close()
      await pushed(trial.remote, [writer.part(1, 2)])
      await holds(await trial.another(), writer.parts())
    },
  },
]
