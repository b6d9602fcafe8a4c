/**
 * What a user's compiler reads. Follows every declaration that a public entry point of the built package reaches:
 *
 *   - no type of Effect appears outside `./effect`, so that nobody needs Effect to type-check
 *   - every import is a file of the package, under every condition: no other package, no runtime, nothing that the user may lack; `./server` alone
 *     shows a type of Hono, which it runs on
 */
import { existsSync } from "node:fs"
import { join, posix } from "node:path"
import { importSpecifiers } from "./imports.ts"
import { type Check, readJson, readText, ROOT, runAsProgram, type Violation } from "./repository.ts"

interface BuiltManifest {
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>
  readonly imports?: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/** Packages that whoever imports an entry point has installed for it, and whose types it may show. */
const PEERS: Readonly<Record<string, RegExp>> = { "./effect": /^effect(\/|$)/, "./server": /^hono$/ }

const declarationOf = (path: string): string => path.replace(/\.js$/, ".d.ts")

/** Checks the declarations of a built package whose `package.json` is in the folder `root`. */
export const checkDeclarations: Check = async (root) => {
  const { exports, imports = {} } = await readJson<BuiltManifest>(root, "package.json")
  const violations: Violation[] = []
  for (const [entry, target] of Object.entries(exports)) {
    if (typeof target === "string") continue
    const seen = new Set<string>()
    const queue = [posix.normalize(target.types)]
    for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
      if (seen.has(path)) continue
      seen.add(path)
      if (!existsSync(join(root, path))) {
        violations.push(`${entry}: ${path} does not exist`)
        continue
      }
      for (const specifier of importSpecifiers(await readText(root, path))) {
        const conditions = imports[specifier]
        if (specifier.startsWith(".")) queue.push(declarationOf(posix.join(posix.dirname(path), specifier)))
        else if (conditions !== undefined) queue.push(...Object.values(conditions).map((target) => declarationOf(posix.normalize(target))))
        else if (!PEERS[entry]?.test(specifier)) violations.push(`${entry}: ${path} needs "${specifier}"`)
      }
      const source = await readText(root, path)
      if (/\/\/\/\s*<reference/.test(source)) violations.push(`${entry}: ${path} has a reference directive`)
    }
  }
  return violations
}

if (import.meta.main) await runAsProgram("check-declarations", () => checkDeclarations(join(ROOT, "build/package")))
