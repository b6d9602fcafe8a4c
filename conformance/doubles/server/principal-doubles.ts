/** Faults of tokens, rights, names of stores, connections and health. */
import type { Envelope } from "../../../protocol/envelope.ts"
import { MEDIA_TYPE } from "../../../protocol/routes.ts"
import type { Bytes } from "../../../kernel/ports/log-storage.ts"
import { requestOf } from "../../server/message.ts"
import {
  again,
  type Answer,
  bodyOf,
  double,
  encode,
  errorAnswer,
  messageDouble,
  read,
  reheaded,
  requestDouble,
  routeOf,
  type ServerDouble,
  wireDouble,
  withBody,
} from "./server-double.ts"

const authorizationOf = ({ headers }: Request): string => headers.get("authorization") ?? ""
const bearer = (token: string) => (headers: Headers): void => headers.set("authorization", `Bearer ${token}`)

/** A double that knows the header by which the owner asked first; every case begins with that. */
const knowing = (
  fault: string,
  caughtBy: string | readonly string[],
  change: (request: Request, owner: string, server: Answer) => Request | Response | Promise<Request | Response>,
): ServerDouble =>
  double(fault, caughtBy, (server) => {
    let owner = ""
    return async (request) => {
      if (owner === "") owner = authorizationOf(request)
      const changed = await change(request, owner, server)
      return changed instanceof Response ? changed : await server(changed)
    }
  })
const asOwner = (request: Request, owner: string): Promise<Request> => reheaded(request, (headers) => headers.set("authorization", owner))

export const tokenDoubles: readonly ServerDouble[] = [
  knowing(
    "lets everybody wait",
    "token/missing",
    (request, owner) => routeOf(request) === "wait" && authorizationOf(request) === "" ? asOwner(request, owner) : request,
  ),
  double("tells who is nobody that there is no store", "token/missing", (server) => async (request) => {
    const answer = await server(request)
    return answer.status === 401 && routeOf(request) === "pull" ? errorAnswer(request, "store_not_found") : answer
  }),
  knowing("compares the beginnings of tokens", "token/wrong", (request, owner) => {
    const token = authorizationOf(request)
    return token.length > 20 && (owner.startsWith(token) || token.startsWith(owner)) ? asOwner(request, owner) : request
  }),
  requestDouble("takes every scheme", "token/scheme", (request) => reheaded(request, bearer(authorizationOf(request).split(" ").at(-1)!))),
  requestDouble(
    "wants its scheme with a capital",
    "token/any-case",
    (request) =>
      authorizationOf(request).startsWith("bearer") ? reheaded(request, (headers) => headers.delete("authorization")) : undefined,
  ),
  requestDouble("takes a token from the URL", "token/elsewhere", (request) => {
    const token = new URL(request.url).searchParams.get("access_token")
    return token === null ? undefined : reheaded(request, bearer(token))
  }),
  requestDouble("takes a token from a cookie", "token/elsewhere", (request) => {
    const token = /(?:^|; )token=([^;]*)/.exec(request.headers.get("cookie") ?? "")?.[1]
    return token === undefined ? undefined : reheaded(request, bearer(decodeURIComponent(token)))
  }),
  double("takes a handshake for a session", "token/each-request", (server) => {
    const sessions = new Map<string, string>()
    return async (request) => {
      const body = await bodyOf(request), session = String(read(body)?.fields["session"])
      const answer = await server(
        again(request, body, (headers) => headers.set("authorization", sessions.get(session) ?? authorizationOf(request))),
      )
      if (answer.status === 200) sessions.set(session, authorizationOf(request))
      return answer
    }
  }),
  knowing(
    "looks at a token when a stream begins, and not again",
    "token/expires",
    (request, owner) => routeOf(request) === "watch" && authorizationOf(request) !== "" ? asOwner(request, owner) : request,
  ),
  requestDouble(
    "reads the body before it asks who sent it",
    "token/before-the-body",
    async (request) => again(request, await bodyOf(request)),
  ),
]

