/**
 * Histories: each is the shortest way known to break an invariant where its rule is missing. All of them hold on the product; a planted bug that
 * takes the rule out breaks its history (`planted-bugs.ts`). Rules are those of the sync model in the design's reference.
 */
import { StorageFailed } from "../kernel/errors.ts"
import { BlockColumns } from "../kernel/format/block-columns.ts"
import { ByteWriter } from "../kernel/format/bytes.ts"
import { chooseChecksum } from "../kernel/format/checksum.ts"
import { FrameReader, PartType } from "../kernel/format/frame.ts"
import { decodeBlock, encodeBlock } from "../kernel/format/operation-block.ts"
import type { Bytes } from "../kernel/ports/log-storage.ts"
import type { Cursor, PushRequest } from "../kernel/ports/remote.ts"
import { YEAR_MILLIS } from "./clock.ts"
import type { Store } from "../kernel/store/store.ts"
import type { DeviceProcess, Token } from "./device-process.ts"
import type { Heard } from "./network.ts"
import { Play } from "./play.ts"
import type { Habits } from "./world.ts"

export interface History {
  readonly title: string
  /** Rules without which it breaks. */
  readonly rules: readonly string[]
  readonly habits?: Partial<Habits>
  readonly play: (play: Play) => Promise<void>
}

/** Plays one history to its end; answers what broke. */
export async function playHistory({ habits, play }: History): Promise<ReadonlyMap<string, string>> {
  const game = new Play(habits)
  await play(game)
  return await game.end()
}

/** A push of the first block of a log, which claims to continue the first 1,000 numbers of another copy's writer. */
function pushThatClaims(frames: readonly Bytes[], other: string, cursor: Cursor): PushRequest {
  const frame = new FrameReader(chooseChecksum(undefined)), block = new BlockColumns(), out = new ByteWriter()
  for (const bytes of frames) {
    frame.read(bytes)
    if (!frame.local || !frame.nextPart()) continue
    decodeBlock(frame.reader, block)
    block.links = [block.writers.push(hexToBytes(other)) - 1, 1000]
    encodeBlock(block, block.bytes, block.bytes, out)
    const own = block.writers.slice(0, 1).map((writer) => new Uint8Array(writer))
    return { basis: [cursor], own, parts: [{ type: PartType.block, content: out.buffer.slice(0, out.length) }] }
  }
  throw new Error("the log wrote nothing")
}

const hexToBytes = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g) ?? [], (digits) => parseInt(digits, 16))

/** The answer that was given last. */
function latest(old: readonly Heard[]): Heard {
  const last = old.at(-1)
  if (last === undefined) throw new Error("nothing was answered yet")
  return last
}

function storeOf({ name, store }: DeviceProcess): Store<Token> {
  if (store === undefined) throw new Error(`${name} is not open`)
  return store
}

/** One frame a page, and one push a frame. */
const ONE_FRAME: Partial<Habits> = { limits: { operationsMax: 1, partsMax: 1 } }
const LATER: Partial<Habits> = { timing: "later" }

