/** Declarations of a built package: which files an entry point reaches, and which packages they need. */
import { existsSync } from "node:fs"
import { rm } from "node:fs/promises"
import { join, posix } from "node:path"
import { importSpecifiers } from "./imports.ts"
import { listFiles, readText } from "./repository.ts"

/** What of a built `package.json` says where declarations lie. */
export interface BuiltManifest {
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>
  readonly imports?: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/** Entry points that have declarations, with the path of the first. */
export const typedEntryPoints = ({ exports }: BuiltManifest): readonly (readonly [entry: string, path: string])[] =>
  Object.entries(exports).flatMap(([entry, target]) => typeof target === "string" ? [] : [[entry, posix.normalize(target.types)] as const])

const declarationOf = (path: string): string => path.replace(/\.js$/, ".d.ts")

/** Declarations that the one at `start` reaches under any condition, itself included: what packages each needs, undefined for one that is missing. */
export const reachedDeclarations = async (
  root: string,
  { imports = {} }: BuiltManifest,
  start: string,
): Promise<ReadonlyMap<string, readonly string[] | undefined>> => {
  const reached = new Map<string, readonly string[] | undefined>()
  const queue = [start]
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (reached.has(path)) continue
    if (!existsSync(join(root, path))) {
      reached.set(path, undefined)
      continue
    }
    const packages: string[] = []
    for (const specifier of importSpecifiers(await readText(root, path))) {
      const conditions = imports[specifier]
      if (specifier.startsWith(".")) queue.push(declarationOf(posix.join(posix.dirname(path), specifier)))
      else if (conditions !== undefined) queue.push(...Object.values(conditions).map((target) => declarationOf(posix.normalize(target))))
      else packages.push(specifier)
    }
    reached.set(path, packages)
  }
  return reached
}

/** Paths of declarations that no entry point reaches: nobody's compiler reads them. */
export const unreachedDeclarations = async (root: string, manifest: BuiltManifest): Promise<readonly string[]> => {
  const reached = new Set<string>()
  for (const [, start] of typedEntryPoints(manifest)) {
    for (const path of (await reachedDeclarations(root, manifest, start)).keys()) reached.add(path)
  }
  const files = (await listFiles(join(root, "dist"), ".d.ts")).map((path) => posix.join("dist", path))
  return files.filter((path) => !reached.has(path))
}

/** Removes what {@link unreachedDeclarations} finds. */
export const removeUnreached = async (root: string, manifest: BuiltManifest): Promise<void> => {
  for (const path of await unreachedDeclarations(root, manifest)) await rm(join(root, path))
}
