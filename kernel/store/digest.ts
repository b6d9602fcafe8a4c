/**
 * Digest of a store: SHA-256 (FIPS 180-4) over what it shows and keeps of live records, the same on every device that has the same
 * operations, however their logs are cut.
 *
 * Records in the order of their collections' names and then keys, by bytes. For each the MessagePack values: collection (str), key
 * (str), number of versions (uint), then for each version that is no delete, by (millis, counter, writer, seq): millis, counter (uint),
 * writer (bin 16), seq (uint), value (bin of its bytes in the plain profile). Tombstones and contexts are left out, and records of which a version
 * is a dead letter: nobody else has it, until somebody answers it.
 */
import { ByteWriter } from "../format/bytes.ts"
import { Sha256 } from "../format/sha256.ts"
import { bytesToHex, WRITER_BYTES } from "../model/identifiers.ts"
import { compareVersions } from "../model/versions.ts"
import type { StoreCore } from "./store-core.ts"

/** Bytes that are gathered before they are hashed, and others may get a turn. */
const STEP_BYTES = 1_048_576
/** So often it begins again because something was written meanwhile; then it lets nobody come between. */
const ATTEMPTS_MAX = 3

/** 64 hex digits; of the state at one moment while it ran. */
export async function digestOf(core: StoreCore): Promise<string> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const { log: { head }, views } = core, hash = new Sha256()
    for (const bytes of contentOf(core)) {
      hash.update(bytes, 0, bytes.length)
      await core.turns.due()
      if (core.views !== views) break // the log was replaced
    }
    if (core.log.head === head && core.views === views) return bytesToHex(hash.digest())
  }
  const hash = new Sha256()
  for (const bytes of contentOf(core)) hash.update(bytes, 0, bytes.length)
  return bytesToHex(hash.digest())
}

/** What is hashed, in pieces; each is valid until the next. */
function* contentOf(core: StoreCore): Iterable<Uint8Array> {
  const { records, views, names, decoded } = core, out = new ByteWriter()
  const compareWriters = (a: number, b: number): number => views.writers.compare(a, b)
  const byName = names.names.map((name, index) => ({ name: new TextEncoder().encode(name), index }))
  byName.sort((a, b) => compareNames(a.name, b.name))
  for (const { index } of byName) {
    const sorted = core.sorted(index).rows().slice()
    for (const row of sorted) {
      if (core.deadLetters.rows.has(row)) continue
      const versions = records.versionsOf(row).filter((version) => version.valueBytes > 0)
      if (versions.length === 0) continue
      versions.sort((a, b) => compareVersions(a, b, compareWriters))
      out.msgStr(names.names[index]!)
      out.msgStr(decoded.keyOf(row))
      out.msgUint(versions.length)
      for (const version of versions) {
        out.msgUint(version.millis)
        out.msgUint(version.counter)
        out.msgBin(WRITER_BYTES)
        out.bytes(views.writers.idOf(version.writer), 0, WRITER_BYTES)
        out.msgUint(version.seq)
        out.msgBin(version.valueBytes)
        out.bytes(records.arena.chunks[version.chunk]!, version.valueAt, version.valueAt + version.valueBytes)
      }
      if (out.length < STEP_BYTES) continue
      yield out.buffer.subarray(0, out.length)
      out.reset()
    }
  }
  yield out.buffer.subarray(0, out.length)
}

function compareNames(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}
