/** The client of one case as its cases hold it: commands as methods, and the judgements that many cases share. */
import { describe, ensure, equal, fail } from "../expect.ts"
import type { ClientDescription, ClientRecord, ClientStatus, ClientSync, Json, OpenFields } from "./contract.ts"
import type { ClientLink } from "./driver.ts"

const COMMAND_MILLIS_MAX = 10_000
const SYNC_MILLIS_MAX = 30_000
const POLL_MILLIS = 25

export class Client {
  readonly #link: ClientLink

  constructor(link: ClientLink) {
    this.#link = link
  }

  /** What it said to people last. */
  get told(): string {
    return this.#link.errors
  }

  async describe(): Promise<ClientDescription> {
    const { name, version, capabilities } = await this.#link.ask("describe", {}, COMMAND_MILLIS_MAX)
    const isWell = typeof name === "string" && typeof version === "string" && Array.isArray(capabilities)
    ensure(isWell, `"describe" answered ${describe({ name, version, capabilities })}, expected name, version and capabilities`)
    return { name, version, capabilities }
  }

  async open(fields: OpenFields): Promise<void> {
    await this.#link.ask("open", fields, COMMAND_MILLIS_MAX)
  }

  async put(key: string, value: Json): Promise<void> {
    await this.#link.ask("put", { key, value }, COMMAND_MILLIS_MAX)
  }

  async delete(key: string): Promise<void> {
    await this.#link.ask("delete", { key }, COMMAND_MILLIS_MAX)
  }

  async get(key: string): Promise<ClientRecord> {
    return await this.#link.ask("get", { key }, COMMAND_MILLIS_MAX)
  }

  async list(): Promise<Readonly<Record<string, Json>>> {
    return (await this.#link.ask("list", {}, COMMAND_MILLIS_MAX)).records
  }

  async sync(): Promise<ClientSync> {
    const { state, error } = await this.#link.ask("sync", {}, SYNC_MILLIS_MAX)
    return { state, error }
  }

  async start(intervalMillis: number = 60_000): Promise<void> {
    await this.#link.ask("start", { intervalMillis }, COMMAND_MILLIS_MAX)
  }

  async stop(): Promise<void> {
    await this.#link.ask("stop", {}, COMMAND_MILLIS_MAX)
  }

  async status(): Promise<ClientStatus> {
    return await this.#link.ask("status", {}, COMMAND_MILLIS_MAX)
  }

  async close(): Promise<void> {
    await this.#link.ask("close", {}, COMMAND_MILLIS_MAX)
  }

  /** Syncs, and fails unless that went well. */
  async syncs(what: string): Promise<void> {
    const { state, error } = await this.sync()
    ensure(state === "up_to_date", `${what}: it ${describe(state)} with ${describe(error)}, expected up_to_date`)
  }

  /** Syncs, and fails unless that failed with one of these codes; any, if none is named. */
  async failsToSync(what: string, ...codes: readonly string[]): Promise<void> {
    const { state, error } = await this.sync()
    ensure(state === "failed", `${what}: it is ${describe(state)}, expected that it failed`)
    ensure(codes.length === 0 || codes.includes(error ?? ""), `${what}: it failed with ${describe(error)}, expected ${codes.join(" or ")}`)
  }

  /** Fails unless the record is shown so. */
  async shows(key: string, value: Json, what: string = `${describe(key)} on the device`): Promise<void> {
    const record = await this.get(key)
    equal({ found: record.found, value: record.value }, { found: true, value }, what)
  }

  /** Fails unless there is no such record. */
  async lacks(key: string): Promise<void> {
    equal((await this.get(key)).found, false, `${describe(key)} on the device, found`)
  }

  /** Fails unless these are all records. */
  async lists(records: Readonly<Record<string, Json>>, what: string = "all records on the device"): Promise<void> {
    const sorted = (all: Readonly<Record<string, Json>>): unknown => Object.entries(all).toSorted(([a], [b]) => a < b ? -1 : 1)
    equal(sorted(await this.list()), sorted(records), what)
  }

  /** Resolves to the first status that `holds` for. */
  async until(what: string, holds: (status: ClientStatus) => boolean, millis: number): Promise<ClientStatus> {
    for (const late = performance.now() + millis;;) {
      const status = await this.status()
      if (holds(status)) return status
      if (performance.now() > late) return fail(`${what}: its status is still ${describe(status)} after ${millis} ms`)
      await new Promise((resolve) => setTimeout(resolve, POLL_MILLIS))
    }
  }

  async kill(): Promise<void> {
    await this.#link.kill()
  }

  async end(): Promise<void> {
    await this.#link.end()
  }
}
