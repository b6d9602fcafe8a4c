/**
 * What became of an append whose answer did not come (rule S2): the position is read back.
 *
 *   the frame itself      stored
 *   another one           taken
 *   none                  it may still land: the same bytes are appended again, and the position is read
 */
import { PositionTaken } from "../errors.ts"
import type { Bytes, Durability, LogStorage, Position } from "../ports/log-storage.ts"

/** A frame whose append has no known outcome. */
export interface Undecided {
  readonly position: Position
  readonly frame: Bytes
}

/** Tries once to find out; undefined: nothing is to be read there yet. Rejects if the storage cannot be asked, or not be flushed. */
export async function outcomeOf(
  storage: LogStorage,
  { position, frame }: Undecided,
  durability: Durability,
): Promise<"stored" | "taken" | undefined> {
  if (await storage.head() < position) await appendAgain(storage, position, frame)
  const [there] = await storage.read(position - 1, { maxFrames: 1, maxBytes: 1 })
  if (there === undefined) return undefined
  if (!sameBytes(there, frame)) return "taken"
  // It can be read, which says nothing of the device.
  if (durability === "full") await storage.flush()
  return "stored"
}

/** The position may have been taken since the head was read: by the frame itself, or by another handle's. */
async function appendAgain(storage: LogStorage, position: Position, frame: Bytes): Promise<void> {
  try {
    await storage.append(position, frame)
  } catch (error) {
    if (!(error instanceof PositionTaken)) throw error
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
