/**
 * The port `Remote` in the words of the protocol: what is asked becomes bytes, what comes back is checked, against the protocol and against
 * what was asked. How bytes travel is the business of an {@link Exchange}, so HTTP and a handler in the same process share all of this.
 *
 * Retries nothing, waits for nothing and keeps nothing but what it was made with: that is the engine's.
 */
import { ProtocolViolation, RemoteUnreachable } from "../../kernel/errors.ts"
import { BATCH_BYTES_MAX, BATCH_OPERATIONS_MAX, PARTS_MAX } from "../../kernel/limits.ts"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import type { CallOptions, Cursor, Handshake, PullAnswer, PullRequest, PushAnswer, PushRequest, Remote } from "../../kernel/ports/remote.ts"
import { callOf } from "../envelope.ts"
import { WireError } from "../errors.ts"
import { CALL_BYTES, WRITERS_MAX } from "../limits.ts"
import {
  decodeHandshakeAnswer,
  decodeHeadAnswer,
  decodePullAnswer,
  decodePushAnswer,
  encodeHandshakeRequest,
  encodePullRequest,
  encodePushRequest,
  encodeWaitRequest,
  encodeWatchRequest,
  errorOfAnswer,
  type RequestIdentity,
} from "../messages.ts"
import { PROTOCOL_VERSIONS } from "../version.ts"
import { wrongHandshake, wrongPullAnswer, wrongPushAnswer } from "./answer-checks.ts"
import type { CallRoute, Exchange } from "./exchange.ts"
import { isOtherAnswer, OTHER_ANSWER } from "./own-answer.ts"

export interface WireRemoteOptions {
  readonly exchange: Exchange
  /** Name of the store at the remote, at most 200 bytes. */
  readonly store: string
  /** 16 random bytes, drawn for this remote in this process: for tracing at the other end, and to tell answers apart. */
  readonly session: Bytes
  /** The 8 bytes of this copy, where they are known; for tracing at the remote. */
  readonly replica?: Bytes | undefined
  /** Names the remote in the log; by default what the exchange is named. */
  readonly name?: string | undefined
}

/**
 * A remote that speaks the protocol over `exchange`, which it closes with itself.
 *
 * Calls reject as those of the exchange do; with what an answer of type "error" says; with `RemoteUnreachable` for bytes that were damaged on
 * their way, or for an answer to another request; and with `ProtocolViolation` for one that is none, or that cannot be true. After a rejection
 * it is unknown whether a push took effect; the next one is judged by what the remote has.
 */
export function wireRemote(options: WireRemoteOptions): Remote {
  return new WireRemote(options)
}

class WireRemote implements Remote {
  readonly name: string
  readonly #exchange: Exchange
  readonly #store: string
  readonly #session: Bytes
  readonly #replica: Bytes | undefined
  #calls = 0

  constructor({ exchange, store, session, replica, name }: WireRemoteOptions) {
    this.name = name ?? exchange.name
    this.#exchange = exchange
    this.#store = store
    this.#session = session
    this.#replica = replica
  }

  /** What changes from call to call is asked of the exchange each time. */
  #identity(): RequestIdentity {
    const { features, accept } = this.#exchange
    return { store: this.#store, session: this.#session, replica: this.#replica, features, accept, call: this.#nextCall() }
  }

  /** Half of the session, which was drawn for this process, and a counter. */
  #nextCall(): Bytes {
    const call = new Uint8Array(CALL_BYTES)
    call.set(this.#session.subarray(0, CALL_BYTES / 2))
    new DataView(call.buffer).setBigUint64(CALL_BYTES / 2, BigInt(++this.#calls))
    return call
  }

  async handshake(options: CallOptions): Promise<Handshake> {
    const identity = this.#identity()
    const body = encodeHandshakeRequest(identity, { versions: PROTOCOL_VERSIONS })
    const answer = await this.#ask("handshake", body, decodeHandshakeAnswer, options)
    this.#refuse("handshake", wrongHandshake(PROTOCOL_VERSIONS, identity.features, answer))
    const { features, limits, head, serverTimeMillis, rights, durability } = answer
    this.#exchange.agree({ features, bodyBytesMax: limits.bodyBytesMax, inflatedBytesMax: limits.inflatedBytesMax })
    return {
      head,
      serverTimeMillis,
      limits: {
        // More than this release can send is of no use to it.
        partsBytesMax: Math.min(limits.partsBytesMax, BATCH_BYTES_MAX),
        operationsMax: Math.min(limits.operationsMax, BATCH_OPERATIONS_MAX),
        partsMax: Math.min(limits.partsMax, PARTS_MAX),
      },
      rights,
      durability,
      live: features.includes("live"),
    }
  }

  async push(request: PushRequest, options: CallOptions): Promise<PushAnswer> {
    const answer = await this.#ask("push", encodePushRequest(this.#identity(), request), decodePushAnswer, options)
    this.#refuse("push", wrongPushAnswer(request, answer))
    return answer
  }

  async pull(request: PullRequest, options: CallOptions): Promise<PullAnswer> {
    // To name a writer only saves bytes, so those that do not fit are left out.
    const asked = request.have.length > WRITERS_MAX ? { ...request, have: request.have.slice(-WRITERS_MAX) } : request
    const answer = await this.#ask("pull", encodePullRequest(this.#identity(), asked), decodePullAnswer, options)
    this.#refuse("pull", wrongPullAnswer(asked, answer))
    return answer
  }

  watch(onHead: (head: Cursor) => void, options: CallOptions): Promise<void> {
    const requests = {
      watch: encodeWatchRequest(this.#identity()),
      wait: (cursor: Cursor, waitMillis: number): Bytes => encodeWaitRequest(this.#identity(), { cursor, waitMillis }),
      readHead: (answer: Bytes): Cursor => this.#readHead(answer),
    }
    return this.#exchange.watch(requests, onHead, options)
  }

  close(): Promise<void> {
    return this.#exchange.close()
  }

  async #ask<Answer>(route: CallRoute, body: Bytes, decode: (body: Bytes) => Answer, options: CallOptions): Promise<Answer> {
    const bytes = await this.#exchange.call(route, body, options), asked = callOf(body)
    let answer: Answer
    try {
      answer = decode(bytes)
    } catch (error) {
      const isOther = error instanceof WireError && isOtherAnswer(bytes, asked, error)
      throw isOther ? this.#otherAnswer(route) : this.#meaningOf(route, error)
    }
    if (isOtherAnswer(bytes, asked)) throw this.#otherAnswer(route)
    return answer
  }

  #readHead(answer: Bytes): Cursor {
    try {
      return decodeHeadAnswer(answer)
    } catch (error) {
      throw this.#meaningOf("wait", error)
    }
  }

  #meaningOf(call: CallRoute, error: unknown): unknown {
    return error instanceof WireError ? errorOfAnswer(error, this.name, call) : error
  }

  #otherAnswer(call: CallRoute): RemoteUnreachable {
    return new RemoteUnreachable({ remote: this.name, call, reason: OTHER_ANSWER })
  }

  #refuse(call: CallRoute, reason: string | undefined): void {
    if (reason !== undefined) throw new ProtocolViolation({ remote: this.name, call, reason })
  }
}
