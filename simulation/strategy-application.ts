/**
 * What users do in collections that are not last-write-wins: they put, delete and increment; they end conflicts with values of their own, by choosing,
 * or by the documented program. Some of their functions throw, which is nobody else's business.
 */
import { InvalidOption } from "../kernel/errors.ts"
import type { BatchOperation } from "../kernel/store/types.ts"
import type { RecordVersion } from "../kernel/store/record-version.ts"
import type { DeviceProcess } from "./device-process.ts"
import type { KnownOperation } from "./ledger.ts"
import { recordName } from "./observer.ts"
import { dotOfVersion } from "./picture.ts"
import { COUNTED, MANUAL, MERGED, PLAIN_NAMES, UserFailure } from "./strategies.ts"
import type { Token } from "./token.ts"
import type { World } from "./world.ts"

const KEYS = ["k0", "k1"]
const COUNTERS = ["k0", "k1", "k2"]
/** Share of the functions given to updates that throw. */
const THROWN_SHARE = 0.1

/** What calls of users have in common, whatever they are for. */
export interface UserCalls {
  token(tenant: string): Token
  ends(call: string, run: () => Promise<void>): Promise<void>
  stored(process: DeviceProcess, collection: string, key: string, version: string): void
  acknowledge(process: DeviceProcess, from: number, isOf: (operation: KnownOperation) => boolean): void
  acknowledgeBatch(process: DeviceProcess, from: number, collection: string, operations: readonly BatchOperation<Token>[]): void
}

export class StrategyApplication {
  readonly #world: World
  readonly #application: UserCalls

  constructor(world: World, application: UserCalls) {
    this.#world = world
    this.#application = application
  }

  /** Somebody does something; ends when the call has ended. */
  async act(process: DeviceProcess): Promise<void> {
    const { random, habits } = this.#world,
      collection = random.pick(habits.isManual ? [MANUAL, MERGED, ...PLAIN_NAMES] : [MANUAL, MANUAL, MERGED]),
      key = random.pick(KEYS)
    if (habits.takesRemote && random.chance(0.1)) return await this.takeRemote(process)
    switch (random.pick(["put", "put", "increment", "increment", "delete", "batch", "resolve", "choose", "update", "end"] as const)) {
      case "put":
        return await this.put(process, collection, key)
      case "increment":
        return await this.increment(process, random.pick(COUNTERS), random.chance(THROWN_SHARE))
      case "delete":
        return await this.delete(process, random.pick([MANUAL, MERGED, COUNTED]), key)
      case "batch":
        return await this.#batch(process, collection)
      case "resolve":
        return await this.resolve(process, collection, key)
      case "choose":
        return await this.choose(process, collection, key, (versions) => versions.length === 0 ? undefined : random.pick(versions))
      case "update":
        return await this.#update(process, collection, key, random.chance(THROWN_SHARE))
      case "end":
        return await this.#endConflicts(process, collection)
    }
  }

