/** What a log shows: vector, own writers, settings, records, remotes, digest (sections 4 to 7 of `docs/format.md`), computed by the second reader. */
import { check, toHex, toText } from "./cursor.ts"
import { type Block, type Change, CHOICE, type Dot, type Frame, type Operation, type Place } from "./frame.ts"
import { readBlock, readFrame, readSetting, type Setting } from "./frame.ts"

/** A version of a record: an operation and who did it. */
export interface Version extends Operation {
  readonly writer: string
}
/** What a log has of one writer (F-38). */
export interface Pair {
  seq: number
  withheld: number[]
}

/** An operation that a remote does not take. */
export interface Refusal {
  readonly dot: Dot
  readonly code: string
  readonly message: string
}
/** What a log knows of a remote (F-62). */
export interface Remote {
  cursor: Place
  caughtUp: boolean
  /** Writer → seq, with entries that others imply. */
  readonly vector: Map<string, number>
  /** By the text of the dot. */
  readonly refused: Map<string, Refusal>
  offset: number
}

/** What a reader shows of a record that has neither functions nor types (F-43). */
export interface Shown {
  readonly version: Version
  /** The updates of which a function or type makes one value, in order; else none. */
  readonly merged: readonly Version[]
  readonly isSettled: boolean
}

const NO_ID = "0".repeat(32)
const DEFAULT_SETTING: Setting = { collection: null, strategy: "last-write-wins", deleteConflict: "last-write-wins", type: null }

/** Folds frames (sections 4 to 6). */
export class Fold {
  position: number = 0
  id: string = NO_ID
  readonly remotes: Map<string, Remote> = new Map()
  /** Dead letters by the text of their dots. */
  readonly dead: Map<string, Dot> = new Map()
  /** Writer → principal (F-63). */
  readonly owners: Map<string, string> = new Map()
  readonly vector: Map<string, Pair> = new Map()
  readonly own: Set<string> = new Set()
  /** By collection; null: of those without one (F-67). */
  readonly settings: Map<string | null, Setting> = new Map([[null, DEFAULT_SETTING]])
  /** By collection and key, in hexadecimal, which sorts like the bytes. */
  readonly records: Map<string, Version[]> = new Map()
  readonly #links = new Map<string, readonly Dot[]>()

  frame(bytes: Uint8Array): void {
    const frame = readFrame(bytes)
    this.blocks(frame, frame.parts.filter(({ type }) => type === 1).map(({ content }) => readBlock(content)))
  }

