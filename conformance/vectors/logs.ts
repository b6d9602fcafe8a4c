/**
 * Vectors of whole logs: frames, and what they show. The results are computed by the second reader (`reader/`); the test of the vectors
 * compares them with the kernel's views, so that two programs that share no code agree on every one.
 */
import {
  type BlockNotation,
  encodeNotedBlock,
  fromHex,
  type NumberedDot,
  type OperationNotation,
} from "../../kernel/format/block-notation.ts"
import { A, B, B2, blockOf, MILLIS, operation } from "./blocks.ts"
import { idOf, NO_ID } from "./frames.ts"
import { encodeNotedFrame, type Refusal, toHex } from "./notation.ts"
import type { Dot } from "./reader/frame.ts"
import { Fold } from "./reader/fold.ts"
import { type Notation, readValue } from "./reader/value.ts"

export interface VersionVector {
  readonly writer: string
  readonly seq: number
  readonly millis: number
  readonly counter: number
  readonly kind: number
  readonly context: readonly Dot[]
  readonly keeps: readonly Dot[]
  readonly settles: readonly Dot[] | null
  /** Encoded bytes; null for a delete, empty for a choice of one. */
  readonly value: string | null
}
export interface LogVector {
  readonly name: string
  readonly meaning: string
  readonly frames: readonly string[]
  readonly vector: readonly { readonly writer: string; readonly seq: number; readonly withheld: readonly number[] }[]
  readonly own: readonly string[]
  /** In order; `shown` is the value of the greatest version, absent if that shows no record. Versions ascend. */
  readonly records: readonly {
    readonly collection: string
    readonly key: string
    readonly shown?: Notation
    readonly versions: readonly VersionVector[]
  }[]
  readonly digest: string
}
export interface LogVectors {
  readonly logs: readonly LogVector[]
  /** All frames before the last one are whole. */
  readonly refused: readonly { readonly name: string; readonly refusal: Refusal; readonly frames: readonly string[] }[]
}

interface FramePlan {
  readonly local?: boolean
  readonly blocks: readonly BlockNotation[]
}
interface LogPlan {
  readonly name: string
  readonly meaning: string
  readonly frames: readonly FramePlan[]
}

const C = "c0c1c2c3c4c5c6c70000000000000001"
/** A put of the value `n`, `ms` after the start. */
const put = (
  seq: number,
  key: string,
  n: number,
  ms: number,
  context: readonly NumberedDot[] = [],
  more: Partial<OperationNotation> = {},
): OperationNotation => operation(seq, key, n.toString(16).padStart(2, "0"), { millis: MILLIS + ms, context, ...more })
const local = (...blocks: readonly BlockNotation[]): FramePlan => ({ local: true, blocks })
const pulled = (...blocks: readonly BlockNotation[]): FramePlan => ({ blocks })
const from = (from: number, to: number): Partial<BlockNotation> => ({ from, to })

/** B's first version of "k", and its second, by a later open, which continues the first. */
const B_FIRST = blockOf([B], [put(1, "k", 1, 0)])
const B_SECOND = blockOf([B2, B], [put(1, "k", 2, 10, [[1, 1]])], { links: [[1, 1]] })

