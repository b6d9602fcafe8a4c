/**
 * Merge function: the user's rule for versions that were written apart, and how it is run: twice, on frozen copies, and its answer is checked as
 * a written value is. Whatever it does wrong is its record's failure alone.
 */
import { MergeFailed } from "../errors.ts"
import { ByteWriter } from "../format/bytes.ts"
import { decodeValue, encodeValue, freezeDeep } from "../format/msgpack.ts"
import type { Bytes } from "../ports/log-storage.ts"
import { refusePromise } from "./callback.ts"
import { RecordVersion, type UpdateVersion } from "./record-version.ts"

/**
 * Makes one value of two versions of a record: `local` the older, `remote` the newer, on every device alike; of more versions, what was made of
 * the older ones is `local` next. Pure and synchronous: it runs whenever versions are read that were written apart, and what it answers is shown,
 * not written. The versions are frozen.
 */
export type MergeFunction<T> = (local: UpdateVersion<T>, remote: UpdateVersion<T>) => T

/** Both runs over one record may take this long at most. A function that never ends cannot be ended. */
export const MERGE_MILLIS_MAX = 1_000

/** Where a record is, for errors. */
export interface MergedRecord {
  readonly collection: string
  readonly key: string
}

/**
 * The encoded value that `merge` makes of versions, oldest first; `read` gives fresh copies of them. Throws `MergeFailed` if it throws, answers
 * what cannot be stored, gives two results for the same versions, or takes longer than a second.
 */
export function runMerge(
  merge: MergeFunction<unknown>,
  read: () => readonly RecordVersion<unknown>[],
  record: MergedRecord,
  now: () => number,
): Bytes {
  const fail = (reason: string, cause?: unknown): never => {
    throw new MergeFailed({ ...record, reason }, cause === undefined ? undefined : { cause })
  }
  const timed = (): { readonly bytes: Bytes; readonly millis: number } => {
    const from = now()
    try {
      const bytes = fold(merge, read(), record.key)
      return { bytes, millis: now() - from }
    } catch (error) {
      return fail(`the function failed: ${error instanceof Error ? error.message : typeof error}`, error)
    }
  }
  const first = timed(), second = timed()
  if (!isSame(first.bytes, second.bytes)) fail("the function gave two results for the same versions")
  // A clock that jumps, or a pause of the whole machine, hits one run.
  const millis = Math.min(first.millis, second.millis)
  if (millis > MERGE_MILLIS_MAX) fail(`the function took ${Math.round(millis)} ms, at most ${MERGE_MILLIS_MAX} are allowed`)
  return first.bytes
}

function fold(merge: MergeFunction<unknown>, [oldest, ...newer]: readonly RecordVersion<unknown>[], key: string): Bytes {
  const out = new ByteWriter()
  let local = frozen(oldest!)
  for (const version of newer) {
    const remote = frozen(version), merged = merge(local, remote)
    refusePromise(merged, "the function given as merge")
    out.reset()
    encodeValue(merged, out, key)
    const value = decodeValue(out.buffer, 0, out.length)
    local = frozen(new RecordVersion(value, false, remote.updatedAt, remote.replica, remote.version, remote.label))
  }
  return out.buffer.slice(0, out.length)
}

const frozen = (version: RecordVersion<unknown>): UpdateVersion<unknown> => {
  freezeDeep(version.value)
  return Object.freeze(version) as UpdateVersion<unknown>
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false
  return true
}
