/**
 * `npm run conformance -- doubles`: are the suites able to fail?
 *
 *   adapter  append/one-of-many-wins   failed   an adapter that compares, waits, then stores
 *   …
 *   309 of 309 caught (100 %), 245 of 245 cases proven
 */
import { allDoubles, type DoublesOfKind, type Kill, killTable, unprovenCases } from "./kills.ts"
import { selectCases } from "../mod.ts"

const KIND_WIDTH = 8
const ID_WIDTH = 36

/** One line of the table. */
export const formatKill = ({ kind, id, fault, outcome, seen }: Kill): string => {
  const line = `${kind.padEnd(KIND_WIDTH)} ${id.padEnd(ID_WIDTH)} ${outcome.padEnd(8)} ${
    kind === "adapter" ? "an" : "a"
  } ${kind} that ${fault}`
  return outcome === "missed" ? `${line}\n         ${seen}` : line
}

/** The ids that `only` names, all if left out. Throws `InvalidOption` for a name that no suite has. */
export const selectKills = (only: readonly string[] | undefined, kinds: readonly DoublesOfKind[] = allDoubles): ReadonlySet<string> => {
  const all = new Map(kinds.flatMap(({ cases }) => cases).map((one) => [one.id, one]))
  return new Set(selectCases([...all.values()], only).map(({ id }) => id))
}

/** Prints the table of the selected cases; answers the exit code: 0 if every double is caught and every case is proven, else 1. */
export const printKillTable = async (
  selected: ReadonlySet<string>,
  json: boolean,
  say: (line: string) => void,
  kinds: readonly DoublesOfKind[] = allDoubles,
): Promise<number> => {
  const isSelected = (id: string): boolean => selected.has(id)
  const kills = await killTable(kinds, isSelected, (kill) => say(formatKill(kill)))
  const unproven = unprovenCases(kinds, isSelected, kills)
  const caught = kills.filter(({ outcome }) => outcome !== "missed").length
  const cases = kinds.reduce((sum, kind) => sum + kind.cases.filter(({ id }) => isSelected(id)).length, 0)
  for (const name of unproven) say(`unproven ${name}: no double fails it`)
  if (json) console.log(JSON.stringify({ kills, unproven }, undefined, 2))
  const percent = kills.length === 0 ? 0 : Math.floor(caught * 100 / kills.length)
  say(`${caught} of ${kills.length} caught (${percent} %), ${cases - unproven.length} of ${cases} cases proven`)
  return caught === kills.length && unproven.length === 0 ? 0 : 1
}
