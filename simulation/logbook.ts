/** A log as text, for whoever looks at a failed run. */
import { toText } from "../conformance/vectors/reader/cursor.ts"
import { type Dot, type Operation, readBlock, readFrame, readSetting } from "../conformance/vectors/reader/frame.ts"
import { readValue } from "../conformance/vectors/reader/value.ts"
import type { Bytes } from "../kernel/ports/log-storage.ts"

const shortOf = (writer: string): string => writer.slice(16, 22)
const dotsOf = (dots: readonly Dot[]): string => dots.map(([writer, seq]) => `${shortOf(writer)}-${seq}`).join(" ")

function operationText({ kind, seq, millis, collection, key, context, keeps, value }: Operation): string {
  const what = value === null || value.length === 0 ? "" : ` ${JSON.stringify(readValue(value))}`
  const over = context.length === 0 ? "" : ` over ${dotsOf(context)}`
  return `      ${seq} ${["put", "delete", "choice"][kind] ?? kind} ${collection}/${toText(key)}${what} at ${millis}${over}${
    keeps.length === 0 ? "" : ` keeps ${dotsOf(keeps)}`
  }`
}

/** One line a frame, a block and an operation. */
export function logbookOf(name: string, frames: readonly Bytes[]): string {
  const lines = [`${name}:`]
  for (const bytes of frames) {
    const { position, id, flags, parts, change, receipt } = readFrame(bytes)
    lines.push(
      `  ${position} ${id.slice(0, 6)}${flags % 2 === 1 ? " local" : ""}${
        receipt === null ? "" : ` from ${receipt.principal} at ${receipt.millis}, own ${receipt.own.map(shortOf)}`
      }`,
    )
    if (change !== null) {
      const { remote, restart, caughtUp, cursor, ranges, refused, dead, offset } = change
      lines.push(
        `    ${remote}:${restart ? " restart" : ""}${caughtUp ? " caught up" : ""}${
          cursor === null ? "" : ` cursor ${cursor.position} ${cursor.id.slice(0, 6)}`
        }` +
          ` ranges ${dotsOf(ranges)} refused ${refused.map(({ dot, code }) => `${dotsOf([dot])} ${code}`)} dead ${
            dotsOf(dead)
          } offset ${offset}`,
      )
    }
    for (const { type, content } of parts) {
      if (type === 4) lines.push(`    setting ${JSON.stringify(readSetting(content))}`)
      if (type !== 1) continue
      const { writers: [writer = ""], from, to, withheld, links, operations } = readBlock(content)
      lines.push(
        `    ${shortOf(writer)} (${from}, ${to}]${withheld.length > 0 ? ` withheld ${withheld}` : ""}${
          links === null ? "" : ` links ${dotsOf(links)}`
        }`,
      )
      lines.push(...operations.map(operationText))
    }
  }
  return lines.join("\n")
}
