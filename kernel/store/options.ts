/** How a store is opened: options, their defaults and checks. */
import { InvalidOption, InvalidStoreName, UnsupportedDurability } from "../errors.ts"
import { utf8Length } from "../format/utf8.ts"
import { LABEL_BYTES_MAX, STORE_NAME_BYTES_MAX } from "../limits.ts"
import { type Adapter, capabilitiesOf, type Durability } from "../ports/log-storage.ts"
import type { Logger } from "../ports/logger.ts"
import type { Platform } from "../ports/platform.ts"
import { textOf } from "../text.ts"
import { checkFlag, checkMethods, checkSignal } from "../arguments.ts"

/** How a store is opened, whatever its adapter. */
export interface OpenStoreOptions {
  /** Default: the adapter's first level (`normal`, or `none` for memory). */
  readonly durability?: Durability | undefined
  /**
   * `true`: make the store if it is missing. `false`: reject with `StoreNotFound`. Default: make it, but in a database that already
   * holds other stores reject with `StoreNotFound`, which lists their names.
   */
  readonly create?: boolean | undefined
  /** A name for people of this copy of the store, at most 200 bytes in UTF-8; goes with its writes. */
  readonly label?: string | undefined
  /** Opens a store for reading only, and one with a damaged frame in the middle as well: what comes before it is read. Default false. */
  readonly readPrefix?: boolean | undefined
  /** Told what nobody waits for. Default: nobody. */
  readonly logger?: Logger | undefined
  /** Gives up opening: rejects with the signal's reason, and nothing stays open. */
  readonly signal?: AbortSignal | undefined
  /** Time and randomness; for tests and simulations. */
  readonly platform?: Platform | undefined
}

/** Names of the options above. */
export const OPEN_STORE_OPTIONS: readonly (keyof OpenStoreOptions)[] = [
  "durability",
  "create",
  "label",
  "readPrefix",
  "logger",
  "signal",
  "platform",
]

/** Throws `InvalidStoreName`. */
export function checkName(name: unknown): void {
  const refuse = (reason: string): never => {
    throw new InvalidStoreName({ name: textOf(name), reason })
  }
  if (typeof name !== "string") return refuse(`it is of type ${typeof name}`)
  if (name === "") refuse("it is empty")
  const bytes = utf8Length(name)
  if (bytes < 0) refuse("it is not well-formed: a surrogate stands alone")
  if (bytes > STORE_NAME_BYTES_MAX) refuse(`it has ${bytes} bytes, at most ${STORE_NAME_BYTES_MAX} are allowed`)
}

function checkLabel(label: unknown): void {
  const bytes = label === undefined ? 0 : typeof label === "string" ? utf8Length(label) : -1
  if (bytes >= 0 && bytes <= LABEL_BYTES_MAX) return
  throw new InvalidOption({ option: "label", found: textOf(label), expected: `a well-formed string of at most ${LABEL_BYTES_MAX} bytes` })
}

/** Checks everything, once, so that adapters need not; answers the durability level. */
export function checkOptions(name: unknown, adapter: Adapter, options: OpenStoreOptions): Durability {
  checkName(name)
  checkMethods("adapter", adapter, ["open", "list", "destroy"], "a name or an adapter")
  const { levels } = capabilitiesOf(adapter), { durability = levels[0]!, label, logger, signal, platform } = options
  if (!levels.includes(durability)) throw new UnsupportedDurability({ adapter: adapter.name, durability: textOf(durability), levels })
  checkFlag("create", options.create)
  checkFlag("readPrefix", options.readPrefix)
  checkLabel(label)
  if (logger !== undefined) checkMethods("logger", logger, ["warn", "error"], "an object with the methods warn and error, such as console")
  if (platform !== undefined) checkMethods("platform", platform, ["now", "randomBytes"], "an object with the methods now and randomBytes")
  checkSignal(signal)
  return durability
}
