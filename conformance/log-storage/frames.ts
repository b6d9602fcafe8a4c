/** Frames for the cases: made by rule, appended, read back and compared. */
import type { Bytes, LogStorage, Position, ReadLimits } from "../../kernel/ports/log-storage.ts"
import { ensure, equal, equalBytes, fail } from "../expect.ts"

/** Limits that no test log reaches. */
export const ALL: ReadLimits = { maxFrames: 1_000_000, maxBytes: 1_000_000_000 }

/** Bytes that differ for every seed and follow no period of the medium's (blocks, pages). The same seed gives the same bytes. */
export const bytesOf = (length: number, seed: number): Bytes => {
  const bytes = new Uint8Array(length)
  let state = (seed * 2_654_435_761 + 1) >>> 0
  for (let index = 0; index < length; index += 1) {
    // xorshift32; Marsaglia, "Xorshift RNGs", 2003, section 3.
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    bytes[index] = state & 0xff
    if (state === 0) state = 1
  }
  return bytes
}

/** UTF-8 bytes of `text`. */
export const bytesOfText = (text: string): Bytes => new TextEncoder().encode(text)

/** The frame that `fill` puts at `position`: 20 to 119 bytes. */
export const frameAt = (position: Position): Bytes => bytesOf(20 + (position * 37) % 100, position)

/** Appends frames, from behind the head up to `through`. */
export const fill = async (storage: LogStorage, through: Position): Promise<void> => {
  for (let position = await storage.head() + 1; position <= through; position += 1) await storage.append(position, frameAt(position))
}

/** The frames that `fill` put behind `after` up to `through`. */
export const framesBetween = (after: Position, through: Position): readonly Bytes[] =>
  Array.from({ length: through - after }, (_, index) => frameAt(after + 1 + index))

/** All frames after `after`, over as many pages as it takes. */
export const readAll = async (storage: LogStorage, after: Position = 0, limits: ReadLimits = ALL): Promise<readonly Bytes[]> => {
  const frames: Bytes[] = []
  for (;;) {
    const page = await storage.read(after + frames.length, limits)
    if (page.length === 0) return frames
    frames.push(...page)
    if (frames.length > 1_000_000) return fail("read() never comes to the end of the log")
  }
}

/** Fails unless the frames are these, in number, order and bytes. */
export const equalFrames = (found: readonly Uint8Array[], expected: readonly Uint8Array[], what: string = "the frames"): void => {
  if (found.length !== expected.length) fail(`${what}: found ${found.length}, expected ${expected.length}`)
  for (const [index, frame] of expected.entries()) equalBytes(found[index], frame, `${what}, number ${index + 1}`)
}

/** Fails unless the log after `after` holds exactly these frames, by its head and by reading. */
export const holds = async (storage: LogStorage, expected: readonly Uint8Array[], after: Position = 0): Promise<void> => {
  equal(await storage.head(), after + expected.length, "head()")
  equalFrames(await readAll(storage, after), expected)
}

/** Fails unless the log holds some first frames of what `fill` puts, and answers how many. */
export const holdsPrefix = async (storage: LogStorage, through: Position): Promise<Position> => {
  const head = await storage.head()
  ensure(head <= through, `head() is ${head}, but only ${through} frames were appended`)
  equalFrames(await readAll(storage), framesBetween(0, head))
  return head
}
