/**
 * What cases ask of a remote and how they judge its answers: pushes that must be taken, and the stream of parts that pulls bring.
 *
 * Every answer is checked for what cannot be true whatever was asked (`protocol/SPEC.md`, W-65), so that each case finds that too.
 */
import { WRITER_BYTES } from "../../kernel/model/identifiers.ts"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import type {
  Cursor,
  Handshake,
  Part,
  PassedRange,
  PullAnswer,
  PushAnswer,
  PushRequest,
  Remote,
  WriterPair,
} from "../../kernel/ports/remote.ts"
import { areSameBytes, describe, ensure, equal, equalBytes, fail } from "../expect.ts"
import { describeError, outcomeOf } from "../expect.ts"

/** Before the first frame. */
export const START: Cursor = { position: 0, id: new Uint8Array(16) }
/** More than any page may have. */
export const WHOLE_PAGE_BYTES = 3_600_000

export type Ok = Extract<PushAnswer, { kind: "ok" }>
export type Page = Extract<PullAnswer, { kind: "page" }>

/** One for each call: a Worker may make none while it loads, and use none of another request. */
const forever = (): AbortSignal => new AbortController().signal

/** Whether two cursors name the same frame. */
export const isSameCursor = (a: Cursor, b: Cursor): boolean => a.position === b.position && areSameBytes(a.id, b.id)

/** Pushes `parts` over the start of the log, all writers the pusher's own unless `request` says otherwise. */
export const push = async (
  remote: Remote,
  parts: readonly Part[],
  { basis = [START], own = writersOf(parts) }: Partial<PushRequest> = {},
): Promise<PushAnswer> => await remote.push({ basis, own, parts }, { signal: forever() })

/** Pushes what must be taken. */
export const pushed = async (remote: Remote, parts: readonly Part[], request: Partial<PushRequest> = {}): Promise<Ok> => {
  const answer = await push(remote, parts, request)
  if (answer.kind !== "ok") return fail(`a push: found ${describe(answer)}, expected ok`)
  checkOk(answer, parts)
  return answer
}

const checkOk = ({ pairs, last, durability, serverTimeMillis }: Ok, parts: readonly Part[]): void => {
  checkCursor(last, "last")
  checkTime(serverTimeMillis)
  ensure(durability === "durable" || durability === "buffered", `durability: found ${describe(durability)}`)
  const named = new Set(pairs.map(({ writer }) => writer.join()))
  equal(named.size, pairs.length, "writers of pairs, each once")
  for (const { writer, seq, withheld } of pairs) {
    ensure(withheld.every((number, at) => number > (withheld[at - 1] ?? 0) && number <= seq), `withheld: found ${describe(withheld)}`)
    ensure(writer instanceof Uint8Array && writer.length === WRITER_BYTES, "a pair's writer has no 16 bytes")
  }
  equal([...named].sort(), writersOf(parts).map((writer) => writer.join()).sort(), "writers of pairs")
}

/** Fails unless the answer's only pairs are these. */
export const holdsPairs = ({ pairs }: Ok, expected: readonly WriterPair[]): void => {
  const words = (list: readonly WriterPair[]): string[] =>
    list.map(({ writer, seq, withheld }) => `${writer.join()} ${seq} [${withheld}]`).sort()
  equal(words(pairs), words(expected), "pairs")
}

/** Pushes what must not be taken: any other answer than ok, or an error; the store must hold what it held. */
export const refuses = async (what: string, remote: Remote, call: () => Promise<PushAnswer>): Promise<PushAnswer | Error> => {
  const before = await pullAll(remote)
  const outcome = await outcomeOf(call)
  const after = await pullAll(remote)
  equalParts(after.parts, before.parts, `${what}: what the store holds afterwards`)
  ensure(isSameCursor(after.next, before.next), `${what}: the head moved from ${before.next.position} to ${after.next.position}`)
  if (outcome.kind === "error") {
    return outcome.error instanceof Error ? outcome.error : fail(`${what}: it failed with ${describeError(outcome.error)}`)
  }
  ensure(outcome.value.kind !== "ok", `${what}: found ok`)
  return outcome.value
}

/** Fails unless the answer is unknown. */
export const isUnknown = (answer: PushAnswer | Error): void => {
  if (answer instanceof Error || answer.kind !== "unknown") fail(`found ${describe(answer)}, expected unknown`)
}

/** A stamp further ahead than any remote is told to take. */
export const farAhead = ({ handshake }: { readonly handshake: Handshake }): number => handshake.serverTimeMillis + FAR_MILLIS
const FAR_MILLIS = 40 * 24 * 3_600_000

