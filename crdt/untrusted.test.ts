/**
 * States come from other devices. T44: what is no state is refused, what is one costs no more than its size pays for, and the laws hold for
 * states that no editor would make.
 */
import assert from "node:assert/strict"
import { describe, it } from "node:test"
import fc from "fast-check"
import { addWinsSet, counter, type CounterState, type CrdtEditor, type CrdtType, registerMap, type RegisterMapState } from "../crdt.ts"
import { CorruptBytes } from "../kernel/errors.ts"
import { ByteWriter } from "../kernel/format/bytes.ts"
import { encodeValue } from "../kernel/format/msgpack.ts"
import { processorMillis } from "../kernel/testing/processor-time.ts"
import { runs } from "./testing/any-steps.ts"
import { writerOf } from "./testing/devices.ts"
import { editCounter, editMap, editSet } from "./testing/our-types.ts"

const FAR = 2 ** 53 - 1

/** Bytes of numbers as varints, of hex, and of the number of the layout before them. */
const crafted = (...pieces: readonly (number | string)[]): Uint8Array => {
  const writer = new ByteWriter()
  writer.u8(1)
  for (const piece of pieces) {
    if (typeof piece === "number") writer.varint(piece)
    else for (const pair of piece.match(/../g) ?? []) writer.u8(Number.parseInt(pair, 16))
  }
  return writer.buffer.slice(0, writer.length)
}

const COPY = "aa".repeat(8), REST = "bb".repeat(8), LATER = "cc".repeat(8)
/** One writer. */
const ONE = [1, COPY, 1, REST] as const

const describeUntrusted = <View, Editor extends CrdtEditor<State>, State>(
  name: string,
  type: CrdtType<View, Editor, State>,
  edit: (editor: Editor, choice: number) => void,
  refused: Readonly<Record<string, readonly [reason: string, bytes: Uint8Array]>>,
): void => {
  /** Decoding refuses, or answers a state with exactly these bytes, which can be used. */
  const judge = (bytes: Uint8Array): boolean => {
    let state: State
    try {
      state = type.decode(bytes)
    } catch (error) {
      assert.ok(error instanceof CorruptBytes, String(error))
      return false
    }
    assert.deepEqual(type.encode(state), bytes)
    const editor = type.edit(type.join(state, state), { writer: writerOf(1, 1), seq: 1, millis: 1 })
    edit(editor, 5)
    type.view(type.join(editor.state, type.empty()))
    return true
  }
  const anyEncoded = fc.array(fc.tuple(fc.nat({ max: 1000 }), fc.nat({ max: 5 })), { maxLength: 8 }).map((edits) => {
    const states = edits.map(([choice, device], index) => {
      const editor = type.edit(type.empty(), { writer: writerOf(device, 1), seq: index + 1, millis: index })
      edit(editor, choice)
      return editor.state
    })
    return type.encode(states.reduce((a, b) => type.join(a, b), type.empty())) as Uint8Array
  })

  describe(`${name}.decode()`, () => {
    it("T44 refuses what is no binary, and binaries that are empty or of another layout", () => {
      for (const value of [undefined, null, 0, "", true, [], {}, [1], new Date(0), 1n, new ArrayBuffer(2)]) {
        assert.throws(() => type.decode(value), CorruptBytes)
      }
      for (const bytes of [[], [0], [2, 0, 0], [255]]) assert.throws(() => type.decode(Uint8Array.from(bytes)), CorruptBytes)
    })

    for (const [what, [reason, bytes]] of Object.entries(refused)) {
      it(`T44 refuses ${what}`, () => {
        // What is announced would be work for years.
        assert.throws(() => type.decode(bytes), (error) => error instanceof CorruptBytes && error.message.includes(reason))
      })
    }

    it("T44 refuses a state that is cut at any byte, or goes on", () =>
      fc.assert(
        fc.property(anyEncoded, (bytes) => {
          for (let length = 0; length < bytes.length; length++) assert.throws(() => type.decode(bytes.slice(0, length)), CorruptBytes)
          assert.throws(() => type.decode(Uint8Array.of(...bytes, 0)), CorruptBytes)
          assert.ok(judge(bytes))
        }),
        runs(100),
      ))

    it("T44 refuses random bytes and changed states, or makes a state of exactly these bytes", () =>
      fc.assert(
        fc.property(
          anyEncoded,
          fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 4 }),
          fc.uint8Array(),
          (bytes, changes, tail) => {
            const changed = Uint8Array.from(bytes)
            for (const [at, byte] of changes) changed[at % changed.length] = byte
            judge(changed)
            judge(Uint8Array.of(1, ...tail))
            judge(Uint8Array.of(1, ...ONE.flatMap((piece) => typeof piece === "number" ? piece : [...crafted(piece)].slice(1)), ...tail))
          },
        ),
        runs(1000),
      ))

    it("keeps nothing of the bytes that it was given", () => {
      const bytes = fc.sample(anyEncoded, { seed: 7, numRuns: 20 }).at(-1) ?? new Uint8Array(0)
      const given = bytes.slice(), state = type.decode(given)
      given.fill(0)
      assert.deepEqual(type.encode(state), bytes)
    })
  })
}

