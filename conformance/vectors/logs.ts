/**
 * Vectors of whole logs: frames, and what they show. The results are computed by the second reader (`reader/`); the test of the vectors
 * compares them with the kernel's views, so that two programs that share no code agree on every one.
 */
import { fromHex } from "../../kernel/format/block-notation.ts"
import { A, B, B2, blockOf, MILLIS, operation } from "./blocks.ts"
import { changeOf, idOf, placeOf } from "./frames.ts"
import { B_FIRST, B_SECOND, brought, C, frameHex, framesOf, from, local, type LogPlan, pulled, put, told } from "./log-plan.ts"
import { type Refusal, type SettingNotation, toHex } from "./notation.ts"
import { Refused } from "./reader/cursor.ts"
import { Fold, type Refusal as RefusedOperation } from "./reader/fold.ts"
import type { Dot, Place } from "./reader/frame.ts"
import { type Notation, readValue } from "./reader/value.ts"
import { refusedSettingLogs, SETTING_PLANS } from "./setting-logs.ts"

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
export interface RecordVector {
  readonly collection: string
  readonly key: string
  /** What a reader without functions and types shows; absent if that is no record, or a damaged value. */
  readonly shown?: Notation
  /** The updates of which a function or type makes one value; absent if none does. */
  readonly merged?: readonly Dot[]
  /** False: somebody has to decide. */
  readonly settled?: false
  readonly versions: readonly VersionVector[]
}
/** What a log knows of a remote (F-62). */
export interface RemoteVector {
  readonly remote: string
  readonly cursor: Place
  readonly caughtUp: boolean
  readonly vector: readonly Dot[]
  readonly refused: readonly RefusedOperation[]
  readonly offset: number
}
export interface LogVector {
  readonly name: string
  readonly meaning: string
  readonly frames: readonly string[]
  readonly vector: readonly { readonly writer: string; readonly seq: number; readonly withheld: readonly number[] }[]
  readonly own: readonly string[]
  /** The default one first, then by the bytes of the collections' names. */
  readonly settings: readonly SettingNotation[]
  /** By their names. */
  readonly remotes: readonly RemoteVector[]
  readonly dead: readonly Dot[]
  readonly owners: readonly (readonly [writer: string, principal: string])[]
  /** In order; versions ascend. */
  readonly records: readonly RecordVector[]
  readonly digest: string
}
export interface LogVectors {
  readonly logs: readonly LogVector[]
  /** All frames before the last one are whole. */
  readonly refused: readonly {
    readonly name: string
    readonly refusal: Refusal
    readonly rule: string
    readonly frames: readonly string[]
  }[]
}

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
  {
    name: "pages of a remote",
    meaning:
      "each page is a frame with the new cursor: its blocks and its ranges raise what is known of the remote; the last one has caught up",
    frames: [
      local(blockOf([A], [put(1, "k1", 1, 0), put(2, "k2", 2, 0, [], { counter: 1 })])),
      told({ cursor: placeOf(2) }, blockOf([B], [put(1, "k3", 3, 10)]), blockOf([C], [put(1, "k4", 4, 20)])),
      told({ cursor: placeOf(5), ranges: [[A, 2]], caughtUp: true }, blockOf([B], [put(2, "k3", 5, 30, [[0, 1]])])),
      told({ cursor: placeOf(6), ranges: [[B, 1]] }),
    ],
  },
  {
    name: "a page of which nothing was news",
    meaning: "it has no block: its ranges tell what the remote has, and a lower one takes nothing back",
    frames: [
      local(blockOf([A], [put(1, "k1", 1, 0), put(2, "k2", 2, 0, [], { counter: 1 })])),
      told({ cursor: placeOf(2), ranges: [[A, 2]], caughtUp: true }),
      told({ cursor: placeOf(3), ranges: [[A, 1]] }),
    ],
  },
  {
    name: "two remotes",
    meaning: "each has its own cursor, vector, refused operations and offset",
    frames: [
      local(blockOf([A], [put(1, "k1", 1, 0)])),
      told({ cursor: placeOf(1), caughtUp: true }, blockOf([B], [put(1, "k2", 2, 10)])),
      told({ remote: "log:other", cursor: placeOf(4), ranges: [[B, 1]] }, blockOf([C], [put(1, "k3", 3, 20)])),
      told({ remote: "log:other", refused: [{ dot: [A, 1], code: "op_invalid", message: "no" }], dead: [[A, 1]], offset: 7 }),
    ],
  },
  {
    name: "a remote that has the later open of a copy",
    meaning: "its entry stands for the first one too",
    frames: [told({ cursor: placeOf(1) }, B_FIRST), told({ cursor: placeOf(2) }, B_SECOND)],
  },
  {
    name: "a stamp that a remote refuses",
    meaning:
      "a new operation with a lower stamp covers it, in the frame that tells of the refusal and of the clock's offset; a later page says that " +
      "the clock is right again",
    frames: [
      told({ cursor: placeOf(1), caughtUp: true }),
      local(blockOf([A], [put(1, "k", 1, 500_000)])),
      {
        ...local(blockOf([A], [put(2, "k", 1, 0, [[0, 1]])])),
        change: changeOf({ refused: [{ dot: [A, 1], code: "clock_ahead", message: "its stamp is 500 s ahead" }], offset: 500_000 }),
      },
      told({ cursor: placeOf(2), ranges: [[A, 2]], offset: 0 }),
    ],
  },
  {
    name: "a frame of an own block that tells of no cursor",
    meaning: "what this log wrote is not there yet: the vector of the remote stays",
    frames: [{ ...local(blockOf([A], [put(1, "k", 1, 0)])), change: changeOf({ offset: 1 }) }],
  },
  {
    name: "a dead letter",
    meaning:
      "the remote refuses an operation for good: it stays a version here, is no part of what the remote has, and waits for an answer",
    frames: [
      local(blockOf([A], [put(1, "k1", 1, 0), put(2, "k2", 2, 0, [], { counter: 1 })])),
      told({ refused: [{ dot: [A, 2], code: "op_invalid", message: "too dear" }], dead: [[A, 2]] }),
      told({ refused: [{ dot: [A, 2], code: "op_too_large", message: "" }], dead: [[A, 2]] }),
    ],
  },
  {
    name: "a number that a page names as withheld",
    meaning: "the log has the operation: the remote withholds it, so it is refused there, and lives on here",
    frames: [
      pulled(blockOf([B], [put(1, "k1", 1, 0), put(2, "k2", 2, 0, [], { counter: 1 })])),
      told(
        { cursor: placeOf(3), refused: [{ dot: [B, 2], code: "withheld", message: "" }] },
        blockOf([B], [put(1, "k1", 1, 0), put(3, "k3", 3, 10)], { from: 0, to: 3, withheld: [2] }),
      ),
      told({ dead: [[B, 2]] }),
    ],
  },
  {
    name: "a restart",
    meaning: "the remote's log is another one: what was known of it counts no more, but for what it refused; nothing of the own log goes",
    frames: [
      local(blockOf([A], [put(1, "k1", 1, 0)])),
      told({ cursor: placeOf(9), ranges: [[A, 1]], caughtUp: true }, blockOf([B], [put(1, "k2", 2, 10)])),
      told({ refused: [{ dot: [A, 1], code: "op_invalid", message: "" }], dead: [[A, 1]], offset: 3 }),
      told({ restart: true, cursor: placeOf(0) }),
      told({ cursor: placeOf(1), ranges: [[B, 1]] }),
    ],
  },
  {
    name: "a restart with blocks and ranges",
    meaning: "the ranges of a restart are known of the new log; its blocks say nothing of it",
    frames: [
      told({ cursor: placeOf(9), caughtUp: true }, blockOf([B], [put(1, "k2", 2, 10)])),
      told({ restart: true, cursor: placeOf(4), ranges: [[B, 1]] }, blockOf([C], [put(1, "k3", 3, 20)])),
    ],
  },
  {
    name: "owners of writers",
    meaning: "a writer is of the principal that first named it as own, whoever brings more of it later",
    frames: [
      brought("ada", [A], blockOf([A], [put(1, "k1", 1, 0)]), blockOf([B], [put(1, "k2", 2, 10)])),
      brought("bob", [B, A], blockOf([B], [put(2, "k2", 3, 20, [[0, 1]])])),
      brought("ada", [], blockOf([A], [put(2, "k1", 4, 30, [[0, 1]])])),
      brought("cyd", [C]),
    ],
  },
  {
    name: "a log that takes pushes and pulls",
    meaning: "a frame has a change or a receipt as it came; both together are folded one after another",
    frames: [
      brought("ada", [A], blockOf([A], [put(1, "k1", 1, 0)])),
      { ...told({ cursor: placeOf(1) }, blockOf([B], [put(1, "k2", 2, 10)])), receipt: { principal: "bob", millis: MILLIS, own: [B] } },
    ],
  },
]

