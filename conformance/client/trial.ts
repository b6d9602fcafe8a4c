/**
 * A client on its way through one case: a process of its own with an empty folder, the server that misbehaves, and other devices, which the case plays.
 *
 *   open() ─▶ client.put(), sync() …        elsewhere(): others write        server.on(route, misdeed)        held(): what is there
 *   judged by what arrives at the server, and by what the client says of itself
 */
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import type { Part, Remote } from "../../kernel/ports/remote.ts"
import { httpRemote } from "../../protocol/client/http-remote.ts"
import type { Case } from "../case.ts"
import { describe, ensure } from "../expect.ts"
import { BlockWriter, type PlayedOperation } from "../remote/block-writer.ts"
import type { Trial } from "../runner.ts"
import { CLIENT_CAPABILITIES, type ClientCapability, type ClientDescription, type OpenFields } from "./contract.ts"
import type { StartClient } from "./driver.ts"
import { Client } from "./client.ts"
import { checkRequests } from "./request-rules.ts"
import { MisbehavingServer } from "./server.ts"
import { type Held, readHeld } from "./shown.ts"

/** What a case may ask for: what a client may lack, or time. */
export type ClientNeed = ClientCapability | "minute"

/** A case about a client. */
export type ClientCase = Case<ClientTrial, ClientNeed>

/** What is checked: how a client is started, and what the caller gives. */
export interface ClientSubject {
  readonly start: StartClient
  /** How long the client's minute lasts, in milliseconds; left out, cases that take one are skipped. 60,000 of nearly all. */
  readonly minuteMillis?: number | undefined
  /** How long a case waits for what must come. */
  readonly patienceMillis: number
}

/** How long a client waits for an answer, unless a case says otherwise. */
export const ANSWER_MILLIS = 3000
const OTHERS_TOKEN = "token-of-another-device"

const run = crypto.randomUUID().slice(0, 8)
let trials = 0

export class ClientTrial implements Trial {
  readonly warnings: string[] = []
  readonly server: MisbehavingServer
  readonly description: ClientDescription
  /** The name of the store. */
  readonly store: string
  /** The tokens that the client is given; all of the owner. */
  readonly tokens: string[]
  readonly #subject: ClientSubject
  #folder: string
  #client: Client
  readonly #folders: string[] = []
  readonly #beside: Client[] = []
  readonly #remotes: Remote[] = []
  readonly #others = new Map<string, BlockWriter>()
  #ended = false

  private constructor(subject: ClientSubject, server: MisbehavingServer, folder: string, client: Client, description: ClientDescription) {
    this.#subject = subject
    this.server = server
    this.#folder = folder
    this.#folders.push(folder)
    this.#client = client
    this.description = description
    this.store = `notes-${run}-${trials += 1}`
    this.tokens = [crypto.randomUUID().replaceAll("-", "")]
    server.admit(this.tokens[0] ?? "")
    server.admit(OTHERS_TOKEN, "others")
  }

  /** Starts everything. Rejects if the client does not say who it is. */
  static async begin(subject: ClientSubject): Promise<ClientTrial> {
    const client = new Client(await subject.start())
    try {
      const description = await client.describe()
      const server = await MisbehavingServer.start()
      return new ClientTrial(subject, server, await makeFolder(), client, description)
    } catch (error) {
      await client.kill()
      throw error
    }
  }

  lacks(need: string): string | undefined {
    if (need === "minute") return this.#subject.minuteMillis !== undefined ? undefined : "the caller gives no time for it"
    return this.description.capabilities.includes(need) ? undefined : `the client does not claim ${need}`
  }

  /** Notes something that breaks no rule. */
  warn(text: string): void {
    this.warnings.push(text)
  }

  /** How long to wait for what must come. */
  get patienceMillis(): number {
    return this.#subject.patienceMillis
  }

  /** How long the client's minute lasts; only for cases that require `minute`. */
  get minuteMillis(): number {
    return this.#subject.minuteMillis ?? 60_000
  }

  /** Opens the client's store, for the first time or again. */
  async open(fields: Partial<OpenFields> = {}): Promise<Client> {
    await this.#client.open({ ...this.#fields, ...fields })
    return this.#client
  }

  /** Opens the store, and syncs once: the server has it, and it is empty. */
  async synced(fields: Partial<OpenFields> = {}): Promise<Client> {
    const client = await this.open(fields)
    await client.syncs("the first sync")
    return client
  }

