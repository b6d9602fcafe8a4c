/**
 * Stranded operations: what is left only with devices that may not bring it where it is missing (rule S36). They, and what they replaced, may be
 * missing elsewhere; the devices that hold them have to name them.
 */
import { type KnownOperation, withPast } from "./ledger.ts"
import { recordName } from "./observer.ts"
import type { Site } from "./site.ts"
import type { World } from "./world.ts"

export class Stranded {
  readonly operations: readonly KnownOperation[]
  readonly #missing: ReadonlyMap<Site, ReadonlySet<KnownOperation>>

  /** Looks through what there is, once a world is at rest. */
  constructor(world: World, sites: readonly Site[]) {
    const tenant = sites[0]?.tenant, all = [...world.ledger.operations.values()]
    this.operations = !world.isRestricted ? [] : all.filter((operation) => {
      if (operation.tenant !== tenant) return false
      const holders = sites.filter((site) => holds(site, operation))
      return holders.length > 0 && !holders.some((site) => site.mayRelay || site.observer.fold.own.has(operation.writer))
    })
    this.#missing = new Map(sites.map((site) => [site, new Set(this.operations.filter((operation) => !holds(site, operation)))]))
  }

  get isEmpty(): boolean {
    return this.operations.length === 0
  }

  /** Does this site lack all of them? Such sites have to agree. */
  lacksAll(site: Site): boolean {
    return this.#missing.get(site)?.size === this.operations.length
  }

  /** What a site need not show. */
  excusesOf(site: Site): ReadonlySet<KnownOperation> {
    return withPast(this.#missing.get(site) ?? [])
  }
}

/** A number that is withheld from a log is not there. */
export function holds({ observer: { fold, full } }: Site, { writer, seq }: KnownOperation): boolean {
  return seq <= (full.get(writer) ?? 0) && !fold.pairOf(writer).withheld.includes(seq)
}

/**
 * Records of which a log shows other versions than somebody would who knew all links: what one replaced that names a writer which came to nobody's log
 * here is known to its author alone, until the links come (rule S36). Of these it is judged whether the views show them, not what they should be.
 */
export function unjudgedRecords(world: World, { observer: { fold, shown } }: Site): ReadonlySet<string> {
  const unjudged = new Set<string>()
  if (!world.isRestricted) return unjudged
  const folded = new Map(fold.sorted().map(([collection, key, versions]) => [recordName(collection, key), versions]))
  for (const record of new Set([...folded.keys(), ...shown.keys()])) {
    const expected = new Set([...shown.get(record) ?? []].map(({ dot }) => dot)), versions = folded.get(record) ?? []
    const isSame = versions.length === expected.size && versions.every(({ writer, seq }) => expected.has(`${writer}-${seq}`))
    if (!isSame) unjudged.add(record)
  }
  return unjudged
}
