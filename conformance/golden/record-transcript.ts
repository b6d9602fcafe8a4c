/**
 * Records the transcript of a version of the protocol, once: `node conformance/golden/record-transcript.ts wire-v2`. One that is there is left as it is.
 *
 *   two devices ── a server that refuses some of what they write, and that is wiped in the middle ──▶ vectors/<version>/transcript.json
 */
import { existsSync } from "node:fs"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import process from "node:process"
import { createStore, enableSync, type Platform, type SyncHandle } from "@cuitty/persist"
import { memoryAdapter } from "@cuitty/persist/adapters/memory"
import { createSyncServer, listen, type SyncServer, tokens } from "@cuitty/persist/server"
import type { Exchange, Wiped } from "../vectors/transcripts.ts"
import { collectionsOf } from "./stores.ts"

/** A time that is past wherever this is replayed. */
const BEGAN_MILLIS = Date.parse("2020-02-02T00:00:00.000Z")
const TOKEN = "a-token-for-a-transcript"
const ROUTES: readonly string[] = ["handshake", "push", "pull"]

const record = async (): Promise<readonly (Exchange | Wiped)[]> => {
  const steps: (Exchange | Wiped)[] = []
  let time = BEGAN_MILLIS
  const platform: Platform = { now: () => time += 7, randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)) }
  const makeServer = (): SyncServer =>
    createSyncServer({
      storage: memoryAdapter(),
      authenticate: tokens({ owner: { token: TOKEN, stores: ["*"], rights: { read: true, write: true, relay: true } } }),
      refuse: ({ key, value }) => key.startsWith("dear") && Object(value()).price > 1000 ? "too dear" : undefined,
      platform,
    })
  let server = makeServer()
  const fetch = async (request: Request): Promise<Response> => {
    const route = new URL(request.url).pathname.split("/").at(-1) ?? ""
    const body = Buffer.from(await request.clone().arrayBuffer())
    const response = await server.fetch(request)
    const answer = Buffer.from(await response.clone().arrayBuffer())
    if (ROUTES.includes(route)) {
      if (request.headers.has("content-encoding") || response.headers.has("content-encoding")) {
        throw new Error("it is recorded without encodings")
      }
      steps.push({
        route: route as Exchange["route"],
        request: body.toString("hex"),
        status: response.status,
        answer: answer.toString("hex"),
      })
    }
    return response
  }
  const listener = await listen({ ...server, fetch })
  const stores = await Promise.all(["phone", "laptop"].map((label) => createStore("notes", { adapter: "memory", label, platform })))
  const handles: SyncHandle[] = []
  for (const store of stores) {
    const handle = await enableSync(store, { remote: listener.url, token: TOKEN, live: false })
    handle.pause()
    handles.push(handle)
  }
  const meet = async (): Promise<void> => {
    // The first try at a server that was wiped fails: there is no such store; the next one makes it.
    for (const handle of [...handles, ...handles]) await handle.sync().catch(() => handle.sync())
  }
  const [phone, laptop] = stores.map(collectionsOf)
  await phone!.plain.put("first", { text: "hi", list: [1, 2n, new Date(0), Uint8Array.of(1)] })
  await meet()
  await phone!.todos.put("both", "of the phone")
  await laptop!.todos.put("both", "of the laptop")
  await phone!.votes.update("post", (counter) => counter.increment(2))
  await laptop!.votes.update("post", (counter) => counter.increment(3))
  await laptop!.plain.delete("first")
  await stores[1]!.batch((transaction) => {
    transaction.put("batch 1", 1)
    transaction.put("batch 2", null)
  })
  await meet()
  for (const { key, remote } of await phone!.todos.conflicts()) await phone!.todos.resolve(key, remote)
  for (const version of [1, 2, 3]) await laptop!.plain.put("often", { version })
  await laptop!.plain.put("dear lamp", { price: 5000 })
  await laptop!.plain.put("cheap lamp", { price: 5 })
  await meet()
  await meet()

  const { close } = server
  server = makeServer() // over another place, at the same port
  steps.push({ wiped: true })
  await close()
  await laptop!.plain.put("behind the wipe", true)
  await meet()
  await meet()
  for (const store of stores) await store.close()
  await server.close()
  await listener.stop()
  return steps
}

const main = async (version: string | undefined): Promise<number> => {
  const path = version === undefined ? "" : join(import.meta.dirname, "../vectors", version, "transcript.json")
  if (version === undefined || !/^wire-v[0-9]+$/.test(version) || existsSync(path)) {
    console.error("usage: node conformance/golden/record-transcript.ts wire-v<number>, of a version that has none yet")
    return 2
  }
  const steps = (await record()).map((step) => `    ${JSON.stringify(step)}`)
  await writeFile(path, `{\n  "protocol": ${version.slice(6)},\n  "steps": [\n${steps.join(",\n")}\n  ]\n}\n`)
  return 0
}

if (import.meta.main) process.exitCode = await main(process.argv[2])