/** Lengths that nothing stands behind, and orders that no encoder writes. */
const CRAFTED: Readonly<Record<string, readonly [string, Uint8Array]>> = {
  "2^53 copies": ["8 bytes are announced", crafted(FAR)],
  "2^53 writers of a copy": ["8 bytes are announced", crafted(1, COPY, FAR, REST)],
  "a copy without writers": ["a copy has no writer", crafted(1, COPY, 0)],
  "one copy in two groups": ["copies do not ascend", crafted(2, COPY, 1, REST, COPY, 1, LATER, 1, 1, 1, 1, 0, 0)],
  "writers that descend": ["writers do not ascend", crafted(1, COPY, 2, LATER, REST, 1, 1, 1, 1, 0, 0)],
  "a writer twice": ["writers do not ascend", crafted(1, COPY, 2, REST, REST, 1, 1, 1, 1, 0, 0)],
}

describeUntrusted("counter()", counter(), editCounter, {
  ...CRAFTED,
  "an entry at 0": ["0 is no number", crafted(...ONE, 0, 0, 2)],
  "an entry that reaches beyond the last number": ["4294967297 is no number", crafted(...ONE, 1, 2 ** 33, 2)],
  "entries that descend": ["entries do not ascend", crafted(...ONE, 5, 1, 2, 4, 0, 2)],
  "an entry that is announced and missing": ["cut short", crafted(...ONE, 5, 1, 2)],
})

describeUntrusted("addWinsSet()", addWinsSet<string | number | boolean>(), editSet, {
  ...CRAFTED,
  "2^53 elements": ["cut short", crafted(...ONE, 1, FAR, 0)],
  "a string of 2^53 bytes": ["9007199254740991 bytes are announced", crafted(...ONE, 1, 1, 4, FAR, "61")],
  "a string that is no UTF-8": ["not well-formed", crafted(...ONE, 1, 1, 4, 1, "ff", 0, 0)],
  "an element of no kind": ["an element is expected", crafted(...ONE, 1, 1, 9, 0, 0)],
  "NaN": ["only form", crafted(...ONE, 1, 1, 3, "7ff8000000000000", 0, 0)],
  "-0": ["only form", crafted(...ONE, 1, 1, 3, "8000000000000000", 0, 0)],
  "an integer as another number": ["only form", crafted(...ONE, 1, 1, 3, "3ff0000000000000", 0, 0)],
  "elements that descend": ["keys do not ascend", crafted(...ONE, 1, 2, 1, 0, 0, 0, 0, 0)],
  "an element twice": ["keys do not ascend", crafted(...ONE, 1, 2, 1, 0, 0, 1, 0, 0)],
  "a dot of nobody": ["names no writer", crafted(...ONE, 1, 1, 1, 2, 0)],
  "a dot that was not seen": ["0 is no number", crafted(...ONE, 1, 1, 1, 0, 1)],
  "a dot twice": ["dots do not ascend", crafted(...ONE, 1, 1, 1, 1, 0, 0, 0)],
  "a writer that was seen at 0": ["0 is no number", crafted(...ONE, 0, 0)],
  "a writer that was seen beyond the last number": ["2147483648 is no number", crafted(...ONE, 2 ** 31, 0)],
})

