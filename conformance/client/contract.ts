/**
 * The contract of a client under test: commands that the suite writes to its standard input, a JSON object a line, and answers that it writes to its
 * standard output, one a command, in their order. `docs/implementing-the-protocol.md` tells it to authors.
 *
 *   suite ── { id, command, …fields } ──▶ client          { id, …fields }, or { id, error: { code, message } } ──▶ suite
 *
 * Nothing binary travels here: values are JSON. Records are those of the collection with the empty name, shown as last write wins.
 *
 *   describe   says who it is; the first command of every process
 *   open       opens the store whose log is in a folder, and knows the server: it asks the server nothing before `sync` or `start`
 *   put, delete, get, list        on the device alone
 *   sync       one try now, whatever was waiting: pull and push until the server's head is here and all is there that the server takes, or it failed.
 *              The client plans no further try because of it
 *   start      syncs by itself from now on, until `stop`: at once, after writes, at the latest `intervalMillis` after the last time
 *   stop       ends that; nothing is sent after the answer
 *   status     how things stand
 *   close      frees everything; another `open` may follow
 *
 *   durable        the folder keeps the log through a kill of the process, and through `close`
 *   live           it uses `watch`, and `wait` where streams do not get through, when started
 *   gzip           it reads zipped answers, and names `gzip` in `accept`
 *   dead-letters   refused operations stay, are shown by `get` and told by `status`
 *
 * Codes: that of the server; `network` where no answer came, or what is as if none had come; `protocol_violation`.
 */

/** What a client may claim, and is then asked to keep. */
export type ClientCapability = "durable" | "live" | "gzip" | "dead-letters"
/** Every capability. */
export const CLIENT_CAPABILITIES: readonly ClientCapability[] = ["durable", "live", "gzip", "dead-letters"]

/** A value of JSON. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

/** Where a client's log is, and whom it syncs with. */
export interface OpenFields {
  /** Base of the server, as W-4 has it. */
  readonly server: string
  /** Name of the store, here and there. */
  readonly store: string
  /** At least one: the next one is taken each time the protocol has the client ask for a new one. After the last one there is none. */
  readonly tokens: readonly string[]
  /** An empty folder, or one that an earlier run of this client left. */
  readonly folder: string
  /** How long it waits for the whole of an answer; streams of hints and `wait` aside. */
  readonly timeoutMillis: number
}

/** Commands by name: what they say. */
export interface ClientCommands {
  readonly describe: Record<never, never>
  readonly open: OpenFields
  readonly put: { readonly key: string; readonly value: Json }
  readonly delete: { readonly key: string }
  readonly get: { readonly key: string }
  readonly list: Record<never, never>
  readonly sync: Record<never, never>
  readonly start: { readonly intervalMillis: number }
  readonly stop: Record<never, never>
  readonly status: Record<never, never>
  readonly close: Record<never, never>
}

/** Who a client is. */
export interface ClientDescription {
  readonly name: string
  readonly version: string
  readonly capabilities: readonly string[]
}

/** A record on the device. */
export interface ClientRecord {
  readonly found: boolean
  /** Where it was found. */
  readonly value?: Json | undefined
  /** Values of all open versions, the shown one first; null for a deletion beside others. */
  readonly versions: readonly Json[]
}

/** How one try to sync ended. */
export interface ClientSync {
  readonly state: "up_to_date" | "failed"
  /** Where it failed: the server's code, `network`, or `protocol_violation`. */
  readonly error?: string | undefined
}

/** How things stand. */
export interface ClientStatus {
  /** Operations of its log that the server is not known to have and that are not refused. */
  readonly pending: number
  readonly deadLetters: readonly { readonly key: string; readonly code: string }[]
  /** It was started, and tries no more until something changes. */
  readonly isStopped: boolean
  /** What went wrong last and has not gone well since: a code as of `sync`. */
  readonly lastError: string | null
}

/** Answers by the command. */
export interface ClientAnswers {
  readonly describe: ClientDescription
  readonly open: Record<never, never>
  readonly put: Record<never, never>
  readonly delete: Record<never, never>
  readonly get: ClientRecord
  readonly list: { readonly records: Readonly<Record<string, Json>> }
  readonly sync: ClientSync
  readonly start: Record<never, never>
  readonly stop: Record<never, never>
  readonly status: ClientStatus
  readonly close: Record<never, never>
}

/** The name of a command. */
export type CommandName = keyof ClientCommands

/** A command as it is written. */
export type Command = {
  readonly [Name in CommandName]: { readonly id: number; readonly command: Name } & ClientCommands[Name]
}[CommandName]

/** Why a command failed. */
export interface CommandFailure {
  readonly code: string
  readonly message: string
}
