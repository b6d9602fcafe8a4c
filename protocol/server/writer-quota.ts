/**
 * Writer quota: how many writers a principal brings for the first time in 24 hours. A new one costs a log some bytes for ever, so that pushes
 * with ever new ones are a way to fill a disk with little.
 *
 * A block from 0 begins its writer; such writers of a push that was taken are counted, once each, however often the push is repeated. What is
 * remembered for that is bounded; when a server starts anew it counts from 0.
 */
import { ByteReader } from "../../kernel/format/bytes.ts"
import { PartType } from "../../kernel/format/frame.ts"
import { WRITER_BYTES } from "../../kernel/model/identifiers.ts"
import type { Platform } from "../../kernel/ports/platform.ts"
import type { Part } from "../../kernel/ports/remote.ts"
import { wireError } from "../errors.ts"
import { RETRY_AFTER_MILLIS_MAX } from "../limits.ts"

const DAY_MILLIS = 86_400_000
/** Writers remembered of all principals together; the principals that came longest ago are forgotten first. */
const REMEMBERED_MAX = 1_000_000

interface Day {
  readonly began: number
  /** A number of 53 bits for each (store, writer). */
  readonly writers: Set<number>
}

export class WriterQuota {
  readonly #platform: Platform
  readonly #writersMax: number
  readonly #rememberedMax: number
  readonly #days = new Map<string, Day>()
  /** Drawn by each server, so that nobody can choose writers that pass for others; when it is needed, since Workers draw nothing before. */
  #seed: DataView | undefined
  #remembered = 0

  constructor(platform: Platform, writersMax: number, rememberedMax: number = REMEMBERED_MAX) {
    this.#platform = platform
    this.#writersMax = writersMax
    this.#rememberedMax = rememberedMax
  }

  /** Writers remembered now, of all principals. */
  get remembered(): number {
    return this.#remembered
  }

  /**
   * Looks whether `principal` may bring these parts to a store today. Throws `rate_limited` if they begin more writers than are left; nothing
   * is refused for good. Answers what counts them, to be called once they are stored.
   */
  admit(principal: string, store: string, parts: readonly Part[]): () => void {
    const begun = writersBegun(parts)
    if (begun.length === 0) return () => {}
    const day = this.#today(principal)
    const names = begun.map((writer) => this.#nameOf(store, writer))
    const fresh = names.filter((name) => !day.writers.has(name))
    if (fresh.length > 0 && day.writers.size + fresh.length > this.#writersMax) {
      const left = Math.max(0, day.began + DAY_MILLIS - this.#platform.now())
      throw wireError("rate_limited", `at most ${this.#writersMax} writers may be new in 24 hours`, {
        retryAfterMillis: Math.min(left, RETRY_AFTER_MILLIS_MAX),
        details: { newWritersPerDayMax: this.#writersMax },
      })
    }
    return () => this.#count(principal, fresh)
  }

  /** FNV-1a over the store's name and the writer, twice with other beginnings, as one number of 53 bits: to know a repeated push by. */
  #nameOf(store: string, writer: Uint8Array): number {
    const seed = this.#seed ??= new DataView(this.#platform.randomBytes(8).buffer)
    let low = seed.getInt32(0), high = seed.getInt32(4)
    const mix = (byte: number): void => {
      low = Math.imul(low ^ byte, 0x01000193)
      high = Math.imul(high ^ byte, 0x01000193)
    }
    for (let at = 0; at < store.length; at++) mix(store.charCodeAt(at))
    for (const byte of writer) mix(byte)
    return (high >>> 11) * 0x1_0000_0000 + (low >>> 0)
  }

  #today(principal: string): Day {
    const known = this.#days.get(principal)
    const age = this.#platform.now() - (known?.began ?? 0)
    // A clock that was set back begins a day as well.
    if (known !== undefined && age >= 0 && age < DAY_MILLIS) return known
    return { began: this.#platform.now(), writers: new Set() }
  }

  #count(principal: string, names: readonly number[]): void {
    const day = this.#today(principal), known = this.#days.get(principal)
    if (known !== undefined) this.#forget(principal, known)
    for (const name of names) day.writers.add(name)
    this.#days.set(principal, day)
    this.#remembered += day.writers.size
    for (const [oldest, { writers }] of this.#days) {
      if (this.#remembered <= this.#rememberedMax || oldest === principal) break
      this.#forget(oldest, { writers })
    }
  }

  #forget(principal: string, { writers }: Pick<Day, "writers">): void {
    this.#days.delete(principal)
    this.#remembered -= writers.size
  }
}

/** The writers that blocks among `parts` begin. What is no block is passed over: the log refuses it. */
function writersBegun(parts: readonly Part[]): readonly Uint8Array[] {
  const reader = new ByteReader("a block")
  const begun: Uint8Array[] = []
  for (const { type, content } of parts) {
    if (type !== PartType.block) continue
    reader.point(content, 0, content.length)
    try {
      // Codec, table of writers, `from`: docs/format.md, F-18.
      reader.msgArray()
      reader.msgUint()
      const length = reader.msgBin(), at = reader.skip(length)
      if (length >= WRITER_BYTES && reader.msgUint() === 0) begun.push(content.subarray(at, at + WRITER_BYTES))
    } catch {
      // Damaged: not stored either.
    }
  }
  return begun
}
