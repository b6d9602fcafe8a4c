/** What an open handle shows, beside what the second reader makes of the same log. */
import { readUtf8 } from "../kernel/format/utf8.ts"
import type { LiveVersion } from "../kernel/sync/synced-log.ts"
import type { StoreViews } from "../kernel/views/store-views.ts"
import type { DeviceProcess } from "./device-process.ts"

/** Turns the version that a write resolved to into the dot of its operation. */
export function dotOfVersion(version: string): string {
  const [writer = "", seq = ""] = version.split("-")
  return `${writer}-${parseInt(seq, 36)}`
}

/** Collection and key of a record that an open handle shows. */
export function nameOfRecord(
  { records, names }: StoreViews,
  { row, version }: LiveVersion,
): { readonly collection: string; readonly key: string } {
  const chunk = records.arena.chunks[version.chunk]
  if (chunk === undefined) throw new Error("a version lies nowhere")
  return {
    collection: names.names[records.rows.collectionOf(row)] ?? "",
    key: readUtf8(chunk, version.keyAt, version.keyAt + version.keyBytes),
  }
}

/** Compares siblings and stamps of every record; answers the first difference, or undefined. The handle must be at the head of its log. */
export function sameAsLog({ store, site: { disk, observer: { fold } } }: DeviceProcess): string | undefined {
  if (store === undefined) return "it is not open"
  const { head } = store.status()
  if (head !== disk.head) return `it is at ${head}, its log at ${disk.head}`
  const shown = pictureOf(store.synced.views), folded = new Map<string, string>()
  let letters = 0
  for (const [collection, key, versions] of fold.sorted()) {
    if (versions.length === 0) continue
    letters += versions.filter(({ writer, seq }) => fold.dead.has(String([writer, seq]))).length
    folded.set(
      `${collection}/${key}`,
      versions.map(({ writer, seq, millis, counter }) => `${writer}-${seq} ${millis}.${counter}`).sort().join(" "),
    )
  }
  for (const name of new Set([...shown.keys(), ...folded.keys()])) {
    if (shown.get(name) !== folded.get(name)) return `${name} has ${shown.get(name)}, the log says ${folded.get(name)}`
  }
  const { deadLetters } = store.status()
  if (deadLetters !== letters) return `it has ${deadLetters} dead letters, the log says ${letters}`
  return undefined
}

/** By record, the dots and stamps of its versions. */
function pictureOf(views: StoreViews): Map<string, string> {
  const { records, writers } = views, shown = new Map<string, string>()
  for (const live of records.liveVersions(() => true)) {
    const { collection, key } = nameOfRecord(views, live)
    const versions = records.versionsOf(live.row).map(({ writer, seq, millis, counter }) =>
      `${dotOfVersion(writers.versionOf(writer, seq))} ${millis}.${counter}`
    )
    shown.set(`${collection}/${key}`, versions.sort().join(" "))
  }
  return shown
}
