/**
 * The kill table: what proves that the suites can fail.
 *
 *   double × case that is meant for it ──▶ failed   the case caught it
 *                                          warned   the case is no more than a recommendation, and told of it
 *                                          missed   it was not caught
 *
 * Two rules: every double is caught by each case meant for it, and every case catches at least one double. A case that nothing can fail says nothing
 * when it passes.
 */
import { memoryAdapter } from "@cuitty/persist/adapters/memory"
import { type CaseFacts, groupOf } from "../case.ts"
import { clientCases, clientSuite } from "../client/suite.ts"
import { crdtCases, crdtSuite } from "../crdt/suite.ts"
import { adapterSuite, logStorageCases } from "../log-storage/suite.ts"
import { remoteCases, remoteSuite } from "../remote/suite.ts"
import type { Suite } from "../suite.ts"
import { clientDoubles } from "../doubles/client/client-doubles.ts"
import { crdtDoubles } from "../doubles/crdt/crdt-doubles.ts"
import { editBag } from "../doubles/crdt/plain-type.ts"
import { doubles } from "../doubles/doubles.ts"
import { fileDoubles } from "../doubles/files/file-doubles.ts"
import { serverSuite, wireCases } from "../server/suite.ts"
import { memoryPlace } from "../server/testing/memory-place.ts"
import { hastyPlatform, startOurServer } from "../server/testing/our-server.ts"
import type { ServerDouble } from "../doubles/server/server-double.ts"
import { serverDoubles } from "../doubles/server/server-doubles.ts"
import { remoteDoubles } from "../doubles/remote/remote-doubles.ts"
import { inProcess } from "./in-process-client.ts"

/** A double as every kind of suite has them. */
export interface AnyDouble {
  /** What is wrong, in a few words: "an adapter that …". */
  readonly fault: string
  /** Ids of the cases that are meant for it. */
  readonly caughtBy: readonly string[]
  readonly suite: Pick<Suite, "runCase">
}

/** The doubles of one kind of subject. */
export interface DoublesOfKind {
  readonly kind: string
  readonly cases: readonly CaseFacts[]
  readonly doubles: readonly AnyDouble[]
  /** Long enough for a slow machine to pass, short enough for a hang to be one. */
  readonly timeoutMillis: number
}

/** Whether a case starts processes by the dozen. */
export const isAboutProcesses = (id: string): boolean => ["process", "fault"].includes(groupOf(id))

/** A minute of the doubles that are about time. */
const MINUTE_MILLIS = 1200

/** Longer than a client that is right waits before it tries for the third time. */
const CLIENT_PATIENCE_MILLIS = 2500

/** Runs a case against a server that is started for it. */
const runServerCase = ({ change, wire, isHasty }: ServerDouble): Suite["runCase"] => async (id, timeoutMillis) => {
  const time = isHasty === true ? { platform: hastyPlatform(MINUTE_MILLIS), minuteMillis: MINUTE_MILLIS } : {}
  const { storage } = memoryPlace() // outlives a server that ends on the way
  const server = await startOurServer({ storage, change, wire, ...time })
  try {
    return await serverSuite(server.subject, { patienceMillis: 1000 }).runCase(id, timeoutMillis)
  } finally {
    await server.stop()
  }
}

