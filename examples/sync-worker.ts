/**
 * A sync server on Cloudflare Workers: one Durable Object for all stores of a namespace.
 *
 *   Worker ── who asks? ──▶ Durable Object "alice" ── createSyncServer ── adapter
 *
 * The server belongs into a Durable Object, not into the Worker around it: it keeps logs open from one request to the next, and the timers and
 * promises of a Worker end with the request that made them. Here stores live in the object's memory, as long as it is not put away; an
 * adapter over a database makes them last.
 */
import { memoryAdapter } from "@cuitty/persist/adapters/memory"
import { createSyncServer, type SyncServer, tokens } from "@cuitty/persist/server"

/** What this needs of the platform's types. */
interface Environment {
  /** The token of the only user here, as a secret of the Worker. */
  readonly TOKEN: string
  readonly SYNC: {
    idFromName(name: string): unknown
    get(id: unknown): { fetch(request: Request): Promise<Response> }
  }
}

export class SyncObject {
  readonly #server: SyncServer

  constructor(_state: unknown, { TOKEN }: Environment) {
    const authenticate = tokens({ alice: { token: TOKEN, stores: ["*"] } })
    this.#server = createSyncServer({ storage: memoryAdapter(), authenticate })
  }

  fetch(request: Request): Promise<Response> {
    return this.#server.fetch(request)
  }
}

/** Leads every request to the object of its namespace; there is one here. */
const worker: { fetch(request: Request, environment: Environment): Promise<Response> } = {
  fetch: (request, { SYNC }) => SYNC.get(SYNC.idFromName("alice")).fetch(request),
}
export { worker as default }
