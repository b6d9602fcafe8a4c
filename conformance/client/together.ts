/** Cases: several devices: which version is shown, which are kept beneath, and that all devices show the same in the end. */
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { ensure, equal } from "../expect.ts"
import type { Client } from "./client.ts"
import { listedIn } from "./shown.ts"
import type { ClientCase, ClientTrial } from "./trial.ts"

/** The stamp and writer of what a client wrote under a key, as it arrived at the server. */
const writtenOf = (trial: ClientTrial, key: string): { readonly writer: Bytes; readonly seq: number; readonly millis: number } => {
  const found = listedIn(trial.server.of("push").flatMap(({ blocks }) => blocks)).findLast((listed) => listed.key === key)
  ensure(found !== undefined, `no push brought "${key}"`)
  const [writer, seq] = found.dot
  return { writer: Uint8Array.from(writer.match(/../g) ?? [], (digits) => parseInt(digits, 16)), seq, millis: found.millis }
}

/** A small generator of numbers from a seed (mulberry32). */
const randomFrom = (seed: number): (below: number) => number => {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below)
  }
}

const sameAsServer = async (trial: ClientTrial, client: Client): Promise<void> => {
  const { records, versions } = await trial.held()
  await client.lists(Object.fromEntries(records), "records on the device, compared with those at the server")
  for (const [key, all] of versions) {
    const texts = (values: readonly unknown[]): readonly string[] => values.map((value) => JSON.stringify(value)).sort()
    equal(
      texts((await client.get(key)).versions),
      texts(all.length === 1 && all[0] === null ? [] : all),
      `versions of "${key}" on the device`,
    )
  }
}

/** Written apart: here first, elsewhere `aheadMillis` later by its clock. */
const apart = async (trial: ClientTrial, aheadMillis: number, value: unknown, kind: "put" | "delete" = "put"): Promise<Client> => {
  const client = await trial.synced()
  await client.put("one", "from here")
  await client.syncs("the push")
  await trial.elsewhere("one", value, { millis: writtenOf(trial, "one").millis + aheadMillis, kind })
  await client.syncs("the pull")
  return client
}

const LAST = "Versions are ordered by milliseconds, counter, writer (by bytes), seq."