/** Every double of every suite. */
export const allDoubles: readonly DoublesOfKind[] = [
  {
    kind: "adapter",
    cases: logStorageCases.filter(({ id }) => !isAboutProcesses(id)),
    timeoutMillis: 1000,
    doubles: doubles.map(({ fault, caughtBy, subject }) => ({
      fault,
      caughtBy,
      suite: adapterSuite(() => subject(memoryAdapter), { patienceMillis: 300 }),
    })),
  },
  {
    kind: "adapter",
    cases: logStorageCases.filter(({ id }) => isAboutProcesses(id)),
    timeoutMillis: 60_000,
    doubles: fileDoubles.map(({ fault, caughtBy, subject }) => ({
      fault,
      caughtBy,
      // Every step is tried until one is told: a sample could miss it.
      suite: {
        runCase: (id, timeoutMillis) =>
          adapterSuite(subject, { patienceMillis: 300, isSlow: groupOf(id) === "fault" }).runCase(id, timeoutMillis),
      },
    })),
  },
  {
    kind: "remote",
    cases: remoteCases,
    timeoutMillis: 10_000,
    doubles: remoteDoubles.map(({ fault, caughtBy, subject }) => ({
      fault,
      caughtBy,
      suite: remoteSuite(subject, { patienceMillis: 200 }),
    })),
  },
  {
    kind: "server",
    // Those of remotes are proven by the doubles of remotes.
    cases: wireCases,
    timeoutMillis: 10_000,
    doubles: serverDoubles.map((double) => ({ fault: double.fault, caughtBy: double.caughtBy, suite: { runCase: runServerCase(double) } })),
  },
  {
    kind: "client",
    cases: clientCases,
    timeoutMillis: 10_000,
    doubles: clientDoubles.map(({ fault, caughtBy, make, minuteMillis }) => ({
      fault,
      caughtBy,
      suite: clientSuite(inProcess(make), { patienceMillis: CLIENT_PATIENCE_MILLIS, minuteMillis }),
    })),
  },
  {
    kind: "type",
    cases: crdtCases,
    timeoutMillis: 20_000,
    doubles: crdtDoubles.map(({ fault, caughtBy, type }) => ({ fault, caughtBy, suite: crdtSuite(type, { edit: editBag }) })),
  },
]

/** What one case made of one double that it is meant for. */
export interface Kill {
  readonly kind: string
  readonly id: string
  readonly level: CaseFacts["level"]
  readonly fault: string
  readonly outcome: "failed" | "warned" | "missed"
  /** What the case said. */
  readonly seen: string
}

/** Runs one case against one double that it is meant for. */
export const killOf = async (
  { kind, cases, timeoutMillis }: Pick<DoublesOfKind, "kind" | "cases" | "timeoutMillis">,
  { fault, suite }: AnyDouble,
  id: string,
): Promise<Kill> => {
  const level = cases.find((one) => one.id === id)?.level ?? "MUST"
  const { outcome, reason, warnings } = await suite.runCase(id, timeoutMillis)
  // A case that could not begin has caught nothing.
  const isBegun = !/making the subject|a handshake: /.test(reason ?? "")
  const told = !isBegun ? "missed" : outcome === "failed" ? "failed" : level === "SHOULD" && warnings.length > 0 ? "warned" : "missed"
  return { kind, id, level, fault, outcome: told, seen: told === "warned" ? warnings.join("; ") : reason ?? `it ${outcome}` }
}

/** The whole table, in the order of the doubles; `only` names cases by id. */
export const killTable = async (
  kinds: readonly DoublesOfKind[],
  isSelected: (id: string) => boolean,
  onKill: (kill: Kill) => void,
): Promise<readonly Kill[]> => {
  const kills: Kill[] = []
  for (const kind of kinds) {
    for (const double of kind.doubles) {
      for (const id of double.caughtBy.filter(isSelected)) {
        const kill = await killOf(kind, double, id)
        kills.push(kill)
        onKill(kill)
      }
    }
  }
  return kills
}

/** Cases, as `kind id`, that catch no double. */
export const unprovenCases = (
  kinds: readonly DoublesOfKind[],
  isSelected: (id: string) => boolean,
  kills: readonly Kill[],
): readonly string[] => {
  const keyOf = (kind: string, id: string): string => `${kind} ${id}`
  const proven = new Set(kills.filter(({ outcome }) => outcome !== "missed").map(({ kind, id }) => keyOf(kind, id)))
  return kinds.flatMap(({ kind, cases }) => cases.filter(({ id }) => isSelected(id)).map(({ id }) => keyOf(kind, id)))
    .filter((key) => !proven.has(key))
}
