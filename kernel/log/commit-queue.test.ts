import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { openStore } from "../store/store.ts"
import { turn } from "../testing/gate.ts"

/** Frees what nobody holds; undefined where a runtime does not let itself be asked. */
function findCollector(): (() => void) | undefined {
  try {
    setFlagsFromString("--expose-gc")
    const collect: unknown = runInNewContext("gc")
    return typeof collect === "function" ? () => void collect() : undefined
  } catch {
    return undefined
  }
}

const collect = findCollector()

describe("CommitQueue", () => {
  it("holds nothing of calls that have ended", { skip: collect === undefined }, async () => {
    const store = await openStore("notes", memoryAdapter())
    const refs: WeakRef<object>[] = []
    const write = async (): Promise<void> => {
      const captured = { text: "held by the callback" }
      refs.push(new WeakRef(captured))
      await store.records.update("a", () => captured.text)
    }
    for (let index = 0; index < 20; index++) await write()
    await turn()
    collect!()
    const held = refs.filter((ref) => ref.deref() !== undefined).length
    assert.ok(held <= 1, `${held} of 20 are held`)
  })
})
