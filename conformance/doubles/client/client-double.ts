/**
 * What a double of a client is: the client of this package, with one thing that does something wrong: between it and its user, in its remote, or between it
 * and the network.
 *
 *   commands ──▶ drive ──▶ our client ──▶ remote ──▶ protocol ──▶ fetch ──▶ server
 */
import type { Adapter, Bytes } from "../../../kernel/ports/log-storage.ts"
import type { Platform } from "../../../kernel/ports/platform.ts"
import type { PushRequest, Remote } from "../../../kernel/ports/remote.ts"
import { decodeEnvelope, encodeEnvelope, type Envelope } from "../../../protocol/envelope.ts"
import { MEDIA_TYPE, type RouteName } from "../../../protocol/routes.ts"
import type { ClientAnswers, ClientCommands, CommandName } from "../../client/contract.ts"
import { gunzip } from "../../server/gzip.ts"
import { type Block, readBlock } from "../../vectors/reader/frame.ts"

const BODY_BYTES_MAX = 5_242_880

/** Answers a command. */
export type Ask = <Name extends CommandName>(command: Name, fields: ClientCommands[Name]) => Promise<ClientAnswers[Name]>

/** As the runtime's, with what our client calls it with. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** What is wrong in one process of a client. */
export interface ClientFaults {
  readonly drive?: ((ask: Ask) => Ask) | undefined
  readonly remote?: ((remote: Remote) => Remote) | undefined
  readonly fetch?: Fetch | undefined
  readonly platform?: Platform | undefined
  readonly adapter?: Adapter | undefined
  readonly allowInsecure?: boolean | undefined
}

/** A fault and the cases that must catch it. */
export interface ClientDouble {
  /** What is wrong, in a few words. */
  readonly fault: string
  /** Ids of cases of which each must fail because of it, or warn of it where it is no more than a recommendation. */
  readonly caughtBy: readonly string[]
  /** Called for each process that is started, so that it may remember something. */
  readonly make: () => ClientFaults
  /** How long its minute lasts, in milliseconds, where it is about time. */
  readonly minuteMillis?: number | undefined
}

/** A double that is made anew for each process. */
export const double = (fault: string, caughtBy: string | readonly string[], make: () => ClientFaults): ClientDouble => ({
  fault,
  caughtBy: [caughtBy].flat(),
  make,
})

/** Commands that a fault answers itself; `next` asks our client. */
export type Replaced = {
  readonly [Name in CommandName]?: (
    fields: ClientCommands[Name],
    next: (fields?: ClientCommands[Name]) => Promise<ClientAnswers[Name]>,
    ask: Ask,
  ) => Promise<ClientAnswers[Name]>
}

/** Answers some commands in another way. */
export const driving = (replaced: Replaced): (ask: Ask) => Ask => (ask) => async (command, fields) => {
  const answer = replaced[command]
  return answer === undefined ? await ask(command, fields) : await answer(fields, (other) => ask(command, other ?? fields), ask)
}

/** A double that answers some commands wrongly. */
export const driveDouble = (fault: string, caughtBy: string | readonly string[], replaced: () => Replaced): ClientDouble =>
  double(fault, caughtBy, () => ({ drive: driving(replaced()) }))

/** `remote` with some verbs replaced. */
export const withRemote = (remote: Remote, replaced: Partial<Remote>): Remote => ({
  name: remote.name,
  handshake: (call) => remote.handshake(call),
  push: (request, call) => remote.push(request, call),
  pull: (request, call) => remote.pull(request, call),
  watch: (onHead, call) => remote.watch(onHead, call),
  close: () => remote.close(),
  ...replaced,
})

/** A double whose remote has a fault. */
export const remoteDouble = (
  fault: string,
  caughtBy: string | readonly string[],
  replace: (remote: Remote) => Partial<Remote>,
): ClientDouble => double(fault, caughtBy, () => ({ remote: (remote) => withRemote(remote, replace(remote)) }))

