/**
 * A request of the client as the server saw it: as it came, and what it says, read by the decoders of this package and by the second reader, which
 * share no code. What either refuses stands in `problem`.
 */
import { MalformedMessage, WireError } from "../../protocol/errors.ts"
import type { Envelope } from "../../protocol/envelope.ts"
import { decodeEnvelope } from "../../protocol/envelope.ts"
import {
  decodeHandshakeRequest,
  decodePullRequest,
  decodePushRequest,
  decodeWaitRequest,
  decodeWatchRequest,
  type RequestIdentity,
} from "../../protocol/messages.ts"
import { HEALTH_PATH, type RouteName, ROUTES } from "../../protocol/routes.ts"
import type { PullRequest, PushRequest } from "../../kernel/ports/remote.ts"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { describeError } from "../expect.ts"
import { gunzip } from "../server/gzip.ts"
import { type Block, readBlock } from "../vectors/reader/frame.ts"
import { readRequest } from "../vectors/reader/wire.ts"
import type { HttpReply, Incoming } from "./door.ts"

/** A request that came. */
export interface SeenRequest {
  /** Of all requests, from 1. */
  readonly number: number
  readonly route: RouteName | "health" | "other"
  readonly incoming: Incoming
  /** Its body as a message; undefined where it is none. */
  readonly message: Envelope | undefined
  readonly identity: RequestIdentity | undefined
  /** Of a handshake. */
  readonly versions: readonly number[] | undefined
  readonly push: PushRequest | undefined
  /** Of a push, by the second reader. */
  readonly blocks: readonly Block[]
  readonly pull: PullRequest | undefined
  /** What is wrong with it. */
  readonly problem: string | undefined
  /** When it was here, in milliseconds of `performance.now()`. */
  readonly atMillis: number
  /** When its answer was given; undefined: not yet. */
  endedMillis: number | undefined
  /** What it was answered; undefined: nothing, or nothing yet. */
  reply: HttpReply | undefined
}

const BODY_BYTES_MAX = 5_242_880

/** The endpoint that a request is for. */
export const routeOf = ({ method, target }: Incoming): SeenRequest["route"] => {
  if (method === "GET" && target === HEALTH_PATH) return "health"
  const found = Object.values(ROUTES).find((route) => route.method === method && route.path === target)
  return found?.name ?? "other"
}

/** What a request says. Never throws. */
export const seeRequest = (number: number, incoming: Incoming, atMillis: number): SeenRequest => {
  const route = routeOf(incoming)
  const seen = { number, route, incoming, atMillis, endedMillis: undefined, reply: undefined }
  const nothing = { message: undefined, identity: undefined, versions: undefined, push: undefined, blocks: [], pull: undefined }
  if (route === "health" || route === "other") return { ...seen, ...nothing, problem: undefined }
  let message: Envelope | undefined
  try {
    const body = plainBody(incoming)
    message = decodeEnvelope(body)
    readRequest(route, body)
    return { ...seen, ...nothing, message, ...readAs(route, body), problem: undefined }
  } catch (error) {
    return { ...seen, ...nothing, message, problem: problemOf(error) }
  }
}

/** The body without its encoding. */
const plainBody = ({ headers, body }: Incoming): Bytes => {
  const encoding = headers.get("content-encoding")
  return encoding === undefined || encoding === "" ? body : gunzip(body, BODY_BYTES_MAX)
}

type Read = Partial<Pick<SeenRequest, "identity" | "versions" | "push" | "blocks" | "pull">>

const readAs = (route: RouteName, body: Bytes): Read => {
  switch (route) {
    case "handshake": {
      const { identity, request: { versions } } = decodeHandshakeRequest(body)
      return { identity, versions }
    }
    case "push": {
      const { identity, request: push } = decodePushRequest(body)
      return { identity, push, blocks: push.parts.map(({ content }) => readBlock(content)) }
    }
    case "pull": {
      const { identity, request: pull } = decodePullRequest(body)
      return { identity, pull }
    }
    case "watch":
      return { identity: decodeWatchRequest(body).identity }
    case "wait":
      return { identity: decodeWaitRequest(body).identity }
  }
}

const problemOf = (error: unknown): string =>
  error instanceof MalformedMessage || error instanceof WireError ? error.message : describeError(error)
