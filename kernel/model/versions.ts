/**
 * Versions of one record, and who supersedes whom (rules S4 to S9 of the sync model).
 *
 *   context   the versions that a write replaces, and all they had seen: a vector
 *   keeps     dots that it saw and left open; nearly always empty
 *   settles   only of a choice: what the versions it chose among had seen, without the choices among them
 *
 * a covers (w, s) if and only if (w, s) is under a.context and not in a.keeps. Two versions conflict if and only if neither
 * supersedes the other. Nothing here knows a strategy: siblings stay until a write covers them.
 */
import { CONTEXT_ENTRIES_MAX } from "../limits.ts"
import type { Lineage } from "./lineage.ts"
import { type Dots, NO_DOTS } from "./operation.ts"

/** What the rules read of a version. */
export interface Version {
  readonly writer: number
  readonly seq: number
  readonly millis: number
  readonly counter: number
  readonly context: Dots
  readonly keeps: Dots
  /** Present on choices only. */
  readonly settles: Dots | undefined
}

/** Dots that are looked at for what else a write keeps: an honest record has a few, and forgers are not to make a write take long. */
const KEPT_DOTS_LOOKED_MAX = 4096

const holdsDot = (dots: Dots, writer: number, seq: number): boolean => {
  for (let i = 0; i < dots.length; i += 2) if (dots[i] === writer && dots[i + 1] === seq) return true
  return false
}

/** Does `version` cover the dot (writer, seq)? */
export const covers = (version: Version, writer: number, seq: number, lineage: Lineage): boolean =>
  lineage.under(version.context, writer, seq) && !holdsDot(version.keeps, writer, seq)

/** Total order: stamp, then writer, then seq. `compareWriters` orders writers by their ids. */
export const compareVersions = (a: Version, b: Version, compareWriters: (a: number, b: number) => number): number =>
  a.millis - b.millis || a.counter - b.counter || compareWriters(a.writer, b.writer) || a.seq - b.seq

/** Rule S4: a covers b; or b is a choice and a has seen everything that b settled. */
export function supersedes(a: Version, b: Version, lineage: Lineage, compareWriters: (a: number, b: number) => number): boolean {
  if (covers(a, b.writer, b.seq, lineage)) return true
  if (b.settles === undefined || covers(b, a.writer, a.seq, lineage) || holdsDot(a.keeps, b.writer, b.seq)) return false
  if (!lineage.includes(a.settles ?? a.context, b.settles)) return false
  for (let i = 0; i < a.keeps.length; i += 2) if (covers(b, a.keeps[i]!, a.keeps[i + 1]!, lineage)) return false
  if (a.settles === undefined || !lineage.includes(b.settles, a.settles)) return true
  return compareVersions(a, b, compareWriters) > 0
}

/** The siblings after one more version arrived, in whatever order they come. Answers `versions` itself if nothing changed. */
export function addVersion<V extends Version>(
  versions: readonly V[],
  version: V,
  lineage: Lineage,
  compareWriters: (a: number, b: number) => number,
): readonly V[] {
  for (const other of versions) {
    if ((other.writer === version.writer && other.seq === version.seq) || supersedes(other, version, lineage, compareWriters)) {
      return versions
    }
  }
  const kept = versions.filter((other) => !supersedes(version, other, lineage, compareWriters))
  kept.push(version)
  return kept
}

/** The greatest version: what last-write-wins shows. */
export function greatest<V extends Version>(versions: readonly V[], compareWriters: (a: number, b: number) => number): V {
  let best = versions[0]!
  for (const version of versions) if (compareVersions(version, best, compareWriters) > 0) best = version
  return best
}

/** Context of a write that replaces `parents`: their dots and all they had seen. */
export function contextOf(parents: readonly Version[], lineage: Lineage): Dots {
  if (parents.length === 0) return NO_DOTS
  return lineage.join(parents.flatMap((parent) => [parent.context, [parent.writer, parent.seq]]))
}

/**
 * Dots that a write leaves open: the siblings that are not its parents; what a choice among those settled; and what a parent had left open, which
 * need not have come here (it may be withheld). Of the latter two those that the context of the write would pass for having replaced, though no
 * parent did. Without what choices settled another choice, which has to do with the same versions, would give way to the write in one order of
 * arrival, and take the place of the choice that was left open in another. Of the latter two as many as an operation may name: only who forged
 * the versions can have left more.
 */
export function keptBy(parents: readonly Version[], siblings: readonly Version[], lineage: Lineage): Dots {
  if (siblings.length === parents.length && parents.every(({ keeps }) => keeps.length === 0)) return NO_DOTS
  const open = siblings.filter((sibling) => !parents.includes(sibling)), keeps = open.flatMap(({ writer, seq }) => [writer, seq])
  const context = contextOf(parents, lineage)
  let looked = 0
  const add = (dots: Dots): void => {
    for (let i = 0; i < dots.length; i += 2) {
      const writer = dots[i]!, seq = dots[i + 1]!
      const isReplaced = parents.some((one) => one.writer === writer && one.seq === seq || covers(one, writer, seq, lineage))
      if (keeps.length / 2 >= CONTEXT_ENTRIES_MAX || looked++ >= KEPT_DOTS_LOOKED_MAX) return
      if (!isReplaced && lineage.under(context, writer, seq) && !holdsDot(keeps, writer, seq)) keeps.push(writer, seq)
    }
  }
  for (const { settles } of open) if (settles !== undefined) add(settles)
  for (const { keeps } of parents) add(keeps)
  return keeps
}

/** What a choice among `parents` settles. */
export const settledBy = (parents: readonly Version[], lineage: Lineage): Dots =>
  lineage.join(parents.map((parent) => parent.settles ?? contextOf([parent], lineage)))