export const HISTORIES: readonly History[] = [
  {
    title: "a clone goes on under the name of what it was copied from",
    rules: ["S1"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.sync("A", "R")
      await w.put("A", "k0")
      await w.push("A", "R", "dropAnswer")
      const copy = await w.clone("A")
      await w.put("A", "k1")
      await w.push("A", "R")
      await w.put(copy, "k2")
    },
  },
  {
    title: "two remotes take the two branches of a clone",
    rules: ["S1"],
    play: async (w) => {
      await w.servers("R1", "R2")
      await w.device("A", "R1")
      await w.device("D", "R1", "R2")
      await w.put("A", "k0")
      const copy = await w.clone("A")
      w.site(copy).remotes = ["R2"]
      await w.put("A", "k0")
      await w.put(copy, "k1")
      await w.sync("A", "R1")
      await w.sync(copy, "R2")
      await w.sync("D", "R1", "R2")
    },
  },
  {
    title: "an append times out but was stored; the write is done again",
    rules: ["S2"],
    habits: LATER,
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      const { disk } = w.site("A"), append = disk.append.bind(disk)
      disk.append = (position, frame, by) => {
        disk.append = append
        append(position, frame, by)
        throw new StorageFailed({ location: "A", call: "append to", reason: "the answer was lost" })
      }
      await w.put("A", "k0")
      if (w.world.processesOf(w.site("A"))[0]?.written.length !== 1) w.world.violation("written twice", "k0")
    },
  },
  {
    title: "an append lands after the read-back found nothing",
    rules: ["S2"],
    habits: LATER,
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      const { disk } = w.site("A"), append = disk.append.bind(disk)
      let late: (() => void) | undefined
      disk.append = (position, frame, by) => {
        if (late === undefined) {
          const copy = frame.slice()
          late = () => append(position, copy, by)
          throw new StorageFailed({ location: "A", call: "append to", reason: "the connection broke" })
        }
        disk.append = append
        late()
        append(position, frame, by)
      }
      await w.put("A", "k0")
      if (w.world.processesOf(w.site("A"))[0]?.written.length !== 1) w.world.violation("written twice", "k0")
    },
  },
  {
    title: "two processes of a device write at once; the slower one builds again",
    rules: ["S2"],
    habits: LATER,
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.another("A")
      await w.put("A", "k0")
      const [one, other] = [w.process("A", 0), w.process("A", 1)]
      for (let n = 0; n < 4; n++) {
        await Promise.all([w.run(w.application.put(one, "", "k0", w.token())), w.run(w.application.put(other, "", "k0", w.token()))])
      }
    },
  },
  {
    title: "a batch fills a push, and others come before it",
    rules: ["S3"],
    habits: { limits: { operationsMax: 3, partsMax: 2 } },
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.device("B", "R")
      await w.sync("A", "R")
      const { store } = w.process("A")
      await w.run(Promise.all(["k0", "k1", "k2"].map((key) => w.application.put(w.process("A"), "", key, w.token()))))
      await w.run(store?.batch((tx) => ["k0", "k1", "k2"].forEach((key) => tx.put(key, w.token()))) ?? Promise.resolve())
      await w.push("A", "R")
      await w.pull("B", "R")
    },
  },
  {
    title: "a write after an open covers what the open before wrote",
    rules: ["S4", "S5"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.device("B", "R")
      for (let n = 0; n < 3; n++) {
        await w.put("A", "k0")
        await w.sync("A", "R")
        await w.reopen("A")
        await w.put("B", "k0")
        await w.sync("B", "R")
        await w.sync("A", "R")
      }
    },
  },
  {
    title: "the loser is dropped, then the winner is replaced by a slow clock",
    rules: ["S6"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.device("C", "R")
      await w.device("B", "R")
      w.site("B").clock.offsetMillis = -YEAR_MILLIS
      await w.put("A", "k0")
      await w.put("C", "k0")
      await w.sync("C", "R")
      await w.sync("B", "R")
      await w.put("B", "k0")
      await w.sync("B", "R")
      await w.sync("A", "R")
    },
  },
  {
    title: "the author is gone, the server restored, another device has the write",
    rules: ["S10"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.device("B", "R")
      const old = w.backup("R")
      await w.put("A", "k0")
      await w.sync("A", "R")
      await w.sync("B", "R")
      w.remove("A")
      await w.restore("R", old)
      await w.device("C", "R")
    },
  },
  {
    title: "one process of a device writes, another one syncs",
    rules: ["S10"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.another("A")
      await w.sync("A", "R")
      await w.run(w.application.put(w.process("A", 1), "", "k0", w.token()))
      await w.push("A", "R")
      if (w.site("R").disk.head === 0) w.world.violation("not pushed", "k0")
    },
  },
  {
    title: "a server loses its power after it said that it has a write",
    rules: ["S10"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.put("A", "k0")
      await w.sync("A", "R")
      await w.world.losePower(w.site("R"), 0)
      w.remove("A")
      await w.device("B", "R")
    },
  },
  {
    title: "an operation reaches the second remote before what it builds on",
    rules: ["S11"],
    play: async (w) => {
      await w.servers("R1", "R2")
      await w.device("B", "R1")
      await w.device("A", "R1", "R2")
      await w.sync("A", "R1", "R2")
      await w.put("B", "k0")
      await w.sync("B", "R1")
      await w.sync("A", "R1")
      await w.put("A", "k1")
      await w.push("A", "R2")
    },
  },
  {
    title: "void in one push, superseded in a later one that never comes",
    rules: ["S12"],
    habits: ONE_FRAME,
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.device("B", "R")
      await w.sync("A", "R")
      await w.put("A", "k0")
      for (let n = 0; n < 3; n++) await w.put("A", "k1")
      await w.put("A", "k0")
      const cycle = w.process("A").cycle("R")
      await w.run(cycle.connect(new AbortController().signal))
      const pushing = cycle.push(new AbortController().signal).catch(() => {})
      await w.world.scheduler.quiet()
      // The first push is confirmed, the second never leaves.
      await w.world.scheduler.runUntil(() => w.site("R").disk.head > 0, 100)
      w.remove("A")
      void pushing
    },
  },
  {
    title: "a relay with another cut of the same numbers takes itself for a fork",
    rules: ["S13"],
    habits: { limits: { operationsMax: 2, partsMax: 2 } },
    play: async (w) => {
      await w.servers("R1", "R2")
      await w.device("A", "R1", "R2")
      await w.device("D", "R1", "R2")
      await w.sync("A", "R1", "R2")
      await w.sync("D", "R1", "R2")
      await w.put("A", "k0")
      await w.put("A", "k1")
      await w.push("A", "R2")
      await w.put("A", "k0")
      await w.push("A", "R1")
      await w.pull("D", "R1")
      await w.put("D", "k1")
      await w.push("D", "R2")
      await w.pull("D", "R2")
    },
  },
  {
    title: "a restored server takes a write whose cause it lost",
    rules: ["S14"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.device("B", "R")
      const old = w.backup("R")
      await w.put("A", "k0")
      await w.sync("A", "R")
      await w.sync("B", "R")
      await w.restore("R", old)
      await w.put("B", "k1")
      await w.push("B", "R")
    },
  },
  {
    title: "a server is restored after a relay's push that no pull has brought back",
    rules: ["S14"],
    play: async (w) => {
      await w.servers("R")
      await w.device("B")
      await w.device("A", "R", "B")
      await w.sync("A", "R")
      const old = w.backup("R")
      await w.put("B", "k0")
      await w.pull("A", "B")
      await w.push("A", "R")
      await w.restore("R", old)
      await w.put("A", "k1")
      await w.push("A", "R")
    },
  },
  {
    title: "another process hears that the server was wiped while a push is made ready",
    rules: ["S14"],
    play: async (w) => {
      await w.servers("R")
      await w.device("B")
      await w.device("A", "R", "B")
      await w.put("B", "k2")
      await w.pull("A", "B")
      await w.sync("A", "R")
      await w.another("A")
      await w.put("B", "k0")
      await w.pull("A", "B")
      await w.push("A", "R")
      await w.restore("R", [])
      await w.put("A", "k1")
      const { synced } = storeOf(w.process("A")), { flush } = synced
      synced.flush = async () => {
        await flush()
        await w.process("A", 1).cycle("R").pull(new AbortController().signal)
        await synced.refresh()
      }
      await w.push("A", "R")
      synced.flush = flush
    },
  },
  {
    title: "two processes pull; the slower page takes the cursor back",
    rules: ["S16", "S2"],
    habits: ONE_FRAME,
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.device("B", "R")
      await w.another("B")
      await w.put("A", "k0")
      await w.sync("A", "R")
      const slow = w.process("B", 1).cycle("R"), { signal } = new AbortController()
      await w.run(slow.connect(signal))
      // Its request is answered, and the answer is on its way while the other one pulls.
      w.world.network.hold()
      const pulling = slow.pull(signal)
      await w.world.scheduler.quiet()
      await w.world.scheduler.runUntil(() => w.world.network.held > 0, 100)
      for (let n = 0; n < 3; n++) {
        await w.put("A", "k1")
        await w.sync("A", "R")
      }
      await w.pull("B", "R")
      w.world.network.release()
      await w.run(pulling)
    },
  },
  {
    title: "a cache answers with the page that another device got",
    rules: ["S16"],
    play: async (w) => {
      w.world.network.staleOf = latest
      await w.servers("R")
      for (const name of ["A", "B", "C", "D"]) await w.device(name, "R")
      await w.put("A", "k0")
      await w.sync("A", "R")
      await w.pull("C", "R")
      await w.put("D", "k1")
      await w.sync("D", "R")
      await w.pull("C", "R")
      await w.pull("B", "R", "staleAnswer")
    },
  },
  {
    title: "a page brings again what is here, and something new",
    rules: ["S18", "S13"],
    play: async (w) => {
      await w.servers("R1", "R2")
      await w.device("A", "R1", "R2")
      await w.device("B", "R1", "R2")
      await w.put("A", "k0")
      await w.sync("A", "R1")
      await w.sync("B", "R1")
      await w.put("A", "k0")
      await w.put("A", "k1")
      await w.sync("A", "R2")
      await w.sync("B", "R2")
      await w.sync("B", "R1")
      w.remove("A")
    },
  },
  {
    title: "re-stamped for one remote after the other took it and the answer was lost",
    rules: ["S19"],
    play: async (w) => {
      await w.servers("R1", "R2")
      w.site("R1").clock.offsetMillis = YEAR_MILLIS
      await w.device("A", "R1", "R2")
      w.site("A").clock.offsetMillis = YEAR_MILLIS
      await w.sync("A", "R1", "R2")
      await w.put("A", "k0")
      await w.push("A", "R1", "dropAnswer")
      await w.push("A", "R2")
    },
  },
  {
    title: "the rest of a push is stored, the refusal is lost with the answer",
    rules: ["S19", "S20"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.sync("A", "R")
      await w.put("A", "k0", w.token(true))
      await w.push("A", "R", "dropAnswer")
    },
  },
  {
    title: "another device holds what the server refused, and its author is gone",
    rules: ["S20"],
    play: async (w) => {
      await w.servers("R")
      await w.device("C", "R")
      await w.device("D", "R", "C")
      await w.put("C", "k0", w.token(true))
      await w.pull("D", "C")
      await w.sync("C", "R")
      w.remove("C")
    },
  },
  {
    title: "one server refused what the other took, and its author is gone",
    rules: ["S20"],
    play: async (w) => {
      await w.servers("R1")
      await w.lenientServer("R2")
      await w.device("A", "R1", "R2")
      await w.device("B", "R1", "R2")
      await w.sync("A", "R1", "R2")
      await w.put("A", "k0", w.token(true))
      await w.push("A", "R2")
      await w.sync("A", "R1")
      await w.pull("B", "R1")
      await w.pull("B", "R2")
      w.remove("A")
    },
  },
  {
    title: "a copy learns from a page that a number of its own writer is withheld",
    rules: ["S20"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.sync("A", "R")
      await w.put("A", "k0", w.token(true))
      await w.put("A", "k1")
      const copy = await w.clone("A")
      await w.sync("A", "R")
      await w.pull(copy, "R")
      w.remove("A")
    },
  },
  {
    title: "what a refused operation replaced is listed, not void",
    rules: ["S12", "S19"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.sync("A", "R")
      await w.put("A", "k0")
      await w.put("A", "k0", w.token(true))
      await w.push("A", "R")
      w.remove("A")
      await w.device("B", "R")
    },
  },
  {
    title: "a relay brings what was withheld, behind later numbers of the same writer",
    rules: ["S20", "S13"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      w.site("A").clock.offsetMillis = YEAR_MILLIS
      await w.device("B", "R", "A")
      await w.sync("B", "R")
      await w.put("A", "k0")
      await w.pull("B", "A")
      await w.sync("A", "R")
      await w.put("A", "k1")
      await w.push("A", "R")
      await w.push("B", "R")
      await w.pull("A", "R")
    },
  },
  {
    title: "a device is restored from before the refusal",
    rules: ["S20"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      w.site("A").clock.offsetMillis = YEAR_MILLIS
      await w.sync("A", "R")
      await w.put("A", "k0")
      const old = w.backup("A")
      await w.sync("A", "R")
      await w.restore("A", old)
      w.site("A").clock.offsetMillis = 0
      await w.pull("A", "R")
    },
  },
  {
    title: "a copy that never had a refused operation writes on, and says that it continues its writer",
    rules: ["S20", "S5"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.put("A", "k0")
      await w.sync("A", "R")
      const copy = await w.clone("A")
      await w.put("A", "k0", w.token(true))
      await w.sync("A", "R")
      await w.pull(copy, "R")
      await w.put(copy, "k0")
      await w.put(copy, "k0")
      await w.sync(copy, "R")
      await w.pull("A", "R")
    },
  },
  {
    title: "a withheld number comes from a copy that does not know of it",
    rules: ["S19", "S20", "S21"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.device("B", "R")
      await w.sync("A", "R")
      await w.put("A", "k0", w.token(true))
      const copy = await w.clone("A")
      await w.sync("A", "R")
      await w.push(copy, "R")
    },
  },
  {
    title: "a relay brings what a clock that is a year ahead wrote",
    rules: ["S21"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      w.site("A").clock.offsetMillis = YEAR_MILLIS
      await w.device("B", "R", "A")
      await w.put("A", "k0")
      await w.sync("B", "A", "R")
      const [process] = w.world.processesOf(w.site("B"))
      if (process !== undefined && process.written.length > 0) w.world.violation("a relay writes others' operations anew", "k0")
    },
  },
  {
    title: "a stamp that is a year ahead moves no other clock",
    rules: ["S22"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      w.site("A").clock.offsetMillis = YEAR_MILLIS
      await w.device("B", "A")
      await w.put("A", "k0")
      await w.sync("B", "A")
      await w.put("B", "k1")
      const written = w.process("B").written.at(-1)
      if (written === undefined || written.millis > w.world.scheduler.millis + 1000) {
        w.world.violation("a far stamp moved a clock", String(written?.millis))
      }
    },
  },
  {
    title: "two opens before the first push; only the second has an entry",
    rules: ["S31"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.sync("A", "R")
      await w.put("A", "k0")
      await w.reopen("A")
      await w.put("A", "k1")
      await w.push("A", "R")
    },
  },
  {
    title: "a copy that was opened often has one entry",
    rules: ["S31", "S5"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      for (let n = 0; n < 5; n++) {
        await w.put("A", "k0")
        await w.reopen("A")
      }
      await w.sync("A", "R")
      for (const name of ["A", "R"]) {
        const { size } = w.site(name).observer.fold.vector
        if (size !== 1) w.world.violation("a vector grows with every open", `${name} has ${size} entries`)
      }
      const entries = [...w.process("A").store?.synced.views.vector.entries.keys() ?? []]
      if (entries.length !== 1) w.world.violation("a vector grows with every open", `A has ${entries.length} entries`)
    },
  },
  {
    title: "an old copy comes back after three more opens",
    rules: ["S32", "S33"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.put("A", "k0")
      await w.sync("A", "R")
      const old = w.backup("A")
      for (let n = 0; n < 3; n++) {
        await w.reopen("A")
        await w.put("A", "k0")
        await w.sync("A", "R")
      }
      await w.restore("A", old)
      await w.device("B", "R", "A")
      await w.pull("B", "R")
      await w.pull("B", "A")
    },
  },
  {
    title: "an effect is folded before the link of its cause, in one frame",
    rules: ["S33"],
    play: async (w) => {
      await w.servers("R", "R2")
      await w.device("A", "R", "R2")
      await w.device("B", "R2")
      await w.device("C", "R", "R2")
      await w.put("A", "k0")
      await w.sync("A", "R", "R2")
      await w.reopen("A")
      await w.put("B", "k2")
      await w.sync("B", "R2")
      await w.put("A", "k0")
      await w.push("A", "R2")
      await w.sync("B", "R2")
      await w.put("B", "k0")
      await w.sync("B", "R2")
      await w.pull("C", "R")
      await w.pull("C", "R2")
      await w.push("C", "R")
      await w.device("E", "R")
      await w.pull("E", "R")
    },
  },
  {
    title: "a client claims that its writer continued somebody else's",
    rules: ["S33"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      await w.device("B", "R")
      await w.sync("A", "R")
      await w.put("A", "k0")
      await w.sync("B", "R")
      await w.put("B", "k1")
      const other = w.process("A").written[0]?.writer ?? "", { cursor } = w.process("B").cycle("R").status()
      const request = pushThatClaims(w.backup("B"), other, cursor)
      await w.run(w.process("B").cycle("R").remote.push(request, { signal: new AbortController().signal }))
      await w.put("A", "k0")
      await w.push("A", "R")
    },
  },
  {
    title: "a device whose clock is a year ahead opens its log again",
    rules: ["S37"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      w.site("A").clock.offsetMillis = YEAR_MILLIS
      await w.sync("A", "R")
      await w.put("A", "k0")
      await w.sync("A", "R")
      await w.reopen("A")
      await w.put("A", "k1")
      await w.sync("A", "R")
      const { size } = w.process("A").store?.synced.views.remotes.of("R").refused ?? { size: 0 }
      if (size > 1) w.world.violation("refused again", `${size} operations`)
    },
  },
  {
    title: "a clock that was wrong is set right",
    rules: ["S37"],
    play: async (w) => {
      await w.servers("R")
      await w.device("A", "R")
      w.site("A").clock.offsetMillis = YEAR_MILLIS
      await w.sync("A", "R")
      await w.put("A", "k0")
      await w.sync("A", "R")
      w.site("A").clock.offsetMillis = 0
      w.world.scheduler.pass(600_000)
      await w.sync("A", "R")
      await w.put("A", "k0")
      const written = w.process("A").written.at(-1)
      if (written === undefined || written.millis < w.world.scheduler.millis - 1000) {
        w.world.violation("a right clock stays corrected", String(written?.millis))
      }
    },
  },
]
