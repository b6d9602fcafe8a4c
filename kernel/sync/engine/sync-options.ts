/** Options of `enableSync`: what they mean, their defaults, and what is refused. */
import { checkFlag, checkMembers, checkMethods, checkSignal, oneOf } from "../../arguments.ts"
import { InvalidOption } from "../../errors.ts"
import { utf8Length } from "../../format/utf8.ts"
import { LABEL_BYTES_MAX, REMOTE_NAME_BYTES_MAX } from "../../limits.ts"
import type { Remote } from "../../ports/remote.ts"
import { quote, textOf } from "../../text.ts"

/** A remote: an object with its verbs, or the place of one. */
export type RemoteOption = Remote | string | URL

/** How a store is synced with its remotes. */
export interface RemoteSyncOptions {
  /** One or several, each with a name of its own. */
  readonly remote: RemoteOption | readonly RemoteOption[]
  /**
   * "write-behind", the default: writes resolve when they are stored here, and are sent afterwards. "write-through": they are stored here as well, and
   * resolve once every remote in `required` has confirmed them, else reject with `NotConfirmed`.
   */
  readonly mode?: "write-behind" | "write-through" | undefined
  /** With "write-through": the remotes that have to confirm, each as it stands in `remote`, or its name. Default: all of `remote`. */
  readonly required?: RemoteOption | readonly RemoteOption[] | undefined
  /** With "write-through": milliseconds, from 1 to 600,000, that a write waits for that after it is stored here. Default 10,000. */
  readonly deadlineMillis?: number | undefined
  /**
   * Milliseconds, from 100 to a day, between a cycle and the next one that nothing else asks for. Default: 5,000, and 30,000 while the remote tells by
   * itself what is new.
   */
  readonly interval?: number | undefined
  /** Have remotes tell what is new, where they can. Default true. */
  readonly live?: boolean | undefined
  /** Bytes of keys and values that may wait to be sent, from 1. Default: no bound. Deletes always pass. */
  readonly maxQueueBytes?: number | undefined
  /** What a write does when that is reached: reject with `QueueFull`, or wait. Default "reject". */
  readonly onFull?: "reject" | "wait" | undefined
  /** Bytes a second, sent and received together, from 1. Default: no bound. A push or page comes in pieces of a second, or 64 KiB. */
  readonly throttle?: number | undefined
  /** Whether messages are zipped, where remotes can. Default "auto": on slow links. */
  readonly compress?: "auto" | "always" | "never" | undefined
  /** Proves who asks. A function is asked again when a remote does not take its last token. For remotes given by their place. */
  readonly token?: string | (() => string | Promise<string>) | undefined
  /** Ends syncing when it aborts, at once and for good. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds, at most 60,000, that the last push of `stop()` may take; 0: none. Default 2,000. */
  readonly stopMillis?: number | undefined
  /** A name for people, at most 200 bytes in UTF-8; stands in the status. */
  readonly label?: string | undefined
}

/** Checked, with defaults. */
export interface SyncOptions<R> {
  /** At least one. */
  readonly remotes: readonly R[]
  readonly mode: "write-behind" | "write-through"
  /** Of the mode "write-through", at least one: members of `remotes`, or their names. */
  readonly required: readonly RemoteOption[]
  readonly deadlineMillis: number
  readonly interval: number | undefined
  readonly live: boolean
  readonly maxQueueBytes: number | undefined
  readonly onFull: "reject" | "wait"
  readonly throttle: number | undefined
  readonly compress: "auto" | "always" | "never"
  readonly token: string | (() => string | Promise<string>) | undefined
  readonly signal: AbortSignal | undefined
  readonly stopMillis: number
  readonly label: string | undefined
}

const KNOWN: readonly (keyof RemoteSyncOptions)[] = [
  "remote",
  "mode",
  "required",
  "deadlineMillis",
  "interval",
  "live",
  "maxQueueBytes",
  "onFull",
  "throttle",
  "compress",
  "token",
  "signal",
  "stopMillis",
  "label",
]

/** Methods of a remote. */
const VERBS = ["handshake", "push", "pull", "watch", "close"]
const STOP_MILLIS = 2_000
const STOP_MILLIS_MAX = 60_000
const DEADLINE_MILLIS = 10_000
const DEADLINE_MILLIS_MAX = 600_000
const INTERVAL_MILLIS_MIN = 100
const INTERVAL_MILLIS_MAX = 86_400_000

