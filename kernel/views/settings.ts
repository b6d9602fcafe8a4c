/** Settings view: how the records of each collection are shown, as frames told last. */
import type { CollectionSetting } from "../format/settings.ts"
import { DEFAULT_SETTING, type Setting } from "../model/strategy.ts"
import type { NameTable } from "./name-table.ts"

export class SettingsView {
  readonly #names: NameTable
  readonly #byCollection = new Map<number, Setting>()
  #default = DEFAULT_SETTING
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

  /** Takes a setting; answers whether anything is another one now. */
  fold({ collection, strategy, deleteConflict, type }: CollectionSetting): boolean {
    const index = collection === undefined ? undefined : this.#names.indexOf(collection), before = this.of(index)
    const setting = { strategy, deleteConflict, type }
    if (index === undefined) this.#default = setting
    else this.#byCollection.set(index, setting)
    this.hasTypes ||= type !== undefined
    this.makesValues ||= strategy === "merge" || type !== undefined
    return before.strategy !== strategy || before.deleteConflict !== deleteConflict || before.type !== type
  }
}
