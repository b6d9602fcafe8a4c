/**
 * Bundles of what runs in a page and in a Worker: one module each, from the sources, with what those conditions choose.
 *
 * Modules of Node, which lazy imports lead to, are in it as modules that throw when they are loaded. One that is loaded at once fails the whole run.
 */
import { build, type Plugin } from "esbuild"
import { fileURLToPath } from "node:url"

const ENTRIES = { page: "./page.ts", worker: "./worker.ts" }
const CONDITIONS = { page: ["browser", "import"], worker: ["workerd", "worker", "browser", "import"] }

const withoutNode: Plugin = {
  name: "without-node",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/ }, ({ path }) => ({ path, namespace: "without-node" }))
    onLoad({ filter: /^/, namespace: "without-node" }, ({ path }) => ({ contents: `throw new Error("there is no ${path} here")` }))
  },
}

/** One module with all that it imports. */
export const bundleFor = async (where: "page" | "worker"): Promise<string> => {
  const { outputFiles: [file] } = await build({
    entryPoints: [fileURLToPath(new URL(ENTRIES[where], import.meta.url))],
    bundle: true,
    write: false,
    format: "esm",
    platform: "neutral",
    target: "es2023",
    mainFields: ["module", "main"],
    conditions: CONDITIONS[where],
    plugins: [withoutNode],
    logLevel: "error",
  })
  if (file === undefined) throw new Error(`${where} has no bundle`)
  return file.text
}
