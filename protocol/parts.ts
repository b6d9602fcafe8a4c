/** Parts of a message, beyond their bytes: which types may stand there. */
import { PartType } from "../kernel/format/frame.ts"
import type { Part } from "../kernel/ports/remote.ts"

/** Parts of types up to this one have to be understood; others are stored and handed on (F-14). */
const CRITICAL_TYPE_MAX = 127

/** The first type that version 1 has no meaning for and that may not be passed over; undefined if all are fine. */
export const unknownPartType = (parts: readonly Part[]): number | undefined =>
  parts.find(({ type }) => type <= CRITICAL_TYPE_MAX && type !== PartType.block)?.type