const PLANS: readonly LogPlan[] = [
  { name: "empty log", meaning: "nothing was written: no vector, no records, the digest of no bytes", frames: [] },
  {
    name: "one writer: put, update, delete",
    meaning: "each operation covers the one before; the second record is deleted, and its tombstone stays",
    frames: [
      local(blockOf([A], [operation(1, "note:1", "81a474657874a26869")])),
      local(
        blockOf([A], [
          operation(2, "note:1", "81a474657874a3686521", { millis: MILLIS + 5, context: [[0, 1]] }),
          put(3, "note:2", 7, 5, [], { counter: 1 }),
        ]),
      ),
      local(blockOf([A], [operation(4, "note:2", null, { millis: MILLIS + 9, context: [[0, 3]] })])),
    ],
  },
  {
    name: "two devices write the same key",
    meaning: "neither has seen the other: both versions stay, the greater stamp is shown, whichever came first",
    frames: [local(blockOf([A], [put(1, "k", 1, 20)])), pulled(blockOf([B], [put(1, "k", 2, 10)]))],
  },
  {
    name: "equal stamps",
    meaning: "the writer decides, by the bytes of its id",
    frames: [local(blockOf([B], [put(1, "k", 1, 0)])), pulled(blockOf([A], [put(1, "k", 2, 0)]))],
  },
  {
    name: "a slow clock replaces what it has seen",
    meaning: "the context decides what is replaced, not the stamp: the third version is a year behind and is shown alone",
    frames: [
      local(blockOf([A], [put(1, "k", 1, 0)])),
      pulled(blockOf([C], [put(1, "k", 2, 10)])),
      pulled(blockOf([B, A, C], [put(1, "k", 3, -31_536_000_000, [[1, 1], [2, 1]])])),
    ],
  },
  {
    name: "a put that saw one of two",
    meaning: "it replaces that one; the other stays beside it",
    frames: [
      local(blockOf([A], [put(1, "k", 1, 0)])),
      pulled(blockOf([C], [put(1, "k", 2, 10)])),
      pulled(blockOf([B, C], [put(1, "k", 3, 20, [[1, 1]])])),
    ],
  },
  {
    name: "a delete beside an update",
    meaning: "a tombstone is a version: the later delete hides the record, the update stays in the digest",
    frames: [
      local(blockOf([A], [put(1, "k", 1, 0)])),
      local(blockOf([A], [operation(2, "k", null, { millis: MILLIS + 30, context: [[0, 1]] })])),
      pulled(blockOf([B, A], [put(1, "k", 2, 20, [[1, 1]])])),
    ],
  },
  {
    name: "the cause comes after the effect",
    meaning: "what arrives is already covered: nothing changes but the vector",
    frames: [pulled(blockOf([B, A], [put(1, "k", 2, 20, [[1, 1]])])), pulled(blockOf([A], [put(1, "k", 1, 0)]))],
  },
  {
    name: "a writer an open",
    meaning: "the second open links to the first, so its entry alone is in the vector, and a context that names it covers the first",
    frames: [local(B_FIRST), local(B_SECOND), local(blockOf([B2], [put(2, "k", 3, 20, [[0, 1]])]))],
  },
  {
    name: "links in another frame, after the operation that needs them",
    meaning:
      "A replaces the second open's version; that this covers the first one's too is known only with the links: siblings are judged again",
    frames: [
      pulled(B_FIRST),
      local(blockOf([A, B2], [put(1, "k", 3, 30, [[1, 1]])])),
      pulled(B_SECOND),
    ],
  },
  {
    name: "links in the same frame, after the operation that needs them",
    meaning: "links of all blocks are taken before any operation",
    frames: [pulled(blockOf([A, B2], [put(1, "k", 3, 30, [[1, 1]])]), B_FIRST, B_SECOND)],
  },
  {
    name: "links of links",
    meaning: "the third open of one copy names the second, which names the first: one entry stands for all three",
    frames: [
      local(blockOf([A], [put(1, "k1", 1, 0)])),
      local(blockOf([B, A], [put(1, "k2", 2, 10)], { links: [[1, 1]] })),
      local(blockOf([C, B], [put(1, "k3", 3, 20)], { links: [[1, 1]] })),
      pulled(blockOf([B2, C], [put(1, "k1", 4, 30, [[1, 1]])])),
    ],
  },
  {
    name: "a put that keeps a sibling open",
    meaning: "it continues the version that was shown; its own earlier number is under its context, but kept",
    frames: [
      local(blockOf([A], [put(1, "k", 1, 0)])),
      pulled(blockOf([B], [put(1, "k", 2, 10)])),
      local(blockOf([A, B], [put(2, "k", 3, 20, [[1, 1]], { keeps: [[0, 1]] })])),
      local(blockOf([A], [put(3, "k", 4, 30, [[0, 2]], { keeps: [[0, 1]] })])),
    ],
  },
  {
    name: "a choice gives way to what has seen all it settled",
    meaning: "C replaces both versions itself, at the same time as A chooses: the choice goes, though its stamp is greater",
    frames: [
      local(blockOf([A], [put(1, "k", 1, 0)])),
      pulled(blockOf([B], [put(1, "k", 2, 10)])),
      local(blockOf([A, B], [put(2, "k", 2, 99, [[0, 1], [1, 1]], { kind: "choice", settles: [[0, 1], [1, 1]] })])),
      pulled(blockOf([C, A, B], [put(1, "k", 3, 20, [[1, 1], [2, 1]])])),
    ],
  },
  {
    name: "a choice against a version that it did not see",
    meaning: "C saw only A's version: choice and C's version are a conflict",
    frames: [
      local(blockOf([A], [put(1, "k", 1, 0)])),
      pulled(blockOf([B], [put(1, "k", 2, 10)])),
      local(blockOf([A, B], [put(2, "k", 2, 99, [[0, 1], [1, 1]], { kind: "choice", settles: [[0, 1], [1, 1]] })])),
      pulled(blockOf([C, A], [put(1, "k", 3, 20, [[1, 1]])])),
    ],
  },
  {
    name: "two choices of the same versions",
    meaning: "two devices resolve in step, each takes the other's: the greater stamp wins and it ends",
    frames: [
      local(blockOf([A], [put(1, "k", 1, 0)])),
      pulled(blockOf([B], [put(1, "k", 2, 10)])),
      local(blockOf([A, B], [put(2, "k", 2, 20, [[0, 1], [1, 1]], { kind: "choice", settles: [[0, 1], [1, 1]] })])),
      pulled(blockOf([B, A], [put(2, "k", 1, 30, [[0, 1], [1, 1]], { kind: "choice", settles: [[0, 1], [1, 1]] })])),
    ],
  },
  {
    name: "a choice of a delete",
    meaning: "it has no value: the record is gone",
    frames: [
      local(blockOf([A], [put(1, "k", 1, 0)])),
      pulled(blockOf([B], [operation(1, "k", null)])),
      local(
        blockOf([A, B], [
          operation(2, "k", "", { kind: "choice", millis: MILLIS + 20, context: [[0, 1], [1, 1]], settles: [[0, 1], [1, 1]] }),
        ]),
      ),
    ],
  },
  {
    name: "ranges overlap",
    meaning: "the same operations come again, cut differently: what is known is skipped, void numbers count as had",
    frames: [
      pulled(blockOf([A], [put(2, "k", 2, 10, [[0, 1]])], from(0, 2))),
      pulled(blockOf([A], [put(1, "k", 1, 0), put(2, "k", 2, 10, [[0, 1]]), put(3, "k2", 3, 20)])),
      pulled(blockOf([A], [put(3, "k2", 3, 20)], from(1, 3))),
    ],
  },
  {
    name: "a withheld number that comes after all",
    meaning: "it is taken when it comes, below the last number; the others stay withheld",
    frames: [
      pulled(blockOf([A], [put(2, "k", 2, 10)], { from: 0, to: 4, withheld: [1, 3, 4] })),
      pulled(blockOf([A], [put(3, "k2", 3, 20)], from(2, 3))),
    ],
  },
  {
    name: "withheld numbers of an open that another implies",
    meaning: "the entry stays in the vector as long as something of it is withheld",
    frames: [
      pulled(blockOf([B], [put(1, "k", 1, 0)], { from: 0, to: 2, withheld: [2] })),
      pulled(blockOf([B2, B], [put(1, "k2", 2, 10)], { links: [[1, 2]] })),
    ],
  },
  {
    name: "the last withheld number of an open that another implies",
    meaning: "nothing is withheld any more, so the entry goes, though its writer is no news",
    frames: [
      pulled(blockOf([B], [put(1, "k", 1, 0)], { from: 0, to: 2, withheld: [2] })),
      pulled(blockOf([B2, B], [put(1, "other", 2, 10)], { links: [[1, 2]] })),
      pulled(blockOf([B], [put(2, "k", 3, 5, [[0, 1]])], { from: 1, to: 2 })),
    ],
  },
  {
    name: "order of records",
    meaning: "by the bytes of the collection's name, then of the key",
    frames: [local(blockOf(
      [A],
      [["b", 0], ["a", 1], ["ab", 0], ["a", 0], ["\u{1f600}", 0], ["\uffff", 0], ["", 2], ["Z", 1]].map(([key, collection], i) =>
        put(i + 1, key === "" ? "x" : String(key), i, 0, [], { counter: i, collection: Number(collection) })
      ),
      { names: ["", "users", "Users"] },
    ))],
  },
  {
    name: "events and forgets",
    meaning: "reserved kinds take their numbers and make no version",
    frames: [local(blockOf([A], [
      operation(1, "", "a5776f726c64", { kind: "event" }),
      put(2, "k", 1, 0, [], { counter: 1 }),
      operation(3, "k", null, { kind: "forget", counter: 2, context: [[0, 2]] }),
    ]))],
  },
  {
    name: "a damaged value",
    meaning: "the value of k2 is no value: its record alone suffers, and the digest is over its bytes",
    frames: [local(blockOf([A], [put(1, "k1", 1, 0), operation(2, "k2", "c1", { counter: 1 }), put(3, "k3", 3, 0, [], { counter: 2 })]))],
  },
]

