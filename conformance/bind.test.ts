import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "../adapters/memory/mod.ts"
import { InvalidOption } from "../kernel/errors.ts"
import { bindTo } from "./bind.ts"
import { adapterSuite, logStorageCases } from "./log-storage/suite.ts"
import { storageDouble } from "./doubles/double.ts"

interface Registered {
  readonly name: string
  readonly skipped: boolean
  readonly body: () => Promise<void>
  readonly timeoutMillis: number
}

/** A framework that remembers what it was told. */
const framework = (skipName: "skip" | "ignore" | undefined) => {
  const tests: Registered[] = [], groups: string[] = []
  const register = (skipped: boolean) => (name: string, body: () => Promise<void>, timeoutMillis: number): void =>
    void tests.push({ name, skipped, body, timeoutMillis })
  return {
    tests,
    groups,
    it: Object.assign(register(false), skipName === undefined ? {} : { [skipName]: register(true) }),
    describe: (name: string, body: () => void): void => {
      groups.push(name)
      body()
    },
  }
}

describe("bindTo()", () => {
  it("registers one test for each case, and those that the subject cannot do as skipped, with the reason in their names", async () => {
    for (const skipName of ["skip", "ignore"] as const) {
      const { tests, groups, it, describe } = framework(skipName)
      await bindTo({ describe, it }, adapterSuite(() => memoryAdapter()))
      assert.deepEqual(groups, ["memory"])
      assert.equal(tests.length, logStorageCases.length)
      const skipped = tests.filter((test) => test.skipped).map(({ name }) => name)
      assert.ok(skipped.includes(
        "a kill, an open and another kill leave what the first open found [crash/twice]: the adapter does not claim durable",
      ))
      assert.ok(skipped.length > 10 && skipped.length < 80, `${skipped.length} are skipped`)
    }
  })

  it("fails a test with what was expected and seen, and passes the others", async () => {
    const { tests, it, describe } = framework("skip")
    const { subject } = storageDouble("sees nothing", "append/order", () => ({ head: () => 0 }))
    await bindTo({ describe, it }, adapterSuite(() => subject(memoryAdapter)), {
      only: ["append/order", "append/first-position", "watch/callable"],
    })
    await assert.rejects(tests.find(({ name }) => name.endsWith("[append/order]"))!.body(), (error: Error) => {
      for (const word of ["expected:", "seen:", "rule:", "why:"]) assert.ok(error.message.includes(word), error.message)
      return true
    })
    await tests.find(({ name }) => name.endsWith("[watch/callable]"))!.body()
  })

  it("does without describe and without a way to skip", async () => {
    const { tests, it } = framework(undefined)
    await bindTo({ it }, adapterSuite(() => memoryAdapter(), { name: "mine" }), { only: ["crash/twice"], timeoutMillis: 1000 })
    assert.deepEqual(tests.map(({ name, skipped }) => [name, skipped]), [[
      "mine: a kill, an open and another kill leave what the first open found [crash/twice]",
      false,
    ]])
    assert.ok(tests[0]!.timeoutMillis > 1000)
    await tests[0]!.body()
  })

  it("registers every test of a subject that cannot be made, and each fails", async () => {
    const { tests, it } = framework("skip")
    await bindTo({ it }, adapterSuite(() => Promise.reject(new Error("no place"))), { only: ["crash/twice", "append/order"] })
    assert.equal(tests.length, 2)
    for (const { body } of tests) await assert.rejects(body(), /no place/)
  })

  it("refuses a selection that names nothing", async () => {
    const { it } = framework("skip")
    await assert.rejects(bindTo({ it }, adapterSuite(() => memoryAdapter()), { only: ["typo"] }), InvalidOption)
  })
})

// What a stranger's test file has: the real functions of the framework that runs this file.
await bindTo({ describe, it }, adapterSuite(() => memoryAdapter(), { name: "memory, bound to node:test" }), {
  only: ["append", "read/at-once", "crash/twice"],
})
