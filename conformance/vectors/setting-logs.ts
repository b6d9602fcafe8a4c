/** Vectors of logs with settings: what is shown under each, and frames that are refused for theirs. */
import { type BlockNotation, encodeNotedBlock } from "../../kernel/format/block-notation.ts"
import { A, B, B2, blockOf, MILLIS, operation } from "./blocks.ts"
import { idOf, placeOf } from "./frames.ts"
import { B_FIRST, B_SECOND, C, del, frameHex, type FramePlan, framesOf, local, type LogPlan, pulled, put, set, told } from "./log-plan.ts"
import { type FrameNotation, type Refusal, toHex } from "./notation.ts"
import { matrixOf, settingHex, settingOf } from "./settings.ts"

const inNotes = { names: ["notes"] }
/** Versions of one record that three devices wrote without having seen each other, in every constellation that settings tell apart. */
const CONFLICTS: readonly FramePlan[] = [
  local(blockOf(
    [A],
    [
      del(1, "dead", 20),
      put(2, "kept", 1, 40),
      put(3, "lost", 1, 20),
      put(4, "middle", 1, 60),
      put(5, "one", 1, 0),
      del(6, "three", 90),
      put(7, "two", 1, 30),
      put(8, "chosen", 1, 0),
    ],
    inNotes,
  )),
  pulled(blockOf(
    [B],
    [
      del(1, "dead", 10),
      del(2, "kept", 30),
      del(3, "lost", 30),
      put(4, "middle", 2, 10),
      put(5, "three", 2, 50),
      put(6, "two", 2, 10),
      put(7, "chosen", 2, 10),
    ],
    inNotes,
  )),
  pulled(blockOf([C, A, B], [
    del(1, "middle", 30),
    put(2, "three", 3, 40),
    put(3, "two", 3, 20),
    operation(4, "chosen", "", { kind: "choice", millis: MILLIS + 70, context: [[1, 8], [2, 7]], settles: [[1, 8], [2, 7]] }),
  ], inNotes)),
  pulled(blockOf([B2, A], [put(1, "chosen", 4, 50, [[1, 8]])], inNotes)),
]

