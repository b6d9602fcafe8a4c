/**
 * Application: what users do with the store of one device process. Few keys, so that everything meets; each value carries a token that is
 * never used twice. What a call resolves to is noted in the ledger: from then on it must not be lost.
 */
import { InvalidOption, PersistError } from "../kernel/errors.ts"
import type { DeadLetter } from "../kernel/store/dead-letter.ts"
import type { BatchOperation } from "../kernel/store/types.ts"
import type { Answer } from "./answers.ts"
import type { DeviceProcess } from "./device-process.ts"
import { withPast } from "./ledger.ts"
import { recordName } from "./observer.ts"
import { dotOfVersion } from "./picture.ts"
import { StrategyApplication } from "./strategy-application.ts"
import type { Token } from "./token.ts"
import { markOf } from "./whispers.ts"
import type { World } from "./world.ts"

const KEYS = ["k0", "k1", "k2"]
const COLLECTIONS = ["", "", "", "side"]
const POISON_SHARE = 0.04
/** Of the letters that no server takes as they are, so many are given up. */
const DISCARDED_SHARE = 0.3
/** Share of what users do in collections that are not last-write-wins. */
const STRATEGY_SHARE = 0.4

export class Application {
  readonly strategies: StrategyApplication
  /** Share of the values that no server takes. */
  poisonShare: number = POISON_SHARE
  readonly #world: World
  #tokens = 0
  /** Processes in which dead letters are answered: one after another. */
  readonly #answering = new Set<DeviceProcess>()

  constructor(world: World) {
    this.#world = world
    this.strategies = new StrategyApplication(world, this)
  }

  token(tenant: string, isPoison: boolean = this.#world.random.chance(this.poisonShare)): Token {
    const uid = `${markOf(tenant)}${++this.#tokens}`
    return isPoison ? { uid, poison: true } : { uid }
  }

  /** Somebody does something; ends when the call has ended. */
  async act(process: DeviceProcess): Promise<void> {
    const { random } = this.#world
    this.#world.count("calls of the application")
    if (random.chance(STRATEGY_SHARE)) return await this.strategies.act(process)
    switch (random.pick(["put", "put", "put", "delete", "batch", "batch", "transaction", "update", "ifVersion"] as const)) {
      case "put":
        return await this.put(process, random.pick(COLLECTIONS), random.pick(KEYS))
      case "delete":
        return await this.delete(process, random.pick(COLLECTIONS), random.pick(KEYS))
      case "batch":
        return await this.#batch(process)
      case "transaction":
        return await this.#transaction(process)
      case "update":
        return await this.#update(process, random.pick(KEYS))
      case "ifVersion":
        return await this.#putIfVersion(process, random.pick(KEYS))
    }
  }

  async put(process: DeviceProcess, collection: string, key: string, token: Token = this.token(process.site.tenant)): Promise<void> {
    const { store } = process
    if (store === undefined) return
    await this.ends("put", async () => {
      const { version } = await store.collection<Token>(collection).put(key, token)
      this.stored(process, collection, key, version)
    })
  }

  async delete(process: DeviceProcess, collection: string, key: string): Promise<void> {
    const { store, written } = process
    if (store === undefined) return
    const from = written.length
    await this.ends("delete", async () => {
      await store.collection(collection).delete(key)
      this.acknowledge(process, from, ({ isDelete, record }) => isDelete && record === recordName(collection, key))
    })
  }

