/**
 * Random histories of honest copies: devices that write, exchange prefixes of their logs, and are opened anew under other writers.
 *
 *   steps (drawn by a test) ─▶ playHistory ─▶ frames in the order in which they were written, each one block of operations
 *
 * Contexts and links are what the rules S5, S8 and S9 ask for, computed by the oracle.
 */
import fc from "fast-check"
import { addVersion, contextOf, keptBy, newest, type Op, type OracleBlock, OracleViews, type Seqs, settledBy } from "./model-oracle.ts"

export interface Step {
  readonly device: number
  readonly does:
    | "put"
    | "put on the one shown"
    | "delete"
    | "delete the one shown"
    | "choose"
    | "choose among some"
    | "pull"
    | "reopen"
    | "set the clock"
  readonly key: number
  /** Another device, a number of frames, or a clock. */
  readonly other: number
  readonly value: number
}

export const anyStep: fc.Arbitrary<Step> = fc.record({
  device: fc.nat(2),
  does: fc.constantFrom(
    "put",
    "put",
    "put on the one shown",
    "put on the one shown",
    "delete",
    "delete the one shown",
    "choose",
    "choose",
    "choose among some",
    "pull",
    "pull",
    "pull",
    "reopen",
    "set the clock",
  ),
  key: fc.nat(1),
  other: fc.nat(30),
  value: fc.nat(99),
})
export const anyHistory: fc.Arbitrary<readonly OracleBlock[]> = fc.array(anyStep, { minLength: 1, maxLength: 40, size: "max" }).map(
  playHistory,
)

interface Device {
  readonly views: OracleViews
  readonly log: OracleBlock[]
  readonly own: Map<string, number>
  writer: string | undefined
  clock: number
}

/** The blocks that devices wrote, in the order in which they did; each is one frame of its author's log. */
export function playHistory(steps: readonly Step[]): readonly OracleBlock[] {
  const devices = Array.from(
    { length: 3 },
    (): Device => ({ views: new OracleViews(), log: [], own: new Map(), writer: undefined, clock: 100 }),
  )
  const written: OracleBlock[] = []
  let writers = 0
  for (const { device: at, does, key: number, other, value } of steps) {
    const device = devices[at]!, { views } = device, key = `k${number}`
    if (does === "reopen") device.writer = undefined
    else if (does === "set the clock") device.clock = other
    else if (does === "pull") {
      const from = devices[other % 3]!
      for (const block of from.log.slice(0, other * 2)) take(device, block)
    } else {
      const draft = draftOf(does, other, views.records.get(key) ?? [], views)
      if (draft === undefined) continue
      const links = device.writer === undefined ? linksOf(device) : {}
      // The names do not ascend with time, so that the order of writers is not that of their first writes.
      device.writer ??= `w${(writers * 7) % 10}${writers++}`
      const w = device.writer, s = (device.own.get(w) ?? 0) + 1
      const op: Op = { w, s, stamp: device.clock++, key, value: draft.kind === "delete" ? undefined : value, ...draft }
      const block = { w, from: s - 1, to: s, ops: [op], withheld: [], links }
      take(device, block)
      device.own.set(w, s)
      written.push(block)
    }
  }
  return written
}

function take(device: Device, block: OracleBlock): void {
  if (device.views.pairOf(block.w).seq >= block.to) return
  device.views.fold([block])
  device.log.push(block)
}

function draftOf(
  does: Step["does"],
  other: number,
  siblings: readonly Op[],
  { lineage }: OracleViews,
): Pick<Op, "kind" | "ctx" | "keeps" | "settles"> | undefined {
  const isDelete = does === "delete" || does === "delete the one shown", isChoice = does === "choose" || does === "choose among some"
  if ((isChoice && siblings.length < 2) || (isDelete && siblings.length === 0)) return undefined
  const shown = newest(siblings), isOfShown = does === "put on the one shown" || does === "delete the one shown"
  // Of those that were there when somebody read them: any two or more, the one that is shown among them.
  const seen = siblings.filter((op, at) => op === shown || ((other >> at) & 1) === 1)
  const parents = isOfShown ? siblings.filter((op) => op === shown) : does === "choose among some" && seen.length > 1 ? seen : siblings
  const keeps = keptBy(parents, siblings, lineage)
  const kind = isDelete ? "delete" : isChoice ? "choice" : "put"
  return { kind, ctx: contextOf(parents, lineage), keeps, settles: isChoice ? settledBy(parents, lineage) : undefined }
}

/** Own writers with their last numbers, without those that another of them implies (rule S5). */
function linksOf({ own, views }: Device): Seqs {
  return views.lineage.join([...own].map(([w, s]) => ({ [w]: s })))
}

/** Siblings after all operations on a key, folded in the order given, with all links known from the start. */
export function siblingsOf(blocks: readonly OracleBlock[], key: string): readonly Op[] {
  const { lineage } = new OracleViews()
  for (const { w, from, links } of blocks) if (from === 0) lineage.links.set(w, links)
  return blocks.flatMap(({ ops }) => ops).filter((op) => op.key === key).reduce<readonly Op[]>(
    (list, op) => addVersion(list, op, lineage),
    [],
  )
}
