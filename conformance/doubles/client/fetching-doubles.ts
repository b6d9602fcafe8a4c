/** Doubles that make something else of what comes, that lose what they have, or show what is not so. */
import { memoryAdapter } from "../../../adapters/memory/mod.ts"
import { ProtocolViolation } from "../../../kernel/errors.ts"
import { nativePlatform } from "../../../kernel/ports/native-platform.ts"
import type { Part, PullAnswer, PullRequest } from "../../../kernel/ports/remote.ts"
import type { ClientRecord, Json } from "../../client/contract.ts"
import { listedIn } from "../../client/shown.ts"
import { readBlock } from "../../vectors/reader/frame.ts"
import { type ClientDouble, double, driveDouble, driving, fromHex, remoteDouble, withRemote } from "./client-double.ts"

type Page = Extract<PullAnswer, { readonly kind: "page" }>

/** A double that does something else with pages. */
const pageDouble = (
  fault: string,
  caughtBy: string | readonly string[],
  change: (page: Page, request: PullRequest) => PullAnswer,
): ClientDouble =>
  remoteDouble(fault, caughtBy, (remote) => ({
    pull: async (request, call) => {
      const answer = await remote.pull(request, call)
      return answer.kind === "page" ? change(answer, request) : answer
    },
  }))

/** Whether the second reader can read a block. */
const isBlock = ({ content }: Part): boolean => {
  try {
    return readBlock(content).to > 0
  } catch {
    return false
  }
}

const isReadable = ({ content }: Part): boolean => {
  try {
    return listedIn([readBlock(content)]).length >= 0
  } catch {
    return false
  }
}

/** Shows of each record what arrived last, whoever wrote it and when. */
const arrivalOrder = (): ReturnType<ClientDouble["make"]> => {
  const arrived = new Map<string, Json>()
  return {
    remote: (remote) =>
      withRemote(remote, {
        pull: async (request, call) => {
          const answer = await remote.pull(request, call)
          if (answer.kind === "page") {
            for (const { key, value } of listedIn(answer.parts.map(({ content }) => readBlock(content)))) arrived.set(key, value)
          }
          return answer
        },
      }),
    drive: driving({
      get: async ({ key }, next): Promise<ClientRecord> => {
        const record = await next(), value = arrived.get(key)
        return value === undefined || value === null ? record : { found: true, value, versions: record.versions }
      },
      list: async (_, next) => {
        const { records } = await next()
        return { records: { ...records, ...Object.fromEntries([...arrived].filter(([, value]) => value !== null)) } }
      },
    }),
  }
}

/** Shows nothing any more of what was there when `isTold` of an answer. */
const forgetting = (isTold: (answer: PullAnswer) => boolean): ReturnType<ClientDouble["make"]> => {
  let isForgotten = false
  return {
    remote: (remote) =>
      withRemote(remote, {
        pull: async (request, call) => {
          const answer = await remote.pull(request, call)
          isForgotten ||= isTold(answer)
          return answer
        },
      }),
    drive: driving({
      list: async (_, next) => isForgotten ? { records: {} } : await next(),
      get: async (_, next) => isForgotten ? { found: false, versions: [] } : await next(),
    }),
  }
}

/** Bytes that are the same in every process. */
const sameBytes = (): ReturnType<ClientDouble["make"]> => {
  let drawn = 0
  return {
    platform: {
      ...nativePlatform,
      // Of writers alone: calls, sessions and frames are as they should be.
      randomBytes: (length) => length === 8 ? new Uint8Array(length).fill(drawn += 1) : nativePlatform.randomBytes(length),
    },
  }
}

const ownWins = (): Parameters<typeof driving>[0] => {
  const own = new Map<string, Json>()
  return {
    put: (fields, next) => {
      own.set(fields.key, fields.value)
      return next()
    },
    get: async ({ key }, next) => {
      const record = await next(), value = own.get(key)
      if (value === undefined) return record
      return { found: true, value, versions: [value, ...record.versions.filter((one) => one !== value)] }
    },
    list: async (_, next) => ({ records: { ...(await next()).records, ...Object.fromEntries(own) } }),
  }
}

