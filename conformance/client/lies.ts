/** Cases: answers that cannot be true. A client takes none of them, reports a violation of the protocol, and goes on when the server behaves. */
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { bytesToHex } from "../../kernel/model/identifiers.ts"
import type { FieldValues } from "../../protocol/envelope.ts"
import type { RouteName } from "../../protocol/routes.ts"
import { ensure, equal } from "../expect.ts"
import { answered, changed, refielded } from "./misdeeds.ts"
import type { SeenRequest } from "./seen-request.ts"
import type { Misdeed } from "./server.ts"
import type { ClientCase, ClientTrial } from "./trial.ts"

/** The code of an answer that cannot be taken. */
export const VIOLATION = "protocol_violation"
/** The id of no frame. */
export const ZEROS: Bytes = new Uint8Array(16)
/** The id of a frame that no log has. */
export const SOME_ID: Bytes = new Uint8Array(16).fill(0xab)
const STRANGER = new Uint8Array(16).fill(0xcd)

/**
 * A device that has synced, with something to send and something to fetch, is told a lie: its sync fails as a violation, nothing of the lie stays, and
 * both sides have everything after the next one.
 */
const isNotTaken = async (trial: ClientTrial, route: RouteName, lie: Misdeed): Promise<void> => {
  const client = await trial.open()
  await trial.elsewhere("before", "known to both")
  await client.syncs("the first sync")
  await client.put("ours", 1)
  await client.put("ours", "from here")
  await trial.elsewhere("theirs", "from elsewhere")
  if (route === "handshake") await trial.restart()
  const again = route === "handshake" ? await trial.open() : client
  const isEmpty = Object.keys(await again.list()).length === 0 // it does not keep its log
  trial.server.on(route, lie)
  await again.failsToSync(`a sync whose ${route} is answered with a lie`, VIOLATION)
  trial.server.behave()
  await again.syncs("the sync after it")
  const ours = isEmpty ? {} : { ours: "from here" }
  await again.lists({ before: "known to both", ...ours, theirs: "from elsewhere" })
  equal((await again.status()).pending, 0, "pending operations")
  if (!isEmpty) await trial.arrives("ours", "from here")
}

/** Of `ok` the pairs are others. */
const withPairs = (change: (pairs: readonly (readonly [Uint8Array, number, readonly number[]])[]) => readonly unknown[]): Misdeed =>
  refielded((fields) => fields["type"] === "ok" ? { pairs: change(fields["pairs"] as never) } : undefined)

/** Of a page some fields are others; `cursor` is the position that was asked from. */
export const withPage = (change: (fields: FieldValues, cursor: readonly [number, Uint8Array], seen: SeenRequest) => FieldValues): Misdeed =>
  refielded((fields, seen) => {
    const { position, id } = seen.pull?.cursor ?? { position: 0, id: ZEROS }
    return fields["type"] === "page" ? change(fields, [position, id], seen) : undefined
  })

/** Milliseconds since 1970-01-01. */
export const now = (): number => Date.now()

interface Lie {
  readonly id: string
  readonly title: string
  readonly rule: string
  readonly why: string
  readonly route: RouteName
  readonly lie: Misdeed
}

const PAIRS_RULE =
  "`ok` with a pair of a writer that was not sent, without the pair of one that was, with a seq below what was sent (W-32), or with a `last` before a cursor of the push's `basis`"
const PAGE_RULE = "a page whose `next` is before the cursor, or at its position with another id"
const BEHIND_RULE = "one with parts or ranges whose `next` is the cursor; one whose `head` is before `next`"
const UP_TO_DATE_RULE = "one that is `upToDate` though `head` is not the position of `next`, or the reverse"
const NOT_SENT_RULE = "`refused` with an operation that was not listed, `forbidden` with a writer that was not sent"

