/**
 * The client of this package as one under test: a store in SQLite in its folder, synced over the public interface. `contract.ts` says what it answers.
 *
 *   node conformance/client/our-client.ts        commands on standard input, answers on standard output, a JSON object a line
 *
 * `syncs` by itself only between `start` and `stop`: until then its handle is paused, and asks nobody anything.
 */
import { join } from "node:path"
import process from "node:process"
import { createInterface } from "node:readline"
import { createStore, type CreateStoreOptions, enableSync, PersistError, RemoteError, type Store, type SyncHandle } from "@cuitty/persist"
import { type CallOptions, type Handshake, type HttpRemote, httpRemote, type HttpRemoteOptions, type Remote } from "@cuitty/persist/remotes"
import type { ClientAnswers, ClientCommands, ClientStatus, ClientSync, Command, CommandName, Json, OpenFields } from "./contract.ts"

/** What may be put in place of a part of it: what is left out is right. */
export interface ClientParts {
  readonly fetch?: HttpRemoteOptions["fetch"]
  /** In place of the remote that it syncs with. */
  readonly remote?: ((remote: Remote, fields: OpenFields) => Remote) | undefined
  readonly platform?: HttpRemoteOptions["platform"]
  /** Where the log is, in place of SQLite in the folder. */
  readonly adapter?: CreateStoreOptions["adapter"]
  readonly allowInsecure?: boolean | undefined
}

type Answerers = { readonly [Name in CommandName]: (fields: ClientCommands[Name]) => Promise<ClientAnswers[Name]> }

interface Opened {
  readonly store: Store<Json>
  readonly http: HttpRemote
  readonly remote: Remote
  handle: SyncHandle
  isStarted: boolean
}

const NEVER_MILLIS = 86_400_000
/** What waits for so long has been given up. */
const PARKED_MILLIS = 1_800_000
const DONE = {}

export class OurClient {
  readonly #parts: ClientParts
  #opened: Opened | undefined
  /** Whether its remote may be asked anything: a new handle begins with a cycle before it can be paused. */
  #isShut = true

  constructor(parts: ClientParts = {}) {
    this.#parts = parts
  }

  /** Answers a command. Rejects with what it failed with. */
  async answer<Name extends CommandName>(command: Name, fields: ClientCommands[Name]): Promise<ClientAnswers[Name]> {
    return await this.#answerers[command](fields)
  }

