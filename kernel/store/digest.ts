/**
 * Digest of a store: SHA-256 (FIPS 180-4) over what it shows and keeps of live records, the same on every device that has the same
 * operations, however their logs are cut.
 *
 * Records in the order of their collections' names and then keys, by bytes. For each the MessagePack values: collection (str), key
 * (str), number of versions (uint), then for each version that is no delete, by (millis, counter, writer, seq): millis, counter (uint),
 * writer (bin 16), seq (uint), value (bin of its bytes in the plain profile). Tombstones and contexts are left out.
 */
import { ByteWriter } from "../format/bytes.ts"
import { Sha256 } from "../format/sha256.ts"
import { bytesToHex, WRITER_BYTES } from "../model/identifiers.ts"
import { compareVersions } from "../model/versions.ts"
import type { StoreCore } from "./store-core.ts"

/** Bytes that are hashed before others get a turn. */
const STEP_BYTES = 1_048_576

/** 64 hex digits. */
export async function digestOf(core: StoreCore): Promise<string> {
  const { records, views, names, decoded } = core, hash = new Sha256(), out = new ByteWriter()
  const compareWriters = (a: number, b: number): number => views.writers.compare(a, b)
  const byName = names.names.map((name, index) => ({ name: new TextEncoder().encode(name), index }))
  byName.sort((a, b) => compareNames(a.name, b.name))
  for (const { index } of byName) {
    const sorted = core.sorted(index).rows().slice()
    for (const row of sorted) {
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
      hash.update(out.buffer, 0, out.length)
      out.reset()
      await new Promise((resolve) => setTimeout(resolve, 0))
    }
  }
  hash.update(out.buffer, 0, out.length)
  return bytesToHex(hash.digest())
}

function compareNames(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}
