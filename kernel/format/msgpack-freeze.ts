/** Freezing of decoded values, for readers that share one. */

/**
 * Freezes `value` with all arrays and plain objects in it, and answers it.
 *
 * Dates and binaries stay changeable: their content is not in properties, and a Uint8Array with elements cannot be frozen at all. What is
 * frozen already is not entered, so cycles end. Uses no recursion.
 */
export const freezeDeep = <T>(value: T): T => {
  const open: unknown[] = [value]
  while (open.length > 0) {
    const next = open.pop()
    if (typeof next !== "object" || next === null || ArrayBuffer.isView(next) || next instanceof Date || Object.isFrozen(next)) continue
    Object.freeze(next)
    for (const member of Array.isArray(next) ? next : Object.values(next)) {
      if (typeof member === "object" && member !== null) open.push(member)
    }
  }
  return value
}
