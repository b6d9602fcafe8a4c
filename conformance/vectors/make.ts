/**
 * Makes the vectors of `v0/` and `wire-v1/` from what the files beside this one say.
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
import { settingVectors } from "./settings.ts"
import { valueVectors } from "./values.ts"
import { equalVectors, hintVectors, refusedMessages } from "./wire-other.ts"
import { answerVectors, requestVectors } from "./wire.ts"

/** Where those of the format lie, and those of the sync protocol. */
export const VECTORS: string = join(import.meta.dirname, "v0")
export const WIRE_VECTORS: string = join(import.meta.dirname, "wire-v1")

/** JSON with a line for each vector's members, so that a change is seen where it is. */
function print(lists: object, version: string = `"format": 0`): string {
  const member = ([name, value]: [string, unknown]): string => `      ${JSON.stringify(name)}: ${JSON.stringify(value)}`
  const vector = (value: object): string => `    {\n${Object.entries(value).map(member).join(",\n")}\n    }`
  const list = ([name, vectors]: [string, readonly object[]]): string =>
    `  ${JSON.stringify(name)}: [\n${vectors.map(vector).join(",\n")}\n  ]`
  return `{\n  ${version},\n${Object.entries(lists).map(list).join(",\n")}\n}\n`
}

const printWire = (lists: object): string => print(lists, `"protocol": 1`)

/** Path and content of each file. */
export async function makeVectors(): Promise<ReadonlyMap<string, string>> {
  return new Map([
    [join(VECTORS, "numbers.json"), print(numberVectors())],
    [join(VECTORS, "values.json"), print(valueVectors())],
    [join(VECTORS, "blocks.json"), print(blockVectors())],
    [join(VECTORS, "settings.json"), print(settingVectors())],
    [join(VECTORS, "frames.json"), print(frameVectors())],
    [join(VECTORS, "logs.json"), print(await logVectors())],
    ...makeWireVectors(),
  ])
}

/** The same of the sync protocol alone. */
export function makeWireVectors(): ReadonlyMap<string, string> {
  return new Map([
    [join(WIRE_VECTORS, "requests.json"), printWire(requestVectors())],
    [join(WIRE_VECTORS, "answers.json"), printWire(answerVectors())],
    [join(WIRE_VECTORS, "equal.json"), printWire(equalVectors())],
    [join(WIRE_VECTORS, "refused.json"), printWire(refusedMessages())],
    [join(WIRE_VECTORS, "hints.json"), printWire(hintVectors())],
  ])
}

/** Paths of the files that are not as they would be made now. */
export async function findStaleVectors(): Promise<readonly string[]> {
  const stale: string[] = []
  for (const [path, text] of await makeVectors()) {
    const found = await readFile(path, "utf8").catch(() => "")
    if (found !== text) stale.push(path)
  }
  return stale
}

if (import.meta.main) {
  if (process.argv.includes("--check")) {
    const stale = await findStaleVectors()
    for (const path of stale) console.error(`${path} is not what conformance/vectors/make.ts makes`)
    process.exitCode = stale.length === 0 ? 0 : 1
  } else {
    for (const folder of [VECTORS, WIRE_VECTORS]) await mkdir(folder, { recursive: true })
    for (const [path, text] of await makeVectors()) await writeFile(path, text)
  }
}
