import assert from "node:assert/strict"
import { once } from "node:events"
import { createServer, type Server } from "node:net"
import { describe, it } from "node:test"
import { DatabaseError } from "../errors.ts"
import { Tokens } from "../tokens.ts"
import { failureOf, sendRequest } from "./http.ts"

const signal = new AbortController().signal
const TOKEN = "s3cr3t-t0k3n"

/** A server that answers as it is told, by number of the request; undefined closes the connection without an answer. */
const serve = async (
  answer: (request: number, text: string) => string | undefined,
): Promise<{ server: Server; url: string; count: () => number }> => {
  let requests = 0
  const server = createServer((socket) => {
    socket.on("error", () => {})
    socket.on("data", (chunk: Uint8Array) => {
      const text = new TextDecoder().decode(chunk)
      // The end of a chunked body may come in a packet of its own.
      if (!text.startsWith("POST")) return
      const reply = answer(++requests, text)
      if (reply === undefined) socket.destroy()
      else socket.write(reply)
    })
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("no port")
  return { server, url: `http://127.0.0.1:${address.port}/v2/pipeline`, count: () => requests }
}
const response = (status: number, body: string): string =>
  `HTTP/1.1 ${status} Said\r\ncontent-type: text/plain\r\ncontent-length: ${body.length}\r\n\r\n${body}`
const send = (url: string, tokens: Tokens = new Tokens(TOKEN), timeoutMillis: number = 5000): Promise<Response> =>
  sendRequest(new Request(url, { method: "POST", body: "{}" }), { tokens, timeoutMillis, signal })
const failureIn = async (call: Promise<unknown>): Promise<DatabaseError> => {
  try {
    await call
  } catch (error) {
    if (error instanceof DatabaseError) return error
    throw error
  }
  return assert.fail("it did not reject")
}

describe("sendRequest", () => {
  it("sends once, also when a kept connection closes before the answer", async () => {
    const { server, url, count } = await serve((request) => (request === 1 ? response(200, "ok") : undefined))
    assert.equal(await (await send(url)).text(), "ok")
    assert.equal((await failureIn(send(url))).meaning, "failed")
    // A second one would come at once.
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal(count(), 2)
    server.close()
  })

  it("asks for another token once after 401, and says it of no other status", async () => {
    const tokens = ["old", "new", "newer"]
    let asked = 0
    const { server, url, count } = await serve((_, text) => (/bearer new\r/i.test(text) ? response(200, "ok") : response(401, "no")))
    const source = new Tokens(() => tokens[asked++]!)
    assert.equal(await (await send(url, source)).text(), "ok")
    assert.deepEqual([asked, count()], [2, 2])
    assert.equal((await failureIn(send(url, new Tokens("old")))).status, 401)
    assert.equal(count(), 3)
    server.close()
  })

  it("shows no token, whatever the server answers", async () => {
    const { server, url } = await serve(() => response(403, `you sent ${TOKEN}`))
    const error = await failureIn(send(url))
    assert.equal(error.meaning, "denied")
    assert.match(error.message, /you sent …/)
    assert.ok(!error.message.includes(TOKEN))
    server.close()
  })

  it("ends at the deadline, also in the middle of an answer", async () => {
    const { server, url } = await serve(() => "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
    const error = await failureIn(send(url, new Tokens(undefined), 100))
    assert.deepEqual([error.meaning, error.message], ["failed", "the server did not answer within 100 ms"])
    server.close()
  })
})

describe("failureOf", () => {
  it("says of each status whether something can have been stored", () => {
    const table = [
      [[400, 404, 405, 413, 422], "rejected"],
      [[401, 403], "denied"],
      [[429], "busy"],
      [[408, 500, 502, 503, 504], "failed"],
    ] as const
    for (const [statuses, meaning] of table) {
      for (const status of statuses) assert.equal(failureOf(status, "").meaning, meaning, `${status}`)
    }
  })
})
