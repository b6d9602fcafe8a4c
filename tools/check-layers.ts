/**
 * Arrows point down only.
 *
 *   base      kernel/errors, limits, text, arguments, abortable  may be imported by anyone, import only each other
 *   1 … 8     kernel/ports model format log merge views sync store      each imports what stands before it
 *   adapters  one folder each: base, model, format, ports; never another adapter. `adapters/system` is what those on a file system share,
 *             `adapters/*.ts` finds them by name
 *   protocol  the kernel but for its store: what goes over the wire, a server and a client for it
 *   crdt      base, ports, format: pure types, which the kernel knows by their port alone
 *   simulation  the kernel and the protocol, over doubles of its own; the second reader of conformance judges
 *   conformance  base, model, format, ports, and protocol, whose servers it checks, and with which clients are, over adapters/memory; its programs
 *               (`bad-days`, `catalogue`, `cli`, `client/our-client`, `golden`, `kill-loop`, `race`, `sync-race`, `table`, `web`) also published
 *               entry points, and the servers of tests
 *   mod.ts    puts the parts together; enable-sync.ts, which it loads lazily, and remotes.ts do the same for syncing, crdt.ts for types
 *   examples, bench, cli  published entry points; bench also kernel/format, whose bytes it weighs, conformance,
 *                         whose hold on processes it uses, and the servers of tests; cli also the programs of conformance, one of which it installs
 *   tools     know nothing of the project's code
 *
 * The kernel's only package is effect/<module>; a runtime (`node:`, `bun:`) or a driver there is a violation. Type-only and lazy imports are
 * arrows like any other. Folders named `testing` hold what tests share: they may use packages of development and the notation of the vectors,
 * and only tests, benches and the programs of conformance import them. Tests are free to reach up (a log needs some storage to be tested),
 * but stay out of cycles like all.
 */
import { posix } from "node:path"
import { importSpecifiers } from "./imports.ts"
import { type Check, listFiles, readText, runAsProgram, type Violation } from "./repository.ts"

const KERNEL_ORDER = ["ports", "model", "format", "log", "merge", "views", "sync", "store"]
const KERNEL_PACKAGES = /^effect\/.+$/
const CONTRACTS = ["base", "kernel/model", "kernel/format", "kernel/ports"]
const PROGRAMS = /^conformance\/(?:bad-days|catalogue|cli|client\/our-client|golden|kill-loop|race|sync-race|table|web)(?:\.ts$|\/)/

/** Layer of a file, or undefined where the rules know none. */
const layerOf = (path: string): string | undefined => {
  const [top = "", second = "", third] = path.split("/")
  if (/^(?:enable-sync|write-through|rights|strategies|dead-letters)\.test\.ts$/.test(path)) return "mod" // of enable-sync.ts
  if (["mod.ts", "enable-sync.ts", "remotes.ts", "crdt.ts"].includes(path)) return "mod"
  if (path.includes("/testing/")) return "testing"
  if (top === "kernel") {
    if (third === undefined || second === "errors") {
      return /^(abortable|arguments|errors|limits|text)(\.ts|$)/.test(second) ? "base" : undefined
    }
    return KERNEL_ORDER.includes(second) ? `kernel/${second}` : undefined
  }
  if (top === "adapters") return third === undefined ? "adapters" : `adapters/${second}`
  if (PROGRAMS.test(path)) return "conformance-programs"
  return ["protocol", "crdt", "simulation", "conformance", "examples", "bench", "cli", "tools"].includes(top) ? top : undefined
}

