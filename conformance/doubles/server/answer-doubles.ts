/** Faults of errors, headers, paths and methods. */
import { MEDIA_TYPE, REQUEST_ID_HEADER } from "../../../protocol/routes.ts"
import {
  again,
  answerDouble,
  bodyOf,
  double,
  encode,
  fieldsDouble,
  read,
  reheaded,
  relabelled,
  requestDouble,
  type ServerDouble,
  withBody,
} from "./server-double.ts"

const isError = ({ status }: Response): boolean => status >= 400

export const answerDoubles: readonly ServerDouble[] = [
  answerDouble(
    "answers every error with status 400",
    "error/statuses",
    (response) => relabelled(response, () => undefined, isError(response) ? 400 : response.status),
  ),
  answerDouble("answers errors with status 200", "error/statuses", (response) => relabelled(response, () => undefined, 200)),
  fieldsDouble("never says when to try again", "error/fields", ({ retry: _, ...fields }) => fields),
  fieldsDouble(
    "says in seconds when to try again",
    "error/fields",
    (fields) => fields["type"] === "error" ? { ...fields, retryAfterMillis: 0.5 } : undefined,
  ),
  fieldsDouble("says no details", ["error/details", "version/path", "feature/required"], ({ details: _, ...fields }) => fields),
  fieldsDouble(
    "has everything tried again at once",
    "error/retries",
    (fields) => fields["type"] === "error" ? { ...fields, retry: "now" } : undefined,
  ),
  fieldsDouble(
    "repeats the token that it does not know",
    "error/nothing-told",
    (fields, _, { headers }) =>
      fields["code"] === "unauthenticated" ? { ...fields, message: `unknown: ${headers.get("authorization")}` } : undefined,
  ),
  fieldsDouble(
    "shows where it failed",
    "error/nothing-told",
    (fields) =>
      fields["code"] === "invalid_request" ? { ...fields, details: { stack: "Error: no\n    at push (server.ts:12:3)" } } : undefined,
  ),
  double("repeats keys that it refuses", "error/nothing-told", (server) => async (request) => {
    const body = await bodyOf(request), answer = await server(again(request, body))
    const key = /canary[0-9a-f]+/.exec(new TextDecoder("latin1").decode(body))?.[0]
    const message = key === undefined || answer.status !== 400 ? undefined : read(new Uint8Array(await answer.clone().arrayBuffer()))
    return message === undefined ? answer : withBody(answer, encode({ ...message, fields: { ...message.fields, message: `no: ${key}` } }))
  }),
  answerDouble(
    "lets caches keep errors",
    "header/always",
    (response) => relabelled(response, (headers) => isError(response) && headers.delete("cache-control")),
  ),
  answerDouble(
    "forgets its headers where there is no endpoint",
    "header/always",
    (response, { url }) => relabelled(response, (headers) => url.includes("nothing") && headers.delete("x-content-type-options")),
  ),
  answerDouble(
    "lets others embed its answers",
    "header/always",
    (response) => relabelled(response, (headers) => headers.delete("cross-origin-resource-policy")),
  ),
  answerDouble(
    "lets the pages of everybody read",
    "header/origins",
    (response) => relabelled(response, (headers) => headers.set("access-control-allow-origin", "*")),
  ),
  answerDouble(
    "lets every page read that asks",
    "header/origins",
    (response, request) =>
      relabelled(response, (headers) => headers.set("access-control-allow-origin", request.headers.get("origin") ?? "*")),
  ),
  answerDouble(
    "tells errors as JSON",
    ["header/media-type", "error/fields"],
    (response) =>
      isError(response) ? withBody(response, '{"error":"no"}', (headers) => headers.set("content-type", "application/json")) : response,
  ),
  answerDouble(
    "says that its pages are bytes",
    "header/media-type",
    (response, { url }) =>
      relabelled(response, (headers) => url.endsWith("/pull") && headers.set("content-type", "application/octet-stream")),
  ),
  requestDouble("leads a path with a slash behind it to the one without", "header/no-redirect", ({ url }) => {
    const { pathname } = new URL(url)
    return pathname.endsWith("/") && pathname.length > 1 ? Response.redirect(new URL(pathname.replace(/\/+$/, ""), url), 308) : undefined
  }),
  answerDouble(
    "draws an id of its own for errors",
    "header/request-id",
    (response) => relabelled(response, (headers) => isError(response) && headers.set(REQUEST_ID_HEADER, "another")),
  ),
  answerDouble("repeats whatever id it is given", "header/drawn-id", (response, { headers }) => {
    const id = headers.get(REQUEST_ID_HEADER)
    return relabelled(response, (own) => id === null ? own.delete(REQUEST_ID_HEADER) : own.set(REQUEST_ID_HEADER, id))
  }),
  requestDouble(
    "takes every media type",
    "header/asked-type",
    (request) => request.method === "POST" ? reheaded(request, (headers) => headers.set("content-type", MEDIA_TYPE)) : undefined,
  ),
  requestDouble(
    "takes no media type with parameters",
    "header/asked-type",
    (request) =>
      reheaded(request, (headers) => headers.get("content-type")?.includes(";") === true && headers.set("content-type", "text/plain")),
  ),
  requestDouble(
    "takes every method for POST",
    "route/methods",
    async (request) =>
      request.method === "PUT"
        ? new Request(request.url, { method: "POST", headers: request.headers, body: await bodyOf(request) })
        : undefined,
  ),
  requestDouble(
    "takes paths in upper case",
    "route/paths",
    (request) => reheaded(request, () => undefined, new URL(request.url).pathname.toLowerCase()),
  ),
]