const LIES: readonly Lie[] = [
  {
    id: "lie/version",
    title: "A handshake that selects a version which was not offered is not taken.",
    rule: "a handshake that uses a version or a feature that was not offered",
    why: "The device would go on in a language that it does not speak.",
    route: "handshake",
    lie: refielded(() => ({ protocol: 99 })),
  },
  {
    id: "lie/feature",
    title: "A handshake that uses a feature which was not offered is not taken.",
    rule: "a handshake that uses a version or a feature that was not offered",
    why: "The server would send what the device cannot read.",
    route: "handshake",
    lie: refielded(({ features }) => ({ features: [...features as readonly string[], "teleport"] })),
  },
  {
    id: "lie/pair-of-a-stranger",
    title: 'An "ok" with the pair of a writer that was not sent is not taken.',
    rule: PAIRS_RULE,
    why: "The device would believe that the server has what nobody has brought there, and never send it.",
    route: "push",
    lie: withPairs((pairs) => [...pairs, [STRANGER, 7, []]]),
  },
  {
    id: "lie/pair-missing",
    title: 'An "ok" without the pair of a writer that was sent is not taken.',
    rule: PAIRS_RULE,
    why: "Nobody would know whether that writer's operations arrived.",
    route: "push",
    lie: withPairs(() => []),
  },
  {
    id: "lie/pair-too-low",
    title: 'An "ok" that has less of a writer than was sent is not taken.',
    rule: PAIRS_RULE,
    why: "The device would send the same again and again.",
    route: "push",
    lie: withPairs((pairs) => pairs.map(([writer, seq]) => [writer, Math.max(1, seq - 1), []])),
  },
  {
    id: "lie/last-before-basis",
    title: 'An "ok" whose last frame is before one that the push builds on is not taken.',
    rule: PAIRS_RULE,
    why: "The device would build on a frame of another history.",
    route: "push",
    lie: refielded((fields) => fields["type"] === "ok" ? { last: [0, ZEROS] } : undefined),
  },
  {
    id: "lie/refuses-a-stranger",
    title: "A refusal of an operation that was not sent is not taken.",
    rule: NOT_SENT_RULE,
    why: "A server could make dead letters of what it was never given.",
    route: "push",
    lie: answered({ type: "refused", refused: [[STRANGER, 1, "op_invalid", "no"]], serverTimeMillis: now() }),
  },
  {
    id: "lie/refuses-what-comes-later",
    title: "A refusal of a number of an own writer that no operation of the push has is not taken.",
    rule: NOT_SENT_RULE,
    why: "Operations of tomorrow would be refused today.",
    route: "push",
    lie: answered(({ push, blocks }) => {
      const writer = push?.own[0] ?? STRANGER, to = Math.max(...blocks.map(({ to }) => to))
      return { type: "refused", refused: [[writer, to + 5, "op_invalid", "no"]], serverTimeMillis: now() }
    }),
  },
  {
    id: "lie/forbids-a-stranger",
    title: "A word that a writer may not be brought which was not sent is not taken.",
    rule: NOT_SENT_RULE,
    why: "A server could silence writers that it has never heard of.",
    route: "push",
    lie: answered({ type: "forbidden", writers: [STRANGER] }),
  },
  {
    id: "lie/page-goes-back",
    title: "A page that ends before the place that was asked for is not taken.",
    rule: PAGE_RULE,
    why: "The device would fetch the same for ever.",
    route: "pull",
    lie: withPage((fields, [position]) => ({ ...fields, next: position > 1 ? [position - 1, SOME_ID] : [0, ZEROS], upToDate: false })),
  },
  {
    id: "lie/page-of-another-id",
    title: "A page that ends at the place that was asked for, with another id, is not taken.",
    rule: PAGE_RULE,
    why: "The device would stand in a history that it has not read.",
    route: "pull",
    lie: changed(({ fields }, { pull }) =>
      fields["type"] === "page" ? { fields: { ...fields, next: [pull?.cursor.position ?? 0, SOME_ID], ranges: [] }, parts: [] } : undefined
    ),
  },
  {
    id: "lie/page-brings-and-stays",
    title: "A page that brings something and does not move is not taken.",
    rule: BEHIND_RULE,
    why: "The device would be given the same for ever.",
    route: "pull",
    lie: withPage((fields, cursor) => ({ ...fields, next: cursor, head: cursor[0], upToDate: true })),
  },
  {
    id: "lie/head-before-next",
    title: "A page that ends behind the head that it names is not taken.",
    rule: BEHIND_RULE,
    why: "The device would believe that it has more than there is.",
    route: "pull",
    lie: withPage((fields) => ({ ...fields, head: Math.max(0, Number(fields["head"]) - 1) })),
  },
  {
    id: "lie/up-to-date-before-the-head",
    title: "A page that says it is the last one, though the head is farther, is not taken.",
    rule: UP_TO_DATE_RULE,
    why: "The device would show itself up to date, and miss what others wrote.",
    route: "pull",
    lie: withPage((fields) => ({ ...fields, head: Number(fields["head"]) + 5, upToDate: true })),
  },
  {
    id: "lie/more-at-the-head",
    title: "A page that says there is more, though it ends at the head, is not taken.",
    rule: UP_TO_DATE_RULE,
    why: "The device would ask without end.",
    route: "pull",
    lie: withPage((fields) => ({ ...fields, upToDate: false })),
  },
  {
    id: "lie/leaves-out-what-is-lacking",
    title: "A page that leaves out what the client did not say it has is not taken.",
    rule: "one that leaves out what `have` does not name",
    why: "What a neighbour wrote would never arrive, and nothing would tell.",
    route: "pull",
    lie: changed(({ fields, parts }, { pull }) => {
      const named = new Set(pull?.have.map(({ writer }) => bytesToHex(writer)))
      ensure(!named.has(bytesToHex(STRANGER)), "the case itself: the writer is known")
      return fields["type"] === "page" ? { fields: { ...fields, ranges: [[STRANGER, 3]] }, parts: parts.slice(1) } : undefined
    }),
  },
  {
    id: "lie/restart-at-the-cursor",
    title: "A restart at the cursor that was sent is not taken.",
    rule: "a restart from position 0, at the cursor that was sent, or to another position than 0 without a state (W-42)",
    why: "The device would begin anew without end.",
    route: "pull",
    lie: answered(({ pull }) => ({
      type: "restart",
      at: [pull?.cursor.position ?? 0, pull?.cursor.id ?? ZEROS],
      serverTimeMillis: now(),
    })),
  },
  {
    id: "lie/restart-behind-frames",
    title: "A restart behind frames that the server does not bring is not taken.",
    rule: "a restart from position 0, at the cursor that was sent, or to another position than 0 without a state (W-42)",
    why: "What lies before would never come to the device, and nothing would tell.",
    route: "pull",
    lie: answered(({ pull }) => ({
      type: "restart",
      at: [(pull?.cursor.position ?? 0) + 1, new Uint8Array(16).fill(7)],
      serverTimeMillis: now(),
    })),
  },
]

export const lieCases: readonly ClientCase[] = [
  ...LIES.map(({ route, lie, ...facts }): ClientCase => ({
    ...facts,
    level: "MUST",
    requires: [],
    run: (trial) => isNotTaken(trial, route, lie),
  })),
]
