/** The collections of one open handle that are not last-write-wins. Each is opened when it is first used, as programs do: its setting is stored then. */
import type { CounterEditor } from "../crdt/counter.ts"
import type { DeleteConflict } from "../kernel/model/strategy.ts"
import type { Collection } from "../kernel/store/collection.ts"
import type { CrdtCollection } from "../kernel/store/crdt-collection.ts"
import type { RecordsReader } from "../kernel/store/records-reader.ts"
import type { Store } from "../kernel/store/store.ts"
import { COUNTED, COUNTER, makeMerge, MANUAL, MERGED, type MergedToken } from "./strategies.ts"
import type { Token } from "./token.ts"

export class OpenCollections {
  /** Told of each as it is opened. */
  onOpen: (collection: RecordsReader<unknown>) => void = () => {}
  readonly #store: Store<Token>
  readonly #merging: DeleteConflict | undefined
  #manual: Collection<Token> | undefined
  #merged: Collection<Token> | undefined
  #counted: CrdtCollection<number, CounterEditor> | undefined

  constructor(store: Store<Token>, merging: DeleteConflict | undefined) {
    this.#store = store
    this.#merging = merging
  }

  get manual(): Collection<Token> {
    return this.#manual ??= this.#opened(this.#store.collection<Token>(MANUAL, { strategy: "manual" }))
  }

  get merged(): Collection<Token> {
    return this.#merged ??= this.#opened(
      this.#merging === undefined
        ? this.#store.collection<Token>(MERGED)
        : this.#store.collection<MergedToken>(MERGED, { strategy: "merge", merge: makeMerge(), deleteConflict: this.#merging }),
    )
  }

  get counted(): CrdtCollection<number, CounterEditor> {
    return this.#counted ??= this.#opened(this.#store.collection(COUNTED, { type: COUNTER }))
  }

  /** Was a collection of this name opened? */
  has(name: string): boolean {
    return (name === MANUAL ? this.#manual : name === MERGED ? this.#merged : this.#counted) !== undefined
  }

  /** Any but the counted one. */
  settled(name: string): Collection<Token> {
    return name === MANUAL ? this.manual : name === MERGED ? this.merged : this.#store.collection<Token>(name)
  }

  #opened<C extends RecordsReader<unknown>>(collection: C): C {
    this.onOpen(collection)
    return collection
  }
}
