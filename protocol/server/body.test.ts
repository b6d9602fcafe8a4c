import assert from "node:assert/strict"
import process from "node:process"
import { describe, it } from "node:test"
import { turn } from "../../kernel/testing/gate.ts"
import { WireError } from "../errors.ts"
import { type BodyOptions, readBody } from "./body.ts"
import { HeldBytes } from "./held-bytes.ts"
import type { ContentEncoding } from "./headers.ts"
import { DEFAULT_SERVER_LIMITS, type ServerLimits } from "./limits.ts"
import { gzip, streamOf } from "./testing/asking.ts"
import { HandPlatform } from "./testing/hand-platform.ts"

const MIB = 1_048_576

/** Reads bodies, and sees what they held and how many bytes came. */
class Reading {
  readonly platform = new HandPlatform()
  readonly held: HeldBytes
  readonly options: BodyOptions
  arrived = 0

  constructor(limits: Partial<ServerLimits> = {}) {
    const all = { ...DEFAULT_SERVER_LIMITS, ...limits }
    this.held = new HeldBytes(all.heldBytesMax)
    this.options = { limits: all, platform: this.platform, claim: this.held.open(), onBytes: (bytes) => this.arrived += bytes }
  }

  read(body: ReadableStream<Uint8Array> | null, encoding: ContentEncoding = "none", length?: string): Promise<Uint8Array> {
    return readBody({ body, headers: new Headers(length === undefined ? {} : { "content-length": length }) }, encoding, this.options)
  }
}

const hasCode = (code: string) => (error: unknown): boolean => {
  assert.ok(error instanceof WireError, String(error))
  assert.equal(error.code, code, error.message)
  return true
}

/** Endless zeros, a piece whenever one is asked for; counts them and notices its end. */
const zeros = (pieceBytes: number): { stream: ReadableStream<Uint8Array>; state: { pieces: number; isCancelled: boolean } } => {
  const state = { pieces: 0, isCancelled: false }
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      state.pieces++
      controller.enqueue(new Uint8Array(pieceBytes))
    },
    cancel() {
      state.isCancelled = true
    },
  }, { highWaterMark: 0 })
  return { stream, state }
}

