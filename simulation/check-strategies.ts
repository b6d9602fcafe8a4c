/**
 * Checks of strategies: what an open handle shows of versions that were written apart, beside what its log's siblings have to be shown as (I14, I15).
 *
 *   manual    in conflict are the records that concurrent writes left open, with just those versions; deletes beside deletes are none
 *   merged    the function's value, or a conflict where it fails or is not there
 *   counted   the sum of the increments that count
 */
import type { DeviceProcess } from "./device-process.ts"
import { drive } from "./healing.ts"
import type { KnownOperation } from "./ledger.ts"
import { dotOfVersion } from "./picture.ts"
import { collectionOf, COUNTED, handlingOf, MANUAL, MERGED, type MergedToken, shownOf, sumsOf } from "./strategies.ts"
import type { Token } from "./token.ts"
import type { World } from "./world.ts"

const keyOf = (record: string): string => record.slice(record.indexOf("/") + 1)

/** Compares the values that an open handle shows; answers the first difference. The handle must be at the head of its log. */
export function valuesAsLedger({ ledger }: World, process: DeviceProcess, isAtRest: boolean): string | undefined {
  const { store, collections, site: { observer } } = process
  if (store === undefined || collections === undefined) return undefined
  for (const [record, siblings] of observer.shown) {
    const collection = collectionOf(record), key = keyOf(record)
    // What is being opened is shown so once its setting is stored.
    const isSpecial = collection === MANUAL || collection === MERGED || collection === COUNTED
    if (!isAtRest && isSpecial && !(collections.has(collection) && observer.fold.settings.has(collection))) continue
    if (collection === COUNTED) {
      const found = collections.counted.peek(key), [least, most] = sumsOf(siblings, seenByDeletes(ledger.operations.values(), record))
      const isThere = [...siblings].some(({ isDelete }) => !isDelete)
      if (isThere ? found === undefined || found < least || found > most : found !== undefined) {
        return `${record} counts ${found}, not ${isThere ? `${least} to ${most}` : "nothing"}`
      }
      continue
    }
    const { version, sum } = shownOf(siblings, handlingOf(collection, process, observer.fold))
    const reader = isSpecial ? collections.settled(collection) : store.collection<Token>(collection)
    const value: Token & MergedToken | undefined = reader.peek(key), uid = version?.uid
    if (value?.uid !== uid || value?.sum !== sum) return `${record} shows ${value?.uid} with ${value?.sum}, not ${uid} with ${sum}`
  }
  return undefined
}

/** Increments of a record that some delete had seen. */
function seenByDeletes(operations: Iterable<KnownOperation>, record: string): ReadonlySet<KnownOperation> {
  const seen = new Set<KnownOperation>()
  for (const operation of operations) {
    if (operation.record === record && operation.isDelete) { for (const older of operation.past) seen.add(older) }
  }
  return seen
}

/** Checks what an open handle of a world at rest shows of its collections. */
export async function checkStrategies(world: World, process: DeviceProcess): Promise<void> {
  const { collections, site: { observer } } = process
  if (collections === undefined) return
  const { manual, merged, counted } = collections // each may store its setting
  await drive(world, process, counted.count(), "count")
  const difference = valuesAsLedger(world, process, true)
  if (difference !== undefined) world.violation("a strategy shows something else", `${process.name}: ${difference}`)
  for (const collection of [manual, merged]) {
    const { name } = collection, expected = new Map<string, string>(), found = new Map<string, string>()
    for (const [record, siblings] of observer.shown) {
      if (collectionOf(record) !== name) continue
      const { isOpen, versions } = shownOf(siblings, handlingOf(name, process, observer.fold))
      if (isOpen) expected.set(keyOf(record), versions.map(({ dot }) => dot).join(" "))
    }
    const reading = collection.conflicts().then((conflicts) => {
      for (const { key, versions } of conflicts) found.set(key, versions.map(({ version }) => dotOfVersion(version)).join(" "))
    })
    await drive(world, process, reading, "conflicts")
    for (const key of new Set([...expected.keys(), ...found.keys()])) {
      if (found.get(key) === expected.get(key)) continue
      world.violation("conflicts are others", `${process.name}: ${name}/${key} has ${found.get(key)}, not ${expected.get(key)}`)
    }
    world.counts.add(`conflicts open at the end: ${name}`, expected.size)
    process.listeners.check(world, process.name)
    if (world.habits.takesRemote && expected.size > 0) world.violation("conflicts left by those who end all", `${process.name}: ${name}`)
  }
}