  readonly #answerers: Answerers = {
    describe: () => Promise.resolve({ name: "@cuitty/persist", version: "0", capabilities: ["durable", "live", "gzip", "dead-letters"] }),
    open: async (fields) => {
      const { store: name, folder, server, tokens, timeoutMillis } = fields, { fetch, platform, adapter, allowInsecure } = this.#parts
      const place = adapter === undefined ? { path: join(folder, "store.db") } : { adapter }
      const store = await createStore<Json>(name, { ...place, platform })
      let asked = 0
      const token = (): string => tokens[Math.min(asked++, tokens.length - 1)] ?? ""
      const http = httpRemote(server, { store: name, token, timeoutMillis, fetch, platform, allowInsecure, compress: "always" })
      const remote = this.#gated(this.#parts.remote?.(http, fields) ?? http)
      this.#opened = { store, http, remote, handle: await this.#paused(store, remote), isStarted: false }
      return DONE
    },
    put: async ({ key, value }) => {
      await this.#open.store.records.put(key, value)
      return DONE
    },
    delete: async ({ key }) => {
      await this.#open.store.records.delete(key)
      return DONE
    },
    get: async ({ key }) => {
      const { records } = this.#open.store, entry = await records.getEntry(key)
      const conflict = (await records.conflicts({ settled: true })).find((one) => one.key === key)
      // Oldest first; the last one is shown.
      const values = conflict === undefined
        ? entry === undefined ? [] : [entry.value]
        : conflict.versions.toReversed().map(({ value }) => value ?? null)
      return entry === undefined ? { found: false, versions: values } : { found: true, value: entry.value, versions: values }
    },
    list: async () => {
      const records: Record<string, Json> = {}
      for await (const { key, value } of this.#open.store.records.list()) records[key] = value
      return { records }
    },
    sync: async (): Promise<ClientSync> => {
      this.#isShut = false
      try {
        await this.#open.handle.sync()
        return { state: "up_to_date" }
      } catch (error) {
        return { state: "failed", error: codeOf(error) }
      }
    },
    start: async ({ intervalMillis }) => {
      const opened = this.#open
      await opened.handle.stop()
      this.#isShut = false
      opened.handle = await enableSync(opened.store, { remote: opened.remote, interval: intervalMillis, stopMillis: 0 })
      opened.isStarted = true
      return DONE
    },
    stop: () => {
      this.#open.handle.pause()
      this.#open.isStarted = false
      return Promise.resolve(DONE)
    },
    status: async (): Promise<ClientStatus> => {
      const { handle, store, isStarted } = this.#open
      const { pendingOperations: pending, lastError, nextAttemptAt } = handle.status()
      const isParked = lastError !== undefined && !lastError.retryable && (nextAttemptAt ?? 0) > Date.now() + PARKED_MILLIS
      const deadLetters = (await store.deadLetters.list()).map(({ key, code }) => ({ key, code }))
      const code = lastError === undefined ? null : wordOf(lastError.code, lastError.remoteCode)
      return { pending, deadLetters, isStopped: isStarted && isParked, lastError: code }
    },
    close: async () => {
      const { handle, store, http } = this.#open
      this.#opened = undefined
      this.#isShut = true
      await handle.stop()
      await store.close()
      await http.close()
      return DONE
    },
  }

  /** Ends at once, as far as that is possible within a process. */
  async kill(): Promise<void> {
    if (this.#opened !== undefined) await this.#answerers.close({})
  }

  get #open(): Opened {
    if (this.#opened === undefined) throw new Error("no store is open")
    return this.#opened
  }

  async #paused(store: Store<Json>, remote: Remote): Promise<SyncHandle> {
    this.#isShut = true
    const handle = await enableSync(store, { remote, interval: NEVER_MILLIS, live: false, stopMillis: 0 })
    handle.pause()
    return handle
  }

  #gated(remote: Remote): Remote {
    return {
      name: remote.name,
      handshake: async (call: CallOptions): Promise<Handshake> => {
        if (this.#isShut) await aborted(call.signal)
        return await remote.handshake(call)
      },
      push: (request, call) => remote.push(request, call),
      pull: (request, call) => remote.pull(request, call),
      watch: (onHead, call) => remote.watch(onHead, call),
      close: () => remote.close(),
    }
  }
}

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener("abort", () => reject(signal.reason))
  })

const codeOf = (error: unknown): string => {
  if (!(error instanceof PersistError)) return "defect"
  return wordOf(error.code, error instanceof RemoteError ? error.details.remoteCode : undefined)
}

/** The contract's words for the codes of this package. */
const wordOf = (code: string, remoteCode: string | undefined): string => {
  switch (code) {
    case "remote_error":
      return remoteCode ?? code
    case "remote_unreachable":
      return "network"
    case "no_progress": // a server that leads nowhere
      return "protocol_violation"
    default:
      return code
  }
}

/** Answers commands, one after another, until standard input ends. */
const serve = async (): Promise<void> => {
  const client = new OurClient()
  for await (const line of createInterface({ input: process.stdin })) {
    const { id, command, ...fields }: Command = JSON.parse(line)
    let answer: object
    try {
      answer = await client.answer(command, fields as never)
    } catch (error) {
      const { code = "failed" }: { readonly code?: string } = Object(error)
      answer = { error: { code, message: String(error) } }
    }
    process.stdout.write(`${JSON.stringify({ ...answer, id })}\n`)
  }
  await client.kill()
}

if (import.meta.main) await serve()
