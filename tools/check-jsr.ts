/**
 * What JSR would get: `deno publish --dry-run` passes, with its own checks of types and names, and each source in it is one that an entry point
 * reaches. Doubles, kill loops, makers of vectors and what tests share stay in the repository.
 */
import { posix } from "node:path"
import { type Manifest, targetsOf } from "./check-layers.ts"
import { importSpecifiers, resolvedSpecifiers } from "./imports.ts"
import { type Check, readJson, readText, runAsProgram } from "./repository.ts"
import { run } from "./run.ts"

/** Files that the entry points of the repository at `root` reach, under any condition, with the programs that they start. */
export const reachedFiles = async (root: string): Promise<ReadonlySet<string>> => {
  const manifest = await readJson<Manifest>(root, "package.json")
  const reached = new Set<string>()
  const queue = Object.values(manifest.exports).map((target) => posix.normalize(target))
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (reached.has(path)) continue
    reached.add(path)
    const source = await readText(root, path)
    for (const specifier of [...importSpecifiers(source), ...resolvedSpecifiers(source)]) {
      queue.push(...targetsOf(manifest, path, specifier))
    }
  }
  return reached
}

/** Paths of the files that a dry run lists, relative to `root`. */
export const listedFiles = (root: string, output: string): readonly string[] =>
  [...output.matchAll(/^\s*(file:\S+) \([\d.]+\s*[KM]?B\)$/gm)].map(([, url = ""]) =>
    posix.relative(root, decodeURI(new URL(url).pathname))
  )

/** Runs the dry run and looks at its list. */
export const checkJsr: Check = async (root) => {
  const { code, output } = await run("deno", ["publish", "--dry-run", "--allow-dirty"], { cwd: root, timeoutMillis: 120_000 })
  if (code !== 0) return [output]
  const listed = listedFiles(root, output)
  const reached = await reachedFiles(root)
  return [
    ...listed.filter((path) => path.endsWith(".ts") && !reached.has(path)).map((path) => `${path}: no entry point needs it, exclude it`),
    ...[...reached, "README.md", "LICENSE"].filter((path) => !listed.includes(path)).map((path) => `${path}: would not be published`),
  ]
}

if (import.meta.main) await runAsProgram("check-jsr", checkJsr)
