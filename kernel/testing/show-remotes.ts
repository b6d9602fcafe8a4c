/** What the kernel's views know of remotes and owners, in the words of the vectors, to be compared with the second reader. */
import type { LogVector } from "../../conformance/vectors/logs.ts"
import type { Dot } from "../../conformance/vectors/reader/frame.ts"
import { bytesToHex } from "../model/identifiers.ts"
import type { LogViews } from "../views/log-views.ts"

const compareTexts = (a: string, b: string): number => a < b ? -1 : a > b ? 1 : 0
export const compareDots = ([a, n]: Dot, [b, m]: Dot): number => compareTexts(a, b) || n - m

/** Of a remote's vector only the entries that no other one implies: the others may be there or not. */
export function showKernelRemotes({ remotes, writers, lineage, owners }: LogViews): Pick<LogVector, "remotes" | "dead" | "owners"> {
  const id = (index: number): string => bytesToHex(writers.idOf(index))
  return {
    remotes: [...remotes.names].sort(compareTexts).map((remote) => {
      const { cursor, caughtUp, vector, refused, clockOffsetMillis } = remotes.of(remote), indexes = [...vector.entries.keys()]
      const isImplied = (writer: number, seq: number): boolean =>
        indexes.some((other) => other !== writer && lineage.implies(other, writer, seq))
      return {
        remote,
        cursor: { position: cursor.position, id: bytesToHex(cursor.id) },
        caughtUp,
        vector: [...vector.entries].filter(([writer, { seq }]) => !isImplied(writer, seq)).map((
          [writer, { seq }],
        ): Dot => [id(writer), seq])
          .sort(compareDots),
        refused: [...refused.entries()].map(({ writer, seq, value: { code, message } }) => ({
          dot: [id(writer), seq] as Dot,
          code,
          message,
        }))
          .sort(({ dot: a }, { dot: b }) => compareDots(a, b)),
        offset: 0 - clockOffsetMillis,
      }
    }),
    dead: [...remotes.dead.entries()].map(({ writer, seq }): Dot => [id(writer), seq]).sort(compareDots),
    owners: [...owners].map(([writer, principal]) => [id(writer), principal] as const).sort(([a], [b]) => compareTexts(a, b)),
  }
}