  /** Ends the client's process at once, and starts another one; nothing is open there. */
  async restart(): Promise<void> {
    await this.#client.kill()
    this.#client = new Client(await this.#subject.start())
    await this.#client.describe()
  }

  /** What the client said to people last. */
  get told(): string {
    return this.#client.told
  }

  /** Copies the folder as it is; nobody may have it open. */
  async copyFolder(): Promise<string> {
    const { cp } = await import("node:fs/promises"), folder = await makeFolder()
    this.#folders.push(folder)
    await cp(this.#folder, folder, { recursive: true })
    return folder
  }

  /** From now on the client's log is in this folder. */
  useFolder(folder: string): void {
    this.#folder = folder
  }

  /** Starts the client in another process as well, and opens its store in another folder; an empty one unless told otherwise. */
  async beside(fields: Partial<OpenFields> = {}): Promise<Client> {
    const client = new Client(await this.#subject.start())
    this.#beside.push(client)
    await client.describe()
    let { folder } = fields
    if (folder === undefined) this.#folders.push(folder = await makeFolder())
    await client.open({ ...this.#fields, ...fields, folder })
    return client
  }

  get #fields(): OpenFields {
    const { store, tokens } = this
    return { server: this.server.url, store, tokens: [...tokens], folder: this.#folder, timeoutMillis: ANSWER_MILLIS }
  }

  /** A remote of another device, of a principal of its own; it reaches the server whatever that does to others. */
  remote(token: string = OTHERS_TOKEN): Remote {
    const remote = httpRemote(this.server.url, {
      store: this.store,
      token,
      fetch: (url, init) => this.server.fetch(url, init),
      compress: "never",
    })
    this.#remotes.push(remote)
    return remote
  }

  /** A writer of another device whose stamps are of now. */
  writer(): BlockWriter {
    return new BlockWriter(Date.now())
  }

  /** The same with this id. */
  writerOf(id: Bytes): BlockWriter {
    return new BlockWriter(Date.now(), id)
  }

  /** Brings blocks as another device does; fails if the server does not take them. */
  async push(parts: readonly Part[], remote: Remote = this.remote()): Promise<void> {
    const { signal } = new AbortController(), { head } = await remote.handshake({ signal })
    const answer = await remote.push({ basis: [head], own: [], parts }, { signal })
    ensure(answer.kind === "ok", `the case itself: the server answered ${describe(answer)} to another device`)
  }

  /** Another device writes this record, and the server has it: a put, or what else `operation` says. Answers that device's writer. */
  async elsewhere(key: string, value: unknown, operation: PlayedOperation = {}): Promise<BlockWriter> {
    const writer = this.#others.get("other") ?? this.writer()
    this.#others.set("other", writer)
    const from = writer.seq
    writer.write(1, { collection: "", key, value, millis: Date.now(), ...operation })
    await this.push([writer.part(from)])
    return writer
  }

  /** What the server holds. */
  async held(): Promise<Held> {
    return await readHeld(this.remote())
  }

  /** Resolves when the server holds this value under this key. */
  async arrives(key: string, value: unknown, millis: number = this.patienceMillis): Promise<void> {
    const late = performance.now() + millis
    for (;;) {
      const found = (await this.held()).records.get(key)
      if (describe(found) === describe(value)) return
      ensure(
        performance.now() < late,
        `${describe(key)} at the server: found ${describe(found)}, expected ${describe(value)} within ${millis} ms`,
      )
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  /** Fails for the first request of the client that no client may send. */
  async checkRequests(): Promise<void> {
    await checkRequests(this.server.requests, { store: this.store, tokens: this.tokens })
  }

  /** Capabilities that this version of the suite does not know. */
  get unknownCapabilities(): readonly string[] {
    return this.description.capabilities.filter((one) => !CLIENT_CAPABILITIES.some((known) => known === one))
  }

  async end(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    try {
      for (const client of [this.#client, ...this.#beside]) await client.end()
    } finally {
      await Promise.all(this.#remotes.map((remote) => remote.close()))
      await this.server.stop()
      const { rm } = await import("node:fs/promises")
      for (const folder of this.#folders) await rm(folder, { recursive: true, force: true, maxRetries: 3 })
    }
  }
}

const makeFolder = async (): Promise<string> => {
  const { mkdtemp } = await import("node:fs/promises"), { tmpdir } = await import("node:os"), { join } = await import("node:path")
  return await mkdtemp(join(tmpdir(), "persist-client-"))
}
