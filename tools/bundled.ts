/** Packages of others whose code is in the bundle: which may be, where they may load, and the notices that they ask for. */
import type { Metafile } from "esbuild"
import { join } from "node:path"
import { readJson, readText, type Violation } from "./repository.ts"

/** Each has a decision: see `docs/decisions/0010-effect-is-bundled.md`. */
const BUNDLED: readonly string[] = ["effect"]

/** Name of the file with the notices, in the package. */
export const NOTICES = "THIRD-PARTY-LICENSES"

type Outputs = Pick<Metafile, "outputs">

const packageOf = (input: string): string | undefined => /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(input)?.[1]

/** Packages of which at least a byte is in the bundle. */
const bundledPackages = ({ outputs }: Outputs): ReadonlySet<string> => {
  const inputs = Object.values(outputs).flatMap(({ inputs }) => Object.entries(inputs))
  return new Set(inputs.flatMap(([path, { bytesInOutput }]) => bytesInOutput > 0 ? packageOf(path) ?? [] : []))
}

/** Outputs that load with the one at `start`, itself included; what is imported lazily is left out. */
export const loadedWith = ({ outputs }: Outputs, start: string): ReadonlySet<string> => {
  const loaded = new Set<string>()
  const queue = [start]
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (loaded.has(path)) continue
    loaded.add(path)
    queue.push(
      ...outputs[path]?.imports.filter(({ kind, external }) => kind === "import-statement" && external !== true).map(({ path }) => path) ??
        [],
    )
  }
  return loaded
}

/** Code of others that is not expected, one that is expected and missing, and entry points that load such code at once. */
export const judgeBundle = (metafile: Outputs, entryPoints: readonly string[]): readonly Violation[] => {
  const { outputs } = metafile
  const found = bundledPackages(metafile)
  const violations: Violation[] = [
    ...[...found].filter((name) => !BUNDLED.includes(name)).map((name) => `code of ${name} is in the bundle`),
    ...BUNDLED.filter((name) => !found.has(name)).map((name) => `no code of ${name} is in the bundle any more`),
  ]
  for (const entryPoint of entryPoints) {
    const start = Object.keys(outputs).find((path) => outputs[path]?.entryPoint === entryPoint)
    if (start === undefined) {
      violations.push(`${entryPoint} has no output`)
      continue
    }
    const loaded = [...loadedWith(metafile, start)].map((path) => [path, outputs[path]] as const)
    const names = bundledPackages({
      outputs: Object.fromEntries(loaded.flatMap(([path, output]) => output === undefined ? [] : [[path, output]])),
    })
    violations.push(...[...names].map((name) => `${entryPoint} loads code of ${name} at once, not when it is needed`))
  }
  return violations
}

/** What the licences of bundled packages ask for: their text, with the version that it came with. Rejects if one has none. */
export const noticesOf = async (root: string): Promise<string> => {
  const notices = await Promise.all(
    [...BUNDLED].sort().map(async (name) => {
      const folder = join(root, "node_modules", name)
      const { version, license, homepage } = await readJson<{ version: string; license: string; homepage: string }>(folder, "package.json")
      return `${name} ${version} (${license}), ${homepage}\n\n${(await readText(folder, "LICENSE")).trim()}\n`
    }),
  )
  return ["The files in dist contain code of the packages below, under their own licences.\n", ...notices].join(`\n${"-".repeat(80)}\n\n`)
}
