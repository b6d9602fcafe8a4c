/** The example in workerd itself, the runtime of Cloudflare Workers, through miniflare. */
import assert from "node:assert/strict"
import { after, before, describe, it } from "node:test"
import { build } from "esbuild"
import type { Miniflare as MiniflareOf } from "miniflare"
import { ForeignWriter } from "../kernel/testing/foreign-frame.ts"
import { decodeHandshakeAnswer, decodeHeadAnswer, decodePullAnswer, decodePushAnswer } from "../protocol/messages.ts"
import type { RouteName } from "../protocol/routes.ts"
import { bodies, bytesOf, errorOf, gzip, post } from "../protocol/server/testing/asking.ts"
import { cursorAt } from "../protocol/server/testing/double-log.ts"

const TOKEN = "alice-secret-0123456789"

const miniflare = await import("miniflare").catch(() => undefined)

/** The Worker as one script, with what it imports. */
const bundle = async (): Promise<string> => {
  const { outputFiles } = await build({
    entryPoints: [new URL("./sync-worker.ts", import.meta.url).pathname],
    bundle: true,
    write: false,
    format: "esm",
    platform: "neutral",
    target: "es2023",
    mainFields: ["module", "main"],
    conditions: ["workerd", "worker", "browser"],
    external: ["node:*", "@hono/node-server"],
    logLevel: "error",
  })
  return outputFiles[0]!.text
}

describe("a sync server in workerd", { skip: miniflare === undefined ? "miniflare is not installed here" : false }, () => {
  let worker: MiniflareOf | undefined
  let base = ""
  const of = bodies("notes", { features: ["gzip", "live"] })
  const ask = (route: RouteName, body: BodyInit, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
    fetch(post(route, body, { token: TOKEN, base, headers }))

  before(async () => {
    const { Miniflare } = miniflare!
    worker = new Miniflare({
      modules: true,
      script: await bundle(),
      compatibilityDate: "2026-07-01",
      durableObjects: { SYNC: "SyncObject" },
      bindings: { TOKEN },
      cf: false,
    })
    base = String(await worker.ready).replace(/\/$/, "")
  })

  after(() => worker?.dispose())

  it("handshakes, and knows who asks", async () => {
    const answer = decodeHandshakeAnswer(await bytesOf(await ask("handshake", of.handshake())))
    assert.deepEqual([answer.features, answer.head.position, answer.rights.write], [["gzip", "live"], 0, true])
    const refused = await fetch(post("handshake", of.handshake(), { token: `${TOKEN}x`, base }))
    assert.equal((await errorOf(refused)).code, "unauthenticated")
    assert.equal((await fetch(`${base}/v1/health`)).status, 200)
  })

  it("takes a large push, tells those who listen of it, and gives it to who pulls", async () => {
    const watching = await ask("watch", of.watch()), reader = watching.body!.getReader()
    const read = async (): Promise<string> => new TextDecoder().decode((await reader.read()).value)
    assert.match(await read(), /^event: head\ndata: 0 /)
    const writer = new ForeignWriter(1)
    for (let n = 0; n < 50; n++) writer.put(`k${n}`, crypto.getRandomValues(new Uint8Array(65_536)))
    const part = writer.part()
    assert.equal(decodePushAnswer(await bytesOf(await ask("push", of.push([part], [writer.id])))).kind, "ok")
    assert.match(await read(), /^event: head\ndata: 1 /)
    await reader.cancel()
    const page = decodePullAnswer(await bytesOf(await ask("pull", of.pull(cursorAt(0), 3_600_000))))
    assert.ok(page.kind === "page" && page.upToDate)
    assert.deepEqual(page.parts, [part])
  })

  it("inflates what is zipped, up to its limit", async () => {
    const writer = new ForeignWriter(2).put("k", "x".repeat(100_000))
    const zipped = await gzip(of.push([writer.part()], [writer.id]))
    assert.equal((await ask("push", zipped, { "content-encoding": "gzip" })).status, 200)
    const bomb = await ask("push", await gzip(new Uint8Array(64_000_000)), { "content-encoding": "gzip" })
    assert.equal((await errorOf(bomb)).code, "body_too_large")
  })

  it("lets a request wait for another one's push", async () => {
    const head = decodeHeadAnswer(await bytesOf(await ask("wait", of.wait())))
    const waiting = ask("wait", of.wait(head))
    const writer = new ForeignWriter(3).put("k", 1)
    assert.equal((await ask("push", of.push([writer.part()], [writer.id]))).status, 200)
    assert.equal(decodeHeadAnswer(await bytesOf(await waiting)).position, head.position + 1)
  })
})