/** Whether a token is that of somebody; the tokens of our tests begin with whose they are. */
const isOf = (request: Request, person: string): boolean => authorizationOf(request).startsWith(`Bearer ${person}-`)

export const rightDoubles: readonly ServerDouble[] = [
  double("makes the stores that are asked for", "right/not-made", (server) => async (request) => {
    const body = await bodyOf(request), store = read(body)?.fields["store"]
    if (typeof store === "string" && ["pull", "watch", "wait"].includes(routeOf(request))) {
      await server(again(request, requestOf("handshake", store), undefined, "/v1/handshake"))
    }
    return await server(again(request, body))
  }),
  knowing(
    "lets readers push",
    "right/reader",
    (request, owner) => isOf(request, "reader") && routeOf(request) === "push" ? asOwner(request, owner) : request,
  ),
  double("tells readers that there is no store to push to", "right/reader", (server) => async (request) => {
    const answer = await server(request)
    return answer.status === 403 ? errorAnswer(request, "store_not_found") : answer
  }),
  knowing(
    "has one namespace for all",
    "right/namespaces",
    (request, owner) => isOf(request, "stranger") ? asOwner(request, owner) : request,
  ),
  knowing(
    "lets only those listen who may write",
    "right/endpoints",
    (request) => isOf(request, "reader") && routeOf(request) === "watch" ? errorAnswer(request, "forbidden") : request,
  ),
  knowing(
    "lets all wait who may do anything",
    ["right/sender"],
    (request, owner) => isOf(request, "sender") && routeOf(request) === "wait" ? asOwner(request, owner) : request,
  ),
  double("keeps pages by the names of stores", "right/canaries", (server) => {
    const pages = new Map<string, Envelope>()
    return async (request) => {
      const body = await bodyOf(request), asked = read(body), answer = await server(again(request, body))
      if (asked === undefined || routeOf(request) !== "pull" || answer.status === 401) return answer
      const name = JSON.stringify([asked.fields["store"], asked.fields["cursor"]]), kept = pages.get(name)
      const page = answer.status === 200 ? read(new Uint8Array(await answer.clone().arrayBuffer())) : undefined
      if (page !== undefined && kept === undefined) pages.set(name, page)
      return kept === undefined || page === undefined ? answer : withBody(answer, encode({ ...kept, call: asked.call }))
    }
  }),
  double("tells in its errors what was pushed last", "right/canaries", (server) => {
    let last = ""
    return async (request) => {
      const body = await bodyOf(request), answer = await server(again(request, body))
      last = /canary[0-9a-f-]+/.exec(new TextDecoder("latin1").decode(body))?.[0] ?? last
      const message = answer.status === 403 ? read(new Uint8Array(await answer.clone().arrayBuffer())) : undefined
      return message === undefined ? answer : withBody(answer, encode({ ...message, fields: { ...message.fields, message: last } }))
    }
  }),
  knowing("tells everybody which stores there are", "right/invisible", async (request, owner, server) => {
    if (!isOf(request, "nobody")) return request
    const body = await bodyOf(request),
      probe = again(request, requestOf("pull", String(read(body)?.fields["store"])), undefined, "/v1/pull")
    const found = await server(await asOwner(probe, owner))
    return found.status === 404 ? errorAnswer(request, "store_not_found") : again(request, body)
  }),
]

/** A double that takes one name for another. */
const renaming = (fault: string, caughtBy: string, rename: (store: string) => string): ServerDouble =>
  messageDouble(
    fault,
    caughtBy,
    ({ fields }) => typeof fields["store"] === "string" ? { fields: { ...fields, store: rename(fields["store"]) } } : undefined,
  )
const utf8 = new TextEncoder()

/** A double that has room for so many stores: then the one that came first makes place, and is a new one when it comes again. */
const forgetful = (storesMax: number): ServerDouble =>
  double("forgets the store that came first when there are many", "name/many", (server) => {
    const places = new Map<string, string>()
    let made = 0
    return async (request) => {
      const body = await bodyOf(request), message = read(body), store = message?.fields["store"]
      if (message === undefined || typeof store !== "string") return await server(again(request, body))
      const place = places.get(store) ?? `${store}~${made += 1}`
      places.set(store, place)
      if (places.size > storesMax) places.delete(String(places.keys().next().value))
      return await server(again(request, encode({ ...message, fields: { ...message.fields, store: place } })))
    }
  })

