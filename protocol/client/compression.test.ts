import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { gunzipSync } from "node:zlib"
import { Compression, type CompressionMode, FAST_BYTES_PER_SECOND, ZIPPED_BYTES_MIN } from "./compression.ts"
import type { ExchangeTerms } from "./exchange.ts"
import { findGzip, type Gzip, gzipByStream } from "./gzip.ts"
import { LinkRate, RATED_BYTES_MIN } from "./link-rate.ts"

const TERMS: ExchangeTerms = { features: ["gzip"], bodyBytesMax: 4_000_000, inflatedBytesMax: 16_000_000 }
const zeros = (length: number) => new Uint8Array(length)
const noise = (length: number) => crypto.getRandomValues(new Uint8Array(length))

const make = (mode: CompressionMode, { isLoopback = false, terms = TERMS }: { isLoopback?: boolean; terms?: ExchangeTerms } = {}) => {
  const compression = new Compression({ mode, isLoopback })
  compression.agree(terms)
  return compression
}
const isZipped = async (compression: Compression, body = zeros(10_000)) => (await compression.encode(body)).encoding === "gzip"

describe("gzip", () => {
  for (const [name, gzip] of Object.entries<Gzip | undefined>({ findGzip: findGzip(), gzipByStream })) {
    it(`${name} makes one member that is undone to what it was`, async () => {
      assert.ok(gzip !== undefined)
      for (const body of [zeros(0), zeros(1), noise(5000), zeros(300_000), new TextEncoder().encode("abc".repeat(9999))]) {
        assert.deepEqual(new Uint8Array(gunzipSync(await gzip(body))), body)
      }
    })
  }
})

describe("LinkRate", () => {
  it("knows nothing of a link that has moved only small bodies", () => {
    const rate = new LinkRate()
    rate.note(RATED_BYTES_MIN - 1, 1)
    assert.equal(rate.bytesPerSecond, undefined)
    rate.note(RATED_BYTES_MIN, 1000)
    assert.equal(rate.bytesPerSecond, RATED_BYTES_MIN)
  })

  it("takes the fastest of the last eight bodies: a busy server does not make a link slow", () => {
    const rate = new LinkRate()
    rate.note(1_000_000, 10)
    for (let count = 1; count < 8; count++) rate.note(1_000_000, 1000)
    assert.equal(rate.bytesPerSecond, 100_000_000)
    rate.note(1_000_000, 1000)
    assert.equal(rate.bytesPerSecond, 1_000_000)
  })

  it("takes no time for a millisecond", () => {
    const rate = new LinkRate()
    rate.note(1_000_000, 0)
    assert.equal(rate.bytesPerSecond, 1_000_000_000)
  })
})

describe("Compression", () => {
  it("zips nothing before a handshake and nothing that the remote does not offer, whatever the mode", async () => {
    for (const mode of ["auto", "always", "never"] as const) {
      const fresh = new Compression({ mode, isLoopback: false })
      assert.deepEqual([await isZipped(fresh), fresh.accept], [false, []])
      const without = make(mode, { terms: { ...TERMS, features: ["live"] } })
      assert.deepEqual([await isZipped(without), without.accept], [false, []])
    }
  })

  it("offers gzip but in the mode never, in which it zips nothing", async () => {
    assert.deepEqual(make("auto").features, ["gzip"])
    assert.deepEqual(make("always").features, ["gzip"])
    const never = make("never")
    assert.deepEqual([never.features, never.accept, await isZipped(never)], [[], [], false])
  })

  it("zips by itself to other machines, and not on this one", async () => {
    const away = make("auto")
    assert.deepEqual([await isZipped(away), away.accept], [true, ["gzip"]])
    const here = make("auto", { isLoopback: true })
    assert.deepEqual([await isZipped(here), here.accept], [false, []])
    assert.equal(await isZipped(make("always", { isLoopback: true })), true)
  })

  it("zips by itself no bodies below a KiB", async () => {
    assert.equal(await isZipped(make("auto"), zeros(ZIPPED_BYTES_MIN - 1)), false)
    assert.equal(await isZipped(make("auto"), zeros(ZIPPED_BYTES_MIN)), true)
    assert.equal(await isZipped(make("always"), zeros(ZIPPED_BYTES_MIN - 1)), true)
  })

  it("sends plain what does not get smaller, and what is more than the remote inflates", async () => {
    for (const mode of ["auto", "always"] as const) {
      const body = noise(5000)
      assert.equal((await make(mode).encode(body)).bytes, body)
      const terms = { ...TERMS, inflatedBytesMax: 10_000 }
      assert.equal(await isZipped(make(mode, { terms }), zeros(10_000)), true)
      assert.equal(await isZipped(make(mode, { terms }), zeros(10_001)), false)
    }
  })

  it("zips by itself while the link is slow, each way by its own rate", async () => {
    const compression = make("auto")
    compression.requests.note(FAST_BYTES_PER_SECOND, 1000)
    assert.deepEqual([await isZipped(compression), compression.accept], [false, ["gzip"]])
    for (let count = 0; count < 8; count++) compression.requests.note(FAST_BYTES_PER_SECOND - 1, 1000)
    compression.answers.note(FAST_BYTES_PER_SECOND, 1000)
    assert.deepEqual([await isZipped(compression), compression.accept], [true, []])
    const always = make("always")
    always.requests.note(FAST_BYTES_PER_SECOND, 1)
    assert.equal(await isZipped(always), true)
  })

  it("does without where the runtime has no gzip", async () => {
    // Only `findGzip` answers undefined, and here every runtime has one; so it is taken away for a moment.
    const { process, CompressionStream } = globalThis
    try {
      Object.defineProperty(globalThis, "process", { value: undefined, configurable: true, writable: true })
      assert.equal(findGzip(), gzipByStream)
      Object.defineProperty(globalThis, "CompressionStream", { value: undefined, configurable: true, writable: true })
      assert.equal(findGzip(), undefined)
      const compression = make("always")
      assert.deepEqual(compression.features, [])
      assert.equal(await isZipped(compression), false)
    } finally {
      Object.defineProperty(globalThis, "process", { value: process, configurable: true, writable: true })
      Object.defineProperty(globalThis, "CompressionStream", { value: CompressionStream, configurable: true, writable: true })
    }
  })
})
