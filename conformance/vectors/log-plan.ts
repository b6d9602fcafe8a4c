/** Logs as their vectors plan them: frames of blocks and settings, in few words. */
import { type BlockNotation, encodeNotedBlock, type NumberedDot, type OperationNotation } from "../../kernel/format/block-notation.ts"
import { B, B2, blockOf, MILLIS, operation } from "./blocks.ts"
import { changeOf, idOf, NO_ID } from "./frames.ts"
import { type ChangeNotation, encodeNotedFrame, type FrameNotation, type ReceiptNotation, type SettingNotation, toHex } from "./notation.ts"
import { settingHex } from "./settings.ts"

/** A frame; its parts are in order. */
export interface FramePlan {
  readonly local?: boolean
  readonly parts: readonly (BlockNotation | SettingNotation)[]
  readonly change?: ChangeNotation
  readonly receipt?: ReceiptNotation
}
/** A log, and what it is an example of. */
export interface LogPlan {
  readonly name: string
  readonly meaning: string
  readonly frames: readonly FramePlan[]
}

/** A third replica. */
export const C: string = "c0c1c2c3c4c5c6c70000000000000001"
/** A put of the value `n`, `ms` after the start. */
export const put = (
  seq: number,
  key: string,
  n: number,
  ms: number,
  context: readonly NumberedDot[] = [],
  more: Partial<OperationNotation> = {},
): OperationNotation => operation(seq, key, n.toString(16).padStart(2, "0"), { millis: MILLIS + ms, context, ...more })
/** A frame of what this log's opens wrote. */
export const local = (...parts: FramePlan["parts"]): FramePlan => ({ local: true, parts })
/** A frame of what others wrote. */
export const pulled = (...parts: FramePlan["parts"]): FramePlan => ({ parts })
/** A frame that says nothing but how records are shown from now on. */
export const set = (...parts: readonly SettingNotation[]): FramePlan => ({ parts })
/** The range of a block, where its rows do not tell. */
export const from = (from: number, to: number): Partial<BlockNotation> => ({ from, to })
/** A frame that tells of a remote, with what a page of it brought. */
export const told = (change: Partial<ChangeNotation>, ...parts: readonly BlockNotation[]): FramePlan => ({
  parts,
  change: changeOf(change),
})
/** A frame that somebody brought. */
export const brought = (principal: string, own: readonly string[], ...parts: readonly BlockNotation[]): FramePlan => ({
  parts,
  receipt: { principal, millis: MILLIS, own },
})

/** A delete, `ms` after the start. */
export const del = (seq: number, key: string, ms: number, context: readonly NumberedDot[] = []): OperationNotation =>
  operation(seq, key, null, { millis: MILLIS + ms, context })
/** B's first version of "k", and its second, by a later open, which continues the first. */
export const B_FIRST: BlockNotation = blockOf([B], [put(1, "k", 1, 0)])
/** See {@link B_FIRST}. */
export const B_SECOND: BlockNotation = blockOf([B2, B], [put(1, "k", 2, 10, [[1, 1]])], { links: [[1, 1]] })

/** The frames of a log, in hexadecimal. */
export const framesOf = (plan: readonly FramePlan[]): string[] =>
  plan.map(({ local = false, parts, change = null, receipt = null }, at) =>
    frameHex(at + 1, at === 0 ? NO_ID : idOf(0xf0 + at), parts, { id: idOf(0xf1 + at), flags: local ? 1 : 0, change, receipt })
  )

/** A frame of these blocks and settings. */
export const frameHex = (position: number, previous: string, parts: FramePlan["parts"], more: Partial<FrameNotation> = {}): string =>
  toHex(encodeNotedFrame({
    position,
    id: idOf(0xee),
    previous,
    flags: 0,
    parts: parts.map((part) =>
      "strategy" in part ? { type: 4, content: settingHex(part) } : { type: 1, content: toHex(encodeNotedBlock(part)) }
    ),
    change: null,
    receipt: null,
    ...more,
  }))
