/** A service over memory, with the product's own logs unless a test gives doubles. */
import { memoryAdapter } from "../../../adapters/memory/mod.ts"
import type { Adapter, Bytes } from "../../../kernel/ports/log-storage.ts"
import type { RemoteLog } from "../../../kernel/sync/remote-log.ts"
import { openRemoteLog } from "../../../kernel/sync/served-log.ts"
import { RecordingLogger } from "../../../kernel/testing/recording-logger.ts"
import { decodeErrorAnswer } from "../../messages.ts"
import type { Identity } from "../identity.ts"
import { DEFAULT_SERVER_LIMITS, type ServerLimits } from "../limits.ts"
import { type CallRoute, type ServiceAnswer, SyncService } from "../service.ts"
import { HandPlatform } from "./hand-platform.ts"

export interface BenchOptions {
  readonly limits?: Partial<ServerLimits>
  readonly storage?: (namespace: string) => Adapter
  readonly openLog?: (adapter: Adapter, name: string, create: boolean) => Promise<RemoteLog>
}

/** What a service answered, in short: "ok", or the code of the error. */
export const codeOf = ({ body, status }: ServiceAnswer): string => status === 200 ? "ok" : decodeErrorAnswer(body).code

export class ServiceBench {
  readonly platform: HandPlatform = new HandPlatform()
  readonly logger: RecordingLogger = new RecordingLogger()
  readonly adapter: Adapter = memoryAdapter()
  readonly service: SyncService

  constructor({ limits = {}, storage = () => this.adapter, openLog }: BenchOptions = {}) {
    const { platform, logger } = this, all = { ...DEFAULT_SERVER_LIMITS, ...limits }
    const { partsBytesMax, partsMax, operationsMax } = all
    this.service = new SyncService({
      platform,
      logger,
      limits: all,
      storage,
      openLog: openLog ??
        ((adapter, name, create) =>
          openRemoteLog(adapter, name, { platform, logger, create, limits: { partsBytesMax, partsMax, operationsMax } })),
    })
  }

  handle(route: CallRoute, body: Bytes, identity: Identity): Promise<ServiceAnswer> {
    return this.service.handle(route, body, identity)
  }

  /** "ok", or the code of the error, for any route; a stream that was opened is ended. */
  async code(route: CallRoute | "watch", body: Bytes, identity: Identity): Promise<string> {
    if (route !== "watch") return codeOf(await this.handle(route, body, identity))
    const opened = await this.service.watch(body, identity)
    if (!("feed" in opened)) return codeOf(opened)
    opened.feed.end("dropped")
    return "ok"
  }
}