/** A double that does something else with requests and answers of HTTP. */
export const fetchDouble = (fault: string, caughtBy: string | readonly string[], make: () => Fetch): ClientDouble =>
  double(fault, caughtBy, () => ({ fetch: make() }))

/** The route of a request. */
export const routeOf = (url: string): RouteName => new URL(url).pathname.split("/").at(-1) as RouteName

/** The body of a request, without its encoding. */
export const bodyOf = ({ body, headers }: RequestInit): Bytes => {
  const bytes = new Uint8Array(body as ArrayBuffer | Bytes)
  return new Headers(headers).has("content-encoding") ? gunzip(bytes, BODY_BYTES_MAX) : bytes
}

/** The same request with another body. */
export const rebodied = (init: RequestInit, body: Bytes): RequestInit => {
  const headers = new Headers(init.headers)
  headers.delete("content-encoding")
  return { ...init, headers, body }
}

/** The message that bytes are; undefined if they are none. */
export const readMessage = (bytes: Bytes): Envelope | undefined => {
  try {
    return decodeEnvelope(bytes)
  } catch {
    return undefined
  }
}

/** Asks the network. */
export const send: Fetch = (url, init) => globalThis.fetch(url, init)

/** An answer with this body, as a message. */
export const messageResponse = (body: Bytes, status: number = 200): Response =>
  new Response(body, { status, headers: { "content-type": MEDIA_TYPE } })

/** The bytes of an answer that is none of a stream; of a stream nothing, and it is left as it is. */
export const bytesOf = async (response: Response): Promise<Bytes | undefined> =>
  response.headers.get("content-type")?.startsWith("text/event-stream") === true ? undefined : new Uint8Array(await response.arrayBuffer())

/** What a fault makes of an answer: another message, or the same. */
export type ChangeAnswer = (answer: Envelope, request: Envelope, route: RouteName) => Partial<Envelope> | undefined

/** Changes answers that are messages; what is none goes on as it is. */
export const changing = (change: ChangeAnswer): Fetch => async (url, init) => {
  const request = readMessage(bodyOf(init)), response = await send(url, init), copy = response.clone()
  const body = await bytesOf(copy), answer = body === undefined ? undefined : readMessage(body)
  if (answer === undefined || request === undefined) return response
  const changed = change(answer, request, routeOf(url))
  if (changed === undefined) return response
  const { fields, parts, call } = { ...answer, ...changed }
  return messageResponse(encodeEnvelope(fields, parts, call), changed.fields?.["type"] === "error" ? 500 : response.status)
}

/** A double that changes answers. */
export const answerDouble = (fault: string, caughtBy: string | readonly string[], change: ChangeAnswer): ClientDouble =>
  fetchDouble(fault, caughtBy, () => changing(change))

/** The blocks of a push. */
export const blocksOf = ({ parts }: Pick<PushRequest, "parts"> | Envelope): readonly Block[] =>
  parts.map(({ content }) => readBlock(content))

/** Bytes by their hexadecimal digits. */
export const fromHex = (hex: string): Bytes => Uint8Array.from(hex.match(/../g) ?? [], (digits) => parseInt(digits, 16))

/** The last number that a push brings of each writer. */
export const lastSeqs = (push: Pick<PushRequest, "parts"> | Envelope): ReadonlyMap<string, number> => {
  const last = new Map<string, number>()
  for (const { writers: [writer = ""], to } of blocksOf(push)) last.set(writer, Math.max(to, last.get(writer) ?? 0))
  return last
}

/** The operations that a push lists, each as writer and number. */
export const listedDots = (push: Pick<PushRequest, "parts"> | Envelope): ReadonlySet<string> =>
  new Set(blocksOf(push).flatMap(({ writers: [writer = ""], operations }) => operations.map(({ seq }) => `${writer} ${seq}`)))
