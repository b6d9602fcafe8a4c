/**
 * What a user's compiler reads. Follows every declaration that a public entry point of the built package reaches:
 *
 *   - no type of Effect appears outside `./effect`, so that nobody needs Effect to type-check
 *   - every import is a file of the package, under every condition: no other package, no runtime, nothing that the user may lack; `./server` alone
 *     shows a type of Hono, which it runs on
 *   - no declaration is in the package that nobody reaches
 */
import { join } from "node:path"
import { type BuiltManifest, reachedDeclarations, typedEntryPoints, unreachedDeclarations } from "./declarations.ts"
import { type Check, readJson, readText, ROOT, runAsProgram, type Violation } from "./repository.ts"

/** Packages that whoever imports an entry point has installed for it, and whose types it may show. */
const PEERS: Readonly<Record<string, RegExp>> = { "./effect": /^effect(\/|$)/, "./server": /^hono$/ }

/** Checks the declarations of a built package whose `package.json` is in the folder `root`. */
export const checkDeclarations: Check = async (root) => {
  const manifest = await readJson<BuiltManifest>(root, "package.json")
  const violations: Violation[] = []
  for (const [entry, start] of typedEntryPoints(manifest)) {
    for (const [path, packages] of await reachedDeclarations(root, manifest, start)) {
      if (packages === undefined) {
        violations.push(`${entry}: ${path} does not exist`)
        continue
      }
      violations.push(...packages.filter((name) => PEERS[entry]?.test(name) !== true).map((name) => `${entry}: ${path} needs "${name}"`))
      if (/\/\/\/\s*<reference/.test(await readText(root, path))) violations.push(`${entry}: ${path} has a reference directive`)
    }
  }
  return [...violations, ...(await unreachedDeclarations(root, manifest)).map((path) => `${path}: no entry point reaches it`)]
}

if (import.meta.main) await runAsProgram("check-declarations", () => checkDeclarations(join(ROOT, "build/package")))
