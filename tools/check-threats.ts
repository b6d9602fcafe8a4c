/**
 * Every threat and invariant that the kernel owns has a test whose name starts with its number: `it("T22 open() keeps …")`.
 * A name may start with several: `it("T5, T6 decode() …")`.
 */
import { type Check, listFiles, readText, runAsProgram } from "./repository.ts"

const range = (from: number, through: number): readonly string[] =>
  Array.from({ length: through - from + 1 }, (_, index) => `T${from + index}`)

/** Numbers of the threat catalogue that this package must answer today. */
export const OWNED: readonly string[] = [
  ...range(1, 51),
  ...range(53, 69),
  ...range(72, 75),
  "T77",
  "T78",
  ...range(81, 86),
  "I14",
  "I15",
  "I22",
  "I23",
  "I24",
]

/** Numbers at the start of the names of the tests in `source`. */
export const testedNumbers = (source: string): readonly string[] =>
  [...source.matchAll(/\b(?:it|test|describe)(?:\.\w+)?\(\s*["'`]((?:[TI]\d+(?:,| and)? ?)+)(?=[^\w]|\b)/g)]
    .flatMap(([, numbers = ""]) => numbers.match(/[TI]\d+/g) ?? [])

/** Finds numbers that no test claims. */
export const checkThreats: Check = async (root) => {
  const tested = new Set<string>()
  for (const path of await listFiles(root, ".test.ts")) {
    for (const number of testedNumbers(await readText(root, path))) tested.add(number)
  }
  return OWNED.filter((number) => !tested.has(number)).map((number) => `${number} has no test whose name starts with it`)
}

if (import.meta.main) await runAsProgram("check-threats", checkThreats)