const framesOf = (plan: readonly FramePlan[]): string[] =>
  plan.map(({ local = false, blocks }, at) =>
    toHex(encodeNotedFrame({
      position: at + 1,
      id: idOf(0xf1 + at),
      previous: at === 0 ? NO_ID : idOf(0xf0 + at),
      flags: local ? 1 : 0,
      parts: blocks.map((block) => ({ type: 1, content: toHex(encodeNotedBlock(block)) })),
    }))
  )

const shownOf = (value: string | null): { readonly shown?: Notation } => {
  if (value === null || value === "") return {}
  try {
    return { shown: readValue(fromHex(value)) }
  } catch {
    return {}
  }
}

/** What the second reader makes of frames. */
export async function showLog(frames: readonly string[]): Promise<Omit<LogVector, "name" | "meaning" | "frames">> {
  const fold = new Fold()
  for (const frame of frames) fold.frame(fromHex(frame))
  const sortDots = (dots: readonly Dot[]): Dot[] => [...dots].sort(([a, n], [b, m]) => a < b ? -1 : a > b ? 1 : n - m)
  return {
    vector: [...fold.vector].sort(([a], [b]) => a < b ? -1 : 1).map(([writer, { seq, withheld }]) => ({ writer, seq, withheld })),
    own: [...fold.own].sort(),
    records: fold.sorted().map(([collection, key, versions]) => {
      const listed = versions.map(({ writer, seq, millis, counter, kind, context, keeps, settles, value }): VersionVector => ({
        writer,
        seq,
        millis,
        counter,
        kind,
        context: sortDots(context),
        keeps: sortDots(keeps),
        settles: settles === null ? null : sortDots(settles),
        value: value === null ? null : toHex(value),
      }))
      return { collection, key, ...shownOf(listed.at(-1)!.value), versions: listed }
    }),
    digest: await fold.digest(),
  }
}