describeUntrusted("registerMap()", registerMap(), editMap, {
  ...CRAFTED,
  "2^53 fields": ["cut short", crafted(...ONE, 1, FAR, 0)],
  "a field __proto__": ["called __proto__", crafted(...ONE, 1, 1, 9, "5f5f70726f746f5f5f", 0, 0, 0, 1, "c0")],
  "a time beyond all clocks": ["out of range", crafted(...ONE, 1, 1, 1, "61", 0, 0, 2 ** 48, 1, "c0")],
  "a value of 2^53 bytes": ["9007199254740991 bytes are announced", crafted(...ONE, 1, 1, 1, "61", 0, 0, 0, FAR, "c0")],
  "a value of no bytes": ["cut short", crafted(...ONE, 1, 1, 1, "61", 0, 0, 0, 0)],
  "a value that announces 2^32 members": ["4294967295 members", crafted(...ONE, 1, 1, 1, "61", 0, 0, 0, 5, "ddffffffff")],
  "a value with a key __proto__": ["is no key", crafted(...ONE, 1, 1, 1, "61", 0, 0, 0, 12, "81a95f5f70726f746f5f5fc0")],
  "two values in one": ["left over", crafted(...ONE, 1, 1, 1, "61", 0, 0, 0, 2, "c0c0")],
})

describe("join of states that are forged", () => {
  const anyWriter = fc.nat({ max: 2 }).map((index) => writerOf(index, 1))
  const anyCounter: fc.Arbitrary<CounterState> = fc.array(
    fc.tuple(anyWriter, fc.uniqueArray(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }), fc.nat({ max: 2 }), fc.integer()),
    { maxLength: 3 },
  ).map((list) => ({
    entries: new Map(
      list.map(([writer, starts, more, value]) => [writer, starts.toSorted().map((start) => ({ start, seq: start + more, value }))]),
    ),
  }))
  const bytesOf = (value: unknown): Uint8Array => {
    const writer = new ByteWriter()
    encodeValue(value, writer, "")
    return writer.buffer.slice(0, writer.length)
  }
  const anyMap: fc.Arbitrary<RegisterMapState> = fc.array(
    fc.tuple(fc.constantFrom("a", "b"), anyWriter, fc.integer({ min: 1, max: 3 }), fc.nat({ max: 2 }), fc.nat({ max: 2 })),
    { maxLength: 4 },
  ).chain((list) =>
    fc.array(fc.nat({ max: 3 }), { minLength: 3, maxLength: 3 }).map((more) => {
      const seen = new Map<string, number>()
      more.forEach((seq, index) => seq > 0 && seen.set(writerOf(index, 1), seq))
      for (const [, writer, seq] of list) seen.set(writer, Math.max(seq, seen.get(writer) ?? 0))
      const dots = new Map(
        list.map(([field, writer, seq, millis, value]) => [field, [{ writer, seq, written: { millis, bytes: bytesOf(value) } }]]),
      )
      return { seen, dots }
    })
  )
  const check = <View, Editor extends CrdtEditor<State>, State>(type: CrdtType<View, Editor, State>, any: fc.Arbitrary<State>): void =>
    fc.assert(
      fc.property(any, any, any, (a, b, c) => {
        const { join, encode } = type
        assert.deepEqual(encode(join(a, b)), encode(join(b, a)))
        assert.deepEqual(encode(join(join(a, b), c)), encode(join(a, join(b, c))))
        assert.deepEqual(encode(join(a, a)), encode(a))
        assert.deepEqual(encode(join(join(a, b), b)), encode(join(a, b)))
        assert.deepEqual(encode(type.decode(encode(a))), encode(a))
      }),
      runs(2000),
    )

  it("I15 counter() keeps the laws also where one operation has two stories", () => check(counter(), anyCounter))
  it("I15 registerMap() keeps the laws also where one operation has two stories", () => check(registerMap(), anyMap))
})

/**
 * The same work for a state and for one that is 16 times as large. In proportion it takes 16 times as long, a little more where it sorts; with
 * the square 256 times. Times are the processor's, of the best of several tries, and only compared with one another.
 */
