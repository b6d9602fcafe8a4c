/** Histories of who continued whom (rules S31 to S33). */
import { BlockColumns } from "../../kernel/format/block-columns.ts"
import { ByteWriter } from "../../kernel/format/bytes.ts"
import { chooseChecksum } from "../../kernel/format/checksum.ts"
import { FrameReader, PartType } from "../../kernel/format/frame.ts"
import { decodeBlock, encodeBlock } from "../../kernel/format/operation-block.ts"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import type { Cursor, PushRequest } from "../../kernel/ports/remote.ts"
import type { History } from "../history.ts"

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

/** In the order of their rules. */
export const LINEAGE_HISTORIES: readonly History[] = [
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
]
