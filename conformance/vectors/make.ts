/**
 * Makes the vectors of `v0/` from what the files beside this one say.
 *
 *   node conformance/vectors/make.ts            writes them
 *   node conformance/vectors/make.ts --check    compares byte for byte, and fails if one differs
 */
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import process from "node:process"
import { blockVectors } from "./blocks.ts"
import { frameVectors } from "./frames.ts"
import { logVectors } from "./logs.ts"
import { numberVectors } from "./numbers.ts"
import { valueVectors } from "./values.ts"

/** Where they lie. */
export const VECTORS: string = join(import.meta.dirname, "v0")

/** JSON with a line for each vector's members, so that a change is seen where it is. */
function print(lists: object): string {
  const member = ([name, value]: [string, unknown]): string => `      ${JSON.stringify(name)}: ${JSON.stringify(value)}`
  const vector = (value: object): string => `    {\n${Object.entries(value).map(member).join(",\n")}\n    }`
  const list = ([name, vectors]: [string, readonly object[]]): string =>
    `  ${JSON.stringify(name)}: [\n${vectors.map(vector).join(",\n")}\n  ]`
  return `{\n  "format": 0,\n${Object.entries(lists).map(list).join(",\n")}\n}\n`
}

/** Name and content of each file. */
export async function makeVectors(): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ["numbers.json", print(numberVectors())],
    ["values.json", print(valueVectors())],
    ["blocks.json", print(blockVectors())],
    ["frames.json", print(frameVectors())],
    ["logs.json", print(await logVectors())],
  ])
}

/** Names of the files that are not as they would be made now. */
export async function findStaleVectors(): Promise<readonly string[]> {
  const stale: string[] = []
  for (const [name, text] of await makeVectors()) {
    const found = await readFile(join(VECTORS, name), "utf8").catch(() => "")
    if (found !== text) stale.push(name)
  }
  return stale
}

if (import.meta.main) {
  if (process.argv.includes("--check")) {
    const stale = await findStaleVectors()
    for (const name of stale) console.error(`${join(VECTORS, name)} is not what conformance/vectors/make.ts makes`)
    process.exitCode = stale.length === 0 ? 0 : 1
  } else {
    await mkdir(VECTORS, { recursive: true })
    for (const [name, text] of await makeVectors()) await writeFile(join(VECTORS, name), text)
  }
}
