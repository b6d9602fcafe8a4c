/** Settings view: how the records of each collection are shown, as frames told last. */
import type { CollectionSetting } from "../format/settings.ts"
import { DEFAULT_SETTING, type Setting } from "../model/strategy.ts"
import type { NameTable } from "./name-table.ts"

export class SettingsView {
  readonly #names: NameTable
  readonly #byCollection = new Map<number, Setting>()
  #default = DEFAULT_SETTING
  /** Those whose setting does not stand in the log. */
  readonly #unstored = new Set<number | undefined>()
  /** Some collection holds states of a CRDT type. */
  hasTypes: boolean = false
  /** In some collection values are made of several versions, or of a type's states. */
  makesValues: boolean = false

  constructor(names: NameTable) {
    this.#names = names
  }

  /** The setting of a collection; without an index, of those that have none of their own. */
  of(collection?: number): Setting {
    return (collection === undefined ? undefined : this.#byCollection.get(collection)) ?? this.#default
  }

  /** The setting that a collection has of its own. */
  own(collection: number): Setting | undefined {
    return this.#byCollection.get(collection)
  }

  /** The setting that the log has for a collection, or for those that have none. */
  stored(collection?: number): Setting | undefined {
    if (this.#unstored.has(collection)) return undefined
    return collection === undefined ? this.#default : this.#byCollection.get(collection)
  }

  /** Takes a setting that does not stand in the log, or not yet; answers as `fold` does. */
  take(setting: CollectionSetting): boolean {
    const isOther = this.fold(setting)
    this.#unstored.add(setting.collection === undefined ? undefined : this.#names.indexOf(setting.collection))
    return isOther
  }

  /** Takes a setting of the log; answers whether anything is another one now. */
  fold({ collection, strategy, deleteConflict, type }: CollectionSetting): boolean {
    const index = collection === undefined ? undefined : this.#names.indexOf(collection), before = this.of(index)
    const setting = { strategy, deleteConflict, type }
    this.#unstored.delete(index)
    if (index === undefined) this.#default = setting
    else this.#byCollection.set(index, setting)
    this.hasTypes ||= type !== undefined
    this.makesValues ||= strategy === "merge" || type !== undefined
    return before.strategy !== strategy || before.deleteConflict !== deleteConflict || before.type !== type
  }
}
