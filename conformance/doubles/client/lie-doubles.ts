/** Doubles that believe one thing which cannot be true: they go on as if the server had said what they would have liked to hear. */
import { ProtocolViolation, RemoteUnreachable } from "../../../kernel/errors.ts"
import { bytesToHex } from "../../../kernel/model/identifiers.ts"
import type { Cursor, PullAnswer, PullRequest, PushAnswer, Remote } from "../../../kernel/ports/remote.ts"
import type { Envelope, FieldValues } from "../../../protocol/envelope.ts"
import { answerDouble, type ClientDouble, fromHex, lastSeqs, listedDots, remoteDouble } from "./client-double.ts"

type Pair = readonly [writer: Uint8Array, seq: number, withheld: readonly number[]]
type Place = readonly [position: number, id: Uint8Array]

/** Believes something about a handshake, an answer to a push, or a page. */
const believing = (
  fault: string,
  caughtBy: string | readonly string[],
  type: string,
  believe: (fields: FieldValues, request: Envelope, answer: Envelope) => FieldValues | undefined,
): ClientDouble =>
  answerDouble(fault, caughtBy, (answer, request) => {
    const fields = answer.fields["type"] === type ? believe(answer.fields, request, answer) : undefined
    return fields === undefined ? undefined : { fields: { ...answer.fields, ...fields }, ...fields["type"] === "ok" ? { parts: [] } : {} }
  })

const okOf = (request: Envelope): FieldValues => ({
  type: "ok",
  pairs: [...lastSeqs(request)].map(([writer, seq]) => [fromHex(writer), seq, []]),
  last: (request.fields["basis"] as readonly Place[])[0],
  durability: "durable",
  serverTimeMillis: Date.now(),
})

const pairsOf = (fields: FieldValues): readonly Pair[] => fields["pairs"] as readonly Pair[]
const isBefore = (a: Place, b: Place): boolean => a[0] < b[0] || a[0] === b[0] && bytesToHex(a[1]) !== bytesToHex(b[1])
const cursorOf = ({ fields }: Envelope): Place => fields["cursor"] as Place
const nextOf = (fields: FieldValues): Place => fields["next"] as Place

/** Takes a page for one that brings nothing, where `isSo`. */
const emptied = (
  fault: string,
  caughtBy: string | readonly string[],
  isSo: (fields: FieldValues, cursor: Place, answer: Envelope) => boolean,
): ClientDouble =>
  answerDouble(fault, caughtBy, (answer, request) => {
    const { fields } = answer
    if (fields["type"] !== "page" || !isSo(fields, cursorOf(request), answer)) return undefined
    const next = cursorOf(request)
    return { fields: { ...fields, ranges: [], next, upToDate: true, head: next[0] }, parts: [] }
  })

const emptyPage = ({ cursor }: Pick<PullRequest, "cursor">): PullAnswer => ({
  kind: "page",
  parts: [],
  ranges: [],
  next: cursor,
  upToDate: true,
  head: cursor.position,
  serverTimeMillis: Date.now(),
})

