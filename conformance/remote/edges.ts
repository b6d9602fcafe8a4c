/** Edges: the last operation that is within the format's limits is taken, the next one is not. */
import type { Part } from "../../kernel/ports/remote.ts"
import { describe, ensure } from "../expect.ts"
import { type BlockWriter, type PlayedOperation, RawValue } from "./block-writer.ts"
import { holds, push, pushed, refuses } from "./stream.ts"
import type { RemoteCase, RemoteTrial } from "./trial.ts"

const LIMITS = "Blocks and values have the limits F-49."
const VALUE_BYTES_MAX = 1_048_576
const NIL = 0xc0

/** Bytes of a head and so many times others. */
const repeated = (head: readonly number[], count: number, each: (at: number) => readonly number[]): RawValue => {
  const bytes = [...head]
  for (let at = 0; at < count; at += 1) bytes.push(...each(at))
  return new RawValue(Uint8Array.from(bytes))
}
const lengthOf = (count: number): readonly number[] => [count >>> 24, count >>> 16 & 0xff, count >>> 8 & 0xff, count & 0xff]
/** Arrays inside each other. */
const deep = (depth: number): RawValue => repeated([], depth + 1, (at) => [at < depth ? 0x91 : NIL])
/** An array of nils: with itself, so many nodes. */
const wide = (nodes: number): RawValue => repeated([0xdd, ...lengthOf(nodes - 1)], nodes - 1, () => [NIL])
/** A map with so many keys of five digits. */
const map = (members: number): RawValue => {
  const head = members < 65_536 ? [0xde, members >>> 8, members & 0xff] : [0xdf, ...lengthOf(members)]
  return repeated(head, members, (at) => [0xa5, ...String(at).padStart(5, "0").split("").map((digit) => 0x30 + Number(digit)), NIL])
}
const long = (bytes: number): RawValue => repeated([0xc6, ...lengthOf(bytes - 5)], bytes - 5, () => [0])
const contextOf = (trial: RemoteTrial, count: number): PlayedOperation => ({
  context: Array.from({ length: count }, () => trial.writer().write(1).dot()),
})

/** The last operation within a limit, and the first one beyond it. */
const operations = (trial: RemoteTrial): Readonly<Record<string, readonly [PlayedOperation, PlayedOperation]>> => ({
  "a key of 1,024 bytes": [{ key: "k".repeat(1024) }, { key: "k".repeat(1025) }],
  "a key of 1,024 bytes in 512 characters": [{ key: "é".repeat(512) }, { key: `${"é".repeat(512)}k` }],
  "a value of 1,048,576 bytes": [{ value: long(VALUE_BYTES_MAX) }, { value: long(VALUE_BYTES_MAX + 1) }],
  "64 arrays inside each other": [{ value: deep(64) }, { value: deep(65) }],
  "262,144 nodes": [{ value: wide(262_144) }, { value: wide(262_145) }],
  "65,536 members of a map": [{ value: map(65_536) }, { value: map(65_537) }],
  "1,024 entries of a context": [contextOf(trial, 1024), contextOf(trial, 1025)],
})

export const edgeCases: readonly RemoteCase[] = [
  {
    id: "limit/edges",
    title: "an operation at each limit of the format is taken, one beyond it is not, and nothing of its push is stored", // R35
    level: "MUST",
    requires: [],
    rule: LIMITS,
    why: "Clients fill these up; one operation that is beyond them stops every device that pulls it.",
    async run(trial) {
      const { partsBytesMax } = trial.handshake.limits
      const taken: Part[] = []
      for (const [what, [last, next]] of Object.entries(operations(trial))) {
        const [within, beyond] = [trial.writer().write(1, last).part(), trial.writer().write(1).write(1, next).part()]
        if (beyond.content.length > partsBytesMax) {
          trial.warn(`partsBytesMax is ${partsBytesMax}: ${what} is not tried`)
          continue
        }
        const answer = await push(trial.remote, [within])
        // Its owner may have set less.
        const isSmaller = answer.kind === "refused" && answer.refused.every(({ code }) => code === "op_too_large")
        ensure(answer.kind === "ok" || isSmaller, `${what}: found ${describe(answer)}, expected ok`)
        if (answer.kind === "ok") taken.push(within)
        const refused = await refuses(`more than ${what}`, trial.remote, () => push(trial.remote, [beyond]))
        const isRefused = refused instanceof Error || refused.kind === "refused"
        ensure(isRefused, `more than ${what}: found ${describe(refused)}, expected that it is refused, or an invalid request`)
      }

      const writers = Array.from({ length: 65 }, () => trial.writer().write(1))
      const parts = writers.map((writer) => writer.part())
      for (let at = 0; at < parts.length; at += 16) await pushed(trial.remote, parts.slice(at, at + 16))
      const linked = (count: number): BlockWriter => trial.writer().write(1, { value: count })
      const linkedPart = (count: number): Part => linked(count).part(0, 1, { links: writers.slice(0, count).map((writer) => writer.dot()) })
      const most = linkedPart(64)
      await pushed(trial.remote, [most])
      const refused = await refuses("65 links", trial.remote, () => push(trial.remote, [linkedPart(65)]))
      ensure(refused instanceof Error, `65 links: found ${describe(refused)}, expected an error`)
      await holds(trial.remote, [...taken, ...parts, most])
    },
  },
]
