/** The packed package as data, and the rules for it. */
import { createHash } from "node:crypto"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import type { Violation } from "./repository.ts"
import { run } from "./run.ts"

/** Largest tarball, and largest sum of its files, in bytes. A third of both is the suites of conformance: cases with their rules and reasons, and the server that misbehaves. */
export const PACKED_BYTES_MAX = 650_000
const UNPACKED_BYTES_MAX = 2_500_000

/** Packages that the published one may ask for: optional, without install scripts. */
const OPTIONAL_ALLOWED: ReadonlySet<string> = new Set(["libsql"])
const FILES_ALLOWED = /^(?:package\.json|README\.md|LICENSE|CHANGELOG\.md|THIRD-PARTY-LICENSES|dist\/(?!.*\.test\.)[\w./-]+\.(?:js|d\.ts))$/
const FILES_NEEDED = ["package.json", "README.md", "LICENSE", "CHANGELOG.md", "THIRD-PARTY-LICENSES", "dist/mod.js", "dist/mod.d.ts"]
const MANIFEST_FORBIDDEN = [
  "scripts",
  "dependencies",
  "devDependencies",
  "bundleDependencies",
  "workspaces",
  "overrides",
  "private",
  "gypfile",
]

/** What is in a tarball. */
export interface Packed {
  readonly path: string
  readonly packedBytes: number
  readonly unpackedBytes: number
  readonly files: readonly string[]
  readonly sha256: string
}

/** Packs the folder `stage` into `folder`, as `npm publish` would. */
export const pack = async (stage: string, folder: string): Promise<Packed> => {
  const finished = await run("npm", ["pack", "--json", "--silent", "--ignore-scripts", "--pack-destination", folder], { cwd: stage })
  const start = finished.output.indexOf("[")
  if (finished.code !== 0 || start < 0) throw new Error(`Cannot pack ${stage}:\n${finished.output}`)
  const [report] = JSON.parse(finished.output.slice(start)) as readonly {
    readonly filename: string
    readonly size: number
    readonly unpackedSize: number
    readonly files: readonly { readonly path: string }[]
  }[]
  if (report === undefined) throw new Error(`npm pack reported nothing for ${stage}`)
  const path = join(folder, report.filename)
  const sha256 = createHash("sha256").update(await readFile(path)).digest("hex")
  return { path, packedBytes: report.size, unpackedBytes: report.unpackedSize, files: report.files.map((file) => file.path), sha256 }
}

/** Files and sizes of a tarball against the budget. */
export const judgeFiles = ({ files, packedBytes, unpackedBytes }: Omit<Packed, "path" | "sha256">): readonly Violation[] => [
  ...files.filter((file) => !FILES_ALLOWED.test(file)).map((file) => `${file} does not belong into the package`),
  ...FILES_NEEDED.filter((file) => !files.includes(file)).map((file) => `${file} is missing`),
  ...packedBytes > PACKED_BYTES_MAX ? [`the tarball has ${packedBytes} bytes, more than ${PACKED_BYTES_MAX}`] : [],
  ...unpackedBytes > UNPACKED_BYTES_MAX ? [`the files have ${unpackedBytes} bytes, more than ${UNPACKED_BYTES_MAX}`] : [],
]

/** The one program, in the package itself: any other name could hide one that somebody else means. */
const isOwnProgram = ([name, path]: readonly [string, unknown]): boolean => name === "persist" && /^dist\/[\w./-]+\.js$/.test(String(path))

const isOptionalPeer = (manifest: Readonly<Record<string, unknown>>, name: string): boolean => {
  const meta = (manifest["peerDependenciesMeta"] ?? {}) as Readonly<Record<string, { readonly optional?: boolean }>>
  return meta[name]?.optional === true
}

/** A published manifest: nothing that runs at install, nothing that must be installed with it. */
export const judgeManifest = (manifest: Readonly<Record<string, unknown>>): readonly Violation[] => [
  ...MANIFEST_FORBIDDEN.filter((field) => field in manifest).map((field) => `package.json has the field "${field}"`),
  ...Object.entries((manifest["bin"] ?? {}) as object).filter((program) => !isOwnProgram(program))
    .map(([name, path]) => `package.json has the program "${name}" at ${path}`),
  ...Object.keys((manifest["optionalDependencies"] ?? {}) as object).filter((name) => !OPTIONAL_ALLOWED.has(name))
    .map((name) => `package.json asks for the package "${name}"`),
  ...Object.keys((manifest["peerDependencies"] ?? {}) as object).filter((name) => !isOptionalPeer(manifest, name))
    .map((name) => `package.json asks for the package "${name}", and does not say that it is optional`),
]

/** The oldest versions of some peers that a manifest accepts, as `name@version`. Throws for a name that is no peer with a caret range. */
export const lowestPeers = (
  manifest: { readonly peerDependencies: Readonly<Record<string, string>> },
  names: readonly string[],
): readonly string[] =>
  names.map((name) => {
    const version = /^\^(\d+\.\d+\.\d+)$/.exec(manifest.peerDependencies[name] ?? "")?.[1]
    if (version === undefined) throw new Error(`${name} is no peer with a caret range`)
    return `${name}@${version}`
  })

/** What an install of the package may bring along: the optional driver, its loader, and its binary for the platform. */
const INSTALLED_ALLOWED = /^(?:@cuitty\/persist|libsql|@libsql\/[\w-]+|@neon-rs\/load|detect-libc)$/

/** The packages that an install of the package brought, by the lock file of the folder it was installed into. */
export const judgeInstalled = (lock: { readonly packages: Readonly<Record<string, LockedPackage>> }): readonly Violation[] =>
  Object.entries(lock.packages).flatMap(([path, { hasInstallScript }]) => {
    if (path === "") return []
    const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length)
    if (!INSTALLED_ALLOWED.test(name)) return [`${name} is installed with the package`]
    return hasInstallScript === true ? [`${name} runs a script when it is installed`] : []
  })

interface LockedPackage {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly hasInstallScript?: boolean
}

/** Packages that an install of `roots` brings along, by a lock file, and that run a script when installed. */
export const installScripts = (
  lock: { readonly packages: Readonly<Record<string, LockedPackage>> },
  roots: readonly string[],
): readonly string[] => {
  const found: string[] = []
  const seen = new Set<string>()
  const queue = [...roots]
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (seen.has(name)) continue
    seen.add(name)
    const locked = lock.packages[`node_modules/${name}`]
    if (locked?.hasInstallScript === true) found.push(name)
    queue.push(...Object.keys(locked?.dependencies ?? {}), ...Object.keys(locked?.optionalDependencies ?? {}))
  }
  return found.sort()
}

/** Calls in a source that compile text into code. */
export const codeGeneration = (source: string): readonly string[] =>
  source.match(/\bnew\s+Function\s*\(|(?<![.\w$])(?:Function|eval)\s*\(/g) ?? []
