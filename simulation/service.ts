/** The product's server core in one process of a host: one adapter for the stores of all tenants. */
import { StoreNotFound } from "../kernel/errors.ts"
import type { Adapter, Bytes } from "../kernel/ports/log-storage.ts"
import type { Logger } from "../kernel/ports/logger.ts"
import type { Platform } from "../kernel/ports/platform.ts"
import type { ArrivingOperation } from "../kernel/sync/remote-log.ts"
import { openRemoteLog } from "../kernel/sync/served-log.ts"
import type { CallRoute } from "../protocol/client/exchange.ts"
import { DEFAULT_SERVER_LIMITS, type ServerLimits } from "../protocol/server/limits.ts"
import { SyncService } from "../protocol/server/service.ts"
import { adapterStoreName } from "../protocol/server/store-names.ts"
import type { Disk } from "./disk.ts"
import { processAdapter, type ProcessDisk } from "./process-storage.ts"
import type { Sender } from "./network.ts"
import { STORE_NAME } from "./site.ts"

/** Answers a request of somebody who is logged in. */
export type Service = (route: CallRoute, body: Bytes, sender: Sender) => Promise<Bytes>

/** What a host takes, and how much at once. */
export interface HostPolicy {
  /** Takes what other servers refuse. */
  readonly takesPoison: boolean
  /** Takes from everybody what others wrote: a neighbour knows no rights. */
  readonly takesAll: boolean
  readonly limits: Partial<ServerLimits>
}

/** What one process of a host is made of. */
export interface ServiceSetup extends HostPolicy {
  readonly place: ProcessDisk
  /** The disk of each tenant. */
  readonly diskOf: ReadonlyMap<string, () => Disk>
  readonly platform: Platform
  readonly logger: Logger
}

/** The product's service, as one process of a host runs it. */
export function serviceOf({ takesPoison, takesAll, limits: given, place, diskOf, platform, logger }: ServiceSetup): Service {
  const disks = new Map([...diskOf].map(([tenant, disk]) => [adapterStoreName(tenant, STORE_NAME), disk]))
  const adapter: Adapter = processAdapter(place, (name) => {
    const disk = disks.get(name)
    if (disk === undefined) throw new StoreNotFound({ store: name, location: "simulated", stores: [...disks.keys()] })
    return disk()
  })
  const refuse = (operation: ArrivingOperation): string | undefined =>
    !takesPoison && Object(operation.value()).poison === true ? "it is poison" : undefined
  const limits = { ...DEFAULT_SERVER_LIMITS, ...given }, { partsBytesMax, partsMax, operationsMax } = limits
  const service = new SyncService({
    storage: () => adapter,
    openLog: (adapter, name, create) =>
      openRemoteLog(adapter, name, { platform, logger, refuse, create, limits: { partsBytesMax, partsMax, operationsMax } }),
    platform,
    logger,
    limits,
  })
  return async (route, body, { tenant, login, mayRelay }) => {
    const rights = { read: true, write: true, relay: takesAll || mayRelay }
    const { body: answer } = await service.handle(route, body, { principal: login, namespace: tenant, rights })
    return answer
  }
}