const shownOf = (value: string | null): { readonly shown?: Notation } => {
  if (value === null || value === "") return {}
  try {
    return { shown: readValue(fromHex(value)) }
  } catch {
    return {}
  }
}

const compareDots = ([a, n]: Dot, [b, m]: Dot): number => a < b ? -1 : a > b ? 1 : n - m
const sortDots = (dots: readonly Dot[]): Dot[] => [...dots].sort(compareDots)
/** By their bytes: UTF-16 orders otherwise. */
const compareNames = (a: string, b: string): number => {
  const [x, y] = [a, b].map((name) => toHex(new TextEncoder().encode(name))) as [string, string]
  return x < y ? -1 : x > y ? 1 : 0
}
const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => a < b ? -1 : 1

/** What the second reader knows of remotes and owners. */
export const showRemotes = (fold: Fold): Pick<LogVector, "remotes" | "dead" | "owners"> => ({
  remotes: [...fold.remotes].sort(byName).map(([remote, { cursor, caughtUp, vector, refused, offset }]) => ({
    remote,
    cursor,
    caughtUp,
    vector: sortDots(fold.entriesOf(vector)),
    refused: [...refused.values()].sort(({ dot: a }, { dot: b }) => compareDots(a, b)),
    offset,
  })),
  dead: sortDots([...fold.dead.values()]),
  owners: [...fold.owners].sort(byName),
})

