/** What a log that others wrote shows, folded by the second reader from the parts that a pull gives: what is at the server is judged by it. */
import type { Part, Remote } from "../../kernel/ports/remote.ts"
import type { Json } from "./contract.ts"
import { type Block, type Dot, readBlock } from "../vectors/reader/frame.ts"
import { Fold } from "../vectors/reader/fold.ts"
import { readValue } from "../vectors/reader/value.ts"

/** What a server holds. */
export interface Held {
  /** In the order of its log. */
  readonly blocks: readonly Block[]
  /** The shown values of the collection with the empty name, by key; deletions left out. */
  readonly records: ReadonlyMap<string, Json>
  /** Values of all open versions by key; null for a deletion. */
  readonly versions: ReadonlyMap<string, readonly Json[]>
}

const START = { position: 0, id: new Uint8Array(16) }
const NO_ID = "0".repeat(32)
const utf8 = new TextDecoder()

/** Reads a store from its beginning. */
export const readHeld = async (remote: Remote): Promise<Held> => {
  const { signal } = new AbortController(), parts: Part[] = []
  await remote.handshake({ signal })
  for (let cursor = START, upToDate = false; !upToDate;) {
    const answer = await remote.pull({ cursor, have: [], partsBytesMax: 3_600_000 }, { signal })
    if (answer.kind === "restart") throw new Error("the server restarted a pull from its beginning")
    parts.push(...answer.parts.map(({ type, content }) => ({ type, content: content.slice() })))
    ;({ next: cursor, upToDate } = answer)
  }
  return foldParts(parts)
}

/** What these parts show together. */
export const foldParts = (parts: readonly Part[]): Held => {
  const fold = new Fold(), blocks = parts.map(({ content }) => readBlock(content))
  const frame = { position: 1, id: "1".repeat(32), previous: NO_ID, flags: 0, parts: [], change: null, receipt: null }
  fold.blocks({ ...frame, parts: parts.map(({ type, content }) => ({ type, content })) }, blocks)
  const records = new Map<string, Json>(), versions = new Map<string, readonly Json[]>()
  for (const [collection, key, all] of fold.sorted()) {
    if (collection !== "") continue
    const { version } = fold.shown("", all)
    if (version.value !== null && version.value.length > 0) records.set(key, jsonOf(version.value))
    versions.set(key, all.map(({ value }) => value === null || value.length === 0 ? null : jsonOf(value)))
  }
  return { blocks, records, versions }
}

/** Every operation that blocks list. */
export interface Listed {
  readonly dot: Dot
  readonly kind: number
  readonly key: string
  readonly millis: number
  readonly value: Json
}

/** What blocks list, in their order. */
export const listedIn = (blocks: readonly Block[]): readonly Listed[] =>
  blocks.flatMap(({ writers: [writer = ""], operations }) =>
    operations.map(({ seq, kind, key, millis, value }): Listed => ({
      dot: [writer, seq],
      kind,
      key: utf8.decode(key),
      millis,
      value: value === null || value.length === 0 ? null : jsonOf(value),
    }))
  )

/** Of values that JSON has not: what stands for them in the notation of the vectors. */
const jsonOf = (bytes: Uint8Array): Json => readValue(bytes)
