/**
 * Host: what a page or Worker that runs suites has of the program that started it, on loopback.
 *
 *   GET /        the page, GET /page.js its module      POST /tell, /ask     messages.ts
 *
 * The servers over which remotes are checked are started when the first store is asked for.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { ServedPlace } from "../cli/served-place.ts"
import type { ServedStore } from "../cli/served-store.ts"
import type { Asked, TakenStore, Told } from "./messages.ts"

/** What fails while the module loads is told, too. */
const PAGE = `<!doctype html><meta charset="utf-8"><title>conformance</title><script>
  onerror = (reason) => fetch("/tell", { method: "POST", body: JSON.stringify({ kind: "failure", row: "the page", reason: String(reason) }) })
</script><script type="module" src="/page.js"></script>`

export class Host {
  readonly #server: Server
  readonly #script: string
  readonly #onTold: (told: Told) => void
  readonly #stores = new Map<string, ServedStore>()
  readonly #restores: (() => Promise<void>)[] = []
  #place: Promise<ServedPlace> | undefined

  private constructor(script: string, onTold: (told: Told) => void) {
    this.#script = script
    this.#onTold = onTold
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error) => response.writeHead(500).end(String(error)))
    })
  }

  /** Listens, with `script` as the module of the page; `onTold` hears what is told. */
  static async start(script: string, onTold: (told: Told) => void): Promise<Host> {
    const host = new Host(script, onTold)
    await new Promise<void>((resolve, reject) => host.#server.once("error", reject).listen(0, "127.0.0.1", resolve))
    return host
  }

  /** Where it listens, which is the origin of the page. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Ends the servers and what they kept. */
  async stop(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await (await this.#place)?.end()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? "/", this.url).pathname
    const send = (type: string, text: string): void => void response.writeHead(200, { "content-type": type }).end(text)
    if (request.method === "GET" && path === "/") return send("text/html", PAGE)
    if (request.method === "GET" && path === "/page.js") return send("text/javascript", this.#script)
    if (request.method !== "POST") return void response.writeHead(404).end()
    const chunks: Uint8Array[] = []
    for await (const chunk of request) chunks.push(chunk)
    const message = JSON.parse(Buffer.concat(chunks).toString())
    if (path === "/tell") this.#onTold(message)
    send("application/json", JSON.stringify(path === "/ask" ? await this.#carryOut(message) ?? null : null))
  }

  async #carryOut(asked: Asked): Promise<TakenStore | string | number | void> {
    if (asked.call === "takeStore") {
      const store = (await (this.#place ??= ServedPlace.start(this.url))).takeStore()
      this.#stores.set(store.name, store)
      return { name: store.name, tokensByPerson: store.tokensByPerson }
    }
    const store = this.#stores.get(asked.store)
    if (store === undefined) throw new Error(`nobody took ${asked.store}`)
    if (asked.call === "urlOf") return await store.urlOf(asked.index)
    if (asked.call === "backUp") return this.#restores.push(await store.backUp()) - 1
    if (asked.call === "restore") return await this.#restores[asked.copy]?.()
    return await store[asked.call]()
  }
}
