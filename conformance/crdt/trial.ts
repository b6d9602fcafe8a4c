/**
 * A CRDT type on its way through one case: what the author gives (the type, and random edits), and what cases need around it.
 *
 *   random    numbers that are the same for the same seed
 *   sites     writers of several devices, numbers and times that ascend
 *   samples   states as devices come to have them: edited, exchanged, stored and read again
 *
 * States are compared by what they show, and by what they show once joined with some of the samples: a type need not have one encoding for a
 * state. Where the encodings are the same, so are the states.
 */
import { ByteWriter } from "../../kernel/format/bytes.ts"
import { checkValue, decodeValue, encodeValue, freezeDeep } from "../../kernel/format/msgpack.ts"
import type { CrdtEditor, CrdtSite, CrdtType } from "../../kernel/ports/crdt-type.ts"
import type { Case } from "../case.ts"
import { areSameBytes, describe, ensure } from "../expect.ts"
import type { Trial } from "../runner.ts"
import { areAlike } from "./alike.ts"

/** Any type, as cases see it. */
export type AnyCrdtType = CrdtType<unknown, CrdtEditor<unknown>, unknown>

/** A number from 0, below 1; the next one at each call. */
export type RandomNumber = () => number

/** Makes one random edit, by one or several calls of the editor's methods. */
export type RandomEdit<Editor> = (editor: Editor, random: RandomNumber) => void

/** A case about a CRDT type. No type lacks anything; but a runtime may lack a clock that goes on while work is done. */
export type CrdtCase = Case<CrdtTrial, "clock">

/** Seed of the random numbers, unless the caller gives one. */
export const CRDT_SEED = 1

const DEVICES = 4
const STEPS = 60
const PROBES = 6
/** Takes long enough for the coarsest clock of a browser. */
const CLOCK_READS = 1_000_000

/** The same numbers for the same seed (Mulberry32, by T. Ettinger, public domain). */
export const randomFrom = (seed: number): RandomNumber => {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let bits = Math.imul(state ^ (state >>> 15), 1 | state)
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits
    return ((bits ^ (bits >>> 14)) >>> 0) / 0x1_0000_0000
  }
}

/** Whether the clock does; where code of many shares a machine, as at Cloudflare, it moves only when something is awaited. */
const goesOn = (): boolean => {
  const started = performance.now()
  for (let left = CLOCK_READS; left > 0; left--) if (performance.now() > started) return true
  return false
}

/** A type with helpers; made for one case. */
export class CrdtTrial implements Trial {
  readonly warnings: readonly string[] = []
  readonly type: AnyCrdtType
  readonly random: RandomNumber
  readonly #edit: RandomEdit<CrdtEditor<unknown>>
  readonly #seqs = new Map<string, number>()
  #millis = 1_700_000_000_000
  #samples: readonly unknown[] | undefined

  constructor(type: AnyCrdtType, edit: RandomEdit<CrdtEditor<unknown>>, seed: number) {
    this.type = type
    this.#edit = edit
    this.random = randomFrom(seed)
  }

  lacks(need: string): string | undefined {
    if (need !== "clock") return `no type has ${need}`
    return goesOn() ? undefined : "the clock of this runtime stands still while work is done"
  }

  end(): Promise<void> {
    return Promise.resolve()
  }

  /** An integer from 0, below `bound`. */
  below(bound: number): number {
    return Math.floor(this.random() * bound)
  }

  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T
  }

  /** The next operation of a writer: numbers that other records take are left out. */
  site(writer: number): CrdtSite {
    const id = `${(writer % DEVICES).toString(16).padStart(16, "d")}${writer.toString(16).padStart(16, "0")}`
    const seq = (this.#seqs.get(id) ?? 0) + 1 + this.below(3)
    this.#seqs.set(id, seq)
    this.#millis += this.below(5)
    return { writer: id, seq, millis: this.#millis }
  }

  /** What one random edit makes of a state. */
  edited(state: unknown, site: CrdtSite, random: RandomNumber = this.random): unknown {
    const editor = this.type.edit(state, site)
    this.#edit(editor, random)
    return editor.state
  }

  /** The bytes that are stored of a state. */
  bytesOf(state: unknown): Uint8Array {
    return this.storedBytes(this.type.encode(state))
  }

  /** The bytes of a value. */
  storedBytes(value: unknown): Uint8Array {
    const writer = new ByteWriter()
    encodeValue(value, writer, "a record")
    return writer.buffer.slice(0, writer.length)
  }

  /** A value as a log gives it back: fresh, and frozen. */
  readBack(value: unknown): unknown {
    const bytes = this.storedBytes(value)
    checkValue(bytes, 0, bytes.length)
    return freezeDeep(decodeValue(bytes, 0, bytes.length))
  }

  /** A state as it comes back from a log. */
  stored(state: unknown): unknown {
    return this.type.decode(this.readBack(this.type.encode(state)))
  }

  /** States that devices had in a random life, the empty one among them. Made at the first call. */
  get samples(): readonly unknown[] {
    return this.#samples ??= this.#live()
  }

  #live(): readonly unknown[] {
    const devices: unknown[] = Array.from({ length: DEVICES }, () => this.type.empty())
    const had: unknown[] = [this.type.empty()]
    for (let step = 0; step < STEPS; step++) {
      const at = this.below(DEVICES), device = devices[at]
      // A device opens again now and then, and then is another writer.
      const writer = at + DEVICES * (this.below(2) + (step >> 4))
      devices[at] = this.below(3) === 0
        ? this.type.join(device, this.stored(devices[this.below(DEVICES)]))
        : this.edited(device, this.site(writer))
      if (this.below(2) === 0) devices[at] = this.stored(devices[at])
      had.push(devices[at])
    }
    return had
  }

  /** Whether two states are the same, as far as anybody can see. */
  areAlike(a: unknown, b: unknown): boolean {
    const { type } = this
    if (!areAlike(type.view(a), type.view(b))) return false
    if (areSameBytes(this.bytesOf(a), this.bytesOf(b))) return true
    return Array.from({ length: PROBES }, () => this.pick(this.samples))
      .every((probe) => areAlike(type.view(type.join(a, probe)), type.view(type.join(b, probe))))
  }

  /** Fails unless two states are the same. */
  alike(found: unknown, expected: unknown, what: string): void {
    if (this.areAlike(found, expected)) return
    const [shown, other] = [this.type.view(found), this.type.view(expected)].map(describe)
    ensure(false, shown === other ? `${what}: they show ${shown}, and differ once joined` : `${what}: ${shown} is not ${other}`)
  }
}