export async function logVectors(): Promise<LogVectors> {
  const logs: LogVector[] = []
  for (const { name, meaning, frames: plan } of PLANS) {
    const frames = framesOf(plan)
    logs.push({ name, meaning, frames, ...await showLog(frames) })
  }
  const [first, second] = framesOf([local(blockOf([A], [put(1, "k", 1, 0)])), local(blockOf([A], [put(2, "k", 2, 10, [[0, 1]])]))])
  const frame = (position: number, previous: string, block: BlockNotation): string =>
    toHex(encodeNotedFrame({ position, id: idOf(0xee), previous, flags: 0, parts: [{ type: 1, content: toHex(encodeNotedBlock(block)) }] }))
  const next = blockOf([A], [put(2, "k", 2, 10)])
  return {
    logs,
    refused: [
      { name: "the first frame is at position 2", refusal: "damaged", frames: [second!] },
      {
        name: "the first frame names a frame before it",
        refusal: "damaged",
        frames: [frame(1, idOf(0xf1), blockOf([A], [put(1, "k", 1, 0)]))],
      },
      { name: "a frame twice", refusal: "damaged", frames: [first!, first!] },
      { name: "a frame is missing", refusal: "damaged", frames: [first!, frame(3, idOf(0xf2), next)] },
      { name: "a frame that follows another one", refusal: "damaged", frames: [first!, frame(2, idOf(0xdd), next)] },
      {
        name: "a gap in the numbers of a writer",
        refusal: "damaged",
        frames: [first!, frame(2, idOf(0xf1), blockOf([A], [put(3, "k", 2, 10)]))],
      },
      {
        name: "a writer that does not begin at 0",
        refusal: "damaged",
        frames: [first!, frame(2, idOf(0xf1), blockOf([B], [put(2, "k", 2, 10)]))],
      },
    ],
  }
}