export const togetherCases: readonly ClientCase[] = [
  {
    id: "together/later-wins",
    title: "Of two versions that were written apart the later one is shown, and the other one is kept.",
    level: "MUST",
    requires: [],
    rule: LAST,
    why: "Two devices would show different things, each its own.",
    run: async (trial) => {
      const client = await apart(trial, 1000, "from elsewhere")
      await client.shows("one", "from elsewhere")
      equal((await client.get("one")).versions, ["from elsewhere", "from here"], "open versions")
    },
  },
  {
    id: "together/earlier-loses",
    title: "A version of others with an earlier stamp, which comes later, is kept and not shown.",
    level: "MUST",
    requires: [],
    rule: LAST,
    why: "What arrives last would win on this device, and what was written last on others.",
    run: async (trial) => {
      const client = await apart(trial, -1000, "from elsewhere")
      await client.shows("one", "from here")
      equal((await client.get("one")).versions, ["from here", "from elsewhere"], "open versions")
    },
  },
  {
    id: "together/tie",
    title: "Of two versions with one stamp the one of the greater writer is shown.",
    level: "MUST",
    requires: [],
    rule: LAST,
    why: "Two devices would show different things after the same millisecond.",
    run: async (trial) => {
      const client = await trial.synced()
      for (const [key, fill] of [["low", 0x00], ["high", 0xff]] as const) {
        await client.put(key, "from here")
        await client.syncs("the push")
        const { millis } = writtenOf(trial, key), id = new Uint8Array(16).fill(fill)
        id.set(crypto.getRandomValues(new Uint8Array(8)), 8)
        const other = trial.writerOf(id).write(1, { collection: "", key, value: "from elsewhere", millis })
        await trial.push([other.part()])
        await client.syncs("the pull")
      }
      await client.shows("low", "from here")
      await client.shows("high", "from elsewhere")
      await sameAsServer(trial, client)
    },
  },
  {
    id: "together/deleted-apart",
    title: "A deletion that was written apart is a version like others: the later one of the two is shown.",
    level: "MUST",
    requires: [],
    rule: LAST,
    why: "A record would be there on one device and gone on another.",
    run: async (trial) => {
      const client = await apart(trial, 1000, null, "delete")
      await client.lacks("one")
      await trial.elsewhere("two", 2)
      await client.put("two", "mine")
      await client.syncs("the next sync")
      await sameAsServer(trial, client)
    },
  },
  {
    id: "together/seen-is-replaced",
    title: "A write that has seen the version of others replaces it, everywhere, whatever the stamps are.",
    level: "MUST",
    requires: [],
    rule: "the dots and contexts of the versions that it replaces, joined: per writer the greatest seq, without entries that others imply",
    why: "Every change of what somebody else wrote would be a conflict.",
    run: async (trial) => {
      await trial.elsewhere("one", "from elsewhere", { millis: Date.now() + 200_000 })
      const client = await trial.synced()
      await client.put("one", "from here")
      await client.syncs("the push")
      const { records, versions } = await trial.held()
      equal(records.get("one"), "from here", '"one" at the server')
      equal(versions.get("one")?.length, 1, "open versions at the server")
      await trial.elsewhere("two", 2)
      await client.syncs("the pull")
      await client.delete("two")
      await client.syncs("the second push")
      equal([...(await trial.held()).records], [["one", "from here"]], "records at the server")
    },
  },
  {
    id: "together/unseen-is-kept",
    title: "A write that has not seen the version of others does not replace it.",
    level: "MUST",
    requires: [],
    rule: "the dots and contexts of the versions that it replaces, joined: per writer the greatest seq, without entries that others imply",
    why: "What somebody wrote at the same time would be gone without a trace.",
    run: async (trial) => {
      const client = await trial.synced()
      await client.put("one", "first")
      await client.syncs("the first push")
      const { writer, seq, millis } = writtenOf(trial, "one")
      await trial.elsewhere("one", "from elsewhere", { context: [{ writer, seq }], millis: millis + 1 })
      await client.put("one", "from here")
      await client.syncs("a sync that brings both together")
      const versions = (await trial.held()).versions.get("one")?.toSorted()
      equal(versions, ["from elsewhere", "from here"], "open versions at the server")
      equal((await client.get("one")).versions.toSorted(), versions, "open versions on the device")
      await client.put("one", "settled")
      await client.syncs("a sync of what replaces both")
      equal((await trial.held()).versions.get("one"), ["settled"], "open versions at the server")
    },
  },
  {
    id: "together/same-everywhere",
    title: "Two devices of this client and one of another, which write whatever they like, show the same in the end.",
    level: "MUST",
    requires: [],
    rule: "A page is folded as F-39 says.",
    why: "Users would argue about what is so.",
    run: async (trial) => {
      const seed = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0, below = randomFrom(seed)
      try {
        const devices = [await trial.open(), await trial.beside()]
        const keys = ["a", "b", "c", "d"]
        for (let step = 0; step < 40; step += 1) {
          const device = devices[below(2)] ?? devices[0], key = keys[below(keys.length)] ?? "a", what = below(10)
          if (what < 4) await device?.put(key, { step })
          else if (what < 5) await device?.delete(key)
          else if (what < 7) await trial.elsewhere(key, step, { millis: Date.now() + below(2000) - 1000 })
          else await device?.syncs(`sync in step ${step}`)
        }
        for (let round = 0; round < 2; round += 1) for (const device of devices) await device.syncs("the last syncs")
        for (const device of devices) await sameAsServer(trial, device)
      } catch (error) {
        throw new Error(`with the seed ${seed}: ${error instanceof Error ? error.message : error}`, { cause: error })
      }
    },
  },
]
