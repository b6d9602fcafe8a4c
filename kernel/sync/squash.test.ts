/** Goal: exactly what another operation of the same push covers is void. Compared with the plain rules over random histories. */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { A, B, B2, blockOf, operation } from "../../conformance/vectors/blocks.ts"
import { type BlockNotation, encodeNotedBlock, type OperationNotation } from "../format/block-notation.ts"
import { WriterTable } from "../model/identifiers.ts"
import { Lineage } from "../model/lineage.ts"
import { anyHistory } from "../testing/histories.ts"
import { covers, OracleLineage } from "../testing/model-oracle.ts"
import { noteOracleBlock, writerIdOf } from "../testing/oracle-frames.ts"
import { readBlockBytes } from "../testing/read-block.ts"
import { processorMillis } from "../testing/processor-time.ts"
import { fromHex } from "../format/block-notation.ts"
import { Squash } from "./squash.ts"

const put = (seq: number, key: string, more: Partial<OperationNotation> = {}): OperationNotation => operation(seq, key, "01", more)

/** What is void of blocks, as `writer:seq`. */
function voidOf(blocks: readonly BlockNotation[], isListed: (writer: string, seq: number) => boolean = () => true): string[] {
  const table = new WriterTable(), lineage = new Lineage()
  const indexes = (ids: readonly string[]): number[] => ids.map((id) => table.indexOf(fromHex(id)))
  for (const { writers, from, links } of blocks) {
    if (from === 0) lineage.add(indexes(writers)[0]!, (links ?? []).flatMap(([number, seq]) => [indexes(writers)[number]!, seq]))
  }
  const squash = new Squash(lineage)
  for (const block of blocks) {
    squash.add(readBlockBytes(encodeNotedBlock(block)), indexes(block.writers), (seq) => isListed(block.writers[0]!, seq))
  }
  squash.run()
  return [...squash.void.entries()].map(({ writer, seq }) =>
    `${[...table.idOf(writer)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}:${seq}`
  )
    .sort()
}

describe("Squash", () => {
  it("S12 finds what another listed operation covers, and nothing else, whatever is listed", () => {
    fc.assert(
      fc.property(anyHistory, fc.array(fc.boolean(), { minLength: 1, maxLength: 7 }), (history, listing) => {
        const lineage = new OracleLineage()
        for (const { w, from, links } of history) if (from === 0) lineage.links.set(w, links)
        const isListed = (writer: string, seq: number): boolean => listing[(parseInt(writer.slice(2, 4), 16) + seq) % listing.length]!
        const listed = history.flatMap(({ ops }) => ops).filter(({ w, s }) => isListed(writerIdOf(w), s))
        const expected = listed.filter((op) => listed.some((other) => other !== op && other.key === op.key && covers(other, op, lineage)))
        assert.deepEqual(voidOf(history.map(noteOracleBlock), isListed), expected.map(({ w, s }) => `${writerIdOf(w)}:${s}`).sort())
      }),
      { numRuns: 400 },
    )
  })

  it("S12 leaves of five updates of a record the last one", () => {
    const updates = Array.from({ length: 5 }, (_, at) => put(at + 1, "k", { context: at === 0 ? [] : [[0, at]], counter: at }))
    assert.deepEqual(voidOf([blockOf([A], updates)]), [1, 2, 3, 4].map((seq) => `${A}:${seq}`))
  })

  it("S12 counts only what goes along: neither what is withheld, nor what is known there", () => {
    const first = blockOf([A], [put(1, "k")]), second = blockOf([B, A], [put(1, "k", { context: [[1, 1]] })])
    assert.deepEqual(voidOf([first, second]), [`${A}:1`])
    assert.deepEqual(voidOf([first]), [])
    assert.deepEqual(voidOf([first, second], (writer) => writer !== B), [], "what covers it is withheld")
    assert.deepEqual(voidOf([first, second], (writer) => writer !== A), [])
  })

  it("S12, S5 counts what another writer covers through who continued whom", () => {
    const blocks = [
      blockOf([B], [put(1, "k"), put(2, "other")]),
      blockOf([B2, B], [put(1, "more")], { links: [[1, 1]] }),
      blockOf([A, B2], [put(1, "k", { context: [[1, 1]] }), put(2, "other", { context: [[1, 1]], counter: 1 })]),
    ]
    assert.deepEqual(voidOf(blocks), [`${B}:1`], "the second number is above the link")
  })

  it("S9 a version that is kept open is not void", () => {
    const blocks = [blockOf([A], [put(1, "k"), put(2, "k", { context: [[0, 1]], keeps: [[0, 1]], counter: 1 })])]
    assert.deepEqual(voidOf(blocks), [])
  })

  it("S25 never takes events and forgets for void, though they may cover", () => {
    const rows: readonly OperationNotation[] = [
      put(1, "k", { kind: "event" }),
      put(2, "k", { kind: "forget", value: null, context: [[0, 1]] }),
      put(3, "k", { context: [[0, 2]] }),
    ]
    assert.deepEqual(voidOf([blockOf([A], rows)]), [])
    assert.deepEqual(voidOf([blockOf([A], [put(1, "k"), put(2, "k", { kind: "forget", value: null, context: [[0, 1]] })])]), [`${A}:1`])
  })

  it("tells records apart by collection and key", () => {
    const other = (context: OperationNotation["context"], collection: number, key: string): BlockNotation[] => [
      blockOf([A], [put(1, "k", { collection: 1 }), put(2, key, { collection, context, counter: 1 })], { names: ["x", ""] }),
    ]
    assert.deepEqual(voidOf(other([[0, 1]], 1, "k")), [`${A}:1`])
    assert.deepEqual(voidOf(other([[0, 1]], 0, "k")), [])
    assert.deepEqual(voidOf(other([[0, 1]], 1, "k2")), [])
    // A name and a key that would be one text.
    const blocks = [
      blockOf([A], [put(1, "b", { collection: 0 }), put(2, "b", { collection: 1, context: [[0, 1]], counter: 1 })], {
        names: ["a 62", "a"],
      }),
    ]
    assert.deepEqual(voidOf(blocks), [])
  })

  it("counts the bytes that it spares: keys and values", () => {
    const table = new WriterTable(), squash = new Squash(new Lineage()), index = table.indexOf(fromHex(A))
    const block = blockOf([A], [operation(1, "key", "a3616263"), operation(2, "key", null, { context: [[0, 1]], counter: 1 })])
    squash.add(readBlockBytes(encodeNotedBlock(block)), [index], () => true)
    squash.run()
    assert.equal(squash.void.get(index, 1), 3 + 4)
  })

  it("takes many updates of one record in no time", () => {
    const updates = Array.from({ length: 60_000 }, (_, at) => put(at + 1, "k", { context: at === 0 ? [] : [[0, at]], counter: at }))
    const started = processorMillis()
    assert.equal(voidOf([blockOf([A], updates)]).length, 59_999)
    assert.ok(processorMillis() - started < 5000)
  })
})
