import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { turn } from "../../kernel/testing/gate.ts"
import { answerStream, isSmall } from "./answer-stream.ts"
import { HandPlatform } from "./testing/hand-platform.ts"

/** A stream of some bytes, and what it tells. */
const setUp = (bytes: number) => {
  const platform = new HandPlatform(), told = { bytes: 0, ends: 0 }
  const body = Uint8Array.from({ length: bytes }, (_, at) => at % 251)
  const stream = answerStream(body, {
    platform,
    stallSecondsMax: 30,
    onBytes: (taken) => told.bytes += taken,
    onEnd: () => told.ends++,
  })
  return { platform, told, body, stream }
}

describe("answerStream()", () => {
  it("gives the whole body, in slices, and tells when it is out", async () => {
    for (const bytes of [1, 65_536, 65_537, 200_000]) {
      const { stream, body, told, platform } = setUp(bytes)
      assert.deepEqual(new Uint8Array(await new Response(stream).arrayBuffer()), body)
      assert.deepEqual([told.bytes, told.ends, platform.timers], [bytes, 1, 0])
    }
  })

  it("T59 gives nothing that was not asked for", async () => {
    const { stream, told } = setUp(10_000_000)
    await turn()
    assert.equal(told.bytes, 0)
    await stream.getReader().read()
    await turn()
    assert.equal(told.bytes, 65_536)
  })

  it("T55 gives up who takes nothing for half a minute, from the beginning or in the middle", async () => {
    for (const slices of [0, 3]) {
      const { stream, told, platform } = setUp(1_000_000), reader = stream.getReader()
      for (let n = 0; n < slices; n++) {
        await platform.advance(29_000)
        await reader.read()
      }
      await platform.advance(29_000)
      assert.equal(told.ends, 0)
      await platform.advance(2000)
      assert.deepEqual([told.ends, platform.timers], [1, 0])
      await assert.rejects(reader.read())
    }
  })

  it("ends when the connection is gone", async () => {
    const { stream, told, platform } = setUp(1_000_000), reader = stream.getReader()
    await reader.read()
    await reader.cancel()
    assert.deepEqual([told.ends, platform.timers], [1, 0])
  })
})

describe("isSmall()", () => {
  it("is what one slice holds", () => {
    assert.deepEqual([isSmall(new Uint8Array(65_536)), isSmall(new Uint8Array(65_537))], [true, false])
  })
})
