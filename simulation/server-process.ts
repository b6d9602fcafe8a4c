/** A host and its processes: the product's server core over disks of the run, as many processes over the same disks as there are. */
import type { Bytes } from "../kernel/ports/log-storage.ts"
import type { CallRoute } from "../protocol/client/exchange.ts"
import type { Host, Sender } from "./network.ts"
import type { Random } from "./random.ts"
import type { Actor } from "./scheduler.ts"
import type { HostPolicy, Service } from "./service.ts"
import type { Site } from "./site.ts"

export class ServerProcess implements Actor {
  readonly name: string
  readonly #service: Service
  /** Ends the requests that it is at, when it dies. */
  readonly #endings = new Set<() => void>()

  constructor(name: string, makeService: (process: ServerProcess) => Service) {
    this.name = name
    this.#service = makeService(this)
  }

  /** Rejects if the process dies over it. */
  handle(route: CallRoute, body: Bytes, sender: Sender): Promise<Bytes> {
    return new Promise((resolve, reject) => {
      const end = (): void => reject(new Error("the process died"))
      this.#endings.add(end)
      this.#service(route, body, sender).then((answer) => {
        this.#endings.delete(end)
        resolve(answer)
      })
    })
  }

  /** Whoever waits for it hears that the connection is closed. */
  die(): void {
    for (const end of this.#endings) end()
    this.#endings.clear()
  }
}

/** A server with a site for each tenant, or a device that serves its own store to neighbours. */
export class ServedHost implements Host {
  readonly name: string
  readonly sites: ReadonlyMap<string, Site>
  readonly policy: HostPolicy
  processes: ServerProcess[] = []
  readonly #random: Random

  constructor(name: string, sites: Iterable<Site>, policy: HostPolicy, random: Random) {
    this.name = name
    this.policy = policy
    this.sites = new Map([...sites].map((site) => [site.tenant, site]))
    this.#random = random
  }

  handle(route: CallRoute, body: Bytes, sender: Sender): Promise<Bytes> | undefined {
    const site = this.sites.get(sender.tenant)
    if (this.processes.length === 0 || site === undefined || site.isRemoved) return undefined
    return this.#random.pick(this.processes).handle(route, body, sender)
  }
}