describe("work on large states", () => {
  const GROWTH = 16, RATIO_MAX = 80, SMALL = 1500, TRIES = 4, SPANS = 5, TICK_MILLIS = 1

  const bestOf = (tries: number, work: () => void, repeats: number): number => {
    let best = Infinity
    for (let left = tries; left > 0; left--) {
      const before = processorMillis()
      for (let index = 0; index < repeats; index++) work()
      best = Math.min(best, processorMillis() - before)
    }
    return best / repeats
  }

  const check = <View, Editor extends CrdtEditor<State>, State>(
    type: CrdtType<View, Editor, State>,
    make: (size: number, isOther: boolean) => State,
    edit: (editor: Editor) => void,
  ): void => {
    const workOn = (size: number): () => void => {
      const value = type.encode(make(size, false)), other = make(size, true)
      return () => {
        const editor = type.edit(type.join(type.decode(value), other), { writer: writerOf(1, 1), seq: 2 ** 31 - 1, millis: 1 })
        edit(editor)
        type.view(editor.state)
        type.encode(editor.state)
      }
    }
    const small = workOn(SMALL), large = workOn(SMALL * GROWTH)
    const found: number[] = []
    for (let tries = TRIES; tries > 0; tries--) {
      // What is too short for the processor's clock counts as one of its ticks.
      const ratio = bestOf(SPANS, large, 1) / Math.max(bestOf(SPANS, small, GROWTH), TICK_MILLIS / GROWTH)
      found.push(ratio)
      if (ratio < RATIO_MAX) return
    }
    assert.fail(`16 times the size costs ${found.map(Math.round).join(", ")} times as much`)
  }
  const list = (size: number): readonly number[] => Array.from({ length: size }, (_, index) => index)
  const bytes = Uint8Array.of(7)

  it("T44 counter() of many writers", () =>
    check(
      counter(),
      (size, isOther) => ({
        entries: new Map(list(size).map((index) => [writerOf(isOther ? 2 : 1, index), [{ start: 1, seq: 2, value: 1 }]])),
      }),
      (c) => c.increment(),
    ))
  it("T44 counter() with many entries of one writer, which edits it", () =>
    check(
      counter(),
      (size, isOther) => ({
        entries: new Map([[
          writerOf(1, 1),
          list(size).map((index) => ({ start: 2 * index + (isOther ? 2 : 1), seq: 2 * index + 2, value: 1 })),
        ]]),
      }),
      (c) => list(100).forEach(() => c.increment()),
    ))
  it("T44 addWinsSet() of many elements", () =>
    check(
      addWinsSet(),
      (size, isOther) => ({
        seen: new Map([[writerOf(isOther ? 2 : 1, 1), size]]),
        dots: new Map(list(size).map((index) => [`${index}`, [{ writer: writerOf(isOther ? 2 : 1, 1), seq: index + 1, written: null }]])),
      }),
      (set) => set.delete("7"),
    ))
  it("T44 addWinsSet() of one element that many added, and of which others have seen it all", () =>
    check(
      addWinsSet(),
      (size, isOther) => {
        const writers = list(size).map((index) => writerOf(1, index))
        const dots = writers.map((writer) => ({ writer, seq: 1, written: null }))
        return { seen: new Map(writers.map((writer) => [writer, 1])), dots: new Map(isOther ? [] : [["a", dots]]) }
      },
      (set) => set.add("b"),
    ))
  it("T44 addWinsSet() that one edit fills", () =>
    check(
      addWinsSet<number>(),
      filled,
      (set) => set.add(...list(set.state.dots.size).map((index) => index + 0.5)),
    ))
  it("T44 registerMap() of many fields", () =>
    check(
      registerMap(),
      (size, isOther) => ({
        seen: new Map([[writerOf(isOther ? 2 : 1, 1), size]]),
        dots: new Map(
          list(size).map((
            index,
          ) => [`${index}`, [{ writer: writerOf(isOther ? 2 : 1, 1), seq: index + 1, written: { millis: index, bytes } }]]),
        ),
      }),
      (map) => map.set("a", 1),
    ))
  it("T44 registerMap() of one field that many set", () =>
    check(
      registerMap(),
      (size, isOther) => {
        const writers = list(size).map((index) => writerOf(isOther ? 2 : 1, index))
        return {
          seen: new Map(writers.map((writer) => [writer, 1])),
          dots: new Map([["a", writers.map((writer) => ({ writer, seq: 1, written: { millis: 1, bytes } }))]]),
        }
      },
      (map) => map.get("a"),
    ))

  const filled = (size: number): ReturnType<ReturnType<typeof addWinsSet<number>>["empty"]> => ({
    seen: new Map([[writerOf(2, 1), size]]),
    dots: new Map(list(size).map((index) => [index, [{ writer: writerOf(2, 1), seq: index + 1, written: null }]])),
  })
})