  /** Folds a frame that was read already, with its blocks. */
  blocks({ position, id, previous, flags, parts, change, receipt }: Frame, blocks: readonly Block[]): void {
    check(position === this.position + 1 && previous === this.id, "F-29")
    let news = false
    for (const { writers: [writer], from, links } of blocks) { // F-39, 1
      if (from !== 0 || this.#links.has(writer!)) continue
      this.#links.set(writer!, links ?? [])
      news = true
    }
    const left = [...blocks]
    for (const { type, content } of parts) { // F-39, 2
      if (type === 1) this.#block(left.shift()!)
      else if (type === 4) this.#set(readSetting(content))
    }
    if (news) this.#judgeAgain()
    for (const [writer, { seq, withheld }] of this.vector) { // F-39, 4
      if (withheld.length === 0 && [...this.vector.keys()].some((other) => other !== writer && this.#implied(other, writer) >= seq)) {
        this.vector.delete(writer)
      }
    }
    if (flags % 2 === 1) { for (const { writers } of blocks) this.own.add(writers[0]!) // F-32
     }
    if (change !== null) this.#change(change, blocks)
    for (const writer of receipt?.own ?? []) if (!this.owners.has(writer)) this.owners.set(writer, receipt!.principal) // F-63
    this.position = position
    this.id = id
  }

  #set(setting: Setting): void { // F-67
    this.settings.set(setting.collection, setting)
  }

  /** What is shown of a record of a collection, of which these are the versions, in ascending order (F-43). */
  shown(collection: string, versions: readonly Version[]): Shown {
    const { strategy, deleteConflict } = this.settings.get(collection) ?? this.settings.get(null)!
    const updates = versions.filter(({ value }) => value !== null && value.length > 0), last = versions.at(-1)!
    const only = (version: Version, isSettled: boolean): Shown => ({ version, merged: [], isSettled })
    if (versions.length === 1 || updates.length === 0) return only(last, true)
    if (updates.length < versions.length) {
      if (deleteConflict === "manual") return only(last, false)
      if (deleteConflict === "last-write-wins" && !updates.includes(last)) return only(last, true)
    }
    const version = updates.at(-1)!
    if (updates.length === 1 || strategy === "last-write-wins") return only(version, true)
    return strategy === "manual" ? only(version, false) : { version, merged: updates, isSettled: true }
  }

  #change({ remote: name, restart, caughtUp, cursor, ranges, refused, dead, offset }: Change, blocks: readonly Block[]): void { // F-62
    const remote = this.remotes.get(name) ??
      { cursor: { position: 0, id: NO_ID }, caughtUp: false, vector: new Map(), refused: new Map(), offset: 0 }
    this.remotes.set(name, remote)
    if (restart) {
      remote.vector.clear()
      remote.caughtUp = false
    }
    const brought = cursor === null || restart ? [] : blocks.map(({ writers, to }): Dot => [writers[0]!, to])
    for (const [writer, seq] of [...brought, ...ranges]) remote.vector.set(writer, Math.max(seq, remote.vector.get(writer) ?? 0))
    for (const refusal of refused) remote.refused.set(String(refusal.dot), refusal)
    for (const dot of dead) this.dead.set(String(dot), dot)
    remote.cursor = cursor ?? remote.cursor
    remote.caughtUp ||= caughtUp
    remote.offset = offset ?? remote.offset
  }

