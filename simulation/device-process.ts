/** One process of a device: an open handle of the product's store, and its syncing with each remote, as the product does it. */
import { PersistError } from "../kernel/errors.ts"
import type { SyncCycle } from "../kernel/sync/cycle.ts"
import type { DeleteConflict } from "../kernel/model/strategy.ts"
import type { Store } from "../kernel/store/store.ts"
import type { Answer } from "./answers.ts"
import type { HeardHandle } from "./heard-handle.ts"
import type { KnownOperation } from "./ledger.ts"
import { Listeners } from "./listeners.ts"
import { OpenCollections } from "./open-collections.ts"
import type { Actor } from "./scheduler.ts"
import type { Site } from "./site.ts"
import type { Author } from "./strategies.ts"
import type { Token } from "./token.ts"

export class DeviceProcess implements Actor, Author {
  readonly name: string
  readonly site: Site
  /** What it wrote into the log, oldest first. */
  readonly written: readonly KnownOperation[]
  /** Who it says is logged in. */
  login: string
  /** Remotes that it is talking with. */
  readonly busy: Set<string> = new Set()
  readonly isManual: boolean
  readonly merging: DeleteConflict | undefined
  readonly choosing: Map<string, ReadonlySet<string>> = new Map()
  answering: Answer | undefined
  /** Somebody listens to its store. */
  isHeard: boolean = false
  readonly listeners: Listeners = new Listeners()
  /** Its syncing that runs by itself, if it has one. */
  handle: HeardHandle | undefined
  #collections: OpenCollections | undefined
  #store: Store<Token> | undefined
  #cycleOf: ((remote: string) => SyncCycle) | undefined
  readonly #cycles = new Map<string, SyncCycle>()

  constructor(name: string, site: Site, merging: DeleteConflict | undefined, isManual: boolean) {
    this.name = name
    this.merging = merging
    this.isManual = isManual
    this.site = site
    this.login = site.login
    this.written = site.writtenBy(this)
  }

  /** The open store; undefined until it has opened. */
  get store(): Store<Token> | undefined {
    return this.#store
  }

  /** Its collections that are not last-write-wins; undefined until the store has opened. */
  get collections(): OpenCollections | undefined {
    return this.#collections
  }

  /** The store is open; `cycleOf` makes what syncs it with a remote. */
  begin(store: Store<Token>, cycleOf: (remote: string) => SyncCycle): void {
    this.#store = store
    const collections = this.#collections = new OpenCollections(store, this.merging)
    if (this.isHeard) {
      this.listeners.add(store.records)
      this.listeners.addDeadLetters(store.deadLetters)
      collections.onOpen = (collection) => this.listeners.add(collection)
    }
    this.#cycleOf = cycleOf
  }

  /** What syncs this handle with a remote: one object as long as the process lives. */
  cycle(remote: string): SyncCycle {
    let cycle = this.#cycles.get(remote)
    if (cycle === undefined) {
      if (this.#cycleOf === undefined) throw new Error(`${this.name} is not open yet`)
      this.#cycles.set(remote, cycle = this.#cycleOf(remote))
    }
    return cycle
  }
}

/** What became of a call: it ended, or failed with an error of ours. Anything else that is thrown is a defect. */
export type Outcome = { readonly kind: "done" } | { readonly kind: "failed"; readonly error: PersistError } | {
  readonly kind: "defect"
  readonly error: unknown
}

/** Waits for a call and tells what became of it. */
export async function outcomeOf(call: Promise<unknown>): Promise<Outcome> {
  try {
    await call
    return { kind: "done" }
  } catch (error) {
    return error instanceof PersistError ? { kind: "failed", error } : { kind: "defect", error }
  }
}
