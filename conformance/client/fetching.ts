/** Cases: what a client makes of pages: of many, of the same twice, of what it cannot read, and of clocks that are wrong. */
import { bytesToHex } from "../../kernel/model/identifiers.ts"
import type { Part } from "../../kernel/ports/remote.ts"
import { BlockWriter, RawValue } from "../remote/block-writer.ts"
import { ensure, equal } from "../expect.ts"
import { changed } from "./misdeeds.ts"
import type { Misdeed } from "./server.ts"
import { listedIn } from "./shown.ts"
import type { ClientCase } from "./trial.ts"

const COLLECTION = { collection: "" }
/** The first millisecond of 2100. */
const FAR_MILLIS = 4_102_444_800_000

/** A page that brings something has these parts, too, behind its own, or before them. */
const withParts = (parts: readonly Part[], place: "before" | "behind" = "behind"): Misdeed =>
  changed((answer) => {
    if (answer.fields["type"] !== "page" || answer.parts.length === 0) return undefined
    return { parts: place === "before" ? [...parts, ...answer.parts] : [...answer.parts, ...parts] }
  })

/** A page that brings something brings these parts and no others. */
const onlyParts = (parts: readonly Part[]): Misdeed =>
  changed((answer) => answer.fields["type"] !== "page" || answer.parts.length === 0 ? undefined : { parts })

