/**
 * What an object really is, whatever its properties say: an own `length`, `getTime` or `buffer` shadows the inherited one, so the built-in
 * getters and methods are taken once and applied to the object.
 */
const typedArrayGetter = (name: symbol | string): (this: unknown) => unknown =>
  Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype) as object, name)!.get!
const typeName = typedArrayGetter(Symbol.toStringTag)
const byteLength = typedArrayGetter("byteLength")
const time = Date.prototype.getTime

/** Whether `value`, of this prototype, is a Uint8Array: one itself, or a Buffer where there are any, which only has more methods. */
export const isBinary = (value: object, prototype: unknown): value is Uint8Array =>
  (prototype === Uint8Array.prototype || prototype === (globalThis as { Buffer?: { prototype?: unknown } }).Buffer?.prototype) &&
  typeName.call(value) === "Uint8Array"

export const byteLengthOf = (bytes: Uint8Array): number => byteLength.call(bytes) as number

/** The time of a date, NaN if it is invalid, undefined for what only looks like one. */
export const millisOf = (value: object): number | undefined => {
  try {
    return time.call(value as Date)
  } catch {
    return undefined
  }
}

/** A name for messages; runs code of the object, which may throw. */
export const classNameOf = (value: object): string => {
  const tag = Object.prototype.toString.call(value).slice(8, -1)
  const maker = (value as { constructor?: unknown }).constructor
  const name: unknown = typeof maker === "function" ? maker.name : undefined
  return tag === "Object" && typeof name === "string" ? name : tag
}
