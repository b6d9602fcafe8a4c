/**
 * Checks of strategies: what an open handle shows of versions that were written apart, beside what its log's siblings have to be shown as (I14, I15).
 *
 *   manual    in conflict are the records that concurrent writes left open, with just those versions; deletes beside deletes are none
 *   merged    the function's value, or a conflict where it fails or is not there
 *   counted   the sum of the increments that count
 */
import type { DeviceProcess } from "./device-process.ts"
import { drive } from "./healing.ts"
import { recordName } from "./observer.ts"
import { dotOfVersion } from "./picture.ts"
import { keyOf, valuesAsLedger } from "./shown-values.ts"
import { collectionOf, handlingOf, PLAIN_NAMES, shownOf } from "./strategies.ts"
import { unjudgedRecords } from "./stranded.ts"
import type { World } from "./world.ts"

/** Checks what an open handle of a world at rest shows of its collections. */
export async function checkStrategies(world: World, process: DeviceProcess): Promise<void> {
  const { store, collections, site: { observer } } = process
  if (store === undefined || collections === undefined) return
  const { manual, merged, counted } = collections // each may store its setting
  await drive(world, process, counted.count(), "count")
  const difference = valuesAsLedger(world, process, true)
  if (difference !== undefined) world.violation("a strategy shows something else", `${process.name}: ${difference}`)
  let open = 0
  const plain = process.isManual ? PLAIN_NAMES.map((name) => collections.settled(name)) : []
  for (const collection of [manual, merged, ...plain]) {
    const { name } = collection, expected = new Map<string, string>(), found = new Map<string, string>()
    const unjudged = unjudgedRecords(world, process.site)
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
      if (found.get(key) === expected.get(key) || unjudged.has(recordName(name, key))) continue
      world.violation("conflicts are others", `${process.name}: ${name}/${key} has ${found.get(key)}, not ${expected.get(key)}`)
    }
    open += expected.size
    world.counts.add(`conflicts open at the end: ${name}`, expected.size)
    process.listeners.check(world, process.name)
    if (world.habits.takesRemote && expected.size > 0 && unjudged.size === 0) {
      world.violation("conflicts left by those who end all", `${process.name}: ${name}`)
    }
  }
  const { conflictCount } = store.syncedStore
  if (conflictCount !== open) world.violation("conflicts are others", `${process.name}: the status counts ${conflictCount}, not ${open}`)
}
