/**
 * A server on its way through one case: the subject, and what cases need around it.
 *
 *   store: a name of its own, made by a handshake · send(): bytes to an answer · answered(), refused(): judged · remote: for its cases
 */
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import type { Part, Remote } from "../../kernel/ports/remote.ts"
import { httpRemote } from "../../protocol/client/http-remote.ts"
import { decodeEnvelope, type Envelope, isSameCall } from "../../protocol/envelope.ts"
import { WIRE_ERRORS, type WireError, type WireErrorCode } from "../../protocol/errors.ts"
import { decodeErrorAnswer, decodeHandshakeAnswer, type HandshakeAnswer } from "../../protocol/messages.ts"
import { EVENTS_MEDIA_TYPE, MEDIA_TYPE, type RouteName, ROUTES } from "../../protocol/routes.ts"
import { FEATURES } from "../../protocol/version.ts"
import type { Case } from "../case.ts"
import { describe, describeError, ensure, fail } from "../expect.ts"
import { BlockWriter } from "../remote/block-writer.ts"
import { type RemoteSubject, RemoteTrial } from "../remote/trial.ts"
import type { Trial } from "../runner.ts"
import { Connection, type HttpAnswer } from "./connection.ts"
import { gunzip } from "./gzip.ts"
import { drawCall, type Fields, requestOf, ROUTE_NAMES } from "./message.ts"
import { lackOf, type ServerNeed, type ServerSubject } from "./subject.ts"

/** A case about a server. */
export type ServerCase = Case<ServerTrial, ServerNeed>

/** One request; what is left out is as it should be. */
export interface Asked {
  readonly route?: RouteName | undefined
  /** Behind the base. Default: that of the route. */
  readonly path?: string | undefined
  readonly method?: string | undefined
  readonly body?: Uint8Array | undefined
  /** `null`: no token. Default: the owner's. */
  readonly token?: string | null | undefined
  /** Added, or in place of others; `null` leaves one out. */
  readonly headers?: Readonly<Record<string, string | null>> | undefined
}

/** An error that a server answered. */
export interface Refused {
  readonly answer: HttpAnswer
  readonly error: WireError
  readonly fields: Fields
}

/** How long a case waits for what must come. */
export const SERVER_PATIENCE_MILLIS = 10_000

/** Drawn by the first case: a Worker may draw nothing while it loads. */
let run: string | undefined
let stores = 0

export class ServerTrial implements Trial {
  readonly warnings: string[] = []
  readonly subject: ServerSubject
  /** The store of this case: empty at first. */
  readonly store: string
  /** What the owner's handshake said that made the store; features are all that the server has of those of version 1. */
  readonly handshake: HandshakeAnswer
  readonly patienceMillis: number
  readonly #base: URL
  readonly #connections = new Set<Connection>()
  #remoteTrial: RemoteTrial | undefined
  #ended = false

  private constructor(subject: ServerSubject, store: string, patienceMillis: number, handshake: HandshakeAnswer) {
    this.subject = subject
    this.store = store
    this.patienceMillis = patienceMillis
    this.handshake = handshake
    this.#base = new URL(subject.url)
  }

  /** Makes the store by a handshake. */
  static async begin(subject: ServerSubject, patienceMillis: number = SERVER_PATIENCE_MILLIS): Promise<ServerTrial> {
    const store = `conformance-${run ??= crypto.randomUUID().slice(0, 8)}-${stores += 1}`
    // A handshake is asked for by a trial, and a trial has one: the first trial has none yet.
    const first = new ServerTrial(subject, store, patienceMillis, NO_HANDSHAKE)
    try {
      return new ServerTrial(subject, store, patienceMillis, await first.shakeHands())
    } finally {
      await first.end()
    }
  }

  lacks(need: string): string | undefined {
    return lackOf(this.subject, this.handshake.features, need)
  }

  /** Endpoints that take a message and that the server has: those of hints only with `live`. */
  get routes(): readonly RouteName[] {
    return this.lacks("live") === undefined ? ROUTE_NAMES : ROUTE_NAMES.filter((route) => route !== "watch" && route !== "wait")
  }

  /** Notes something that breaks no rule. */
  warn(text: string): void {
    this.warnings.push(text)
  }

