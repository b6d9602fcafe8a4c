/**
 * What a double of a server is: our server, with something in front of it that does one thing wrong. It changes requests before the server has
 * them, or answers before they are out.
 *
 *   request ──▶ change ──▶ server ──▶ change ──▶ answer
 */
import type { Bytes } from "../../../kernel/ports/log-storage.ts"
import { decodeEnvelope, encodeEnvelope, type Envelope, type FieldValues } from "../../../protocol/envelope.ts"
import { wireError, type WireErrorCode, type WireErrorOptions } from "../../../protocol/errors.ts"
import { encodeErrorAnswer } from "../../../protocol/messages.ts"
import { ANSWER_HEADERS, MEDIA_TYPE, REQUEST_ID_HEADER, type RouteName } from "../../../protocol/routes.ts"

/** Answers a request. */
export type Answer = (request: Request) => Promise<Response>

/** A fault and the cases that must catch it. */
export interface ServerDouble {
  /** What is wrong, in a few words. */
  readonly fault: string
  /** Ids of cases of which each must fail because of it, or warn of it where it is no more than a recommendation. */
  readonly caughtBy: readonly string[]
  /** What answers in place of the server; called once for each start, so that it may remember something. */
  readonly change: (server: Answer) => Answer
  /** What becomes of bytes on their way to the server, a character each, as they come. */
  readonly wire?: ((text: string) => string) | undefined
  /** It is about time: the server's minute is a short one. */
  readonly isHasty?: boolean | undefined
}

/** A double that answers by itself, or asks the server. */
export const double = (
  fault: string,
  caughtBy: string | readonly string[],
  change: (server: Answer) => Answer,
  isHasty: boolean = false,
): ServerDouble => ({ fault, caughtBy: [caughtBy].flat(), change, isHasty })

/** A double that changes what comes from the network, before anybody reads it as HTTP. */
export const wireDouble = (fault: string, caughtBy: string | readonly string[], wire: (text: string) => string): ServerDouble => ({
  ...double(fault, caughtBy, (server) => server),
  wire,
})

/** A double that changes requests. One that is answered nothing goes on as it is. */
export const requestDouble = (
  fault: string,
  caughtBy: string | readonly string[],
  change: (request: Request) => Request | Response | undefined | Promise<Request | Response | undefined>,
): ServerDouble =>
  double(fault, caughtBy, (server) => async (request) => {
    const changed = await change(request) ?? request
    return changed instanceof Response ? changed : await server(changed)
  })

/** A double that changes the messages of requests; others, and those for which nothing is answered, go on as they are. */
export const messageDouble = (
  fault: string,
  caughtBy: string | readonly string[],
  change: (message: Envelope, route: RouteName, request: Request) => Partial<Envelope> | Response | undefined,
): ServerDouble =>
  requestDouble(fault, caughtBy, async (request) => {
    const body = await bodyOf(request)
    const message = read(body)
    const changed = message === undefined ? undefined : change(message, routeOf(request), request)
    if (changed instanceof Response) return changed
    return again(request, message === undefined || changed === undefined ? body : encode({ ...message, ...changed }))
  })

/** A double that changes answers. */
export const answerDouble = (
  fault: string,
  caughtBy: string | readonly string[],
  change: (response: Response, request: Request) => Response | Promise<Response>,
): ServerDouble => double(fault, caughtBy, (server) => async (request) => await change(await server(request), request))

/** A double that changes the fields of answers that are messages; one for which nothing is answered stays as it is. */
export const fieldsDouble = (
  fault: string,
  caughtBy: string | readonly string[],
  change: (fields: FieldValues, route: RouteName, request: Request) => FieldValues | undefined,
): ServerDouble =>
  answerDouble(fault, caughtBy, async (response, request) => {
    const body = await messageOf(response)
    const message = body === undefined ? undefined : read(body)
    if (body === undefined || message === undefined) return response
    const fields = change(message.fields, routeOf(request), request)
    return withBody(response, fields === undefined ? body : encode({ ...message, fields }))
  })

/** The body of a request, of which nobody can read it again. */
export const bodyOf = async (request: Request): Promise<Bytes> => new Uint8Array(await request.arrayBuffer())

/** The message that bytes are; undefined if they are none. */
export const read = (body: Bytes): Envelope | undefined => {
  try {
    return decodeEnvelope(body)
  } catch {
    return undefined
  }
}

/** A message as bytes; what it cannot be as well made stays a fault of the double. */
export const encode = ({ fields, parts, call }: Envelope): Bytes => encodeEnvelope(fields, parts, call)

/** The body of an answer that is a plain message. */
const messageOf = async (response: Response): Promise<Bytes | undefined> => {
  const isPlain = response.headers.get("content-type") === MEDIA_TYPE && !response.headers.has("content-encoding")
  return isPlain ? new Uint8Array(await response.clone().arrayBuffer()) : undefined
}

/** The name of the endpoint that a request is for. */
export const routeOf = ({ url }: Request): RouteName => new URL(url).pathname.split("/").at(-1) as RouteName

/** The same request with another body, and with other headers. */
export const again = (
  { url, method, headers }: Request,
  body: Bytes,
  change: (headers: Headers) => void = () => undefined,
  path?: string,
): Request => {
  const changed = new Headers(headers)
  changed.delete("content-length")
  changed.delete("transfer-encoding")
  change(changed)
  const isEmpty = method === "GET" || method === "HEAD"
  return new Request(path === undefined ? url : new URL(path, url), { method, headers: changed, ...isEmpty ? {} : { body } })
}

/** The same request with other headers. */
export const reheaded = async (request: Request, change: (headers: Headers) => void, path?: string): Promise<Request> =>
  again(request, await bodyOf(request), change, path)

/** The same answer with another body. */
export const withBody = (response: Response, body: BodyInit | null, change: (headers: Headers) => void = () => undefined): Response => {
  const headers = new Headers(response.headers)
  headers.delete("content-length")
  change(headers)
  return new Response(body, { status: response.status, headers })
}

/** The same answer with other headers, or another status. */
export const relabelled = (response: Response, change: (headers: Headers) => void, status: number = response.status): Response => {
  const headers = new Headers(response.headers)
  change(headers)
  return new Response(response.body, { status, headers })
}

/** An error as a server answers it. */
export const errorAnswer = (request: Request, code: WireErrorCode, call?: Bytes, options: WireErrorOptions = {}): Response => {
  const error = wireError(code, "the double says so", options), id = request.headers.get(REQUEST_ID_HEADER) ?? "drawn"
  return new Response(encodeErrorAnswer(error, undefined, call), {
    status: error.status,
    headers: { ...ANSWER_HEADERS, "content-type": MEDIA_TYPE, [REQUEST_ID_HEADER]: id },
  })
}

/** A member of fields as a list; empty for anything else. */
export const listOf = (value: unknown): readonly unknown[] => Array.isArray(value) ? value : []