export const nameDoubles: readonly ServerDouble[] = [
  renaming("does not tell upper from lower case", "name/apart", (store) => store.toLowerCase()),
  renaming("takes names for paths", "name/apart", (store) => new URL(store, "http://x/").pathname),
  renaming("takes two spellings of a letter for one", "name/apart", (store) => store.normalize("NFC")),
  renaming("leaves out the blanks around a name", "name/apart", (store) => store.trim()),
  renaming("undoes the encoding of URLs in names", "name/apart", (store) => store.replace(/%2f/gi, "/")),
  forgetful(100),
  renaming("cuts names where they are too long", "name/bytes", (store) => utf8.encode(store).length > 200 ? store.slice(0, 60) : store),
  renaming("ends names at a zero", "name/bytes", (store) => store.split("\0")[0] || "x"),
]

/** The same stream; `onEnd` is called when it was taken, or nobody takes it any more. */
const told = (stream: ReadableStream<Uint8Array<ArrayBuffer>>, onEnd: () => void): ReadableStream<Uint8Array<ArrayBuffer>> => {
  const reader = stream.getReader()
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await reader.read()
      if (!done) return controller.enqueue(value)
      onEnd()
      controller.close()
    },
    cancel(reason) {
      onEnd()
      return reader.cancel(reason)
    },
  }, { highWaterMark: 0 })
}

export const connectionDoubles: readonly ServerDouble[] = [
  double("answers one request after the other", "connection/unread", (server) => {
    let before: Promise<void> = Promise.resolve()
    return async (request) => {
      const turn = before
      let isOut = (): void => undefined
      before = new Promise((resolve) => isOut = resolve)
      await turn
      const answer = await server(request)
      if (answer.body !== null && answer.headers.get("content-type") === MEDIA_TYPE) return withBody(answer, told(answer.body, isOut))
      isOut()
      return answer
    }
  }),
  double("answers the request behind an error with that error", "connection/after-errors", (server) => {
    let last: Response | undefined
    return async (request) => {
      const answer = last ?? await server(request)
      last = answer.status >= 400 && last === undefined ? answer.clone() : undefined
      return answer
    }
  }),
  wireDouble(
    "takes a body that it leaves unread for the next request",
    "connection/after-errors",
    (text) =>
      /^POST /.test(text) && !/^authorization:/im.test(text.split("\r\n\r\n", 1)[0]!)
        ? text.replace(/^content-length: \d+\r\n/im, "")
        : text,
  ),
  wireDouble("forgets what came along with a request", "connection/pipelined", (text) => {
    const end = text.indexOf("\r\n\r\n") + 4, length = Number(/^content-length: (\d+)/im.exec(text.slice(0, end))?.[1] ?? NaN)
    return /^POST /.test(text) && text.length > end + length ? text.slice(0, end + length) : text
  }),
  double("keeps the call in one place for all requests", "connection/at-once", (server) => {
    let last: Bytes = new Uint8Array(16)
    return async (request) => {
      const body = await bodyOf(request)
      last = read(body)?.call ?? last
      const answer = await server(again(request, body))
      await new Promise((resolve) => setTimeout(resolve, 2)) // others come meanwhile
      const message = read(new Uint8Array(await answer.clone().arrayBuffer()))
      return message === undefined ? answer : withBody(answer, encode({ ...message, call: last }))
    }
  }),
  requestDouble(
    "wants a token for health",
    "health/open",
    (request) => request.url.endsWith("/health") && authorizationOf(request) === "" ? errorAnswer(request, "unauthenticated") : undefined,
  ),
  double("tells of stores in its health", "health/open", (server) => {
    let store = ""
    return async (request) => {
      if (request.url.endsWith("/health")) return Response.json({ stores: [store] })
      const body = await bodyOf(request)
      store = String(read(body)?.fields["store"] ?? store)
      return await server(again(request, body))
    }
  }),
]
