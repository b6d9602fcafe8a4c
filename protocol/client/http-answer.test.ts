import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { gzipSync } from "node:zlib"
import { ProtocolViolation, RemoteUnreachable } from "../../kernel/errors.ts"
import { webPlatform } from "../../kernel/ports/platform.ts"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { type AnswerBody, readBody } from "./http-answer.ts"
import { PendingCall } from "./pending-call.ts"

const ASKED = { remote: "https://sync.example.com", call: "pull" }
const GZIP = { "content-encoding": "gzip" }

/** The body of an answer that nobody decodes on the way, in pieces of so many bytes. */
const read = async (
  body: Bytes,
  headers: Readonly<Record<string, string>>,
  { pieceBytes = body.length, bytesMax = 10_000 }: { readonly pieceBytes?: number; readonly bytesMax?: number } = {},
): Promise<AnswerBody> => {
  let at = 0
  const pieces = new ReadableStream<Bytes>({
    pull: (controller) => {
      if (at < body.length) controller.enqueue(body.slice(at, at += pieceBytes))
      else controller.close()
    },
  })
  const call = new PendingCall(webPlatform, new AbortController().signal)
  try {
    return await readBody(new Response(pieces, { headers }), bytesMax, call, ASKED, () => undefined)
  } finally {
    call.end()
  }
}

const zipped = (bytes: Uint8Array): Bytes => new Uint8Array(gzipSync(bytes))
const MESSAGE: Bytes = new Uint8Array(4000).fill(7)
MESSAGE[0] = 0x93

describe("readBody()", () => {
  it("reads a body as it is, in whatever pieces it comes", async () => {
    for (const pieceBytes of [1, 3, 4000]) assert.deepEqual((await read(MESSAGE, {}, { pieceBytes })).bytes, MESSAGE)
  })

  it("undoes a gzip that a fetch of one's own has left, in whatever pieces it comes", async () => {
    for (const pieceBytes of [1, 2, 3, 5000]) {
      const { bytes, counted } = await read(zipped(MESSAGE), GZIP, { pieceBytes })
      assert.deepEqual(bytes, MESSAGE)
      assert.equal(counted.read, MESSAGE.length)
    }
  })

  it("leaves a body alone that was inflated on its way, although the header still says gzip", async () => {
    for (const bytes of [MESSAGE, new Uint8Array(0), new Uint8Array([0x1f]), new Uint8Array([0x1f, 0x8c, 1])]) {
      assert.deepEqual((await read(bytes, GZIP, { pieceBytes: 1 })).bytes, bytes)
    }
  })

  it("T14 gives up a body that inflates above the limit, and one that is above it before", async () => {
    const refused = { name: "ProtocolViolation", message: /its body has more than 10000 bytes/ }
    await assert.rejects(read(zipped(new Uint8Array(64 * 2 ** 20)), GZIP), refused)
    // Many empty members: they inflate to nothing, and are read all the same.
    const empty = zipped(new Uint8Array(0)), members = new Uint8Array(empty.length * 1000)
    for (let i = 0; i < 1000; i++) members.set(empty, i * empty.length)
    const error = await read(members, GZIP, { pieceBytes: 100 }).catch((error) => error)
    // Node inflates any number of members; other runtimes refuse what follows the first.
    assert.ok(error instanceof ProtocolViolation || error instanceof RemoteUnreachable, String(error))
  })

  it("takes a gzip that is damaged or cut for a failure of the network", async () => {
    const bytes = zipped(MESSAGE)
    await assert.rejects(read(bytes.slice(0, bytes.length - 9), GZIP), RemoteUnreachable)
    const damaged = bytes.slice()
    damaged[bytes.length - 6]! ^= 1
    await assert.rejects(read(damaged, GZIP), RemoteUnreachable)
  })
})
