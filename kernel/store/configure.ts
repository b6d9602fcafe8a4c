/** Configuring a collection: its functions and types for this handle, its setting for the log. */
import { PartType } from "../format/frame.ts"
import { type CollectionSetting, encodeSetting } from "../format/settings.ts"
import type { Setting } from "../model/strategy.ts"
import { kindOf } from "../ports/logger.ts"
import type { ParsedStrategy } from "./collection-options.ts"
import type { StoreCore } from "./store-core.ts"
import type { AnyCrdtType } from "./strategies.ts"

/**
 * Shows the records of a collection (undefined: of those without a setting) by other rules from now on, and notes the setting in the log, unless it
 * stands there. Resolves when that is stored; a setting that cannot be stored counts as long as this handle is open. Throws `WrongCollectionType` for
 * records that are of another type.
 */
export function configure(core: StoreCore, collection: number | undefined, { setting, merge, type }: ParsedStrategy): Promise<void> {
  if (setting !== undefined && collection !== undefined) requireType(core, collection, setting, type)
  if (merge !== undefined) core.strategies.setMerge(collection, merge)
  if (collection !== undefined && type !== undefined) core.strategies.setType(collection, type)
  if (merge !== undefined || type !== undefined) showAgain(core, core.records.rowsWithSiblings())
  if (setting === undefined) return Promise.resolve()
  const entry = { collection: collection === undefined ? undefined : core.names.names[collection]!, ...setting }
  core.declared.set(collection, () => {
    takeUnstored(core, entry)
    storeSetting(core, collection, entry).catch((error) => {
      core.options.logger.error("a strategy could not be stored again", { collection: entry.collection, error: kindOf(error) })
    })
  })
  return storeSetting(core, collection, entry)
}

/** A write is not to cover what somebody wants to keep, whatever became of the frame. */
function takeUnstored({ views: { settings }, records }: StoreCore, entry: CollectionSetting): void {
  if (settings.take(entry)) records.showAgain()
}

async function storeSetting(core: StoreCore, collection: number | undefined, entry: CollectionSetting): Promise<void> {
  const before = core.views.settings.of(collection).type
  try {
    if (core.options.readOnly) return takeUnstored(core, entry)
    await core.commit((views) => {
      const known = views.settings.stored(collection)
      if (known !== undefined && isSame(known, entry)) return undefined
      return { parts: [{ type: PartType.settings, content: encodeSetting(entry) }], change: undefined, rewrites: [] }
    }, true)
  } catch (error) {
    takeUnstored(core, entry)
    throw error
  } finally {
    // Of a type every record is another value now, also one with a single version.
    const isRetyped = collection !== undefined && core.views.settings.of(collection).type !== before
    showAgain(core, isRetyped ? core.sorted(collection).rows() : core.records.rowsWithSiblings())
  }
}

const isSame = (a: Setting, b: Setting): boolean => a.strategy === b.strategy && a.deleteConflict === b.deleteConflict && a.type === b.type

/** Settings do not leave their log, so states may have come from others before anybody said here what they are. */
function requireType(core: StoreCore, collection: number, { type: name }: Setting, type: AnyCrdtType | undefined): void {
  const { type: known } = core.views.settings.of(collection)
  if (name === known) return
  if (
    known === undefined &&
    (core.records.liveCount(collection) === 0 || type !== undefined && core.strategies.holdsStates(core.sorted(collection).rows(), type))
  ) return
  throw core.strategies.wrongType(collection, name === undefined ? "plain values" : `values of the type ${name}`)
}

/** Values are made in another way now. */
function showAgain({ strategies, decoded, subscriptions }: StoreCore, rows: Iterable<number>): void {
  strategies.clear()
  decoded.clear()
  for (const row of rows) subscriptions.note(row)
  subscriptions.deliver()
}
