/** Options of a server: what they mean, and what holds where they are left out. Nothing else chooses a default. */
import { InvalidOption } from "../../kernel/errors.ts"
import type { Logger } from "../../kernel/ports/logger.ts"
import type { Adapter, Awaitable, Durability } from "../../kernel/ports/log-storage.ts"
import { nativePlatform } from "../../kernel/ports/native-platform.ts"
import type { Platform } from "../../kernel/ports/platform.ts"
import type { ArrivingOperation } from "../../kernel/sync/remote-log.ts"
import { textOf } from "../../kernel/text.ts"
import type { RouteName } from "../routes.ts"
import { CrossOrigin } from "./cross-origin.ts"
import { type Authenticate, warnIfOpen } from "./identity.ts"
import { resolveLimits, type ServerLimits } from "./limits.ts"
import type { AccessLog } from "./visit.ts"

/** A request about to be read, for a rate limit of one's own. */
export interface RatedRequest {
  readonly principal: string
  readonly namespace: string
  readonly route: RouteName
  readonly request: Request
}

export interface SyncServerOptions {
  /** Where stores are kept: one adapter for all, or one by namespace. */
  readonly storage: Adapter | ((namespace: string) => Adapter)
  /** Says who sends a request. There is no default: `tokens({ … })`, one's own, or `allowAnyone()`. */
  readonly authenticate: Authenticate
  /** Bounds that differ from `DEFAULT_SERVER_LIMITS`. */
  readonly limits?: Partial<ServerLimits> | undefined
  /** With which durability stores are opened. Default: `full` where the adapter has it, so that `ok` means "on the device". */
  readonly durability?: Durability | undefined
  /** Refuses single operations with a message for people; undefined takes it. Has to be a pure function of the operation. */
  readonly refuse?: ((operation: ArrivingOperation) => string | undefined) | undefined
  /** Own stamps that are further ahead of the server's clock are refused. Default 5 minutes. */
  readonly clockAheadMillisMax?: number | undefined
  /** Milliseconds that a request has to wait, 0 or undefined for none; answered `rate_limited`. Called before its body is read. */
  readonly rateLimit?: ((request: RatedRequest) => Awaitable<number | undefined>) | undefined
  /** Origins of web pages that may speak to the server, such as `https://app.example.com`. Default: none. */
  readonly allowedOrigins?: readonly string[] | undefined
  /** Called once for every request, when its answer is out. Default: no access log. */
  readonly accessLog?: AccessLog | undefined
  /** Told what nobody waits for: defects, failing storage. Never payloads or tokens. Default: `console`. */
  readonly logger?: Logger | undefined
  /** Time and randomness. Default: those of the runtime. */
  readonly platform?: Platform | undefined
}

/** Options with every default filled in. */
export interface ResolvedOptions {
  readonly storage: (namespace: string) => Adapter
  readonly authenticate: Authenticate
  readonly limits: ServerLimits
  /** undefined: the best that an adapter has. */
  readonly durability: Durability | undefined
  readonly refuse: SyncServerOptions["refuse"]
  readonly clockAheadMillisMax: number | undefined
  readonly rateLimit: SyncServerOptions["rateLimit"]
  readonly origins: CrossOrigin
  readonly accessLog: AccessLog | undefined
  readonly logger: Logger
  readonly platform: Platform
}

const NAMES: ReadonlySet<string> = new Set(
  [
    "storage",
    "authenticate",
    "limits",
    "durability",
    "refuse",
    "clockAheadMillisMax",
    "rateLimit",
    "allowedOrigins",
    "accessLog",
    "logger",
    "platform",
  ] satisfies (keyof SyncServerOptions)[],
)

/** Throws `InvalidOption` for a name that is none, and for what cannot be meant. */
export function resolveOptions(options: SyncServerOptions): ResolvedOptions {
  for (const name of Object.keys(options)) {
    if (!NAMES.has(name)) throw new InvalidOption({ option: name, found: name, expected: `one of ${[...NAMES].join(", ")}` })
  }
  const { storage, authenticate, durability, clockAheadMillisMax, logger = console, platform = nativePlatform } = options
  for (const name of ["authenticate", "refuse", "rateLimit", "accessLog"] as const) {
    const given = options[name]
    if (typeof given !== "function" && (name === "authenticate" || given !== undefined)) {
      throw new InvalidOption({ option: name, found: textOf(given), expected: "a function" })
    }
  }
  if (typeof storage !== "function" && typeof storage?.open !== "function") {
    throw new InvalidOption({ option: "storage", found: textOf(storage), expected: "an adapter, or a function that gives one" })
  }
  if (clockAheadMillisMax !== undefined && !(Number.isSafeInteger(clockAheadMillisMax) && clockAheadMillisMax >= 0)) {
    throw new InvalidOption({ option: "clockAheadMillisMax", found: textOf(clockAheadMillisMax), expected: "a number of milliseconds" })
  }
  warnIfOpen(authenticate, logger)
  return {
    storage: typeof storage === "function" ? storage : () => storage,
    authenticate,
    limits: resolveLimits(options.limits),
    durability,
    refuse: options.refuse,
    clockAheadMillisMax,
    rateLimit: options.rateLimit,
    origins: new CrossOrigin(options.allowedOrigins),
    accessLog: options.accessLog,
    logger,
    platform,
  }
}