/** Logs that are read. */
export const SETTING_PLANS: readonly LogPlan[] = [
  ...matrixOf("notes").map((setting): LogPlan => ({
    name: `strategy ${setting.strategy}, deleteConflict ${setting.deleteConflict}`,
    meaning: "the same versions and the same digest under each setting; what is shown, of what it is made, and what is settled, differ",
    frames: [set(setting), ...CONFLICTS],
  })),
  {
    name: "a setting that changes later",
    meaning: "the last one of a collection counts, for the versions that were there before it too",
    frames: [
      ...CONFLICTS,
      set(settingOf("crdt", "notes")),
      set(settingOf("merge", "notes", "manual")),
      set(settingOf("manual", "notes", "keep-update")),
    ],
  },
  {
    name: "back to last write wins",
    meaning: "a setting may say what counts without one; it is a setting of the collection's own",
    frames: [set(settingOf("manual", "notes")), ...CONFLICTS, set(settingOf("last-write-wins", "notes")), set(settingOf("merge"))],
  },
  {
    name: "the default setting, and those of collections",
    meaning:
      "a collection's own setting comes before the default one, whichever came first; the default collection has one of its own; another has none",
    frames: [
      local(blockOf([A], ["", "manual", "merge", "none"].map((_, at) => put(at + 1, "k", 1, 10, [], { collection: at })), {
        names: ["", "manual", "merge", "none"],
      })),
      set(settingOf("manual", "manual")),
      set(settingOf("merge", null, "manual")),
      pulled(blockOf([B], ["", "manual", "merge", "none"].map((_, at) => put(at + 1, "k", 2, 20, [], { collection: at })), {
        names: ["", "manual", "merge", "none"],
      })),
      set(settingOf("merge", "merge")),
      set(settingOf("last-write-wins", "")),
      set(settingOf("manual", null, "last-write-wins")),
    ],
  },
  {
    name: "settings beside blocks",
    meaning: "they are folded where they stand; the last one of a collection counts, one of a collection without records too",
    frames: [
      local(settingOf("last-write-wins", ""), blockOf([A], [put(1, "k", 1, 0)]), settingOf("manual", "nowhere")),
      pulled(settingOf("crdt", ""), blockOf([B], [put(1, "k", 2, 10)]), settingOf("manual", ""), settingOf("merge", "")),
    ],
  },
  {
    name: "a setting and the links that siblings wait for",
    meaning: "what is shown follows from the versions that are left when all links are known",
    frames: [
      set(settingOf("manual")),
      pulled(B_FIRST),
      local(blockOf([A, B2], [put(1, "k", 3, 5, [[1, 1]])])),
      pulled(settingOf("merge"), B_SECOND, settingOf("manual")),
    ],
  },
  {
    name: "puts on a manual conflict",
    meaning: "each goes on from the version that is shown and keeps the other open, though it is a number of the same writer",
    frames: [
      set(settingOf("manual")),
      local(blockOf([A], [put(1, "k", 1, 0)])),
      pulled(blockOf([B], [put(1, "k", 2, 10)])),
      local(blockOf([A, B], [put(2, "k", 3, 20, [[1, 1]], { keeps: [[0, 1]] })])),
      local(blockOf([A], [put(3, "k", 4, 30, [[0, 2]], { keeps: [[0, 1]] })])),
      pulled(blockOf([C, A, B], [put(1, "k", 5, 25, [[2, 1]], { keeps: [[1, 1]] })])),
    ],
  },
  {
    name: "a delete on a manual conflict",
    meaning: "it keeps the other one open too: delete against update, until somebody decides",
    frames: [
      set(settingOf("manual")),
      local(blockOf([A], [put(1, "k", 1, 0)])),
      pulled(blockOf([B], [put(1, "k", 2, 10)])),
      local(blockOf([A, B], [operation(2, "k", null, { millis: MILLIS + 20, context: [[1, 1]], keeps: [[0, 1]] })])),
    ],
  },
  {
    name: "a choice ends a manual conflict, but not what was kept apart from it",
    meaning: "the choice settles the two versions that it chose among; a third one, which it kept, is still beside it",
    frames: [
      set(settingOf("manual")),
      local(blockOf([A], [put(1, "k", 1, 0), put(2, "k2", 1, 0, [], { counter: 1 })])),
      pulled(blockOf([B], [put(1, "k", 2, 10), put(2, "k2", 2, 10, [], { counter: 1 })])),
      pulled(blockOf([C], [put(1, "k", 3, 5)])),
      local(blockOf([A, B, C], [
        put(3, "k", 2, 20, [[0, 1], [1, 1]], { kind: "choice", keeps: [[2, 1]], settles: [[0, 1], [1, 1]] }),
        put(4, "k2", 1, 20, [[0, 2], [1, 2]], { kind: "choice", counter: 1, settles: [[0, 2], [1, 2]] }),
      ])),
    ],
  },
  {
    name: "a put where the strategy has settled",
    meaning: "it replaces all versions, those that were not shown too",
    frames: [
      set(settingOf("merge")),
      local(blockOf([A], [put(1, "k", 1, 0)])),
      pulled(blockOf([B], [put(1, "k", 2, 10)])),
      pulled(blockOf([C], [del(1, "k", 20)])),
      local(blockOf([A, B, C], [put(2, "k", 3, 30, [[0, 1], [1, 1], [2, 1]])])),
    ],
  },
  {
    name: "a dead letter in a manual conflict",
    meaning: "it is a version like any other for what is shown, and its record is not in the digest",
    frames: [
      set(settingOf("manual")),
      local(blockOf([A], [put(1, "k", 1, 20)])),
      told(
        { cursor: placeOf(1), refused: [{ dot: [A, 1], code: "op_invalid", message: "no" }], dead: [[A, 1]] },
        blockOf([B], [put(1, "k", 2, 10)]),
      ),
    ],
  },
]

/** Logs of which the last frame is refused. */
export function refusedSettingLogs(): readonly (readonly [name: string, refusal: Refusal, frames: readonly string[]])[] {
  const [first] = framesOf([local(blockOf([A], [put(1, "k", 1, 0)]))])
  /** A frame whose parts are these, behind the first one. */
  const parted = (...parts: readonly { readonly type: number; readonly content: string }[]): readonly string[] => [
    first!,
    frameHex(2, idOf(0xf1), [], { parts }),
  ]
  const setting = (content: string): FrameNotation["parts"][number] => ({ type: 4, content })
  const block = (block: BlockNotation): FrameNotation["parts"][number] => ({ type: 1, content: toHex(encodeNotedBlock(block)) })
  const manual = settingHex(settingOf("manual")), gap = blockOf([A], [put(3, "k", 2, 10)])
  return [
    ["a strategy that is not known", "too new", parted(setting("94c00402c0"))],
    ["a deleteConflict that is not known", "too new", parted(setting("94c00203c0"))],
    ["a setting that is cut short", "damaged", parted(setting(manual.slice(0, -2)))],
    ["a setting with something behind it", "damaged", parted(setting(`${manual}c0`))],
    ["an empty setting", "damaged", parted(setting(""))],
    ["a type of all collections", "damaged", parted(setting("94c00300a174"))],
    ["the second setting of a frame", "too new", parted(setting(manual), block(blockOf([A], [put(2, "k", 2, 10)])), setting("94c00402c0"))],
    ["a setting that is too new behind a gap", "damaged", parted(block(gap), setting("94c00402c0"))],
    ["a gap behind a setting that is too new", "too new", parted(setting("94c00402c0"), block(gap))],
    ["a damaged block behind a setting that is too new", "damaged", parted(setting("94c00402c0"), { type: 1, content: "c0" })],
  ]
}