  /** Entries of a vector that no other entry implies. */
  entriesOf(vector: ReadonlyMap<string, number>): Dot[] {
    return [...vector].filter(([writer, seq]) =>
      ![...vector.keys()].some((other) => other !== writer && this.#implied(other, writer) >= seq)
    )
  }

  /** Links and links of links: the greatest seq of `writer` in the chain of `by` (F-36). */
  #implied(by: string, writer: string, seen: Set<string> = new Set()): number {
    if (seen.has(by)) return 0
    seen.add(by)
    return Math.max(
      0,
      ...(this.#links.get(by) ?? []).map(([linked, seq]) => Math.max(linked === writer ? seq : 0, this.#implied(linked, writer, seen))),
    )
  }
  #under(vector: readonly Dot[], [writer, seq]: Dot): boolean { // F-37
    return vector.some(([by, last]) => (by === writer && last >= seq) || this.#implied(by, writer) >= seq)
  }
  /** What the log has of a writer, from its entry or implied by others. */
  pairOf(writer: string): Pair { // F-38
    const { seq, withheld } = this.vector.get(writer) ?? { seq: 0, withheld: [] }
    return { seq: Math.max(seq, ...[...this.vector.keys()].map((other) => this.#implied(other, writer))), withheld }
  }

  #block({ writers, from, to, withheld, operations }: Block): void { // F-40
    const writer = writers[0]!, pair = this.pairOf(writer)
    check(from <= pair.seq, "F-40")
    for (const operation of operations) {
      const isKnown = operation.seq <= pair.seq && !pair.withheld.includes(operation.seq)
      if (isKnown || operation.kind > CHOICE) continue
      const name = `${toHex(new TextEncoder().encode(operation.collection))}/${toHex(operation.key)}`
      this.records.set(name, this.#add(this.records.get(name) ?? [], { ...operation, writer }))
    }
    const open = pair.withheld.filter((seq) => !operations.some((operation) => operation.seq === seq))
    this.vector.set(writer, { seq: Math.max(pair.seq, to), withheld: [...open, ...withheld.filter((seq) => seq > pair.seq)] })
  }

  #judgeAgain(): void { // F-47
    for (const [name, versions] of this.records) {
      this.records.set(name, versions.reduce<Version[]>((kept, version) => this.#add(kept, version), []))
    }
  }
  #add(versions: Version[], version: Version): Version[] { // F-45
    if (versions.some((other) => (other.writer === version.writer && other.seq === version.seq) || this.#supersedes(other, version))) {
      return versions
    }
    return [...versions.filter((other) => !this.#supersedes(version, other)), version]
  }
  #supersedes(a: Version, b: Version): boolean { // F-44
    const names = (dots: readonly Dot[], { writer, seq }: Version): boolean => dots.some((dot) => dot[0] === writer && dot[1] === seq)
    const covers = (over: Version, under: Version): boolean =>
      this.#under(over.context, [under.writer, under.seq]) && !names(over.keeps, under)
    if (covers(a, b)) return true
    if (b.settles === null || covers(b, a) || names(a.keeps, b)) return false
    if (
      !b.settles.every((dot) => this.#under(a.settles ?? a.context, dot)) ||
      a.keeps.some((dot) => this.#under(b.context, dot) && !b.keeps.some((kept) => String(kept) === String(dot)))
    ) {
      return false
    }
    return a.settles === null || !a.settles.every((dot) => this.#under(b.settles!, dot)) || order(a, b) > 0
  }

  /** Names and versions of all records in order (F-41), versions in ascending order. */
  sorted(): (readonly [collection: string, key: string, versions: Version[]])[] {
    const compare = (a: string, b: string): number => a < b ? -1 : a > b ? 1 : 0
    const fromHex = (hex: string): string => toText(Uint8Array.from(hex.match(/../g) ?? [], (digits) => parseInt(digits, 16)))
    const parts = [...this.records].map(([name, versions]) => [...name.split("/"), versions] as [string, string, Version[]])
    parts.sort((a, b) => compare(a[0], b[0]) || compare(a[1], b[1]))
    return parts.map(([collection, key, versions]) => [fromHex(collection), fromHex(key), versions.toSorted(order)])
  }

  async digest(): Promise<string> { // F-48
    const bytes: number[] = []
    const head = (number: number, forms: readonly (readonly [limit: number, head: number, length: number])[]): void => {
      const [, first, length] = forms.find(([limit]) => number < limit)!
      bytes.push(length === 0 ? first + number : first)
      for (let at = length - 1; at >= 0; at--) bytes.push(Math.floor(number / 256 ** at) % 256)
    }
    const uint = (number: number): void =>
      head(number, [[128, 0, 0], [256, 0xcc, 1], [0x1_0000, 0xcd, 2], [2 ** 32, 0xce, 4], [2 ** 53, 0xcf, 8]])
    const bin = (content: readonly number[]): void => {
      head(content.length, [[256, 0xc4, 1], [0x1_0000, 0xc5, 2], [2 ** 32, 0xc6, 4]])
      for (const byte of content) bytes.push(byte)
    }
    const str = (text: string): void => {
      const content = new TextEncoder().encode(text)
      head(content.length, [[32, 0xa0, 0], [256, 0xd9, 1], [0x1_0000, 0xda, 2]])
      bytes.push(...content)
    }
    for (const [collection, key, versions] of this.sorted()) {
      const live = versions.filter(({ value }) => value !== null && value.length > 0)
      if (live.length === 0 || versions.some(({ writer, seq }) => this.dead.has(String([writer, seq])))) continue
      str(collection)
      str(key)
      uint(live.length)
      for (const { millis, counter, writer, seq, value } of live) {
        uint(millis)
        uint(counter)
        bin(writer.match(/../g)!.map((digits) => parseInt(digits, 16)))
        uint(seq)
        bin([...value!])
      }
    }
    return toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", Uint8Array.from(bytes))))
  }
}

/** Ascending order of versions (F-43). */
const order = (a: Version, b: Version): number =>
  a.millis - b.millis || a.counter - b.counter || (a.writer < b.writer ? -1 : a.writer > b.writer ? 1 : a.seq - b.seq)
