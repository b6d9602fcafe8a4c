/**
 * Operations: one intended change by one writer.
 *
 *   kind     value   effect
 *   put      yes     replaces what its context covers
 *   delete   no      the same, leaves a tombstone
 *   choice   yes     settles a conflict, adds no data, gives way (rule S8)
 *   event    yes     a fact of the user's own; never superseded (reserved)
 *   forget   no      removes an old tombstone everywhere (reserved)
 */

/** The kinds, as they stand in a block. */
export const OperationKind = { put: 0, delete: 1, choice: 2, event: 3, forget: 4 } as const
/** One of the kinds. */
export type OperationKind = (typeof OperationKind)[keyof typeof OperationKind]
/** The greatest kind that this release knows. */
export const OPERATION_KIND_MAX = 4

/**
 * Dots or a vector, flat: writer index, seq, writer index, seq, … Flat, since most have one entry and there is one an operation.
 */
export type Dots = readonly number[]
/** No dots. */
export const NO_DOTS: Dots = []