export const lieDoubles: readonly ClientDouble[] = [
  believing("goes on in a version that it did not offer", "lie/version", "handshake", () => ({ protocol: 1 })),
  believing("goes on with features that it did not offer", "lie/feature", "handshake", ({ features }) => ({
    features: (features as readonly string[]).filter((name) => name === "gzip" || name === "live"),
  })),
  believing("believes pairs of writers that it did not send", "lie/pair-of-a-stranger", "ok", (fields, request) => {
    const sent = lastSeqs(request)
    return { pairs: pairsOf(fields).filter(([writer]) => sent.has(bytesToHex(writer))) }
  }),
  believing("takes an ok without pairs for one with all", "lie/pair-missing", "ok", (fields, request) => ({
    pairs: pairsOf(fields).length === 0 ? okOf(request)["pairs"] : pairsOf(fields),
  })),
  believing("does not look how far the pairs of an ok go", "lie/pair-too-low", "ok", (fields, request) => {
    const sent = lastSeqs(request)
    return { pairs: pairsOf(fields).map(([writer, seq, withheld]) => [writer, Math.max(seq, sent.get(bytesToHex(writer)) ?? 0), withheld]) }
  }),
  believing("does not compare the last frame of an ok with what it built on", "lie/last-before-basis", "ok", (fields, request) => {
    const basis = request.fields["basis"] as readonly Place[], last = fields["last"] as Place
    return basis.some((place) => isBefore(last, place)) ? { last: basis.toSorted((a, b) => b[0] - a[0])[0] } : undefined
  }),
  believing(
    "passes over refusals of what it did not send",
    ["lie/refuses-a-stranger", "lie/refuses-what-comes-later"],
    "refused",
    (fields, request) => {
      const sent = listedDots(request), refused = fields["refused"] as readonly (readonly [Uint8Array, number])[]
      const known = refused.filter(([writer, seq]) => sent.has(`${bytesToHex(writer)} ${seq}`))
      return known.length === 0 ? okOf(request) : { refused: known }
    },
  ),
  believing("passes over a word that forbids writers which it did not send", "lie/forbids-a-stranger", "forbidden", (fields, request) => {
    const sent = lastSeqs(request), known = (fields["writers"] as readonly Uint8Array[]).filter((writer) => sent.has(bytesToHex(writer)))
    return known.length === 0 ? okOf(request) : { writers: known }
  }),
  emptied("takes a page that goes back for an empty one", "lie/page-goes-back", (fields, cursor) => nextOf(fields)[0] < cursor[0]),
  emptied(
    "compares the positions of pages alone",
    "lie/page-of-another-id",
    (fields, cursor) => nextOf(fields)[0] === cursor[0] && isBefore(nextOf(fields), cursor),
  ),
  emptied(
    "takes what a page brings that does not move for nothing",
    "lie/page-brings-and-stays",
    (fields, [position], { parts }) => nextOf(fields)[0] === position && parts.length > 0,
  ),
  believing("does not compare the head of a page with its end", "lie/head-before-next", "page", (fields) => {
    const [position] = nextOf(fields)
    return Number(fields["head"]) < position ? { head: position, upToDate: true } : undefined
  }),
  believing("believes every page that says it is the last one", "lie/up-to-date-before-the-head", "page", (fields) => ({
    head: fields["upToDate"] === true ? nextOf(fields)[0] : fields["head"],
  })),
  believing("looks at the head alone to know whether a page is the last one", "lie/more-at-the-head", "page", (fields) => ({
    upToDate: fields["head"] === nextOf(fields)[0],
  })),
  believing("takes all ranges that a page names", "lie/leaves-out-what-is-lacking", "page", () => ({ ranges: [] })),
  remoteDouble("begins anew wherever a restart says", [
    "lie/restart-at-the-cursor",
    "lie/restart-behind-frames",
    "lie/restart-from-the-start",
  ], (remote) => {
    const quiet = async (request: PullRequest, call: Parameters<Remote["pull"]>[1]): Promise<PullAnswer> => {
      try {
        return await remote.pull(request, call)
      } catch (error) {
        if (error instanceof ProtocolViolation && /restart/.test(error.message)) return emptyPage(request)
        throw error
      }
    }
    return { pull: quiet }
  }),
  remoteDouble("gives up for good after one answer that cannot be true", "lie/may-pass-once", (remote) => {
    let last: ProtocolViolation | undefined
    return {
      pull: async (request, call) => {
        if (last !== undefined) throw last
        try {
          return await remote.pull(request, call)
        } catch (error) {
          if (error instanceof ProtocolViolation) last = error
          throw error
        }
      },
    }
  }),
  remoteDouble("takes an answer that cannot be true for one that did not come", "lie/always", (remote) => ({
    pull: async (request, call) => {
      try {
        return await remote.pull(request, call)
      } catch (error) {
        throw error instanceof ProtocolViolation ? new RemoteUnreachable({ remote: remote.name, call: "pull", reason: "a lie" }) : error
      }
    },
  })),
  remoteDouble("asks on and on, though nothing comes of it", ["lie/no-end", "lie/begins-anew-without-end"], (remote) => ({
    pull: async (request, call) => {
      let answer = await remote.pull(request, call), cursor: Cursor = request.cursor
      const isEmpty = (): boolean => answer.kind === "restart" || !answer.upToDate && answer.parts.length === 0
      for (let asked = 0; asked < 400 && isEmpty(); asked += 1) {
        cursor = answer.kind === "restart" ? answer.at : answer.next
        answer = await remote.pull({ ...request, cursor }, call)
      }
      return answer
    },
  })),
  remoteDouble("believes an ok for ever", "lie/ok-of-nothing", (remote) => {
    const acked = new Map<string, number>()
    let ok: PushAnswer | undefined
    return {
      push: async (request, call) => {
        const sent = [...lastSeqs(request)]
        if (ok !== undefined && sent.every(([writer, seq]) => (acked.get(writer) ?? 0) >= seq)) return ok
        const answer = await remote.push(request, call)
        if (answer.kind === "ok") {
          ok = answer
          for (const [writer, seq] of sent) acked.set(writer, seq)
        }
        return answer
      },
    }
  }),
]
