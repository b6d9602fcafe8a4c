/**
 * One list of entry points. `package.json` and `deno.json` name the same entries, names and versions, every target exists, and what
 * `package.json` imports by condition is in `deno.json` with its `default`: a package from JSR has no `package.json` to look it up in.
 */
import { stat } from "node:fs/promises"
import { join } from "node:path"
import { type Check, readJson, runAsProgram, type Violation } from "./repository.ts"

type Targets = string | Readonly<Record<string, string>>
interface PackageManifest {
  readonly name: string
  readonly version: string
  readonly license: string
  readonly bin?: Readonly<Record<string, string>>
  readonly exports: Readonly<Record<string, string>>
  readonly imports?: Readonly<Record<string, Targets>>
}
interface DenoManifest {
  readonly name: string
  readonly version: string
  readonly license: string
  readonly exports: Readonly<Record<string, string>>
  readonly imports?: Readonly<Record<string, string>>
}

const isFile = async (path: string): Promise<boolean> => (await stat(path).catch(() => undefined))?.isFile() === true
const defaultOf = (targets: Targets): string | undefined => typeof targets === "string" ? targets : targets["default"]

/** Differences between two maps, each as a sentence. */
const differences = (
  what: string,
  npm: Readonly<Record<string, string | undefined>>,
  jsr: Readonly<Record<string, string>>,
): readonly Violation[] =>
  [...new Set([...Object.keys(npm), ...Object.keys(jsr)])].filter((key) => npm[key] !== jsr[key]).map((key) =>
    `${what} "${key}" is ${npm[key] ?? "missing"} in package.json and ${jsr[key] ?? "missing"} in deno.json`
  )

/** Compares both manifests and looks for every target. */
export const checkExports: Check = async (root) => {
  const npm = await readJson<PackageManifest>(root, "package.json")
  const jsr = await readJson<DenoManifest>(root, "deno.json")
  const imports = npm.imports ?? {}
  const violations: Violation[] = [
    ...differences("the field", { name: npm.name, version: npm.version, license: npm.license }, {
      name: jsr.name,
      version: jsr.version,
      license: jsr.license,
    }),
    ...differences("the entry point", npm.exports, jsr.exports),
    ...differences(
      "the import",
      Object.fromEntries(Object.entries(imports).map(([key, targets]) => [key, defaultOf(targets)])),
      jsr.imports ?? {},
    ),
  ]
  const targets = [
    ...Object.values(npm.exports),
    ...Object.values(npm.bin ?? {}),
    ...Object.values(imports).flatMap((by) => typeof by === "string" ? [by] : Object.values(by)),
  ]
  for (const target of new Set(targets)) {
    if (!await isFile(join(root, target))) violations.push(`package.json: the target ${target} does not exist`)
  }
  return violations
}

if (import.meta.main) await runAsProgram("check-exports", checkExports)
