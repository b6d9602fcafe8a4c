/**
 * Healing: faults stop, all processes begin anew, and every device syncs in rounds until nothing is appended any more. Must come to rest within
 * {@link ROUNDS_MAX} rounds.
 */
import type { Application } from "./application.ts"
import { type DeviceProcess, outcomeOf } from "./device-process.ts"
import { sameAsLog } from "./picture.ts"
import { valuesAsLedger } from "./shown-values.ts"
import type { World } from "./world.ts"

/** Everybody must agree within so many rounds. */
export const ROUNDS_MAX = 16
/** Effects of one call; more of them would be a call that never ends. */
const STEPS_MAX = 5000

/** Has everything come to rest; answers the number of rounds that it took. */
export async function heal(world: World, application: Application): Promise<number> {
  const { faults, network, scheduler, random } = world
  faults.end()
  network.heal()
  scheduler.resume()
  world.startSync = undefined
  for (const { clock, disk } of world.present) {
    clock.freeze(false)
    disk.downUntilMillis = 0
  }
  for (const site of world.devices) {
    for (const process of world.processesOf(site)) await compareOpen(world, process)
  }
  for (const site of world.present) {
    const hosts = world.killAll(site)
    if (!site.isServer) world.openProcess(site)
    for (const host of hosts) if (host.processes.length === 0) world.openServerProcess(host)
  }
  const inStep = world.habits.inStep ?? random.chance(0.5), heads = (): string => world.present.map(({ disk }) => disk.head).join()
  const openOf = (): DeviceProcess[] => world.devices.flatMap((site) => world.processesOf(site).slice(0, 1))
  await scheduler.quiet()
  await scheduler.runUntil(() => openOf().every(({ store }) => store !== undefined), STEPS_MAX)
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const before = heads()
    scheduler.pass(5)
    const phases = [
      (process: DeviceProcess) => sync(world, process, "push"),
      (process: DeviceProcess) => sync(world, process, "pull"),
      (process: DeviceProcess) => drive(world, process, application.answerDeadLetters(process), "the application"),
      async (process: DeviceProcess) => {
        if (world.habits.takesRemote) await drive(world, process, application.strategies.takeRemote(process), "the documented program")
      },
    ]
    if (inStep) { for (const phase of phases) for (const process of openOf()) await phase(process) }
    else for (const process of openOf()) for (const phase of phases) await phase(process)
    if (world.violations.has("fails without a fault")) return round // it would go on failing
    if (heads() === before) {
      world.count(`rounds ${round}`)
      return round
    }
  }
  world.violation("never comes to rest", `after ${ROUNDS_MAX} rounds`)
  return ROUNDS_MAX
}

/** One verb with every remote that is there. */
async function sync(world: World, process: DeviceProcess, verb: "push" | "pull"): Promise<void> {
  for (const remote of process.site.remotes) {
    const host = world.hosts.get(remote)
    if (host === undefined || host.processes.length === 0 || [...host.sites.values()].every(({ isRemoved }) => isRemoved)) continue
    const call = process.cycle(remote)[verb](new AbortController().signal)
    const requests = await drive(world, process, call, `${verb} to ${remote}`)
    if (requests !== undefined && requests > world.requestsMax) {
      world.violation("too many requests", `${process.name}: ${verb} made ${requests}`)
    }
  }
}

/** Lets a call come to its end; without faults it must not fail. */
export async function drive(world: World, process: DeviceProcess, call: Promise<unknown>, what: string): Promise<number | undefined> {
  let isOver = false, requests: number | undefined
  const ended = outcomeOf(call.then((result) => {
    const made = Object(result).requests
    if (typeof made === "number") requests = made
  })).then((outcome) => {
    isOver = true
    if (outcome.kind === "failed") {
      world.violation("fails without a fault", `${process.name}: ${what}: ${outcome.error.code}: ${outcome.error.message}`)
    }
    if (outcome.kind !== "defect") return
    const { error } = outcome
    world.violation("a defect", `${process.name}: ${what} threw ${error instanceof Error ? error.stack : error}`)
  })
  await world.scheduler.quiet()
  if (await world.scheduler.runUntil(() => isOver, STEPS_MAX)) await ended
  else world.violation("a call never ends", `${process.name}: ${what}`)
  return requests
}

/** A handle that was open through all of it shows what its log says. */
async function compareOpen(world: World, process: DeviceProcess): Promise<void> {
  const { store, site } = process
  if (store === undefined) return
  // Others may append while it looks.
  do {
    let isOver = false
    const refreshed = outcomeOf(store.refresh()).then((outcome) => {
      isOver = true
      return outcome
    })
    await world.scheduler.quiet()
    if (!await world.scheduler.runUntil(() => isOver, STEPS_MAX)) return world.violation("a call never ends", `${process.name}: refresh`)
    const outcome = await refreshed
    if (outcome.kind === "defect") return world.violation("a defect", `${process.name}: refresh threw ${outcome.error}`)
    if (outcome.kind === "failed") return world.count(`refresh fails: ${outcome.error.code}`)
  } while (store.status().head !== site.disk.head)
  const difference = sameAsLog(process) ?? valuesAsLedger(world, process, false)
  if (difference !== undefined) world.violation("view is not the fold of its log", `${process.name}: ${difference}`)
  process.listeners.check(world, process.name)
  process.handle?.check(world, process.name)
}
