/**
 * Check: what must hold when a run has come to rest. Judged from the ledger and by the second reader; what the product shows is compared with that.
 *
 *   equal digests and equal siblings everywhere, at servers too             (I1, I3)
 *   every acknowledged operation shown, or replaced by what is shown        (I2), unless it was destroyed before a server confirmed it
 *   nothing shown that was replaced; each strategy shows what it should     (I13, I14, I15: "check-strategies.ts")
 *   views of open handles are the fold of their logs                        (I12)
 *   outboxes empty, dead letters answered                                   (I18, I19)
 *   an old request changes nothing                                          (I7)
 *   what rights keep from a server stands in the status                     (S36)
 *
 * Where operations are stranded with devices that may not relay them, they and what they replaced may be missing elsewhere, and superseded versions
 * and the digests of their holders are not compared.
 */
import { checkStrategies } from "./check-strategies.ts"
import type { DeviceProcess } from "./device-process.ts"
import { drive } from "./healing.ts"
import { type Block, readBlock } from "../conformance/vectors/reader/frame.ts"
import type { Bytes } from "../kernel/ports/log-storage.ts"
import { decodeEnvelope } from "../protocol/envelope.ts"
import { type KnownOperation, notReplaced } from "./ledger.ts"
import type { Heard } from "./network.ts"
import { sameAsLog } from "./picture.ts"
import type { Site } from "./site.ts"
import { Stranded } from "./stranded.ts"
import type { World } from "./world.ts"

const STEPS_MAX = 5000

/** Judges a world at rest; what breaks is noted in it. */
export async function check(world: World): Promise<void> {
  const tenants = new Set(world.present.map(({ tenant }) => tenant))
  for (const tenant of tenants) await checkTenant(world, world.present.filter((site) => site.tenant === tenant))
  for (const heard of world.recorded) await playAgain(world, heard)
}

/** A request of the run arrives once more. What everybody has does not come anew. */
async function playAgain(world: World, { route, request, sender, host: name }: Heard): Promise<void> {
  const host = world.hosts.get(name), site = host?.sites.get(sender.tenant)
  if (host === undefined || site === undefined || site.isRemoved || host.processes.length === 0) return
  // What was destroyed everywhere comes back so, and what was refused for its stamp may be taken by now.
  if (blocksIn(request).some((block) => mayBringNews(world, site, block))) return
  const { head } = site.disk
  let isOver = false
  host.handle(route, request, sender)?.then(() => isOver = true)
  await world.scheduler.quiet()
  await world.scheduler.runUntil(() => isOver, STEPS_MAX)
  if (!isOver) world.violation("a call never ends", `${route} to ${name} once more`)
  if (site.disk.head !== head) world.violation("an old request changes something", `${route} to ${name}`)
}

/** The blocks that a push brings; none of what is no push, or was damaged on its way. */
function blocksIn(request: Bytes): Block[] {
  try {
    return decodeEnvelope(request).parts.map(({ content }) => readBlock(content))
  } catch {
    return [] // its answer says so
  }
}

/** Is there a number in a block that the site does not have, and that it does not refuse for ever? */
function mayBringNews(
  { ledger }: World,
  { observer: { fold }, isLenient }: Site,
  { writers: [writer = ""], to, operations }: Block,
): boolean {
  const { seq: last, withheld } = fold.pairOf(writer)
  const isNews = (seq: number): boolean => seq > last || withheld.includes(seq)
  return to > last ||
    operations.some(({ seq }) => isNews(seq) && (isLenient || ledger.operations.get(`${writer}-${seq}`)?.isPoison !== true))
}

async function checkTenant(world: World, sites: readonly Site[]): Promise<void> {
  const siblings = new Map(sites.map((site) => [site, siblingsOf(world, site)])), stranded = new Stranded(world, sites)
  if (!stranded.isEmpty) world.count("runs with stranded operations")
  checkRecords(world, sites, siblings, stranded)
  for (const site of sites) {
    if (site.isServer) continue
    const [process] = world.processesOf(site)
    if (process === undefined) world.violation("no process", site.name)
    else await checkProcess(world, process)
  }
  const alike = sites.filter((site) => stranded.lacksAll(site))
  const [first, ...others] = await Promise.all(alike.map(({ observer }) => observer.fold.digest()))
  const other = others.findIndex((digest) => digest !== first)
  if (other >= 0) world.violation("views differ", `digests of ${alike[0]?.name} and ${alike[other + 1]?.name}`)
}

