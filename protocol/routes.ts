/** Paths, methods and headers of the protocol over HTTP, for both ends. `SPEC.md`, section 2. */
import { PROTOCOL_VERSION } from "./version.ts"

/** Name of a route that takes a message. */
export type RouteName = "handshake" | "push" | "pull" | "watch" | "wait"

export interface Route {
  readonly name: RouteName
  /** Behind the base URL, which does not end with a slash. */
  readonly path: string
  readonly method: "POST"
  /** The right that a principal needs; "any": at least one. */
  readonly needs: "any" | "read" | "write"
}

const route = (name: RouteName, needs: Route["needs"]): Route => ({ name, path: `/v${PROTOCOL_VERSION}/${name}`, method: "POST", needs })

/** Every route that takes a message. There is no other way in. */
export const ROUTES: Readonly<Record<RouteName, Route>> = {
  handshake: route("handshake", "any"),
  push: route("push", "write"),
  pull: route("pull", "read"),
  watch: route("watch", "read"),
  wait: route("wait", "read"),
}
/** Says whether the server takes requests: by GET, without token, body, store or principal. */
export const HEALTH_PATH: string = `/v${PROTOCOL_VERSION}/health`

/** The version that a path names, such as 2 for `/v2/push`; undefined if it does not begin with one. */
export function versionOfPath(path: string): number | undefined {
  const digits = /^\/v([0-9]{1,9})\/[a-z]{1,32}$/.exec(path)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/** Media type of requests and of answers, errors too. */
export const MEDIA_TYPE = "application/vnd.persist+msgpack"
/** Media type of what `watch` answers. */
export const EVENTS_MEDIA_TYPE = "text/event-stream"
/** Header with the request's id: the client may choose it, the server names it in its answer. */
export const REQUEST_ID_HEADER = "persist-request-id"

/** Headers of every answer, whatever its status. */
export const ANSWER_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "cross-origin-resource-policy": "same-origin",
}

/** Whether `id` may be a request's id: 1 to 128 visible characters of ASCII. */
export const isRequestId = (id: string): boolean => /^[!-~]{1,128}$/.test(id)