describe("readBody()", () => {
  it("puts the pieces together, in their order", async () => {
    const reading = new Reading()
    const body = await reading.read(streamOf(new Uint8Array([1, 2]), new Uint8Array(0), new Uint8Array([3])))
    assert.deepEqual([...body], [1, 2, 3])
    assert.deepEqual([reading.arrived, reading.held.held, reading.platform.timers], [3, 3, 0])
  })

  it("reads a request without a body as none", async () => {
    assert.equal((await new Reading().read(null)).length, 0)
  })

  it("takes as many bytes as may be, and not one more", async () => {
    for (const [bytes, isTaken] of [[99, true], [100, true], [101, false]] as const) {
      const reading = new Reading({ bodyBytesMax: 100 })
      const body = reading.read(streamOf(new Uint8Array(bytes - 1), new Uint8Array(1)))
      if (isTaken) assert.equal((await body).length, bytes)
      else await assert.rejects(body, hasCode("body_too_large"))
    }
  })

  it("T54 counts what comes, whatever the length that was announced", async () => {
    for (const length of [undefined, "10", "0", "abc", "-1", "1e1", "", "NaN", "0x10", "99, 100"]) {
      const reading = new Reading({ bodyBytesMax: 1000 }), { stream, state } = zeros(100)
      await assert.rejects(reading.read(stream, "none", length), hasCode("body_too_large"), length)
      await turn()
      assert.deepEqual([state.pieces, state.isCancelled], [11, true])
      const honest = new Reading({ bodyBytesMax: 1000 })
      assert.equal((await honest.read(streamOf(new Uint8Array(50)), "none", length)).length, 50)
    }
  })

  it("T54 refuses a body that announces too much before it reads any of it", async () => {
    for (const [length, isTaken] of [["1000", true], ["1001", false], ["1e300", false], ["Infinity", false]] as const) {
      const reading = new Reading({ bodyBytesMax: 1000 })
      const body = reading.read(streamOf(new Uint8Array(5)), "none", length)
      if (isTaken) assert.equal((await body).length, 5)
      else await assert.rejects(body, hasCode("body_too_large"))
      if (!isTaken) assert.equal(reading.arrived, 0)
    }
  })

  it("inflates one layer of gzip, in pieces of any size", async () => {
    const plain = Uint8Array.from({ length: 300_000 }, (_, at) => (at * at) >> 5)
    const zipped = await gzip(plain)
    for (const piece of [1000, 8192, 8193, zipped.length]) {
      const pieces = Array.from({ length: Math.ceil(zipped.length / piece) }, (_, n) => zipped.slice(n * piece, (n + 1) * piece))
      const reading = new Reading()
      assert.deepEqual(await reading.read(streamOf(...pieces), "gzip"), plain)
      assert.equal(reading.arrived, zipped.length)
      assert.equal(reading.held.held, plain.length)
    }
  })

  it("T14 undoes one layer alone: what is inside of it stays as it is", async () => {
    const once = await gzip(new Uint8Array(1000))
    assert.deepEqual(await new Reading().read(streamOf(await gzip(once)), "gzip"), once)
  })

  it("inflates as many bytes as may be, and not one more", async () => {
    for (const [bytes, isTaken] of [[9999, true], [10_000, true], [10_001, false]] as const) {
      const body = new Reading({ inflatedBytesMax: 10_000 }).read(streamOf(await gzip(new Uint8Array(bytes))), "gzip")
      if (isTaken) assert.equal((await body).length, bytes)
      else await assert.rejects(body, hasCode("body_too_large"))
    }
  })

  it("T15 counts the same with and without an encoding", async () => {
    const body = new Reading({ inflatedBytesMax: 100 }).read(streamOf(new Uint8Array(101)))
    await assert.rejects(body, hasCode("body_too_large"))
    const zipped = await gzip(crypto.getRandomValues(new Uint8Array(5000)))
    await assert.rejects(new Reading({ bodyBytesMax: 5000 }).read(streamOf(zipped), "gzip"), hasCode("body_too_large"))
  })

  it("T13 stops a bomb of 256 MiB at the limit, fifty at once too, within their common memory", async () => {
    const bomb = await gzip(new Uint8Array(256 * MIB))
    assert.ok(bomb.length < 300_000)
    const alone = new Reading()
    await assert.rejects(alone.read(streamOf(bomb), "gzip"), hasCode("body_too_large"))
    assert.ok(alone.held.held <= alone.options.limits.inflatedBytesMax)

    const limits = { ...DEFAULT_SERVER_LIMITS, heldBytesMax: 64 * MIB }, held = new HeldBytes(limits.heldBytesMax)
    let heldMost = 0
    const results = await Promise.allSettled(Array.from({ length: 50 }, async () => {
      const claim = held.open()
      const counting = {
        ...claim,
        add: (bytes: number): void => {
          claim.add(bytes)
          heldMost = Math.max(heldMost, held.held)
        },
      }
      try {
        const request = { body: streamOf(bomb), headers: new Headers() }
        await readBody(request, "gzip", { limits, platform: new HandPlatform(), claim: counting, onBytes: () => {} })
      } finally {
        claim.keep(0)
      }
    }))
    const codes = results.map((result) => result.status === "rejected" && result.reason instanceof WireError ? result.reason.code : "none")
    assert.deepEqual(codes.filter((code) => code !== "overloaded" && code !== "body_too_large"), [])
    assert.ok(heldMost <= limits.heldBytesMax)
    assert.equal(held.held, 0)
  })

  it("T13 inflates a bomb no faster than it is counted", async () => {
    // What comes out of the decompressor before it is stopped: a slice of 8 KiB can become 8.3 MB and no more.
    const inflatedBytesMax = MIB
    const bomb = await gzip(new Uint8Array(256 * MIB))
    const before = process.memoryUsage().rss
    let most = 0
    const watch = setInterval(() => most = Math.max(most, process.memoryUsage().rss - before), 1)
    await assert.rejects(new Reading({ inflatedBytesMax }).read(streamOf(bomb), "gzip"), hasCode("body_too_large"))
    clearInterval(watch)
    assert.ok(most < 64 * MIB, `${most} bytes more`)
  })

  it("T8 refuses what is no gzip, or breaks off, with the code for a damaged body", async () => {
    const zipped = await gzip(Uint8Array.from({ length: 5000 }, (_, at) => at * 7))
    const flipped = zipped.slice()
    flipped[flipped.length - 6]! ^= 1 // in its checksum
    const wrong = [new Uint8Array([1, 2, 3]), new Uint8Array(0), zipped.slice(0, -1), zipped.slice(0, 20), flipped]
    for (const bytes of wrong) await assert.rejects(new Reading().read(streamOf(bytes), "gzip"), hasCode("body_damaged"))
  })

  it("answers a client that goes away in the middle, and lets go of what it held", async () => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new Uint8Array(10))
      },
      pull(controller) {
        controller.error(new Error("gone"))
      },
    })
    const reading = new Reading()
    await assert.rejects(reading.read(body), hasCode("body_damaged"))
    assert.equal(reading.platform.timers, 0)
  })

  it("does not begin a body that there is no memory for", async () => {
    const reading = new Reading({ heldBytesMax: 150 }), { stream, state } = zeros(100)
    await assert.rejects(reading.read(stream), hasCode("overloaded"))
    await turn()
    assert.deepEqual([state.pieces, state.isCancelled, reading.held.held], [2, true, 100])
  })

  /** A body that brings `bytes` every second until it is cancelled. */
  const dripping = (platform: HandPlatform, bytes: number): ReadableStream<Uint8Array> => {
    let stop = (): void => {}
    return new ReadableStream({
      start(controller) {
        const drip = (): void => {
          controller.enqueue(new Uint8Array(bytes))
          stop = platform.startTimer(drip, 1000)
        }
        stop = platform.startTimer(drip, 500)
      },
      cancel: () => stop(),
    })
  }

  it("T55 gives up a body that comes slower than it may, after five seconds", async () => {
    for (const [bytes, secondsMax] of [[0, 7], [100, 7], [1023, 30], [200, 8]] as const) {
      const reading = new Reading(), { platform } = reading
      const refused = assert.rejects(reading.read(dripping(platform, bytes)), hasCode("request_timeout"))
      await platform.advance(secondsMax * 1000)
      await refused
      assert.equal(platform.timers, 0)
    }
  })

  it("T55 gives up a body after 30 seconds, however fast it comes", async () => {
    const reading = new Reading(), { platform } = reading
    let isOver = false
    const refused = assert.rejects(reading.read(dripping(platform, 100_000)), hasCode("request_timeout")).then(() => isOver = true)
    await platform.advance(29_900)
    assert.equal(isOver, false)
    await platform.advance(200)
    await refused
    assert.equal(platform.timers, 0)
  })

  it("T55 gives up a compressed body as well, whatever it would become", async () => {
    const reading = new Reading(), { platform } = reading
    const zipped = await gzip(new Uint8Array(1_000_000))
    const body = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(zipped.slice(0, 100)) })
    const refused = assert.rejects(reading.read(body, "gzip"), hasCode("request_timeout"))
    await platform.advance(7000)
    await refused
  })

  it("does not take a clock that is set for time that passes", async () => {
    const reading = new Reading(), { platform } = reading
    let give: ReadableStreamDefaultController<Uint8Array> | undefined
    const body = reading.read(new ReadableStream({ start: (controller) => void (give = controller) }))
    await turn()
    platform.millis += 86_400_000
    give!.enqueue(new Uint8Array(3))
    give!.close()
    assert.equal((await body).length, 3)
  })
})