  async put(process: DeviceProcess, name: string, key: string, token: Token = this.#token(process)): Promise<void> {
    await this.#ends(`put ${name}`, async () => {
      const { version } = await this.#collectionOf(process, name).put(key, token)
      this.#application.stored(process, name, key, version)
    })
  }

  async delete(process: DeviceProcess, name: string, key: string): Promise<void> {
    const { written, collections } = process, from = written.length
    if (collections === undefined) return
    await this.#ends(`delete ${name}`, async () => {
      await (name === COUNTED ? collections.counted : collections.settled(name)).delete(key)
      this.#application.acknowledge(process, from, ({ isDelete, record }) => isDelete && record === recordName(name, key))
    })
  }

  async increment(process: DeviceProcess, key: string, isThrown: boolean = false): Promise<void> {
    const { written, collections } = process, record = recordName(COUNTED, key)
    if (collections === undefined) return
    await this.#ends("increment", async () => {
      const { version } = await collections.counted.update(key, (counter) => {
        if (isThrown) throw new UserFailure()
        if (key.endsWith("0")) counter.increment()
        else if (key.endsWith("1")) counter.decrement(3)
        else for (const by of [1_000_004, -1]) counter.increment(by)
      })
      const dot = dotOfVersion(version)
      if (!written.some((operation) => operation.dot === dot)) {
        this.#world.violation("acknowledged and not stored", `${process.name}: ${record} ${dot}`)
      }
      this.#world.ledger.acknowledge(dot)
    })
  }

  /** Ends a conflict, if there is one, with a value of the user's own. */
  async resolve(process: DeviceProcess, name: string, key: string, token: Token = this.#token(process)): Promise<void> {
    await this.#ends(`resolve ${name} with a value`, async () => {
      const { version } = await this.#collectionOf(process, name).resolve(key, { ...token, resolves: true })
      this.#application.stored(process, name, key, version)
    })
  }

  /** Chooses one of the versions of a record, whether somebody has to or not. */
  async choose(
    process: DeviceProcess,
    name: string,
    key: string,
    pick: (versions: readonly RecordVersion<Token>[]) => RecordVersion<Token> | undefined | Promise<RecordVersion<Token> | undefined>,
  ): Promise<void> {
    await this.#ends(`choose ${name}`, async () => {
      const entry = await this.#collectionOf(process, name).getEntry(key), chosen = await pick(entry?.versions ?? [])
      if (chosen !== undefined) await this.#choose(process, name, key, chosen, entry?.versions ?? [])
    })
  }

  /** The documented program: the other version of every conflict. */
  async takeRemote(process: DeviceProcess): Promise<void> {
    for (const name of process.isManual ? [MANUAL, MERGED, ...PLAIN_NAMES] : [MANUAL, MERGED]) {
      await this.#ends(`take remote ${name}`, async () => {
        for (const { key, remote, versions } of await this.#collectionOf(process, name).conflicts()) {
          await this.#choose(process, name, key, remote, versions)
        }
      })
    }
  }

  /** The user reads the conflicts, and ends each with a value of their own. */
  async #endConflicts(process: DeviceProcess, name: string): Promise<void> {
    await this.#ends(`end conflicts ${name}`, async () => {
      for (const { key } of await this.#collectionOf(process, name).conflicts()) await this.resolve(process, name, key)
    })
  }

  /** A second choice of a record waits until it is known what became of the first: the checker could not tell them apart. */
  async #choose(
    { choosing, answering, collections }: DeviceProcess,
    name: string,
    key: string,
    chosen: RecordVersion<Token>,
    versions: readonly RecordVersion<Token>[],
  ): Promise<void> {
    const record = recordName(name, key)
    if (choosing.has(record) || collections === undefined) return
    if (answering?.letter.record === record && !answering.isOver) return
    choosing.set(record, new Set(versions.map(({ version }) => dotOfVersion(version))))
    try {
      await collections.settled(name).resolve(key, chosen)
      choosing.delete(record)
      this.#world.count("choices")
    } catch (error) {
      if (!(error instanceof InvalidOption)) throw error
      choosing.delete(record)
      this.#world.count("choices that came too late")
    }
  }

  async #batch(process: DeviceProcess, name: string): Promise<void> {
    const { random } = this.#world, from = process.written.length
    const operations: BatchOperation<Token>[] = [0, 1].map(() =>
      random.chance(0.2) ? { type: "delete", key: random.pick(KEYS) } : { type: "put", key: random.pick(KEYS), value: this.#token(process) }
    )
    await this.#ends(`batch ${name}`, async () => {
      await this.#collectionOf(process, name).batch(operations)
      this.#application.acknowledgeBatch(process, from, name, operations)
    })
  }

  async #update(process: DeviceProcess, name: string, key: string, isThrown: boolean): Promise<void> {
    const token = this.#token(process)
    await this.#ends(`update ${name}`, async () => {
      const { version } = await this.#collectionOf(process, name).update(key, () => {
        if (isThrown) throw new UserFailure()
        return token
      })
      if (isThrown) this.#world.violation("what a user's function threw is lost", `${process.name}: update of ${name}/${key}`)
      this.#application.stored(process, name, key, version)
    })
  }

  #token(process: DeviceProcess): Token {
    return this.#application.token(process.site.tenant)
  }

  #collectionOf(
    { name, collections }: DeviceProcess,
    collection: string,
  ): ReturnType<NonNullable<DeviceProcess["collections"]>["settled"]> {
    if (collections === undefined) throw new Error(`${name} is not open`)
    return collections.settled(collection)
  }

  /** What a user's own function threw is what the call rejects with. */
  async #ends(call: string, run: () => Promise<void>): Promise<void> {
    await this.#application.ends(call, async () => {
      try {
        await run()
      } catch (error) {
        if (!(error instanceof UserFailure)) throw error
        this.#world.count("functions of users that threw")
      }
    })
  }
}
