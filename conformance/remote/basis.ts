/** Basis: a push builds on frames that are there, or is unknown. */
import { farAhead, holds, isUnknown, push, pushed, refuses } from "./stream.ts"
import type { RemoteCase, RemoteTrial } from "./trial.ts"

const UNKNOWN = "It builds on what the log does not have; nothing was stored."

const isUnknownBasis = async (trial: RemoteTrial, what: string, basis: Parameters<typeof push>[2]): Promise<void> => {
  const writer = trial.writer().write(1)
  isUnknown(await refuses(what, trial.remote, () => push(trial.remote, [writer.part()], basis)))
}

export const basisCases: readonly RemoteCase[] = [
  {
    id: "basis/known",
    title: "a push may build on the start, on any frame, and on several",
    level: "MUST",
    requires: [],
    rule: "Frames of the remote's log that this push builds on: the cursor, and the last one that answered `ok` (rule S14).",
    why: "A push that builds on what is there and is refused makes clients start anew for nothing.",
    async run(trial) {
      const [writer, other] = [trial.writer().write(9), await trial.another()]
      const lasts = []
      for (const part of writer.parts(0, 5)) lasts.push((await pushed(trial.remote, [part])).last)
      await pushed(trial.remote, [writer.part(5, 6)], { basis: [lasts[0]!] })
      await pushed(other, [writer.part(6, 7)], { basis: [lasts[4]!, lasts[2]!] })
      await pushed(other, [writer.part(7, 8)], { basis: lasts })
      await pushed(trial.remote, [writer.part(8, 9)])
      await holds(trial.remote, writer.parts())
    },
  },
  {
    id: "basis/unknown",
    title: "a push that builds on a frame which is not there is unknown, and nothing is stored", // R41
    level: "MUST",
    requires: [],
    rule: UNKNOWN,
    why: "After a restore from a backup the client holds effects whose causes are gone; taken, they would never be brought again.",
    async run(trial) {
      const writer = trial.writer().write(3)
      await pushed(trial.remote, [writer.part(0, 1)])
      const { last } = await pushed(trial.remote, [writer.part(1, 2)])
      const other = last.id.with(15, last.id[15]! ^ 1)
      await isUnknownBasis(trial, "another id at the head", { basis: [{ position: 2, id: other }] })
      await isUnknownBasis(trial, "another id further back", { basis: [{ position: 1, id: other }] })
      await isUnknownBasis(trial, "the head's id further back", { basis: [{ position: 1, id: last.id }] })
      await isUnknownBasis(trial, "the head's id above the head", { basis: [{ position: 3, id: last.id }] })
      await isUnknownBasis(trial, "far above the head", { basis: [{ position: 2 ** 53 - 1, id: last.id }] })
      await pushed(trial.remote, [writer.part(2, 3)], { basis: [last] })
    },
  },
  {
    id: "basis/both",
    title: "every frame that is named has to be there",
    level: "MUST",
    requires: [],
    rule: "A cursor of `basis` that the log does not contain: answer `unknown`.",
    why: "A client may have pulled from two logs; if one is gone, what builds on it must not be taken.",
    async run(trial) {
      const { last } = await pushed(trial.remote, [trial.writer().write(1).part()])
      const foreign = { position: 1, id: last.id.with(0, last.id[0]! ^ 1) }
      await isUnknownBasis(trial, "an unknown one behind a known one", { basis: [last, foreign] })
      await isUnknownBasis(trial, "a known one behind an unknown one", { basis: [foreign, last] })
    },
  },
  {
    id: "basis/before-refusals",
    title: "a push over an unknown frame is unknown, whatever it brings",
    level: "MUST",
    requires: [],
    rule: "A server judges a push in this order.",
    why: "A client that is told of refusals first drops data, though the remote only needs what came before them.",
    async run(trial) {
      const writer = trial.writer().write(1, { millis: farAhead(trial) })
      const basis = [{ position: 7, id: new Uint8Array(16).fill(7) }]
      isUnknown(await refuses("bad stamps over an unknown frame", trial.remote, () => push(trial.remote, [writer.part()], { basis })))
    },
  },
]
