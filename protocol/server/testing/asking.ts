/** What a client sends and hears, by hand: bodies, requests of the web, answers. */
import type { Bytes } from "../../../kernel/ports/log-storage.ts"
import type { Cursor, Part } from "../../../kernel/ports/remote.ts"
import type { WireError } from "../../errors.ts"
import {
  decodeErrorAnswer,
  encodeHandshakeRequest,
  encodePullRequest,
  encodePushRequest,
  encodeWaitRequest,
  encodeWatchRequest,
  type RequestIdentity,
} from "../../messages.ts"
import { MEDIA_TYPE, type RouteName, ROUTES } from "../../routes.ts"
import { CHECKSUM_BYTES, completed, sealed } from "../../testing/sealed.ts"
import { cursorAt } from "./double-log.ts"

/** Who asks, about a store. */
export const asker = (store: string, more: Partial<RequestIdentity> = {}): RequestIdentity => ({
  store,
  session: new Uint8Array(16),
  replica: undefined,
  accept: [],
  features: [],
  ...more,
})

const START = cursorAt(0)

/** Bodies of requests about one store. */
export const bodies = (store: string, more: Partial<RequestIdentity> = {}) => {
  const who = asker(store, more)
  return {
    handshake: (versions: readonly number[] = [1]): Bytes => encodeHandshakeRequest(who, { versions }),
    push: (parts: readonly Part[], own: readonly Bytes[] = [], basis: readonly Cursor[] = [START]): Bytes =>
      encodePushRequest(who, { basis, own, parts }),
    pull: (cursor: Cursor = START, partsBytesMax: number = 1_000_000): Bytes => encodePullRequest(who, { cursor, have: [], partsBytesMax }),
    watch: (): Bytes => encodeWatchRequest(who),
    wait: (cursor: Cursor = START, waitMillis: number = 25_000): Bytes => encodeWaitRequest(who, { cursor, waitMillis }),
  }
}

/** A body for each route that any server understands; the push is of a part that no log takes. */
export const bodyOf = (route: RouteName, store: string, more: Partial<RequestIdentity> = {}): Bytes => {
  const of = bodies(store, more)
  return route === "push" ? of.push([{ type: 1, content: new Uint8Array([0xc0]) }]) : of[route]()
}

export interface PostOptions {
  readonly token?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  readonly base?: string
}

/** A request with a message. */
export const post = (
  route: RouteName,
  body: BodyInit | null,
  { token, headers = {}, base = "http://server.test" }: PostOptions = {},
): Request =>
  new Request(`${base}${ROUTES[route].path}`, {
    method: "POST",
    body,
    headers: {
      "content-type": MEDIA_TYPE,
      ...token === undefined ? {} : { authorization: `Bearer ${token}` },
      ...headers,
    },
    // Asked for where a body is a stream.
    ...{ duplex: "half" },
  })

/** The body of an answer. */
export const bytesOf = async (response: Response): Promise<Bytes> => new Uint8Array(await response.arrayBuffer())

/** The error that an answer says. */
export const errorOf = async (response: Response): Promise<WireError> => decodeErrorAnswer(await bytesOf(response))

/** A body that is sent in these pieces. */
export const streamOf = (...pieces: readonly Uint8Array<ArrayBuffer>[]): ReadableStream<Uint8Array<ArrayBuffer>> =>
  new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece)
      controller.close()
    },
  })

/** A message whose bytes were changed, with the checksum that it would have had. */
export const resum = (body: Bytes): Bytes => sealed(body.subarray(0, Math.max(0, body.length - CHECKSUM_BYTES)))

/** A message with these bytes in place of its fields. */
export const messageOf = (fields: readonly number[]): Bytes => completed([0x94, ...fields, 0x90])

/** Compressed with gzip. */
export const gzip = async (bytes: Uint8Array<ArrayBuffer>): Promise<Bytes> =>
  new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer())
