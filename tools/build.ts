/**
 * `npm run build`: the publishable folder `build/package`.
 *
 *   sources ──esbuild──▶ dist/**.js     Node 20, adapters and drivers in files of their own, so that they load lazily
 *           ──tsc──────▶ dist/**.d.ts   beside them, as far as an entry point reaches
 *   package.json ──────▶ package.json   no scripts, no development, nothing private; targets in dist
 *   bundled packages ──▶ THIRD-PARTY-LICENSES
 *
 * The same sources give the same bytes.
 */
import { build as esbuild, type BuildOptions, type BuildResult } from "esbuild"
import { existsSync } from "node:fs"
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { join, posix } from "node:path"
import process from "node:process"
import { judgeBundle, NOTICES, noticesOf } from "./bundled.ts"
import { type BuiltManifest, removeUnreached } from "./declarations.ts"
import { listFiles, readJson, readText, ROOT } from "./repository.ts"
import { run } from "./run.ts"

/** Where the package is staged unless told otherwise. */
export const STAGE: string = join(ROOT, "build/package")

type Conditions = Readonly<Record<string, string>>
interface Manifest {
  readonly [field: string]: unknown
  readonly version: string
  /** Programs by name, each a source that begins with a line for the shell. */
  readonly bin: Conditions
  readonly exports: Conditions
  readonly imports: Readonly<Record<string, Conditions>>
  readonly optionalDependencies: Conditions
  readonly peerDependencies: Conditions
  readonly peerDependenciesMeta: object
}

interface PublishedManifest extends BuiltManifest {
  readonly [field: string]: unknown
  readonly bin: Conditions
}

const PUBLISHED_FIELDS = ["name", "version", "description", "keywords", "license", "type", "sideEffects", "engines"]
const toJavaScript = (source: string): string => `./${posix.join("dist", source).replace(/\.ts$/, ".js")}`
const toDeclaration = (source: string): string => `./${posix.join("dist", source).replace(/\.ts$/, ".d.ts")}`
const mapValues = <A, B>(record: Readonly<Record<string, A>>, map: (value: A) => B): Readonly<Record<string, B>> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]))

/** Every source that the manifest names: entry points, and what is imported by condition. */
const sourcesOf = (manifest: Manifest): readonly string[] => [
  ...new Set([...Object.values(manifest.exports), ...Object.values(manifest.imports).flatMap((conditions) => Object.values(conditions))]),
]

/** Those that are bundled: also the programs, of which nobody reads declarations. */
const bundledSourcesOf = (manifest: Manifest): readonly string[] => [...sourcesOf(manifest), ...Object.values(manifest.bin)]

/** The manifest of the published package, out of the repository's. */
export const publishedManifest = (manifest: Manifest): PublishedManifest => ({
  ...Object.fromEntries(PUBLISHED_FIELDS.filter((field) => field in manifest).map((field) => [field, manifest[field]])),
  bin: mapValues(manifest.bin, (source) => posix.normalize(toJavaScript(source))),
  exports: {
    ...mapValues(manifest.exports, (source) => ({ types: toDeclaration(source), default: toJavaScript(source) })),
    "./package.json": "./package.json",
  },
  imports: mapValues(manifest.imports, (conditions) => mapValues(conditions, toJavaScript)),
  optionalDependencies: manifest.optionalDependencies,
  peerDependencies: manifest.peerDependencies,
  peerDependenciesMeta: manifest.peerDependenciesMeta,
  files: ["dist", "CHANGELOG.md", NOTICES],
})

/** Bundles the entry points and the targets of `imports`, with shared code in chunks. */
const bundle = (manifest: Manifest, stage: string): Promise<BuildResult<BuildOptions & { metafile: true }>> =>
  esbuild({
    absWorkingDir: ROOT,
    entryPoints: [...bundledSourcesOf(manifest)],
    outdir: join(stage, "dist"),
    outbase: ROOT,
    chunkNames: "chunks/[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "neutral",
    target: "node20",
    conditions: ["import"],
    mainFields: ["module", "main"],
    external: [
      ...Object.keys(manifest.imports),
      ...Object.keys(manifest.optionalDependencies),
      ...Object.keys(manifest.peerDependencies),
      "node:*",
      "bun:*",
    ],
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
  })

/** Writes the declarations that entry points reach; their imports name the `.js` file beside them, as most tools expect. */
const declare = async (manifest: Manifest, stage: string): Promise<void> => {
  await mkdir(join(ROOT, "build"), { recursive: true })
  const folder = await mkdtemp(join(ROOT, "build/declarations-"))
  const project = join(folder, "tsconfig.json")
  await writeFile(
    project,
    JSON.stringify({
      extends: join(ROOT, "tsconfig.build.json"),
      files: sourcesOf(manifest).map((source) => join(ROOT, source)),
    }),
  )
  const finished = await run("tsc", ["-p", project, "--outDir", join(stage, "dist")])
  await rm(folder, { recursive: true })
  if (finished.code !== 0) throw new Error(`Cannot write the declarations:\n${finished.output}`)
  for (const path of await listFiles(join(stage, "dist"), ".d.ts")) {
    const source = await readText(join(stage, "dist"), path)
    await writeFile(join(stage, "dist", path), source.replace(/((?:\bfrom|\bimport\(?)\s*["']\.[^"']*)\.ts(["'])/g, "$1.js$2"))
  }
}

/** Builds the package into `stage`, which is emptied first. */
export const buildPackage = async (stage: string = STAGE): Promise<void> => {
  const manifest = await readJson<Manifest>(ROOT, "package.json")
  await rm(stage, { recursive: true, force: true })
  await mkdir(stage, { recursive: true })
  const [{ metafile }] = await Promise.all([bundle(manifest, stage), declare(manifest, stage)])
  const published = publishedManifest(manifest)
  await writeFile(join(stage, "package.json"), `${JSON.stringify(published, undefined, 2)}\n`)
  await removeUnreached(stage, published)
  await writeFile(join(stage, NOTICES), await noticesOf(ROOT))
  const violations = judgeBundle(metafile, bundledSourcesOf(manifest).map((source) => posix.normalize(source)))
  if (violations.length > 0) throw new Error(`Cannot publish this bundle:\n${violations.join("\n")}`)
  for (const file of ["README.md", "LICENSE", "CHANGELOG.md"]) {
    if (existsSync(join(ROOT, file))) await cp(join(ROOT, file), join(stage, file)) // one that is missing fails the check of the package
  }
}

if (import.meta.main) {
  await buildPackage()
  console.log(`built ${posix.relative(process.cwd(), STAGE)}`)
}
