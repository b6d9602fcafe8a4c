/** Cases: servers that were wiped, restored or replaced, devices that were restored or copied. Nothing is deleted, and all that is held anywhere comes back. */
import { equal } from "../expect.ts"
import type { Client } from "./client.ts"
import { answered } from "./misdeeds.ts"
import type { ClientCase, ClientTrial } from "./trial.ts"

/** What happened to a server may cost some syncs: each fails visibly, and the last one goes well. */
const recovers = async (client: Client, what: string): Promise<void> => {
  for (let syncs = 0; syncs < 3; syncs += 1) {
    if ((await client.sync()).state === "up_to_date") break
  }
  await client.syncs(what)
}

const isEverywhere = async (trial: ClientTrial, client: Client, records: Readonly<Record<string, number>>): Promise<void> => {
  await client.lists(records)
  const held = [...(await trial.held()).records].toSorted(([a], [b]) => a < b ? -1 : 1)
  equal(held, Object.entries(records).toSorted(([a], [b]) => a < b ? -1 : 1), "records at the server")
  equal((await client.status()).pending, 0, "pending operations")
}

export const lossCases: readonly ClientCase[] = [
  {
    id: "loss/wiped",
    title: "A server that was wiped gets back all that the device holds, what others wrote too; on the device nothing is deleted.",
    level: "MUST",
    requires: [],
    rule: "what the client has and the server lacks is pushed again once a page was up to date",
    why: "A server that lost its disk would never have again what its users still hold.",
    run: async (trial) => {
      await trial.elsewhere("theirs", 1)
      const client = await trial.synced()
      await client.put("ours", 2)
      await client.put("gone", 3)
      await client.syncs("the push")
      await client.delete("gone")
      await client.syncs("the second push")
      await trial.server.wipe()
      await client.sync()
      await client.lists({ theirs: 1, ours: 2 }, "records on the device after the wipe")
      await recovers(client, "a sync after the wipe")
      await isEverywhere(trial, client, { theirs: 1, ours: 2 })
    },
  },
  {
    id: "loss/restored",
    title: "A server that was restored to an older state gets back what it had acknowledged since.",
    level: "MUST",
    requires: [],
    rule:
      "A client takes a restart, under the same condition, as a frame that sets the cursor to `at` and forgets what was known of the remote.",
    why: "All that was written between the backup and the restore would be lost, though every device still has it.",
    run: async (trial) => {
      const client = await trial.synced()
      await client.put("first", 1)
      await client.syncs("the first push")
      const backup = await trial.server.backup()
      await client.put("second", 2)
      await trial.elsewhere("theirs", 3)
      await client.syncs("the second push")
      await trial.server.restore(backup)
      await recovers(client, "a sync after the restore")
      await isEverywhere(trial, client, { first: 1, second: 2, theirs: 3 })
    },
  },
  {
    id: "loss/restored-before-a-push",
    title: "What is pushed to a server that was restored since the last pull is never there without its causes.",
    level: "MUST",
    requires: [],
    rule: "So a server that was restored or wiped is never given effects without their causes.",
    why: "Others would see the answer and not the question.",
    run: async (trial) => {
      const client = await trial.synced()
      await client.put("first", 1)
      await client.syncs("the first push")
      const backup = await trial.server.backup()
      await client.put("second", 2)
      await client.syncs("the second push")
      await trial.server.restore(backup)
      await client.put("third", 3)
      await recovers(client, "a sync after the restore")
      await isEverywhere(trial, client, { first: 1, second: 2, third: 3 })
      const order = (await trial.held()).blocks.map(({ to }) => to)
      equal(order, order.toSorted((a, b) => a - b), "the order of the writer's blocks at the server")
    },
  },
  {
    id: "loss/replaced",
    title: "A log of another history in place of the server's is joined with what the device holds.",
    level: "MUST",
    requires: [],
    rule: "Whole histories are told apart by ids: a log *contains* a cursor if it has a frame with this id at this position",
    why: "A device would go on in a log that it does not know, and miss its beginning.",
    run: async (trial) => {
      const client = await trial.synced()
      await client.put("ours", 1)
      await client.syncs("the push")
      await trial.server.wipe()
      const other = trial.writer()
      for (let at = 1; at <= 6; at += 1) other.write(1, { collection: "", key: `new ${at}`, value: at })
      for (let at = 0; at < 6; at += 1) await trial.push([other.part(at, at + 1)])
      await recovers(client, "a sync with the other log")
      await isEverywhere(trial, client, { ours: 1, "new 1": 1, "new 2": 2, "new 3": 3, "new 4": 4, "new 5": 5, "new 6": 6 })
    },
  },
  {
    id: "loss/restart-deletes-nothing",
    title: "A restart, true or not, deletes nothing on the device.",
    level: "MUST",
    requires: [],
    rule: "A client deletes nothing, whatever a server says.",
    why: "One wrong answer would empty all devices.",
    run: async (trial) => {
      await trial.elsewhere("theirs", 1)
      const client = await trial.synced()
      await client.put("ours", 2)
      await client.syncs("the push")
      trial.server.on("pull", answered({ type: "restart", at: [0, new Uint8Array(16)], serverTimeMillis: Date.now() }), 1)
      await client.sync()
      await client.lists({ theirs: 1, ours: 2 })
      await recovers(client, "a sync after the restart")
      await isEverywhere(trial, client, { theirs: 1, ours: 2 })
    },
  },
  {
    id: "loss/empty-server",
    title: "A server that says that it is empty, and up to date, deletes nothing on the device.",
    level: "MUST",
    requires: [],
    rule: "A client deletes nothing, whatever a server says.",
    why: "A wrong address in a configuration would empty all devices.",
    run: async (trial) => {
      const client = await trial.open()
      await client.put("ours", 2)
      trial.server.on(
        "pull",
        answered({ type: "page", ranges: [], next: [0, new Uint8Array(16)], upToDate: true, head: 0, serverTimeMillis: Date.now() }),
        1,
      )
      await recovers(client, "a sync with an empty server")
      await isEverywhere(trial, client, { ours: 2 })
    },
  },
  {
    id: "loss/device-restored",
    title:
      "A device whose folder is an older copy of itself gets back what it had sent since, and its new writes come under names that were never used.",
    level: "MUST",
    requires: ["durable"],
    rule: "A client that got no answer knows nothing, and sends what the server lacks by what it knows then.",
    why: "A phone that is restored from a backup would lose what it writes: the server takes it for what it already has.",
    run: async (trial) => {
      const client = await trial.synced()
      await client.put("first", 1)
      await client.syncs("the first push")
      await client.close()
      await trial.restart()
      const copy = await trial.copyFolder()
      const again = await trial.open()
      await again.put("second", 2)
      await again.syncs("the second push")
      await again.close()
      await trial.restart()
      await trial.useFolder(copy)
      const restored = await trial.open()
      await restored.put("third", 3)
      await recovers(restored, "a sync of the restored device")
      await isEverywhere(trial, restored, { first: 1, second: 2, third: 3 })
    },
  },
  {
    id: "loss/device-copied",
    title: "A device and a copy of it, both of which write on, are two devices: nothing of either is lost.",
    level: "MUST",
    requires: ["durable"],
    rule: "A cursor gives no rights and keeps no secret.",
    why: "Who copies a folder to a new computer would lose what is written on one of the two.",
    run: async (trial) => {
      const client = await trial.synced()
      await client.put("first", 1)
      await client.syncs("the first push")
      await client.close()
      await trial.restart()
      const copy = await trial.copyFolder()
      const one = await trial.open()
      const two = await trial.beside({ folder: copy })
      await one.put("of one", 11)
      await two.put("of two", 22)
      await one.put("both", 1)
      await two.put("both", 2)
      for (const device of [one, two, one, two]) await device.syncs("a sync of a device and its copy")
      const both = (await trial.held()).records.get("both")
      await isEverywhere(trial, one, { first: 1, "of one": 11, "of two": 22, both: Number(both) })
      await isEverywhere(trial, two, { first: 1, "of one": 11, "of two": 22, both: Number(both) })
      equal((await trial.held()).versions.get("both")?.length, 2, "versions of what both wrote, at the server")
    },
  },
]
