/** Hints over real connections, in time that belongs to the test. */
import assert from "node:assert/strict"
import type { ServerResponse } from "node:http"
import { describe, it } from "node:test"
import { ProtocolViolation, RemoteError, RemoteUnreachable, Unauthenticated } from "../../kernel/errors.ts"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import type { Cursor } from "../../kernel/ports/remote.ts"
import { Gate, turn } from "../../kernel/testing/gate.ts"
import { TimedPlatform } from "../../kernel/testing/platform.ts"
import { encodeErrorAnswer } from "../error-answer.ts"
import { wireError } from "../errors.ts"
import { formatHint, parseHint } from "../hints.ts"
import { MEDIA_TYPE } from "../routes.ts"
import type { HintRequests } from "./exchange.ts"
import { LONG_POLL_MILLIS } from "./hint-channel.ts"
import { STREAM_BYTES_MAX, STREAM_MILLIS_MAX } from "./hint-stream.ts"
import { HttpExchange } from "./http-exchange.ts"
import type { HttpExchangeOptions } from "./http-options.ts"
import { type Handler, type SeenRequest, startWebServer } from "./testing/web-server.ts"

const bytesOf = (text: string): Bytes => new TextEncoder().encode(text)
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const headAt = (position: number): Cursor => ({ position, id: new Uint8Array(16).fill(position) })
const headEvent = (position: number): string => `event: head\ndata: ${formatHint(headAt(position))}\n\n`

/** Requests in words instead of messages: what they mean is not the channel's business. */
const requests: HintRequests = {
  watch: bytesOf("watch"),
  wait: (cursor, waitMillis) => bytesOf(`${cursor.position} ${waitMillis}`),
  readHead: (answer) => parseHint(textOf(answer)) ?? assert.fail("no head"),
}

const openStream = (response: ServerResponse): void => {
  response.writeHead(200, { "content-type": "text/event-stream" })
  response.flushHeaders()
}
const answerHead = (response: ServerResponse, position: number): void => {
  response.writeHead(200, { "content-type": MEDIA_TYPE }).end(formatHint(headAt(position)))
}

