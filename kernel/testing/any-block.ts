/** Random operation blocks with everything that a block can have, in the words of the vectors. */
import type { BlockNotation, NumberedDot, OperationNotation } from "../format/block-notation.ts"
import fc from "fast-check"
import { STAMP_COUNTER_MAX, STAMP_MILLIS_MAX } from "../limits.ts"

const hex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")
const anyId = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(hex)
const anyText = (lengthMax: number): fc.Arbitrary<string> => fc.string({ unit: "binary", minLength: 1, maxLength: lengthMax })
const anyStamp = fc.oneof(
  fc.record({ millis: fc.constant("same" as const), counter: fc.constant("next" as const) }),
  fc.record({ millis: fc.integer({ min: -5, max: 5 }), counter: fc.oneof(fc.constant("next" as const), fc.nat(STAMP_COUNTER_MAX)) }),
  fc.record({ millis: fc.integer({ min: 0, max: STAMP_MILLIS_MAX }).map((millis) => ({ millis })), counter: fc.nat(STAMP_COUNTER_MAX) }),
)

const anyRow = fc.record({
  kind: fc.constantFrom<OperationNotation["kind"]>("put", "put", "put", "put", "delete", "choice", "event", "forget"),
  step: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 300 })),
  stamp: anyStamp,
  collection: fc.nat(3),
  context: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 0x7fff_ffff })), { maxLength: 3 }),
  contextForm: fc.constantFrom("none", "own", "any"),
  keeps: fc.option(fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 100_000 })), { minLength: 1, maxLength: 3 }), { freq: 6 }),
  settles: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 100_000 })), { minLength: 1, maxLength: 3 }),
  key: fc.oneof(anyText(12), fc.constantFrom("k", "k".repeat(1024))),
  value: fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.uint8Array({ minLength: 130, maxLength: 200 })).map(hex),
})

/** A block as a writer could make it: its contexts name each writer once, its numbers are in range. */
export const anyBlock: fc.Arbitrary<BlockNotation> = fc.record({
  writers: fc.uniqueArray(anyId, { minLength: 1, maxLength: 4 }),
  from: fc.oneof(fc.constant(0), fc.nat(200), fc.integer({ min: 0, max: 0x7fff_0000 })),
  rows: fc.array(anyRow, { maxLength: 12 }),
  behind: fc.nat(20),
  withheld: fc.array(fc.nat(400), { maxLength: 4 }),
  origin: fc.option(anyId),
  links: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 0x7fff_ffff })), { maxLength: 3 }),
  label: fc.option(anyText(30)),
  names: fc.oneof(fc.constant([""]), fc.uniqueArray(fc.oneof(fc.constant(""), anyText(10)), { minLength: 1, maxLength: 4 })),
  first: fc.record({ millis: fc.integer({ min: 0, max: STAMP_MILLIS_MAX }), counter: fc.nat(STAMP_COUNTER_MAX) }),
}).map(({ writers, from, rows, behind, withheld, origin, links, label, names, first }): BlockNotation => {
  const operations: OperationNotation[] = []
  /** Each number once, and none of an operation's own writer from `end` on. */
  const dots = (entries: readonly NumberedDot[], end: number): NumberedDot[] => {
    const seqs = new Map(entries.map(([number, seq]) => [number % writers.length, seq]))
    if (seqs.has(0)) end > 1 ? seqs.set(0, (seqs.get(0)! - 1) % (end - 1) + 1) : seqs.delete(0)
    return [...seqs]
  }
  let seq = from, { millis, counter } = first
  for (const row of rows) {
    seq += row.step
    if (operations.length > 0) {
      const before = millis, step = row.stamp.millis
      millis = Math.min(STAMP_MILLIS_MAX, Math.max(0, step === "same" ? millis : typeof step === "number" ? millis + step : step.millis))
      counter = row.stamp.counter !== "next" ? row.stamp.counter : millis === before ? Math.min(counter + 1, STAMP_COUNTER_MAX) : 0
    }
    const settles = dots(row.settles, seq), keeps = dots(row.keeps ?? [], seq)
    const kind = row.kind === "choice" && settles.length === 0 ? "put" : row.kind
    operations.push({
      kind,
      seq,
      millis,
      counter,
      collection: row.collection % names.length,
      context: dots(row.contextForm === "none" ? [] : row.contextForm === "own" ? [[0, 70_000]] : row.context, seq),
      keeps,
      settles: kind === "choice" ? settles : null,
      key: kind === "event" && row.step % 2 === 0 ? "" : row.key,
      value: kind === "delete" || kind === "forget" ? null : kind === "choice" && row.step % 2 === 0 ? "" : row.value,
    })
  }
  const to = Math.max(seq + behind, from + 1), listed = new Set(operations.map(({ seq }) => seq))
  return {
    writers,
    from,
    to,
    withheld: [...new Set(withheld.map((at) => from + 1 + at))].filter((seq) => seq <= to && !listed.has(seq)).sort((a, b) => a - b),
    origin,
    links: from === 0 && writers.length > 1 && links.length > 0
      ? links.map(([number, seq]) => [number % (writers.length - 1) + 1, seq])
      : null,
    label: from === 0 ? label : null,
    names,
    operations,
  }
})