export const fetchingCases: readonly ClientCase[] = [
  {
    id: "fetching/shown",
    title: "What others wrote, wrote again and deleted is shown so.",
    level: "MUST",
    requires: [],
    rule: "pull and push until the server's head is here and all is there that the server takes",
    why: "Users would not see what others do.",
    run: async (trial) => {
      const client = await trial.open()
      const first = await trial.elsewhere("one", 1)
      await trial.elsewhere("two", 2)
      await client.syncs("the first sync")
      await client.lists({ one: 1, two: 2 })
      await trial.elsewhere("one", "again", { context: [first.dot(1)] })
      await trial.elsewhere("two", null, { kind: "delete", context: [first.dot(2)] })
      await client.syncs("the second sync")
      await client.lists({ one: "again" })
      await client.lacks("two")
    },
  },
  {
    id: "fetching/many-pages",
    title: "A log of many pages is fetched to its end, each page from the end of the one before.",
    level: "MUST",
    requires: [],
    rule: "A client takes a page as one local frame, appended only if its cursor for this remote is still the one it asked with",
    why: "A new device would show the beginning of what there is, and call it all.",
    run: async (trial) => {
      await trial.server.limit({ partsBytesMax: 1200 })
      const expected: Record<string, string> = {}
      for (let at = 0; at < 20; at += 1) await trial.elsewhere(`key ${at}`, expected[`key ${at}`] = `${at} `.repeat(200))
      const client = await trial.synced()
      await client.lists(expected)
      const pulls = trial.server.of("pull").map(({ pull }) => pull?.cursor.position ?? -1)
      ensure(pulls.length >= 10, `${pulls.length} pulls for 20 frames of which two fit a page`)
      equal(pulls.filter((position, at) => position < (pulls[at - 1] ?? 0)), [], "positions of pulls that go back")
    },
  },
  {
    id: "fetching/page-twice",
    title: "What a page brings again is passed over: what came first is not shown again.",
    level: "MUST",
    requires: [],
    rule: "A page is folded as F-39 says.",
    why: "A doubled page would bring old values back.",
    run: async (trial) => {
      const client = await trial.synced()
      const other = await trial.elsewhere("one", "old")
      await client.syncs("the first page")
      await trial.elsewhere("one", "new", { context: [other.dot(1)] })
      trial.server.on("pull", withParts([other.part(0, 1)]))
      await client.syncs("a page with the old block behind the new one")
      await client.shows("one", "new")
      equal((await client.get("one")).versions, ["new"], "open versions")
      await trial.elsewhere("two", 2)
      await client.syncs("another page with the old block")
      await client.lists({ one: "new", two: 2 })
    },
  },
  {
    id: "fetching/own-come-back",
    title: "Own blocks that come back, old ones too, change nothing.",
    level: "MUST",
    requires: [],
    rule: "A block may be left out of a page only if its writer stands in `have` with a seq of at least its `to`",
    why: "Own writes would be undone by their own echo.",
    run: async (trial) => {
      const client = await trial.synced()
      await client.put("one", "old")
      await client.syncs("the first push")
      const echo = trial.server.of("push").flatMap(({ push }) => push?.parts ?? []).map(({ type, content }) => ({
        type,
        content: content.slice(),
      }))
      ensure(echo.length > 0, "no push came")
      await client.put("one", "new")
      await client.delete("two")
      await trial.elsewhere("theirs", 1)
      trial.server.on("pull", withParts(echo))
      await client.syncs("a sync whose page has the old block")
      await client.lists({ one: "new", theirs: 1 })
      equal((await client.get("one")).versions, ["new"], "open versions")
      equal([...(await trial.held()).records], [["one", "new"], ["theirs", 1]], "records at the server")
    },
  },
  {
    id: "fetching/damaged-value",
    title: "A value that nobody can read costs its record alone: all else of the page is shown, after a start anew too.",
    level: "MUST",
    requires: [],
    rule:
      "A damaged value is an error of its record alone: a reader MUST NOT refuse the frame for it, and MUST report it when the value is read.",
    why: "One program with a fault would stop the sync of all devices for ever.",
    run: async (trial) => {
      const client = await trial.synced()
      const spoilt = trial.writer().write(1, { ...COLLECTION, key: "spoilt", value: new RawValue(0xc1) }).write(1, {
        ...COLLECTION,
        key: "good",
        value: "of the same block",
      })
      await trial.elsewhere("theirs", 1)
      trial.server.on("pull", withParts([spoilt.part()], "before"), 1)
      await client.syncs("a sync whose page has a value that is none")
      await client.shows("good", "of the same block")
      await client.shows("theirs", 1)
      await trial.elsewhere("later", 2)
      await client.syncs("the next sync")
      await client.shows("later", 2)
    },
  },
  {
    id: "fetching/damaged-block",
    title: "A page with a block that is none is not taken, nor anything else of it, and the next one is.",
    level: "MUST",
    requires: [],
    rule: "a client refuses the answer (W-65)",
    why: "Half of what belongs together would be shown.",
    run: async (trial) => {
      const client = await trial.synced()
      await trial.elsewhere("theirs", 1)
      const block = trial.writer().write(2, COLLECTION).part()
      const spoilt = block.content.slice()
      spoilt[0] = 0xc1
      for (const content of [new Uint8Array(0), spoilt, block.content.slice(0, -1)]) {
        trial.server.on("pull", withParts([{ type: 1, content }]), 1)
        await client.failsToSync("a sync whose page has a block that is none", "protocol_violation")
        await client.lacks("theirs")
        trial.server.behave()
      }
      await client.syncs("the sync after it")
      await client.shows("theirs", 1)
    },
  },
  {
    id: "fetching/gap",
    title: "A page with a block before which others of its writer are missing is not taken: nothing is ever applied before its causes.",
    level: "MUST",
    requires: [],
    rule: "A block whose `from` is above the seq of its writer's pair",
    why: "The device would believe that it has what never came, and would not ask for it again.",
    run: async (trial) => {
      const client = await trial.synced()
      const other = trial.writer().write(1, { ...COLLECTION, key: "one", value: 1 }).write(1, { ...COLLECTION, key: "two", value: 2 })
      await trial.push(other.parts())
      trial.server.on("pull", onlyParts([other.part(1, 2)]), 1)
      await client.failsToSync("a sync whose page begins with the second block of a writer", "protocol_violation")
      await client.lacks("two")
      trial.server.behave()
      await client.syncs("the sync after it")
      await client.lists({ one: 1, two: 2 })
    },
  },
  {
    id: "fetching/far-stamp",
    title: "A stamp of others that is far ahead does not move the client's clock, and what it covers gives way to a new write.",
    level: "MUST",
    requires: [],
    rule:
      "A writer SHOULD send stamps that are greater than every one that its log holds, but for those more than 300,000 ms ahead of its own clock",
    why: "One device with a wrong clock would make all others write in its future, and win against everybody for years.",
    run: async (trial) => {
      const client = await trial.synced()
      const remote = trial.remote()
      await trial.push([new BlockWriter(FAR_MILLIS).write(1, { ...COLLECTION, key: "one", value: "from 2100" }).part()], remote)
      await client.syncs("a sync that brings a stamp of 2100")
      await client.shows("one", "from 2100")
      await client.put("one", "from now")
      await client.put("two", 2)
      await client.syncs("the next sync")
      await client.shows("one", "from now")
      equal((await trial.held()).records.get("one"), "from now", '"one" at the server')
      for (const { key, millis } of listedIn(trial.server.of("push").flatMap(({ blocks }) => blocks))) {
        ensure(Math.abs(millis - Date.now()) < 300_000, `the stamp of "${key}" is ${Math.round((millis - Date.now()) / 1000)} s ahead`)
      }
    },
  },
  {
    id: "fetching/own-number-withheld",
    title: "A number of its own that a page names as withheld, and of which the client heard no refusal, is written anew.",
    level: "MUST",
    requires: [],
    rule: "written anew if its writer is the client's own and it is no event, else a dead letter",
    why: "What a server refused while the answer was lost would be shown here and nowhere else, for ever.",
    run: async (trial) => {
      const client = await trial.synced()
      await client.put("ours", "from here")
      trial.server.on("push", () => Promise.resolve(undefined))
      await client.failsToSync("a sync whose push is cut off", "network")
      const [listed] = listedIn(trial.server.of("push").flatMap(({ blocks }) => blocks))
      ensure(listed !== undefined, "no push came")
      const [writer, seq] = listed.dot
      const id = Uint8Array.from(writer.match(/../g) ?? [], (digits) => parseInt(digits, 16))
      equal(bytesToHex(id), writer, "the case itself: the writer")
      await trial.push([new BlockWriter(Date.now(), id).write(seq).part(0, seq, { listed: [], withheld: [seq] })])
      // Pushes are cut off on: it is to hear of that before it can send the number itself, which the server would take.
      await client.failsToSync("a sync that hears of it, whose push is cut off")
      trial.server.behave()
      await client.syncs("the sync after it")
      await trial.arrives("ours", "from here")
      await client.shows("ours", "from here")
    },
  },
  {
    id: "fetching/cursor-kept",
    title: "After a start anew a client goes on from where it was, and does not fetch everything again.",
    level: "MUST",
    requires: ["durable"],
    rule: "as what is known of the remote, the new cursor",
    why: "Every start of the application would fetch the whole history.",
    run: async (trial) => {
      for (let at = 0; at < 5; at += 1) await trial.elsewhere(`key ${at}`, at)
      const client = await trial.synced()
      await client.close()
      await trial.restart()
      const before = trial.server.requests.length
      const again = await trial.synced()
      const [first] = trial.server.requests.slice(before).filter(({ route }) => route === "pull")
      ensure((first?.pull?.cursor.position ?? 0) >= 5, `the first pull after a start anew is from position ${first?.pull?.cursor.position}`)
      equal(Object.keys(await again.list()).length, 5, "records on the device")
    },
  },
]