  /** Another store of this case, beside its own; not made yet. */
  otherStore(suffix: string = "other"): string {
    return `${this.store}-${suffix}`
  }

  /** A writer nobody has heard of, whose stamps are those of the server's clock. */
  writer(): BlockWriter {
    return new BlockWriter(this.handshake.serverTimeMillis)
  }

  /** A connection, ended with the case. */
  async connect(): Promise<Connection> {
    const connection = await Connection.open(this.#base)
    this.#connections.add(connection)
    return connection
  }

  /** The head of a request as bytes on their way, without the length of its body, which `headers` names. */
  headOf(
    { route = "handshake", path = ROUTES[route].path, method = "POST", token = this.subject.tokens.owner, headers = {} }: Asked,
  ): string {
    const all: Record<string, string | null> = {
      host: this.#base.host,
      ...method === "POST" ? { "content-type": MEDIA_TYPE } : {},
      ...token === null ? {} : { authorization: `Bearer ${token}` },
      ...headers,
    }
    const lines = Object.entries(all).flatMap(([name, value]) => value === null ? [] : [`${name}: ${value}\r\n`])
    return `${method} ${this.#base.pathname.replace(/\/$/, "")}${path} HTTP/1.1\r\n${lines.join("")}\r\n`
  }

  /** The whole of a request as bytes on their way. */
  requestBytes(asked: Asked): Uint8Array {
    const { body } = asked
    const length = body === undefined ? {} : { "content-length": String(body.length) }
    const head = new TextEncoder().encode(this.headOf({ ...asked, headers: { ...length, ...asked.headers } }))
    const bytes = new Uint8Array(head.length + (body?.length ?? 0))
    bytes.set(head)
    if (body !== undefined) bytes.set(body, head.length)
    return bytes
  }

  /** Sends one request on a connection of its own, and reads its answer, whatever that is. */
  async send(asked: Asked): Promise<HttpAnswer> {
    const connection = await this.connect()
    try {
      void connection.write(this.requestBytes(asked))
      return await this.inTime("an answer", readAnswer(connection))
    } finally {
      this.drop(connection)
    }
  }

  /** Ends a connection. */
  drop(connection: Connection): void {
    connection.destroy()
    this.#connections.delete(connection)
  }

  /** Fails if `work` takes longer than anybody waits. */
  async inTime<T>(what: string, work: Promise<T>, millis: number = this.patienceMillis): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | undefined
    work.catch(() => undefined) // told below, or nobody waits for it any more
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${what} did not come within ${millis} ms`)), millis)
    })
    return await Promise.race([work, late]).finally(() => clearTimeout(timer))
  }

  /** The message in an answer, its encoding undone. Fails for anything else. */
  message(what: string, { status, headers, body }: HttpAnswer): Envelope {
    const type = headers.get("content-type")?.split(";")[0]?.trim().toLowerCase()
    ensure(type === MEDIA_TYPE, `${what}: found status ${status} with the media type ${describe(headers.get("content-type"))}`)
    try {
      const encoding = headers.get("content-encoding")
      return decodeEnvelope(encoding === undefined ? body : gunzip(body, 5_242_880))
    } catch (error) {
      return fail(`${what}: the answer is no message: ${describeError(error)}`, error)
    }
  }

  /** Fails unless the answer is a message with status 200 and no error, for this call; answers the message. */
  judge(what: string, answer: HttpAnswer, call: Bytes): Envelope {
    const message = this.message(what, answer)
    const { type, code, message: text } = message.fields
    ensure(answer.status === 200 && type !== "error", `${what}: found status ${answer.status}, ${describe(code)}: ${describe(text)}`)
    ensure(isSameCall(message.call, call), `${what}: the answer names another call`)
    return message
  }

  /** Asks well and gets an answer; fails for an error. */
  async answered(
    what: string,
    route: RouteName,
    { store = this.store, fields = {}, parts = [], ...asked }: Omit<Asked, "route" | "body"> & {
      readonly store?: string | undefined
      readonly fields?: Fields | undefined
      readonly parts?: readonly Part[] | undefined
    } = {},
  ): Promise<Envelope> {
    const call = drawCall()
    return this.judge(what, await this.send({ ...asked, route, body: requestOf(route, store, fields, parts, call) }), call)
  }

  /** Sends what must be answered by an error with one of these codes, and its status. */
  async refused(what: string, asked: Asked, ...codes: readonly WireErrorCode[]): Promise<Refused> {
    return this.judgeError(what, await this.send(asked), ...codes)
  }

  /** Fails unless the answer is an error with one of these codes, and its status. */
  judgeError(what: string, answer: HttpAnswer, ...codes: readonly WireErrorCode[]): Refused {
    const { fields } = this.message(what, answer)
    const found = `found status ${answer.status}, ${describe(fields["code"] ?? fields["type"])}: ${describe(fields["message"])}`
    let error: WireError
    try {
      error = decodeErrorAnswer(answer.headers.has("content-encoding") ? gunzip(answer.body, 5_242_880) : answer.body)
    } catch (cause) {
      return fail(`${what}: ${found}, expected the error ${codes.join(" or ")}`, cause)
    }
    const code = codes.find((one) => one === error.code)
    ensure(code !== undefined && answer.status === WIRE_ERRORS[code].status, `${what}: ${found}, expected ${codes.join(" or ")}`)
    return { answer, error, fields }
  }

  /** A handshake of somebody at a store, with all features of version 1. */
  async shakeHands(store: string = this.store, token: string = this.subject.tokens.owner): Promise<HandshakeAnswer> {
    const call = drawCall()
    const answer = await this.send({ route: "handshake", token, body: requestOf("handshake", store, { features: FEATURES }, [], call) })
    this.judge("a handshake", answer, call)
    return decodeHandshakeAnswer(answer.body)
  }

  /** The position of the last frame of a store. */
  async headPosition(store: string = this.store, token: string = this.subject.tokens.owner): Promise<number> {
    return (await this.shakeHands(store, token)).head.position
  }

  /** Fails unless the store is as it was before `act`. */
  async storesNothing<T>(what: string, act: () => Promise<T>): Promise<T> {
    const before = (await this.shakeHands()).head
    const result = await act()
    const after = (await this.shakeHands()).head
    const isSame = before.position === after.position && before.id.every((byte, at) => byte === after.id[at])
    ensure(isSame, `${what}: the head moved from ${before.position} to ${after.position}`)
    return result
  }

  /** A remote of a store. */
  remoteOf(store: string = this.store, token: string = this.subject.tokens.owner, url: string = this.subject.url): Remote {
    return httpRemote(url, { store, token, allowInsecure: true })
  }

  /** This store for a case about remotes. */
  async asRemote(): Promise<RemoteTrial> {
    return this.#remoteTrial ??= await RemoteTrial.begin(this.#remoteSubject(), Math.min(this.patienceMillis, 5000))
  }

  #remoteSubject(): RemoteSubject {
    const { beside, restart, roll, wipe, backUp, tokens } = this.subject
    return {
      open: () => this.remoteOf(),
      openOther: () => this.remoteOf(this.otherStore()),
      openAs: (person) => this.remoteOf(this.store, tokens[person] ?? tokens.owner),
      ...beside === undefined ? {} : { openBeside: () => this.remoteOf(this.store, tokens.owner, beside) },
      ...restart === undefined ? {} : { restart },
      ...roll === undefined ? {} : { roll },
      ...wipe === undefined ? {} : { wipe },
      ...backUp === undefined ? {} : { backUp },
    }
  }

  async end(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    for (const connection of this.#connections) connection.destroy()
    await this.#remoteTrial?.end()
    this.warnings.push(...this.#remoteTrial?.warnings ?? [])
  }
}

/** An answer; of a stream of hints, which does not end, only the head. */
const readAnswer = async (connection: Connection): Promise<HttpAnswer> => {
  const head = await connection.head()
  const isStream = head.headers.get("content-type")?.startsWith(EVENTS_MEDIA_TYPE) === true
  return { ...head, body: isStream ? new Uint8Array(0) : await connection.body() }
}

const NO_HANDSHAKE: HandshakeAnswer = {
  protocol: 1,
  features: [],
  head: { position: 0, id: new Uint8Array(16) },
  serverTimeMillis: 0,
  limits: { partsBytesMax: 1, operationsMax: 1, partsMax: 1, bodyBytesMax: 1, inflatedBytesMax: 1 },
  rights: { read: true, write: true, relay: true, admin: false },
  durability: "buffered",
}
