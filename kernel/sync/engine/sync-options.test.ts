import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { InvalidOption } from "../../errors.ts"
import { parseSyncOptions, type RemoteSyncOptions } from "./sync-options.ts"
import { DoubleRemote } from "./testing/double-remote.ts"
import { SimulatedTime } from "./testing/simulated-time.ts"

const remote = new DoubleRemote(new SimulatedTime())
const parse = (options: object): unknown => parseSyncOptions({ remote, ...options } as RemoteSyncOptions)

/** What is expected in place of what was given. */
function refusal(options: object): { readonly option: string; readonly found: string; readonly expected: string } {
  try {
    parse(options)
  } catch (error) {
    if (error instanceof InvalidOption) return error.details
    throw error
  }
  throw new Error("it was taken")
}

describe("parseSyncOptions()", () => {
  it("fills in what was left out", () => {
    assert.deepEqual(parseSyncOptions({ remote }), {
      remotes: [remote],
      mode: "write-behind",
      required: [remote],
      deadlineMillis: 10_000,
      interval: undefined,
      live: true,
      maxQueueBytes: undefined,
      onFull: "reject",
      throttle: undefined,
      compress: "auto",
      token: undefined,
      signal: undefined,
      stopMillis: 2000,
      label: undefined,
    })
  })

  it("takes what the product's programs give", () => {
    const token = (): string => "t"
    const { signal } = new AbortController()
    const given = {
      mode: "write-through",
      required: [remote.name],
      deadlineMillis: 600_000,
      interval: 5000,
      live: false,
      maxQueueBytes: 1e6,
      onFull: "wait",
      throttle: 1e5,
      compress: "never",
      token,
      signal,
      stopMillis: 0,
      label: "téléphone",
    } as const
    assert.deepEqual(parse(given), { remotes: [remote], ...given })
  })

  it("takes one remote or several, as objects or by their place", () => {
    const url = new URL("https://sync.example.com")
    assert.deepEqual(parseSyncOptions({ remote: url }).remotes, [url])
    assert.deepEqual(parseSyncOptions({ remote: "http://localhost:4100" }).remotes, ["http://localhost:4100"])
    assert.deepEqual(parseSyncOptions({ remote: [remote, url, "libsql://x"] }).remotes, [remote, url, "libsql://x"])
  })

  it("refuses what is no remote", () => {
    for (const given of [undefined, null, 5, "", {}, [], [remote, 5], { ...remote, push: 5 }, () => {}]) {
      assert.equal(refusal({ remote: given }).option, "remote", `${given}`)
    }
    for (const name of [undefined, "", "x".repeat(1025), "\ud800"]) {
      assert.equal(refusal({ remote: Object.assign(new DoubleRemote(new SimulatedTime()), { name }) }).option, "remote")
    }
  })

  it("refuses modes that there are not, and members that nobody named", () => {
    assert.equal(refusal({ strategy: "manual" }).option, "strategy")
    assert.equal(parseSyncOptions({ remote, ...{ strategy: "manual" } }, ["strategy"]).mode, "write-behind")
    assert.deepEqual(refusal({ mode: "sync" }), { option: "mode", found: "sync", expected: '"write-behind" or "write-through"' })
    assert.equal(refusal({ mode: { toString: () => "write-behind" } }).option, "mode")
  })

  it("takes what has to confirm, and for how long it is waited, with write-through alone", () => {
    const url = new URL("https://sync.example.com")
    assert.deepEqual(parseSyncOptions({ remote: [remote, url], mode: "write-through" }).required, [remote, url])
    assert.deepEqual(parseSyncOptions({ remote, mode: "write-through", required: remote }).required, [remote])
    for (const option of ["required", "deadlineMillis"]) {
      const found = 'the mode "write-behind"', expected = 'the mode "write-through"'
      assert.deepEqual(refusal({ [option]: option === "required" ? remote : 10 }), { option, found, expected })
    }
    for (const required of [[], 5, null, "", {}, [remote, 5]]) assert.equal(refusal({ mode: "write-through", required }).option, "required")
    for (const deadlineMillis of [1, 600_000]) parse({ mode: "write-through", deadlineMillis })
    for (const deadlineMillis of [0, 600_001, 1.5, NaN, "100"]) {
      assert.equal(refusal({ mode: "write-through", deadlineMillis }).option, "deadlineMillis")
    }
  })

  it("takes numbers up to their bounds, and refuses the next ones", () => {
    const bounds: Readonly<Record<string, readonly [number, number]>> = {
      interval: [100, 86_400_000],
      maxQueueBytes: [1, Number.MAX_SAFE_INTEGER],
      throttle: [1, Number.MAX_SAFE_INTEGER],
      stopMillis: [0, 60_000],
    }
    for (const [option, [min, max]] of Object.entries(bounds)) {
      for (const taken of [min, max]) parse({ [option]: taken })
      for (const refused of [min - 1, max + 1, min + 0.5, NaN, Infinity, -1, "100", null, 100n]) {
        assert.equal(refusal({ [option]: refused }).option, option, `${option}: ${refused}`)
      }
    }
  })

  it("refuses what is of another type, and what nobody reads", () => {
    const wrong = { live: 1, onFull: "block", compress: true, signal: {}, label: 5 }
    for (const [option, given] of Object.entries(wrong)) assert.equal(refusal({ [option]: given }).option, option)
    assert.equal(refusal({ label: "é".repeat(101) }).option, "label")
    assert.equal(refusal({ retry: true }).option, "retry")
    assert.throws(() => parseSyncOptions(undefined as unknown as RemoteSyncOptions), InvalidOption)
  })

  it("refuses a token that is none without showing it", () => {
    assert.equal(refusal({ token: "" }).found, "an empty string")
    const details = refusal({ token: ["s3cr3t"] })
    assert.equal(details.option, "token")
    assert.doesNotMatch(JSON.stringify(details), /s3cr3t/)
    assert.doesNotMatch(JSON.stringify(refusal({ token: 5_318_008 })), /5318008/)
  })

  it("throws the reason of a signal that has aborted", () => {
    assert.throws(() => parse({ signal: AbortSignal.abort(new Error("never mind")) }), /never mind/)
  })
})
