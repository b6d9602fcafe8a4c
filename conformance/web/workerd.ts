/** workerd, the runtime of Cloudflare Workers, through miniflare. */
import { readFile } from "node:fs/promises"
import { bundleFor } from "./bundle.ts"
import type { FoundRuntime } from "./runtime.ts"

/** That which this machine has. Rejects where `npm ci` did not bring it. */
export const findWorkerd = async (): Promise<FoundRuntime> => {
  const miniflare = await import("miniflare")
  const { version } = JSON.parse(await readFile(new URL(import.meta.resolve("workerd/package.json")), "utf8"))
  const script = await bundleFor("worker")
  return {
    name: `workerd ${version}`,
    script,
    async start(host, query) {
      const worker = new miniflare.Miniflare({ modules: true, script, compatibilityDate: "2026-07-01", cf: false })
      const { promise: broken, reject } = Promise.withResolvers<never>()
      broken.catch(() => {}) // whoever has ended it does not listen
      const ask = async (): Promise<void> => {
        const response = await worker.dispatchFetch(`http://worker/?${query}&${new URLSearchParams({ host })}`)
        if (!response.ok) throw new Error(`the Worker: ${await response.text()}`)
      }
      ask().catch(reject)
      return { broken, end: () => worker.dispose() }
    },
  }
}
