/** Handshakes: what a remote says of itself, and that saying it changes nothing. */
import type { Handshake } from "../../kernel/ports/remote.ts"
import { describe, ensure, equal } from "../expect.ts"
import { holds, isSameCursor, pushed, START } from "./stream.ts"
import type { RemoteCase } from "./trial.ts"

const REPEATABLE = "Every verb may be called again at any time with the same effect"

const check = ({ head, serverTimeMillis, limits, rights, durability, live }: Handshake): void => {
  ensure(Number.isSafeInteger(head.position) && head.position >= 0 && head.id.length === 16, `head: found ${describe(head)}`)
  ensure(Number.isSafeInteger(serverTimeMillis) && serverTimeMillis > 0, `serverTimeMillis: found ${serverTimeMillis}`)
  for (const name of ["partsBytesMax", "operationsMax", "partsMax"] as const) {
    ensure(Number.isSafeInteger(limits[name]) && limits[name] >= 1, `limits.${name}: found ${limits[name]}`)
  }
  for (const name of ["read", "write", "relay", "admin"] as const) equal(typeof rights[name], "boolean", `rights.${name}`)
  ensure(durability === "durable" || durability === "buffered", `durability: found ${describe(durability)}`)
  equal(typeof live, "boolean", "live")
}

export const handshakeCases: readonly RemoteCase[] = [
  {
    id: "handshake/answer",
    title: "it tells head, time, limits, rights, durability and hints, in the ranges that they have", // R1
    level: "MUST",
    requires: [],
    rule: "A handshake changes nothing (but that it may make the store, W-69), and can be repeated at will.",
    why: "A client plans its pushes and pulls by these numbers; out of their ranges it sends what is refused, or nothing at all.",
    async run({ remote, handshake, signal }) {
      check(handshake)
      check(await remote.handshake({ signal }))
    },
  },
  {
    id: "handshake/rights",
    title: "who opens a store to sync it may read, write and relay",
    level: "MUST",
    requires: [],
    rule: "Push operations of writers that this principal pushed first.",
    why: "A client that believes it may not write keeps everything to itself.",
    run({ handshake: { rights } }) {
      equal([rights.read, rights.write, rights.relay], [true, true, true], "read, write, relay")
      return Promise.resolve()
    },
  },
  {
    id: "handshake/empty-store",
    title: "the head of a store without frames is position 0 with an id of zeros",
    level: "MUST",
    requires: [],
    rule: "A frame of some log, by its position and id; position 0 with 16 zero bytes is before the first.",
    why: "A client takes any other head for frames it has not pulled, and asks for them for ever.",
    run({ handshake: { head } }) {
      ensure(isSameCursor(head, START), `head: found position ${head.position} and the id ${head.id.join()}`)
      return Promise.resolve()
    },
  },
  {
    id: "handshake/repeated",
    title: "20 handshakes, of two remotes at once, change nothing and tell the same", // R2
    level: "MUST",
    requires: [],
    rule: REPEATABLE,
    why: "Clients shake hands at every reconnect; if that changes something, a bad network changes data.",
    async run(trial) {
      const writer = trial.writer().write(2)
      const { last } = await pushed(trial.remote, [writer.part()])
      const remotes = [trial.remote, await trial.another()]
      const answers = await Promise.all(Array.from({ length: 20 }, (_, at) => remotes[at % 2]!.handshake({ signal: trial.signal })))
      for (const { head, limits, rights, durability, live } of answers) {
        ensure(isSameCursor(head, last), `head: found ${head.position}, expected ${last.position}`)
        const { handshake } = trial
        equal([limits, rights, durability, live], [handshake.limits, handshake.rights, handshake.durability, handshake.live], "the rest")
      }
      await holds(trial.remote, [writer.part()])
    },
  },
  {
    id: "handshake/head",
    title: "the head is the last frame, whoever pushed it",
    level: "MUST",
    requires: [],
    rule: "Last frame of the remote's log.",
    why: "A client that is told an old head believes that it is up to date.",
    async run(trial) {
      const neighbour = await trial.another()
      for (const remote of [trial.remote, neighbour, trial.remote]) {
        const { last } = await pushed(remote, [trial.writer().write(1).part()])
        for (const asked of [trial.remote, neighbour]) {
          const { head } = await asked.handshake({ signal: trial.signal })
          ensure(isSameCursor(head, last), `head: found ${head.position}, expected ${last.position}`)
        }
      }
    },
  },
  {
    id: "handshake/time",
    title: "its clock does not go back from one answer to the next",
    level: "SHOULD",
    requires: [],
    rule: "Milliseconds since 1970-01-01 by the remote's clock.",
    why: "Clients measure their clocks by it; a clock that goes back makes good ones look wrong.",
    async run({ remote, handshake, signal }) {
      for (let latest = handshake.serverTimeMillis, count = 0; count < 20; count += 1) {
        const { serverTimeMillis } = await remote.handshake({ signal })
        ensure(serverTimeMillis >= latest, `serverTimeMillis: found ${serverTimeMillis} after ${latest}`)
        latest = serverTimeMillis
      }
    },
  },
]