/** By record, the operations that the second reader makes of a log. */
function siblingsOf(world: World, { observer: { fold } }: Site): Map<string, ReadonlySet<KnownOperation>> {
  const siblings = new Map<string, ReadonlySet<KnownOperation>>()
  for (const [collection, key, versions] of fold.sorted()) {
    const operations = versions.map(({ writer, seq }) => world.ledger.operations.get(`${writer}-${seq}`))
    siblings.set(`${collection}/${key}`, new Set(operations.filter((operation) => operation !== undefined)))
  }
  return siblings
}

type Siblings = ReadonlyMap<string, ReadonlySet<KnownOperation>>

function checkRecords(world: World, sites: readonly Site[], siblings: ReadonlyMap<Site, Siblings>, stranded: Stranded): void {
  const { ledger: { acknowledged, excused } } = world, tenant = sites[0]?.tenant
  const candidates = new Set([...acknowledged].filter((operation) => operation.tenant === tenant && !excused.has(operation)))
  for (const shown of siblings.values()) {
    for (const operations of shown.values()) for (const operation of operations) candidates.add(operation)
  }
  const excuses = new Map(sites.map((site) => [site, stranded.excusesOf(site)]))
  const byRecord = new Map<string, KnownOperation[]>()
  for (const operation of candidates) byRecord.set(operation.record, [...byRecord.get(operation.record) ?? [], operation])
  for (const [record, rivals] of byRecord) {
    const expected = notReplaced(rivals)
    for (const [site, shown] of siblings) {
      const { name } = site, found = shown.get(record) ?? new Set()
      for (const operation of expected) {
        const { dot, uid } = operation
        // A choice holds no data; which of several gives way is told by links, too, that may be stranded.
        if (excuses.get(site)?.has(operation) || !stranded.isEmpty && operation.settled !== undefined) continue
        if (![...found].some((other) => other.dot === dot)) world.violation("write lost", `${name}: ${record} lacks ${dot} ${uid}`)
      }
      for (const operation of found) {
        if (stranded.isEmpty && !expected.has(operation)) {
          world.violation("superseded write shown", `${name}: ${record} shows ${operation.dot}`)
        }
      }
    }
  }
}

async function checkProcess(world: World, process: DeviceProcess): Promise<void> {
  const { store, site } = process
  if (store === undefined) return
  await drive(world, process, store.refresh(), "refresh") // its adapter may not be able to watch
  const difference = sameAsLog(process)
  if (difference !== undefined) world.violation("view is not the fold of its log", `${process.name}: ${difference}`)
  let digest = ""
  await drive(world, process, store.digest().then((text) => digest = text), "digest")
  if (digest !== await site.observer.fold.digest()) world.violation("digest is not that of the log", process.name)
  await checkStrategies(world, process)
  const { remotes: { dead }, records } = store.synced.views
  if (records.liveVersions((writer, seq) => dead.has(writer, seq)).length > 0) world.violation("dead letter left", process.name)
  for (const remote of site.remotes) {
    const sites = [...world.hosts.get(remote)?.sites.values() ?? []]
    if (sites.every(({ isRemoved }) => isRemoved)) continue
    const cycle = process.cycle(remote)
    if (cycle.hasPending) world.violation("outbox not empty", `${process.name} to ${remote}: ${cycle.status().pendingOperations}`)
    if (!cycle.status().caughtUp) world.violation("outbox not empty", `${process.name} has not caught up with ${remote}`)
    checkLoss(world, process, remote)
  }
}

/** What a device shows and a server lacks is named, no more and no less: once all is at rest only rights can keep it away. */
function checkLoss(world: World, process: DeviceProcess, remote: string): void {
  const there = world.hosts.get(remote)?.sites.get(process.site.tenant)
  if (there === undefined) return
  let operations = 0
  const lacking = new Set<string>()
  for (const [collection, key, versions] of process.site.observer.fold.sorted()) {
    const lost = versions.filter(({ writer, seq }) => seq > (there.observer.full.get(writer) ?? 0)).length
    operations += lost
    if (lost > 0) lacking.add(`${collection}/${key}`)
  }
  const { upstreamLoss } = process.cycle(remote).status()
  const named = new Set(upstreamLoss?.records.map(({ collection, key }) => `${collection}/${key}`))
  if (operations > 0) world.count("losses named")
  const isSame = named.size === lacking.size && [...lacking].every((name) => named.has(name))
  if (isSame && (upstreamLoss?.operations ?? 0) === operations) return
  world.violation("a loss is not named", `${process.name} to ${remote}: ${[...named]}, not ${[...lacking]}`)
}