/** What to ask for with a pull; by default everything from the start. */
export interface Asking {
  readonly cursor?: Cursor | undefined
  readonly have?: readonly PassedRange[] | undefined
  readonly partsBytesMax?: number | undefined
}

/** Asks once. */
export const pull = async (remote: Remote, asking: Asking = {}): Promise<PullAnswer> => {
  const { cursor = START, have = [], partsBytesMax = WHOLE_PAGE_BYTES } = asking
  const answer = await remote.pull({ cursor, have, partsBytesMax }, { signal: forever() })
  checkTime(answer.serverTimeMillis)
  if (answer.kind === "page") checkPage(answer, cursor)
  else checkCursor(answer.at, "at")
  return answer
}

/** Asks once for what must be a page. */
export const pullPage = async (remote: Remote, asking: Asking = {}): Promise<Page> => {
  const answer = await pull(remote, asking)
  return answer.kind === "page" ? answer : fail(`a pull from ${asking.cursor?.position ?? 0}: found a restart, expected a page`)
}

const checkPage = ({ parts, ranges, next, upToDate, head }: Page, cursor: Cursor): void => {
  checkCursor(next, "next")
  ensure(Number.isSafeInteger(head) && head >= next.position, `head: found ${head}, behind next ${next.position}`)
  ensure(upToDate === (head === next.position), `upToDate: found ${upToDate} with next ${next.position} of ${head}`)
  ensure(next.position >= cursor.position, `next: found ${next.position}, before the cursor ${cursor.position}`)
  if (next.position === cursor.position) {
    ensure(areSameBytes(next.id, cursor.id), "next: it is at the cursor with another id")
    equal([parts.length, ranges.length], [0, 0], "parts and ranges of a page that does not move")
  }
}

const checkCursor = ({ position, id }: Cursor, name: string): void => {
  ensure(Number.isSafeInteger(position) && position >= 0, `${name}: found the position ${position}`)
  ensure(id instanceof Uint8Array && id.length === 16, `${name}: its id has no 16 bytes`)
  if (position === 0) ensure(areSameBytes(id, START.id), `${name}: its id is not zero at position 0`)
}

const checkTime = (millis: number): void => ensure(Number.isSafeInteger(millis) && millis > 0, `serverTimeMillis: found ${millis}`)

/** What pulls brought up to the head. */
export interface Pulled {
  readonly parts: readonly Part[]
  readonly ranges: readonly PassedRange[]
  readonly next: Cursor
  /** In order; the last one was up to date. */
  readonly pages: readonly Page[]
}

/** Pulls up to the head, over as many pages as it takes. */
export const pullAll = async (remote: Remote, asking: Asking = {}): Promise<Pulled> => {
  const pages: Page[] = []
  for (let cursor = asking.cursor ?? START;;) {
    const page = await pullPage(remote, { ...asking, cursor })
    pages.push(page)
    if (page.upToDate) {
      return {
        parts: pages.flatMap(({ parts }) => parts),
        ranges: pages.flatMap(({ ranges }) => ranges),
        next: page.next,
        pages,
      }
    }
    ensure(page.next.position > cursor.position, `a page that is not up to date does not move from ${cursor.position}`)
    cursor = page.next
  }
}

/** Fails unless the store holds exactly these parts, in this order, byte for byte. */
export const holds = async (remote: Remote, expected: readonly Part[]): Promise<Pulled> => {
  const pulled = await pullAll(remote)
  equalParts(pulled.parts, expected, "what the store holds")
  return pulled
}

/** Fails unless the parts are these. */
export const equalParts = (found: readonly Part[], expected: readonly Part[], what: string): void => {
  equal(found.length, expected.length, `${what}: parts`)
  for (const [at, part] of expected.entries()) {
    equal(found[at]?.type, part.type, `${what}: type of part ${at + 1}`)
    equalBytes(found[at]?.content, part.content, `${what}: part ${at + 1}`)
  }
}

/** The writers of blocks, each once. */
export const writersOf = (parts: readonly Part[]): readonly Bytes[] => {
  const writers = new Map<string, Bytes>()
  for (const { content } of parts) {
    // An array of 24, the codec, and the table of writers, of which the first is the block's own.
    const at = content[4] === 0xc4 ? 6 : content[4] === 0xc5 ? 7 : 9
    const writer = content.slice(at, at + WRITER_BYTES)
    writers.set(writer.join(), writer)
  }
  return [...writers.values()]
}