/** The rule by which the second reader refuses the last frame; throws if it does not. */
function brokenRule(name: string, refusal: Refusal, frames: readonly string[]): string {
  const fold = new Fold()
  for (const frame of frames.slice(0, -1)) fold.frame(fromHex(frame))
  try {
    fold.frame(fromHex(frames.at(-1)!))
  } catch (error) {
    if (error instanceof Refused && error.refusal === refusal) return error.rule
    throw error
  }
  throw new Error(`${name}: it is not refused`)
}

/** What the second reader makes of frames. */
export async function showLog(frames: readonly string[]): Promise<Omit<LogVector, "name" | "meaning" | "frames">> {
  const fold = new Fold()
  for (const frame of frames) fold.frame(fromHex(frame))
  return {
    vector: [...fold.vector].sort(([a], [b]) => a < b ? -1 : 1).map(([writer, { seq, withheld }]) => ({ writer, seq, withheld })),
    own: [...fold.own].sort(),
    settings: [...fold.settings.values()].sort((a, b) =>
      a.collection === null ? -1 : b.collection === null ? 1 : compareNames(a.collection, b.collection)
    ),
    ...showRemotes(fold),
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
      const { version, merged, isSettled } = fold.shown(collection, versions)
      return {
        collection,
        key,
        ...shownOf(listed[versions.indexOf(version)]!.value),
        ...(merged.length > 0 ? { merged: merged.map(({ writer, seq }): Dot => [writer, seq]) } : {}),
        ...(isSettled ? {} : { settled: false as const }),
        versions: listed,
      }
    }),
    digest: await fold.digest(),
  }
}

export async function logVectors(): Promise<LogVectors> {
  const logs: LogVector[] = []
  for (const { name, meaning, frames: plan } of [...PLANS, ...SETTING_PLANS]) {
    const frames = framesOf(plan)
    logs.push({ name, meaning, frames, ...await showLog(frames) })
  }
  const [first, second] = framesOf([local(blockOf([A], [put(1, "k", 1, 0)])), local(blockOf([A], [put(2, "k", 2, 10, [[0, 1]])]))])
  const next = blockOf([A], [put(2, "k", 2, 10)])
  const refused: readonly (readonly [name: string, frames: readonly string[]])[] = [
    ["the first frame is at position 2", [second!]],
    ["the first frame names a frame before it", [frameHex(1, idOf(0xf1), [blockOf([A], [put(1, "k", 1, 0)])])]],
    ["a frame twice", [first!, first!]],
    ["a frame is missing", [first!, frameHex(3, idOf(0xf2), [next])]],
    ["a frame that follows another one", [first!, frameHex(2, idOf(0xdd), [next])]],
    ["a gap in the numbers of a writer", [first!, frameHex(2, idOf(0xf1), [blockOf([A], [put(3, "k", 2, 10)])])]],
    ["a writer that does not begin at 0", [first!, frameHex(2, idOf(0xf1), [blockOf([B], [put(2, "k", 2, 10)])])]],
    [
      "a range of a remote is no block: what it names is not here",
      [
        first!,
        frameHex(2, idOf(0xf1), [], { id: idOf(0xf2), change: changeOf({ cursor: placeOf(1), ranges: [[A, 2]] }) }),
        frameHex(3, idOf(0xf2), [blockOf([A], [put(3, "k", 2, 10)])]),
      ],
    ],
  ]
  return {
    logs,
    refused: [...refused.map(([name, frames]) => [name, "damaged", frames] as const), ...refusedSettingLogs()].map((
      [name, refusal, frames],
    ) => ({ name, refusal, rule: brokenRule(name, refusal, frames), frames })),
  }
}
