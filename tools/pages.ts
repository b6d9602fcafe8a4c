/** Pages of browsers: how many bytes one of them loads, minified and zipped, when what it imports is bundled for it. */
import { build } from "esbuild"
import { posix } from "node:path"
import { gzipSync } from "node:zlib"
import { loadedWith } from "./bundled.ts"

/** What a page is found to load. */
export interface PageSize {
  readonly files: number
  /** Sum of the files, each zipped by itself. */
  readonly gzipBytes: number
}

/**
 * Bundles the page at `path` in the folder `root`, and measures what loads with it; with `lazy` in chunks, with what its one lazy import of a name that
 * matches brings. Rejects if the bundle would need a runtime's module.
 */
export const measurePage = async (root: string, path: string, lazy?: RegExp): Promise<PageSize> => {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: [path],
    outdir: "page",
    bundle: true,
    splitting: lazy !== undefined,
    minify: true,
    platform: "browser",
    format: "esm",
    target: "es2023",
    write: false,
    metafile: true,
    logLevel: "warning",
  })
  const starts = Object.entries(metafile.outputs).filter(([, { entryPoint }]) =>
    entryPoint !== undefined && (entryPoint === path || lazy?.test(posix.basename(entryPoint)) === true)
  )
  if (starts.length !== (lazy === undefined ? 1 : 2)) throw new Error(`${path} loads ${starts.map(([output]) => output).join(", ")}`)
  const loaded = new Set(starts.flatMap(([output]) => [...loadedWith(metafile, output)]))
  const files = outputFiles.filter((file) => loaded.has(posix.relative(root, file.path)))
  return { files: files.length, gzipBytes: files.reduce((sum, { contents }) => sum + gzipSync(contents, { level: 9 }).length, 0) }
}