/** Whether a file of layer `from` may import one of layer `to`. Own layer: always. */
const isAllowed = (from: string, to: string): boolean => {
  if (from === to) return true
  if (from === "testing") {
    return to === "base" || to === "conformance" || to === "protocol" || to.startsWith("kernel/") || to.startsWith("adapters/")
  }
  if (from === "mod") return to === "base" || to.startsWith("kernel/") || to.startsWith("adapters") || to === "protocol" || to === "crdt"
  if (from === "protocol") return to === "base" || (to.startsWith("kernel/") && to !== "kernel/store")
  if (from === "simulation") {
    return to === "base" || to.startsWith("kernel/") || ["adapters/memory", "protocol", "crdt", "conformance", "testing"].includes(to)
  }
  if (from.startsWith("kernel/")) {
    return to === "base" || KERNEL_ORDER.indexOf(to.slice(7)) < KERNEL_ORDER.indexOf(from.slice(7)) && to.startsWith("kernel/")
  }
  if (from === "adapters") return to.startsWith("adapters/") || CONTRACTS.includes(to)
  if (from === "adapters/system") return CONTRACTS.includes(to)
  if (from.startsWith("adapters/")) return to === "adapters/system" || CONTRACTS.includes(to)
  if (from === "crdt") return ["base", "kernel/ports", "kernel/format"].includes(to)
  if (from === "conformance") return CONTRACTS.includes(to) || to === "protocol" || to === "adapters/memory"
  if (from === "conformance-programs") return to === "conformance" || to === "published" || to === "testing" || CONTRACTS.includes(to)
  if (from === "bench" && ["kernel/format", "testing", "conformance"].includes(to)) return true
  if (from === "cli" && to === "conformance-programs") return true
  return to === "published" && ["examples", "bench", "cli"].includes(from)
}

/** What of `package.json` says where an import leads. */
export interface Manifest {
  readonly name: string
  readonly exports: Readonly<Record<string, string>>
  readonly imports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>
}

/** Files that a specifier can mean: several where it depends on conditions, none for a package or a runtime's module. */
export const targetsOf = (manifest: Manifest, path: string, specifier: string): readonly string[] => {
  if (specifier.startsWith(".")) return [posix.join(posix.dirname(path), specifier)]
  const byCondition = manifest.imports?.[specifier]
  const targets = byCondition === undefined
    ? specifier === manifest.name || specifier.startsWith(`${manifest.name}/`)
      ? [manifest.exports[`.${specifier.slice(manifest.name.length)}`] ?? specifier]
      : []
    : typeof byCondition === "string"
    ? [byCondition]
    : Object.values(byCondition)
  return targets.map((target) => posix.normalize(target))
}

/** Every import cycle, as the files along it; each cycle is found once, from its first file in depth-first order. */
export const findCycles = (graph: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] => {
  const cycles: string[][] = []
  const finished = new Set<string>()
  const trail: string[] = []
  const visit = (file: string): void => {
    const seenAt = trail.indexOf(file)
    if (seenAt >= 0) {
      cycles.push([...trail.slice(seenAt), file])
      return
    }
    if (finished.has(file)) return
    trail.push(file)
    for (const next of graph.get(file) ?? []) visit(next)
    trail.pop()
    finished.add(file)
  }
  for (const file of graph.keys()) visit(file)
  return cycles
}

/** Finds arrows that point up, cycles, and what the kernel must not know. */
export const checkLayers: Check = async (root) => {
  const manifest: Manifest = JSON.parse(await readText(root, "package.json"))
  const published = new Set(Object.values(manifest.exports).map((target) => posix.normalize(target)))
  const files = (await listFiles(root, ".ts")).filter((path) => !path.endsWith(".d.ts"))
  const known = new Set(files)
  const violations: Violation[] = []
  const graph = new Map<string, readonly string[]>()

  for (const path of files) {
    const layer = layerOf(path)
    const isTest = path.endsWith(".test.ts")
    if (layer === undefined) violations.push(`${path}: no layer is defined for this place`)
    const arrows: string[] = []
    for (const specifier of importSpecifiers(await readText(root, path))) {
      const targets = targetsOf(manifest, path, specifier)
      if (targets.length === 0) {
        if (!isTest && layer !== "testing" && path.startsWith("kernel/") && !KERNEL_PACKAGES.test(specifier)) {
          violations.push(`${path}: the kernel must not import "${specifier}"`)
        }
        continue
      }
      for (const target of targets) {
        if (!known.has(target)) {
          if (target.endsWith(".ts")) violations.push(`${path}: imports "${specifier}", which does not exist`)
          continue
        }
        arrows.push(target)
        const to = layerOf(target)
        const viaEntryPoint = published.has(target) && !specifier.startsWith(".")
        if (isTest || layer === undefined || to === undefined) continue
        if (!isAllowed(layer, to) && !(viaEntryPoint && isAllowed(layer, "published"))) {
          violations.push(`${path}: ${layer} must not import ${to} ("${specifier}")`)
        }
      }
    }
    graph.set(path, arrows)
  }
  for (const cycle of findCycles(graph)) violations.push(`import cycle: ${cycle.join(" → ")}`)
  return violations
}

if (import.meta.main) await runAsProgram("check-layers", checkLayers)
