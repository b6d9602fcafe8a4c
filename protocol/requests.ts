/**
 * Requests: what a client asks, as bytes. `SPEC.md`, sections 4 to 7.
 *
 *   every one   protocol, store, session, replica, accept?, features?
 *   handshake   versions
 *   push        basis, own; parts
 *   pull        cursor, have, partsBytesMax
 *   watch       nothing else
 *   wait        cursor, waitMillis
 *
 * Decoders throw `MalformedMessage`, and `version_mismatch` where the version in the body is not that of the path; both are `WireError`s, and
 * an answer to them is all that may follow.
 */
import { STORE_NAME_BYTES_MAX } from "../kernel/limits.ts"
import { REPLICA_BYTES } from "../kernel/model/identifiers.ts"
import type { Bytes } from "../kernel/ports/log-storage.ts"
import type { Cursor, PullRequest, PushRequest } from "../kernel/ports/remote.ts"
import { decodeEnvelope, encodeEnvelope, type Envelope, type FieldValues } from "./envelope.ts"
import { wireError } from "./errors.ts"
import {
  asBinary,
  asCursor,
  asInteger,
  asList,
  asSeq,
  asText,
  asTuple,
  asWriter,
  malformed,
  memberOf,
  nameOfWriter,
  refuseTwice,
} from "./fields.ts"
import { BASIS_MAX, NAME_BYTES_MAX, NAMES_MAX, SESSION_BYTES, VERSIONS_MAX, WAIT_MILLIS_MAX, WRITERS_MAX } from "./limits.ts"
import { blocksOf, unknownPartType } from "./parts.ts"
import { PROTOCOL_VERSION } from "./version.ts"

/** Who asks, and about what; in every request. No rule trusts session or replica: they are for tracing. */
export interface RequestIdentity {
  /** Name of the store; which one that is depends on who is logged in. */
  readonly store: string
  /** 16 random bytes of the asking process. */
  readonly session: Bytes
  /** The 8 bytes of the asking copy's writers; undefined where it never wrote. */
  readonly replica: Bytes | undefined
  /** Encodings that the answer may have. */
  readonly accept: readonly string[]
  /** Features that the client can use; those with the prefix `must-` it cannot do without. */
  readonly features: readonly string[]
  /** 16 bytes that this client used for no other request; its answer names them, so that no old answer passes for it. Default: 16 zeros. */
  readonly call?: Bytes | undefined
}

/** A request with who asks. */
export interface Asked<Request> {
  readonly identity: RequestIdentity
  readonly request: Request
}

export interface HandshakeRequest {
  /** Versions that the client speaks. */
  readonly versions: readonly number[]
}

export interface WaitRequest {
  /** The answer comes when the head is another. */
  readonly cursor: Cursor
  /** Or after this time; at most 25,000, of more is taken that. */
  readonly waitMillis: number
}

/** Asks what the server is like, and agrees on a version and on features. */
export const encodeHandshakeRequest = (identity: RequestIdentity, request: HandshakeRequest): Bytes =>
  encodeEnvelope({ ...identityFields(identity), versions: request.versions }, [], identity.call)

export function decodeHandshakeRequest(body: Bytes): Asked<HandshakeRequest> {
  const { identity, fields } = decodeWithoutParts(body)
  const versions = asList(memberOf(fields, "versions"), "versions", VERSIONS_MAX, asInteger0)
  if (versions.length === 0) malformed("versions", "is empty")
  return { identity, request: { versions } }
}

/** Brings operations. */
export const encodePushRequest = (identity: RequestIdentity, request: PushRequest): Bytes =>
  encodeEnvelope({ ...identityFields(identity), basis: request.basis.map(cursorField), own: request.own }, request.parts, identity.call)

/** Contents of the parts are views into `body`; those that may be ignored are left out. */
export function decodePushRequest(body: Bytes): Asked<PushRequest> {
  const { identity, fields, parts } = decodeRequest(body)
  const basis = asList(memberOf(fields, "basis"), "basis", BASIS_MAX, asCursor)
  if (basis.length === 0) malformed("basis", "is empty")
  const own = asList(memberOf(fields, "own"), "own", WRITERS_MAX, asWriter)
  refuseTwice(own, "own", nameOfWriter)
  const unknown = unknownPartType(parts)
  if (unknown !== undefined) {
    throw wireError("unsupported_feature", `parts of type ${unknown} are not taken`, { details: { feature: `part-${unknown}` } })
  }
  const blocks = blocksOf(parts)
  if (blocks.length === 0) malformed("parts", "have no operation block")
  return { identity, request: { basis, own, parts: blocks } }
}

