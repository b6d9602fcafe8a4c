/** Whether two values are alike: by content, for plain ones, binaries, dates, maps and sets; any other object is alike to itself alone. */
export const areAlike = (a: unknown, b: unknown): boolean => {
  if (Object.is(a, b)) return true
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false
  if (a instanceof Uint8Array && b instanceof Uint8Array) return a.length === b.length && a.every((byte, index) => byte === b[index])
  if (a instanceof Date && b instanceof Date) return Object.is(a.getTime(), b.getTime())
  if (a instanceof Map && b instanceof Map) return areAlike([...a], [...b])
  if (a instanceof Set && b instanceof Set) return areAlike([...a], [...b])
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((one, index) => areAlike(one, b[index]))
  const prototype: unknown = Object.getPrototypeOf(a)
  if (prototype !== Object.prototype && prototype !== null) return false
  const names = Object.keys(a)
  return names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && areAlike(Object(a)[name], Object(b)[name]))
}
