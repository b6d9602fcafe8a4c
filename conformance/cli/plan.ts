/**
 * What one call runs: subjects of several kinds, each with the cases of its kind.
 *
 *   --adapter, --remote, --type ──┐
 *   adapter FILE, remote FILE,  ──┴──▶ Planned ── only ──▶ selected ── start() ──▶ suite, and what ends its place
 *   crdt FILE
 */
import { InvalidOption } from "../../kernel/errors.ts"
import type { CaseFacts } from "../case.ts"
import {
  adapterSuite,
  crdtCases,
  logStorageCases,
  remoteCases,
  remoteSuite,
  selectCases,
  serverCases,
  type ServerSubject,
  serverSuite,
  type Suite,
} from "../mod.ts"
import type { Subjects } from "./our-adapters.ts"
import type { RemotePlaces } from "./our-remotes.ts"
import type { TypeSuites } from "./our-types.ts"

/** A suite whose place is there. */
export interface Started {
  readonly suite: Suite
  /** Frees the place. */
  readonly end: () => Promise<void>
}

/** One subject that is to be checked. */
export interface Planned {
  /** How it is announced and reported. */
  readonly name: string
  /** The cases of its kind; after a selection those that are to be run. */
  readonly cases: readonly CaseFacts[]
  readonly start: () => Promise<Started>
}

const nothing = (): Promise<void> => Promise.resolve()

/** An adapter of this package. */
export const planAdapter = (subjects: Subjects, name: string, url: string | undefined, isSlow: boolean): Planned => ({
  name,
  cases: logStorageCases,
  start: async () => ({ suite: adapterSuite(() => subjects[name]!(url), { name, isSlow }), end: nothing }),
})

/** A remote of this package. */
export const planRemote = (places: RemotePlaces, name: string, url: string | undefined): Planned => ({
  name: `remote ${name}`,
  cases: remoteCases,
  async start() {
    const place = await places[name]!(url)
    return { suite: remoteSuite(() => place.subject(), { name: `remote ${name}` }), end: () => place.end() }
  },
})

/** A server that runs already. */
export const planServer = (subject: ServerSubject): Planned => {
  const name = `server ${subject.url}`
  return { name, cases: serverCases, start: async () => ({ suite: serverSuite(subject, { name }), end: nothing }) }
}

/** A CRDT type of this package. */
export const planType = (types: TypeSuites, name: string): Planned => ({
  name: `type ${name}`,
  cases: crdtCases,
  start: async () => ({ suite: types[name]!(), end: nothing }),
})

/** What `select` answers; an error of it is about `--only`. */
export const selectedBy = <T>(select: () => T): T => {
  try {
    return select()
  } catch (error) {
    throw error instanceof InvalidOption ? new InvalidOption({ ...error.details, option: "--only" }, { cause: error }) : error
  }
}

/** What is left of a plan by `--only`: subjects with a case that it names. Throws `InvalidOption` for a name that no subject has a case for. */
export const selectPlan = <P extends Pick<Planned, "cases">>(plan: readonly P[], only: readonly string[] | undefined): readonly P[] => {
  if (only === undefined) return plan
  const all = new Map(plan.flatMap(({ cases }) => cases).map((one) => [one.id, one]))
  const selected = new Set(selectedBy(() => selectCases([...all.values()], only)).map(({ id }) => id))
  return plan.map((one) => ({ ...one, cases: one.cases.filter(({ id }) => selected.has(id)) })).filter(({ cases }) => cases.length > 0)
}
