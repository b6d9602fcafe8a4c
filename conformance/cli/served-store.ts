/** Served store: one store at the servers of a run, as a subject needs it, wherever that is: in the process that has the servers, or in a browser. */
import { httpRemote } from "@cuitty/persist/remotes"
import type { Remote } from "../../kernel/ports/remote.ts"
import type { Person, RemoteSubject } from "../mod.ts"

/** A store, and what can be done to the servers that have it. */
export interface ServedStore {
  readonly name: string
  readonly tokensByPerson: Readonly<Record<Person, string>>
  /** Where the server of this number listens; it is started for that, and listens there ever after. */
  urlOf(index: number): Promise<string>
  restart(): Promise<void>
  roll(): Promise<void>
  wipe(): Promise<void>
  /** Answers what restores the copy. */
  backUp(): Promise<() => Promise<void>>
}

/** The subject that reaches a store over HTTP. */
export const servedSubject = (served: ServedStore): RemoteSubject => {
  const open = async (index: number, store: string, person: Person): Promise<Remote> =>
    httpRemote(await served.urlOf(index), { store, token: served.tokensByPerson[person] })
  return {
    open: () => open(0, served.name, "owner"),
    openOther: () => open(0, `${served.name}-other`, "owner"),
    openBeside: () => open(1, served.name, "owner"),
    openAs: (person) => open(0, served.name, person),
    restart: () => served.restart(),
    roll: () => served.roll(),
    wipe: () => served.wipe(),
    backUp: () => served.backUp(),
  }
}