/** What has been heard, and a way to wait for more of it. */
class Heard {
  readonly positions: number[] = []
  #waiting: (() => void) | undefined
  readonly take = ({ position, id }: Cursor): void => {
    assert.deepEqual(id, headAt(position).id)
    this.positions.push(position)
    this.#waiting?.()
  }
  async until(count: number): Promise<readonly number[]> {
    while (this.positions.length < count) await new Promise<void>((resolve) => this.#waiting = resolve)
    return this.positions
  }
}

const start = async (handler: Handler, options: HttpExchangeOptions = {}) => {
  const server = await startWebServer(handler)
  const platform = new TimedPlatform()
  const exchange = new HttpExchange(server.url, { platform, ...options })
  const heard = new Heard()
  return {
    server,
    platform,
    exchange,
    heard,
    watch: (signal = new AbortController().signal) => exchange.watch(requests, heard.take, { signal }),
    routes: () => server.seen.map(({ path }: SeenRequest) => path.slice("/v1/".length)),
    async [Symbol.asyncDispose]() {
      await exchange.close()
      await server[Symbol.asyncDispose]()
      assert.equal(platform.timers.length, 0)
    },
  }
}
/** Lets the network and all that waits for it go on until `isReached`. */
const until = async (isReached: () => boolean): Promise<void> => {
  while (!isReached()) await new Promise((resolve) => setTimeout(resolve, 1))
}

describe("HttpExchange.watch(), by a stream", () => {
  it("tells every head as it comes, and resolves when the other end says bye", async () => {
    let stream: ServerResponse | undefined
    await using at = await start((_, response) => {
      openStream(stream = response)
      response.write(`: hello\n\n${headEvent(1)}`)
    })
    const watching = at.watch()
    await at.heard.until(1)
    stream?.write(`event: news\ndata: something later\n\n${headEvent(2)}${headEvent(2)}`)
    await at.heard.until(3)
    stream?.write(": beat\n\nevent: bye\ndata: \n\n")
    await watching
    assert.deepEqual(at.heard.positions, [1, 2, 2])
    const [{ method, headers, body } = assert.fail()] = at.server.seen
    assert.deepEqual([method, headers["accept"], headers["content-type"], textOf(body)], ["POST", "text/event-stream", MEDIA_TYPE, "watch"])
    assert.equal(at.exchange.traffic.receivedBytes, 0)
  })

  it("resolves when the stream ends without a word", async () => {
    await using at = await start((_, response) => {
      openStream(response)
      response.end(headEvent(7))
    })
    await at.watch()
    assert.deepEqual(at.heard.positions, [7])
  })

  it("passes over heads that are none: a forged hint costs nothing (R77)", async () => {
    const forged = ["", "x", "-1 00", "1", `9007199254740993 ${"0".repeat(32)}`, `1 ${"0".repeat(31)}`, `1 ${"G".repeat(32)}`]
    await using at = await start((_, response) => {
      openStream(response)
      response.end(`${forged.map((data) => `event: head\ndata: ${data}\n\n`).join("")}${headEvent(3)}`)
    })
    await at.watch()
    assert.deepEqual(at.heard.positions, [3])
  })

  it("takes 45 s without a byte for a dead connection, and every byte for a sign of life (R79, P77)", async () => {
    let stream: ServerResponse | undefined
    const closed = new Gate()
    await using at = await start((_, response) => {
      response.on("close", () => void closed.pass())
      openStream(stream = response)
      response.write(headEvent(1))
    })
    const watching = at.watch()
    await at.heard.until(1)
    at.platform.advance(44_999)
    stream?.write(`: beat\n\n${headEvent(2)}`)
    await at.heard.until(2)
    at.platform.advance(44_999)
    let isOver = false
    const outcome = watching.then(() => assert.fail("it resolves"), (error: unknown) => error).finally(() => isOver = true)
    await turn()
    assert.equal(isOver, false)
    at.platform.advance(1)
    const error = await outcome
    assert.ok(error instanceof RemoteUnreachable, String(error))
    assert.match(error.message, /^Cannot watch at .*silent for 45000 ms/)
    await closed.reached
  })

  it("is unreachable when the stream breaks", async () => {
    await using at = await start((_, response) => {
      openStream(response)
      response.write(headEvent(1), () => response.socket?.destroy())
    })
    await assert.rejects(() => at.watch(), RemoteUnreachable)
  })

  it("rejects with the reason of the caller, ends the connection, and lets errors of the listener through", async () => {
    const closed = new Gate(), caller = new AbortController(), reason = new Error("stopped")
    await using at = await start((_, response) => {
      response.on("close", () => void closed.pass())
      openStream(response)
      response.write(headEvent(1))
    })
    const watching = at.watch(caller.signal)
    await at.heard.until(1)
    caller.abort(reason)
    await assert.rejects(() => watching, reason)
    await closed.reached
    const thrower = (): never => {
      throw reason
    }
    await assert.rejects(() => at.exchange.watch(requests, thrower, { signal: new AbortController().signal }), reason)
  })

  it("asks for another token once, as calls do", async () => {
    let asked = 0
    await using at = await start(({ headers }, response) => {
      if (headers["authorization"] !== "Bearer t2") {
        return void response.writeHead(401, { "content-type": MEDIA_TYPE }).end(encodeErrorAnswer(wireError("unauthenticated", "no")))
      }
      openStream(response)
      response.end(headEvent(1))
    }, { token: () => `t${++asked}` })
    await at.watch()
    assert.deepEqual([at.heard.positions, asked], [[1], 2])
    await using other = await start((_, response) => void response.writeHead(401).end(), { token: "t1" })
    await assert.rejects(() => other.watch(), Unauthenticated)
  })

  it("rejects as calls do where no stream is answered", async () => {
    const draining = encodeErrorAnswer(wireError("draining", "x"))
    await using busy = await start((_, response) => void response.writeHead(503, { "content-type": MEDIA_TYPE }).end(draining))
    await assert.rejects(() => busy.watch(), RemoteError)
    await using portal = await start((_, response) => void response.writeHead(200, { "content-type": "text/html" }).end("<html>"))
    await assert.rejects(() => portal.watch(), /login page/)
    await using wrong = await start((_, response) => answerHead(response, 1))
    await assert.rejects(() => wrong.watch(), RemoteUnreachable)
    await using moved = await start((_, response) => void response.writeHead(307, { location: "/x" }).end())
    await assert.rejects(() => moved.watch(), /redirects/)
    await using twice = await start((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream", "content-encoding": "gzip, gzip" }).end()
    })
    await assert.rejects(() => twice.watch(), ProtocolViolation)
  })

  it("T74 ends a stream of an endless comment, and leaves one that never stops", async () => {
    await using comment = await start((_, response) => {
      openStream(response)
      response.write(`${headEvent(1)}: ${"x".repeat(10_000)}`)
    })
    await assert.rejects(() => comment.watch(), ProtocolViolation)
    await using flood = await start((_, response) => {
      openStream(response)
      const beats = ": beat\n".repeat(1000)
      const write = (): void => {
        while (!response.destroyed && response.write(beats));
      }
      response.on("drain", write)
      response.write(headEvent(1))
      write()
    })
    await flood.watch() // resolves once STREAM_BYTES_MAX bytes have come
    assert.ok(STREAM_BYTES_MAX <= 2 ** 20)
    await using old = await start((_, response) => {
      openStream(response)
      response.write(headEvent(1))
      const beat = setInterval(() => void response.write(": beat\n\n"), 1)
      response.on("close", () => clearInterval(beat))
    })
    const watching = old.watch()
    await old.heard.until(1)
    let isOver = false
    watching.then(() => isOver = true, () => isOver = true)
    for (let millis = 0; millis < STREAM_MILLIS_MAX && !isOver; millis += 10_000) {
      old.platform.advance(10_000)
      await new Promise((resolve) => setTimeout(resolve, 10)) // beats come meanwhile
    }
    await watching
  })
})

describe("HttpExchange.watch(), where streams do not get through", () => {
  /** A server behind something that holds events back: streams stay silent, polls answer with the next of `heads`, then wait. */
  const startBehindBuffer = (heads: number[], isMute: () => boolean = () => true) =>
    start(({ path }, response) => {
      if (path === "/v1/watch") {
        openStream(response)
        if (!isMute()) response.end(headEvent(99))
        return
      }
      const head = heads.shift()
      if (head !== undefined) answerHead(response, head)
    })

  it("asks again and again if a stream brings no event within 10 s (R78)", async () => {
    await using at = await startBehindBuffer([4, 5])
    const caller = new AbortController()
    const watching = at.watch(caller.signal)
    await until(() => at.server.seen.length === 1)
    at.platform.advance(9_999)
    await turn()
    assert.deepEqual(at.routes(), ["watch"])
    at.platform.advance(1)
    await at.heard.until(1)
    at.platform.advance(250)
    await at.heard.until(2)
    at.platform.advance(250)
    await until(() => at.server.seen.length === 4)
    assert.deepEqual(at.routes(), ["watch", "wait", "wait", "wait"])
    assert.deepEqual(at.server.seen.slice(1).map(({ body }) => textOf(body)), ["0 25000", "4 25000", "5 25000"])
    assert.deepEqual(at.heard.positions, [4, 5])
    caller.abort("stopped")
    await assert.rejects(() => watching, (reason) => reason === "stopped")
  })

  it("does so as well if not even the head of the answer comes", async () => {
    await using at = await start(({ path }, response) => {
      if (path === "/v1/wait") answerHead(response, 6)
    })
    const watching = at.watch().catch((error: unknown) => error)
    await until(() => at.server.seen.length === 1)
    at.platform.advance(10_000)
    await at.heard.until(1)
    await at.exchange.close()
    assert.ok(await watching instanceof RemoteUnreachable)
  })

  it("tries a stream again after ten minutes", async () => {
    let isMute = true
    await using at = await startBehindBuffer([], () => isMute)
    const watching = at.watch()
    await until(() => at.server.seen.length === 1)
    at.platform.advance(10_000)
    await until(() => at.server.seen.length === 2)
    await assert.rejects(async () => {
      at.platform.advance(45_000)
      await watching
    }, RemoteUnreachable) // a poll that is not answered
    const polling = at.watch().catch(() => undefined)
    await until(() => at.server.seen.length === 3)
    assert.deepEqual(at.routes(), ["watch", "wait", "wait"])
    isMute = false
    at.platform.advance(LONG_POLL_MILLIS)
    await polling
    await at.watch()
    assert.deepEqual(at.routes(), ["watch", "wait", "wait", "watch"])
    assert.deepEqual(at.heard.positions, [99])
  })

  it("T51 polls no faster than once a second if answers come at once and bring nothing, and resolves when ten minutes are over", async () => {
    let polls = 0
    await using at = await start(({ path }, response) => {
      if (path === "/v1/watch") return openStream(response)
      polls++
      answerHead(response, 1)
    })
    const watching = at.watch()
    await until(() => at.server.seen.length === 1)
    at.platform.advance(10_000)
    await at.heard.until(1)
    // A minute in steps of the shortest pause; each poll that a step begins gets the time it needs to be answered.
    for (let millis = 0; millis < 60_000; millis += 250) {
      at.platform.advance(250)
      await turn()
      await turn()
    }
    assert.ok(polls >= 3 && polls <= 61, `${polls} polls`)
    at.platform.advance(LONG_POLL_MILLIS)
    await watching
    assert.deepEqual(at.heard.positions, [1])
  })

  it("gives up streams after the third in a row that ends or breaks within a second", async () => {
    await using at = await start(({ path }, response) => {
      if (path === "/v1/wait") return answerHead(response, 8)
      openStream(response)
      response.write(headEvent(1), () => at.server.seen.length % 2 === 0 ? response.end() : response.socket?.destroy())
    })
    for (let count = 0; count < 3; count++) await at.watch().catch((error: unknown) => assert.ok(error instanceof RemoteUnreachable))
    const watching = at.watch().catch(() => undefined)
    await until(() => at.server.seen.length === 4)
    assert.deepEqual(at.routes(), ["watch", "watch", "watch", "wait"])
    await at.exchange.close()
    await watching
  })

  it("counts neither streams that said bye, nor those that lasted a second, nor the caller's end", async () => {
    let mode: "bye" | "long" | "cut" | "stays" = "cut"
    let stream: ServerResponse | undefined
    await using at = await start((_, response) => {
      openStream(stream = response)
      if (mode === "stays" || mode === "long") response.write(headEvent(1))
      else response.end(mode === "bye" ? "event: bye\ndata:\n\n" : headEvent(1))
    })
    const cut = async (): Promise<void> => {
      mode = "cut"
      await at.watch()
    }
    const others: readonly (() => Promise<void>)[] = [
      () => {
        mode = "bye"
        return at.watch()
      },
      async () => {
        mode = "long"
        const watching = at.watch()
        await at.heard.until(at.heard.positions.length + 1)
        at.platform.advance(1000)
        stream?.end()
        await watching
      },
      async () => {
        mode = "stays"
        const caller = new AbortController()
        const watching = at.watch(caller.signal)
        await at.heard.until(at.heard.positions.length + 1)
        caller.abort("stopped")
        await watching.catch(() => undefined)
      },
    ]
    for (const other of others) {
      await cut()
      await cut()
      await other()
    }
    await cut()
    await cut()
    assert.ok(at.routes().every((route) => route === "watch"))
  })

  it("does not count connections that were never made", async () => {
    await using at = await start((_, response) => void response.socket?.destroy())
    for (let count = 0; count < 5; count++) await assert.rejects(() => at.watch(), RemoteUnreachable)
    // Deno sends a request that got no answer a second time.
    assert.ok(at.server.seen.length >= 5 && at.routes().every((route) => route === "watch"))
  })
})