/** Asks for what is behind a cursor. */
export const encodePullRequest = (identity: RequestIdentity, request: PullRequest): Bytes =>
  encodeEnvelope(
    {
      ...identityFields(identity),
      cursor: cursorField(request.cursor),
      have: request.have.map(({ writer, seq }) => [writer, seq]),
      partsBytesMax: request.partsBytesMax,
    },
    [],
    identity.call,
  )

export function decodePullRequest(body: Bytes): Asked<PullRequest> {
  const { identity, fields } = decodeWithoutParts(body)
  const cursor = asCursor(memberOf(fields, "cursor"), "cursor")
  const have = asList(memberOf(fields, "have"), "have", WRITERS_MAX, asWriterSeq)
  refuseTwice(have, "have", ({ writer }) => nameOfWriter(writer))
  const partsBytesMax = asInteger(memberOf(fields, "partsBytesMax"), "partsBytesMax", 1)
  return { identity, request: { cursor, have, partsBytesMax } }
}

/** Asks for hints as a stream of events. */
export const encodeWatchRequest = (identity: RequestIdentity): Bytes => encodeEnvelope(identityFields(identity), [], identity.call)

export function decodeWatchRequest(body: Bytes): Asked<Readonly<Record<never, never>>> {
  return { identity: decodeWithoutParts(body).identity, request: {} }
}

/** Asks for one hint. */
export const encodeWaitRequest = (identity: RequestIdentity, request: WaitRequest): Bytes =>
  encodeEnvelope({ ...identityFields(identity), cursor: cursorField(request.cursor), waitMillis: request.waitMillis }, [], identity.call)

export function decodeWaitRequest(body: Bytes): Asked<WaitRequest> {
  const { identity, fields } = decodeWithoutParts(body)
  const cursor = asCursor(memberOf(fields, "cursor"), "cursor")
  const waitMillis = Math.min(asInteger(memberOf(fields, "waitMillis"), "waitMillis"), WAIT_MILLIS_MAX)
  return { identity, request: { cursor, waitMillis } }
}

const cursorField = ({ position, id }: Cursor): FieldValues[string] => [position, id]
const asInteger0 = (value: unknown, field: string): number => asInteger(value, field)

function asWriterSeq(value: unknown, field: string): { readonly writer: Bytes; readonly seq: number } {
  const [writer, seq] = asTuple(value, field, 2)
  return { writer: asWriter(writer, `${field}[0]`), seq: asSeq(seq, `${field}[1]`) }
}

const identityFields = ({ store, session, replica, accept, features }: RequestIdentity): FieldValues => ({
  protocol: PROTOCOL_VERSION,
  store,
  session,
  replica: replica ?? null,
  accept: accept.length === 0 ? undefined : accept,
  features: features.length === 0 ? undefined : features,
})

function decodeRequest(body: Bytes): Envelope & { readonly identity: RequestIdentity } {
  const { fields, parts, call } = decodeEnvelope(body)
  const protocol = asInteger(memberOf(fields, "protocol"), "protocol")
  if (protocol !== PROTOCOL_VERSION) {
    throw wireError("version_mismatch", `the path names version ${PROTOCOL_VERSION} of the protocol, the body version ${protocol}`)
  }
  const store = asText(memberOf(fields, "store"), "store", STORE_NAME_BYTES_MAX)
  if (store.includes("\0")) malformed("store", "has the character U+0000")
  const session = asBinary(memberOf(fields, "session"), "session", SESSION_BYTES)
  const replica = memberOf(fields, "replica")
  const identity: RequestIdentity = {
    store,
    session,
    replica: replica === null || replica === undefined ? undefined : asBinary(replica, "replica", REPLICA_BYTES),
    accept: asNames(memberOf(fields, "accept"), "accept"),
    features: asNames(memberOf(fields, "features"), "features"),
    call,
  }
  return { fields, parts, call, identity }
}

function decodeWithoutParts(body: Bytes): { readonly fields: FieldValues; readonly identity: RequestIdentity } {
  const { fields, parts, identity } = decodeRequest(body)
  return parts.length === 0 ? { fields, identity } : malformed("parts", `are ${parts.length}, not 0`)
}

const asNames = (value: unknown, field: string): readonly string[] =>
  value === undefined || value === null ? [] : asList(value, field, NAMES_MAX, (name, at) => asText(name, at, NAME_BYTES_MAX))
