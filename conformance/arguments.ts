/** Arguments of the programs: texts of the command line as what they stand for, or a `TypeError` that names the option. */

/** One of the words that are known. */
export const oneOf = <T extends string>(option: string, found: string, known: readonly T[]): T => {
  const choice = known.find((one) => one === found)
  if (choice === undefined) throw new TypeError(`--${option} is "${found}", expected ${known.join(" or ")}`)
  return choice
}

/** A whole number of at most nine digits, `min` or more. */
export const integer = (option: string, found: string, min: number): number => {
  if (!/^\d{1,9}$/.test(found) || Number(found) < min) throw new TypeError(`--${option} is "${found}", expected an integer from ${min}`)
  return Number(found)
}

/** A number of at most four digits before its point. */
export const decimal = (option: string, found: string): number => {
  if (!/^\d{1,4}(\.\d+)?$/.test(found)) throw new TypeError(`--${option} is "${found}", expected a number`)
  return Number(found)
}

/** A name and a value, both of which may be anything but an empty name. */
export const pair = (option: string, found: string): readonly [string, string] => {
  const at = found.indexOf("=")
  if (at < 1) throw new TypeError(`--${option} is "${found}", expected <name>=<value>`)
  return [found.slice(0, at), found.slice(at + 1)]
}
