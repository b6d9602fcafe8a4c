/** The values that an open handle shows, beside what its log's siblings have to be shown as. */
import type { DeviceProcess } from "./device-process.ts"
import type { KnownOperation } from "./ledger.ts"
import { collectionOf, COUNTED, handlingOf, MANUAL, MERGED, type MergedToken, shownOf, sumsOf } from "./strategies.ts"
import { unjudgedRecords } from "./stranded.ts"
import type { Token } from "./token.ts"
import type { World } from "./world.ts"

/** Key of a record. */
export const keyOf = (record: string): string => record.slice(record.indexOf("/") + 1)

/** Compares the values that an open handle shows; answers the first difference. The handle must be at the head of its log. */
export function valuesAsLedger(world: World, process: DeviceProcess, isAtRest: boolean): string | undefined {
  const { store, collections, site: { observer } } = process
  if (store === undefined || collections === undefined) return undefined
  const { ledger } = world, unjudged = unjudgedRecords(world, process.site)
  for (const [record, siblings] of observer.shown) {
    if (unjudged.has(record)) continue
    const collection = collectionOf(record), key = keyOf(record)
    // What is being opened is shown so once its setting is stored.
    const isSpecial = collection === MANUAL || collection === MERGED || collection === COUNTED
    const isStored = isSpecial
      ? collections.has(collection) && observer.fold.settings.has(collection)
      : !process.isManual || observer.fold.settings.get(null)?.strategy === "manual"
    if (!isAtRest && !isStored) continue
    if (collection === COUNTED) {
      const found = collections.counted.peek(key), [least, most] = sumsOf(siblings, seenByDeletes(ledger.operations.values(), record))
      const isThere = [...siblings].some(({ isDelete }) => !isDelete)
      if (isThere ? found === undefined || found < least || found > most : found !== undefined) {
        return `${record} counts ${found}, not ${isThere ? `${least} to ${most}` : "nothing"}`
      }
      continue
    }
    const { version, sum } = shownOf(siblings, handlingOf(collection, process, observer.fold))
    const value: Token & MergedToken | undefined = collections.settled(collection).peek(key), uid = version?.uid
    if (value?.uid !== uid || value?.sum !== sum) return `${record} shows ${value?.uid} with ${value?.sum}, not ${uid} with ${sum}`
  }
  return undefined
}

/** Compares how many conflicts the status of an open handle counts; answers the difference. The handle must be at the head of its log. */
export function conflictsAsLedger(process: DeviceProcess): string | undefined {
  const { store, collections, isManual, site: { observer: { fold, shown } } } = process
  if (store === undefined || collections === undefined) return undefined
  const isStored = (name: string): boolean => !collections.has(name) || fold.settings.has(name)
  if (![MANUAL, MERGED, COUNTED].every(isStored) || isManual !== (fold.settings.get(null)?.strategy === "manual")) return undefined
  const author = { ...process, isManual, merging: collections.has(MERGED) ? process.merging : undefined }
  let open = 0
  for (const [record, siblings] of shown) {
    if (siblings.size < 2) continue
    const collection = collectionOf(record), isUnknown = collection === COUNTED && !collections.has(COUNTED)
    // What was never opened here is shown as collections without a setting; of a type that was not given, nobody can make one of several states.
    const handling = handlingOf(fold.settings.has(collection) ? collection : "", author, fold)
    const isOpen = isUnknown && fold.settings.has(COUNTED)
      ? [...siblings].filter(({ isDelete }) => !isDelete).length > 1
      : shownOf(siblings, handling).isOpen
    if (isOpen) open++
  }
  const { conflictCount } = store.syncedStore
  return conflictCount === open ? undefined : `${conflictCount} conflicts are counted, not ${open}`
}

/** Increments of a record that some delete had seen. */
function seenByDeletes(operations: Iterable<KnownOperation>, record: string): ReadonlySet<KnownOperation> {
  const seen = new Set<KnownOperation>()
  for (const operation of operations) {
    if (operation.record === record && operation.isDelete) { for (const older of operation.past) seen.add(older) }
  }
  return seen
}
