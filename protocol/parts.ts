/** Parts of a message, beyond their bytes: which types may stand there, and which are passed over. */
import { PartType } from "../kernel/format/frame.ts"
import type { Part } from "../kernel/ports/remote.ts"

/** Parts of types up to this one have to be understood; others may be ignored (F-14). */
const CRITICAL_TYPE_MAX = 127

/** The first type that version 1 has no meaning for and that may not be passed over; undefined if all are fine. */
export const unknownPartType = (parts: readonly Part[]): number | undefined =>
  parts.find(({ type }) => type <= CRITICAL_TYPE_MAX && type !== PartType.block)?.type

/** The operation blocks among parts of which none is of an unknown type. */
export const blocksOf = (parts: readonly Part[]): readonly Part[] => parts.filter(({ type }) => type === PartType.block)
