/** What servers said is noted: what they have, and that nobody hears of another tenant. */
import { bytesToHex } from "../kernel/model/identifiers.ts"
import { decodeEnvelope } from "../protocol/envelope.ts"
import type { Heard } from "./network.ts"
import type { World } from "./world.ts"

/** Takes note of every answer of a world, as its host gave it. */
export function listen(world: World): World {
  world.network.onAnswer = (heard) => hear(world, heard)
  return world
}

function hear(world: World, heard: Heard): void {
  const { route, sender, host, answer } = heard
  const { fields } = decodeEnvelope(answer), { type, pairs, code, refused } = fields
  world.count(`${route} → ${type === "error" ? code : type}`)
  if (Array.isArray(refused)) { for (const [, , why] of refused) world.count(`operations refused: ${why}`) }
  if (world.hosts.get(host)?.sites.size !== 1) world.whispers.search(answer, sender.tenant, `${host} answers ${route}`)
  world.record(heard)
  const site = world.hosts.get(host)?.sites.get(sender.tenant)
  if (site === undefined || !site.isServer || type !== "ok" || !Array.isArray(pairs)) return
  for (const [writer, seq, withheld] of pairs) {
    for (const operation of world.ledger.byWriter.get(bytesToHex(writer)) ?? []) {
      const isSaid = operation.seq <= seq && !withheld.includes(operation.seq)
      if (isSaid && world.ledger.acknowledged.has(operation)) world.ledger.confirmed.add(operation)
    }
  }
}