export const fetchingDoubles: readonly ClientDouble[] = [
  driveDouble("keeps what others deleted", "fetching/shown", () => {
    const seen: Record<string, Json> = {}
    return { list: async (_, next) => ({ records: { ...Object.assign(seen, { ...seen, ...(await next()).records }) } }) }
  }),
  pageDouble("takes the first page for all", "fetching/many-pages", (page) => ({ ...page, upToDate: true, head: page.next.position })),
  double("shows what arrives last", ["fetching/page-twice", "fetching/own-come-back", "together/earlier-loses"], arrivalOrder),
  remoteDouble("refuses a page with a value that it cannot read", "fetching/damaged-value", (remote) => ({
    pull: async (request, call) => {
      const answer = await remote.pull(request, call)
      if (answer.kind === "restart" || answer.parts.every(isReadable)) return answer
      throw new ProtocolViolation({ remote: remote.name, call: "pull", reason: "a value cannot be read" })
    },
  })),
  pageDouble(
    "passes over blocks that it cannot read",
    "fetching/damaged-block",
    (page) => ({ ...page, parts: page.parts.filter(isBlock) }),
  ),
  pageDouble("passes over blocks that others have to come before", "fetching/gap", (page) => ({
    ...page,
    parts: page.parts.filter(({ content }) => readBlock(content).from === 0),
  })),
  double("moves its clock to every stamp that it sees", "fetching/far-stamp", () => {
    let last = 0
    return {
      platform: { ...nativePlatform, now: () => Math.max(Date.now(), last) },
      remote: (remote) =>
        withRemote(remote, {
          pull: async (request, call) => {
            const answer = await remote.pull(request, call)
            if (answer.kind === "page") {
              for (const { millis } of listedIn(answer.parts.map(({ content }) => readBlock(content)))) last = Math.max(last, millis)
            }
            return answer
          },
        }),
    }
  }),
  pageDouble("takes a number that is withheld for one that is there", "fetching/own-number-withheld", (page) => {
    const blocks = page.parts.map(({ content }) => readBlock(content)), own = blocks.filter(({ withheld }) => withheld.length > 0)
    return {
      ...page,
      parts: page.parts.filter((_, at) => (blocks[at]?.withheld.length ?? 0) === 0),
      ranges: [...page.ranges, ...own.map(({ writers: [writer = ""], to }) => ({ writer: fromHex(writer), seq: to }))],
    }
  }),
  remoteDouble("begins at the first frame with every start", "fetching/cursor-kept", (remote) => {
    let isFirst = true
    return {
      pull: async (request, call) => {
        const cursor = isFirst ? { position: 0, id: new Uint8Array(16) } : request.cursor
        isFirst = false
        return await remote.pull({ ...request, cursor }, call)
      },
    }
  }),
  double(
    "throws away what it has when it is to begin anew",
    "loss/restart-deletes-nothing",
    () => forgetting(({ kind }) => kind === "restart"),
  ),
  double(
    "throws away what an empty server lacks",
    ["loss/empty-server"],
    () => forgetting((answer) => answer.kind === "page" && answer.head === 0 && answer.next.position === 0),
  ),
  remoteDouble(
    "takes a restart for nothing new",
    ["loss/wiped", "loss/restored", "loss/restored-before-a-push", "loss/replaced"],
    (remote) => ({
      pull: async (request, call) => {
        const answer = await remote.pull(request, call), { cursor: next } = request
        if (answer.kind === "page") return answer
        return { kind: "page", parts: [], ranges: [], next, upToDate: true, head: next.position, serverTimeMillis: Date.now() }
      },
    }),
  ),
  double("writes under the same name again after a start anew", ["loss/device-restored", "loss/device-copied"], sameBytes),
  double("keeps its log in memory", [
    "keeping/closed",
    "keeping/killed",
    "keeping/before-it-is-sent",
    "keeping/killed-anywhere",
  ], () => ({ adapter: memoryAdapter() })),
  driveDouble("shows its own writes before all others", [
    "together/later-wins",
    "together/tie",
    "together/deleted-apart",
    "together/same-everywhere",
  ], ownWins),
  driveDouble("keeps one version of a record", ["together/later-wins", "together/earlier-loses", "together/unseen-is-kept"], () => ({
    get: async (_, next) => {
      const record = await next()
      return { ...record, versions: record.versions.slice(0, 1) }
    },
  })),
]