/**
 * Checks the options of `enableSync` but those named in `others`; remotes that are given by their place are left as they are. Throws
 * `InvalidOption`, and the signal's reason if it has aborted.
 */
export function parseSyncOptions(given: RemoteSyncOptions, others: readonly string[] = []): SyncOptions<RemoteOption> {
  checkMembers("options", given, [...KNOWN, ...others])
  const { interval, maxQueueBytes, throttle, token, signal, label } = given
  checkFlag("live", given.live)
  checkInteger("interval", interval, INTERVAL_MILLIS_MIN, INTERVAL_MILLIS_MAX)
  checkInteger("maxQueueBytes", maxQueueBytes, 1, Number.MAX_SAFE_INTEGER)
  checkInteger("throttle", throttle, 1, Number.MAX_SAFE_INTEGER)
  checkInteger("stopMillis", given.stopMillis, 0, STOP_MILLIS_MAX)
  checkToken(token)
  checkLabel(label)
  checkSignal(signal)
  const mode = oneOf("mode", given.mode, ["write-behind", "write-through"]), remotes = remotesOf("remote", given.remote)
  checkInteger("deadlineMillis", given.deadlineMillis, 1, DEADLINE_MILLIS_MAX)
  for (const option of ["required", "deadlineMillis"] as const) {
    if (mode === "write-through" || given[option] === undefined) continue
    throw new InvalidOption({ option, found: `the mode ${quote(mode)}`, expected: 'the mode "write-through"' })
  }
  const options: SyncOptions<RemoteOption> = {
    remotes,
    mode,
    required: given.required === undefined ? remotes : remotesOf("required", given.required),
    deadlineMillis: given.deadlineMillis ?? DEADLINE_MILLIS,
    interval,
    live: given.live ?? true,
    maxQueueBytes,
    onFull: oneOf("onFull", given.onFull, ["reject", "wait"]),
    throttle,
    compress: oneOf("compress", given.compress, ["auto", "always", "never"]),
    token,
    signal,
    stopMillis: given.stopMillis ?? STOP_MILLIS,
    label,
  }
  signal?.throwIfAborted()
  return options
}

function remotesOf(option: "remote" | "required", given: RemoteOption | readonly RemoteOption[]): readonly RemoteOption[] {
  const remotes: readonly unknown[] = Array.isArray(given) ? given : [given]
  if (remotes.length === 0) throw new InvalidOption({ option, found: "an empty list", expected: "a remote, or a list of some" })
  return remotes.map((remote) => remoteOf(option, remote))
}

function remoteOf(option: "remote" | "required", remote: unknown): RemoteOption {
  if (remote instanceof URL || typeof remote === "string" && remote !== "") return remote
  checkMethods(option, remote, VERBS, `a URL, an object with the methods ${VERBS.join(", ")}, or a list of such`)
  const { name } = remote as Remote
  const bytes = typeof name === "string" ? utf8Length(name) : -1
  if (bytes > 0 && bytes <= REMOTE_NAME_BYTES_MAX) return remote as Remote
  throw new InvalidOption({ option, found: textOf(name), expected: `a name of 1 to ${REMOTE_NAME_BYTES_MAX} bytes in UTF-8` })
}

function checkInteger(option: string, given: unknown, min: number, max: number): void {
  if (given === undefined || typeof given === "number" && Number.isSafeInteger(given) && given >= min && given <= max) return
  throw new InvalidOption({ option, found: textOf(given), expected: `a whole number from ${min} to ${max}` })
}

/** Never shows what was given: it may be a token with a fault in it. */
function checkToken(token: unknown): void {
  if (token === undefined || typeof token === "function" || typeof token === "string" && token !== "") return
  throw new InvalidOption({ option: "token", found: token === "" ? "an empty string" : typeof token, expected: "a string or a function" })
}

function checkLabel(label: unknown): void {
  const bytes = label === undefined ? 0 : typeof label === "string" ? utf8Length(label) : -1
  if (bytes >= 0 && bytes <= LABEL_BYTES_MAX) return
  throw new InvalidOption({ option: "label", found: textOf(label), expected: `a well-formed string of at most ${LABEL_BYTES_MAX} bytes` })
}