  async #batch(process: DeviceProcess): Promise<void> {
    const { random } = this.#world, { store, written, site: { tenant } } = process
    if (store === undefined) return
    const collection = random.pick(COLLECTIONS), operations: BatchOperation<Token>[] = []
    for (let left = random.below(3); left > 0; left--) {
      const key = random.pick(KEYS)
      operations.push(random.chance(0.3) ? { type: "delete", key } : { type: "put", key, value: this.token(tenant) })
    }
    operations.push({ type: "put", key: random.pick(KEYS), value: this.token(tenant) })
    const from = written.length
    await this.ends("batch", async () => {
      await store.collection<Token>(collection).batch(operations)
      this.acknowledgeBatch(process, from, collection, operations)
    })
  }

  async #transaction(process: DeviceProcess): Promise<void> {
    const { random } = this.#world, { store, written, site: { tenant } } = process
    if (store === undefined) return
    const operations: BatchOperation<Token>[] = [0, 1].map(() => ({ type: "put", key: random.pick(KEYS), value: this.token(tenant) }))
    if (random.chance(0.3)) operations.unshift({ type: "delete", key: random.pick(KEYS) })
    const from = written.length
    await this.ends("transaction", async () => {
      await store.batch((tx) => {
        for (const operation of operations) {
          if (operation.type === "delete") tx.delete(operation.key)
          else tx.put(operation.key, operation.value)
        }
      })
      this.acknowledgeBatch(process, from, "", operations)
    })
  }

  async #update(process: DeviceProcess, key: string): Promise<void> {
    const { store, site: { tenant } } = process
    if (store === undefined) return
    await this.ends("update", async () => {
      const { version } = await store.records.update(key, (value) => ({ ...this.token(tenant), count: (value?.count ?? 0) + 1 }))
      this.stored(process, "", key, version)
    })
  }

  async #putIfVersion(process: DeviceProcess, key: string): Promise<void> {
    const { store, site: { tenant } } = process
    if (store === undefined) return
    await this.ends("put with ifVersion", async () => {
      const entry = await store.records.getEntry(key)
      const { version } = await store.records.put(key, this.token(tenant), { ifVersion: entry?.version ?? null })
      this.stored(process, "", key, version)
    })
  }

  /**
   * Answers every dead letter that this handle shows: what no server takes is changed or given up, anything else is tried again. Resolves to how
   * many there were.
   */
  async answerDeadLetters(process: DeviceProcess): Promise<number> {
    const { store } = process
    if (store === undefined || this.#answering.has(process)) return 0
    let letters: readonly DeadLetter<Token>[] = []
    this.#answering.add(process)
    await this.ends("list of dead letters", async () => void (letters = await store.deadLetters.list()))
    for (const letter of letters) {
      const isGivenUp = letter.value?.poison === true && this.#world.random.chance(DISCARDED_SHARE)
      await this.answer(process, letter, isGivenUp ? "discard" : "retry")
    }
    this.#answering.delete(process)
    return letters.length
  }

  /** Answers one dead letter, unless something of its record is under way that the checker could not tell from that. */
  async answer(process: DeviceProcess, letter: DeadLetter<Token>, call: "retry" | "discard"): Promise<void> {
    const { store, site: { tenant }, choosing } = process, { ledger } = this.#world, { collection, key } = letter
    const operation = ledger.operations.get(dotOfVersion(letter.version))
    if (
      store === undefined || operation === undefined || process.answering?.isOver === false || choosing.has(recordName(collection, key))
    ) return
    const token = letter.value?.poison === true ? this.token(tenant, false) : undefined
    const answering: Answer = process.answering = { letter: operation, uid: token?.uid, isOver: false }
    await this.ends(`${call} of a dead letter`, async () => {
      try {
        const { version } = call === "discard"
          ? await store.deadLetters.discard(letter)
          : await store.deadLetters.retry(letter, token && (() => token))
        answering.isOver = true
        const written = ledger.operations.get(dotOfVersion(version))
        if (written === undefined || written.uid !== undefined) this.stored(process, collection, key, version)
        else if (written.settled === undefined) ledger.acknowledge(written.dot)
        this.#world.count("dead letters answered")
      } catch (error) {
        answering.isOver = error instanceof InvalidOption
        throw error
      }
    })
  }

  /** A call ended well, or with an error of ours; whatever else it throws is a defect. */
  async ends(call: string, run: () => Promise<void>): Promise<void> {
    try {
      await run()
      this.#world.count(`${call}: done`)
    } catch (error) {
      if (error instanceof PersistError) this.#world.count(`${call}: ${error.code}`)
      else this.#world.violation("a defect", `${call} threw ${error instanceof Error ? error.stack : error}`)
    }
  }

  /** What a process wrote from there on, as far as it is meant, is stored. */
  acknowledge(process: DeviceProcess, from: number, isOf: (operation: DeviceProcess["written"][number]) => boolean): void {
    for (const operation of process.written.slice(from)) {
      if (operation.settled === undefined && isOf(operation)) this.#world.ledger.acknowledged.add(operation) // a choice may give way
    }
  }

  /** All of a batch is stored. */
  acknowledgeBatch(process: DeviceProcess, from: number, collection: string, operations: readonly BatchOperation<Token>[]): void {
    const uids = new Set<string | undefined>(), deleted = new Set<string>()
    for (const operation of operations) {
      if (operation.type === "put") uids.add(operation.value.uid)
      else deleted.add(recordName(collection, operation.key))
    }
    this.acknowledge(process, from, ({ uid, isDelete, record }) => (isDelete ? deleted.has(record) : uids.has(uid)))
    for (const uid of uids) {
      if (uid !== undefined && !this.#world.ledger.byUid.has(uid)) {
        this.#world.violation("acknowledged and not stored", `${process.name}: ${uid}`)
      }
    }
  }

  /** A put was acknowledged: it is in the log, and its writer sees it or what came after. */
  stored(process: DeviceProcess, collection: string, key: string, version: string): void {
    const { ledger } = this.#world, dot = dotOfVersion(version), operation = ledger.operations.get(dot)
    if (operation === undefined) return this.#world.violation("acknowledged and not stored", `${process.name}: ${dot}`)
    if (operation.settled === undefined) ledger.acknowledged.add(operation) // a choice may give way
    const shown = process.store?.collection<Token>(collection).peek(key)
    if (shown === undefined) return
    const named = ledger.byUid.get(shown.uid) ?? []
    if (named.length > 0 && named.every((other) => withPast([operation]).has(other) && other !== operation)) {
      this.#world.violation("a write is not seen by its writer", `${process.name}: ${dot}, ${shown.uid} is shown`)
    }
  }
}
