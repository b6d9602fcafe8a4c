/**
 * Subjects of other authors, from a file of theirs.
 *
 *   adapter FILE   exports `makeAdapter`: a function that answers an adapter, or a subject with one, over an empty place
 *   remote FILE    exports `makeRemote`: a function that answers a subject over an empty store
 *   crdt FILE      exports `type`, and `edit`, which makes one random edit
 *   server FILE    exports `startServer`: a function that starts a server and answers its subject, with `stop`, which ends it
 */
import { resolve } from "node:path"
import { pathToFileURL } from "node:url"
import { InvalidOption } from "../../kernel/errors.ts"
import type { CaseFacts } from "../case.ts"
import type { Awaitable } from "../../kernel/ports/log-storage.ts"
import {
  adapterSuite,
  clientCases,
  crdtCases,
  crdtSuite,
  logStorageCases,
  remoteCases,
  remoteSuite,
  serverCases,
  type ServerSubject,
  serverSuite,
  type Suite,
} from "../mod.ts"
import type { Planned } from "./plan.ts"

/** What the file is expected to export. */
type Exports = Readonly<Record<string, unknown>>

/** What a file of an author's is of, as the command names it. */
export type AuthorsKind = "adapter" | "remote" | "crdt"

/** The kinds, in the order in which they are told. */
export const AUTHORS_KINDS: readonly AuthorsKind[] = ["adapter", "remote", "crdt"]

/** The cases of every kind of subject that an author can bring. */
export const CASES_BY_KIND: Readonly<Record<AuthorsKind | "server" | "client", readonly CaseFacts[]>> = {
  adapter: logStorageCases,
  remote: remoteCases,
  crdt: crdtCases,
  server: serverCases,
  client: clientCases,
}

/** The file at `path`, as the subject of a suite; `isSlow`: with all of what cases take samples of otherwise. Rejects with `InvalidOption` where it cannot be loaded or exports something else. */
export const planAuthorsFile = async (kind: AuthorsKind, path: string, isSlow: boolean): Promise<Planned> => {
  const suite = suiteOf(kind, path, await load(kind, path), isSlow)
  return { name: path, cases: CASES_BY_KIND[kind], start: () => Promise.resolve({ suite, end: () => Promise.resolve() }) }
}

/**
 * The server that the file at `path` starts, with all that it says can be done with it: troubles, restarts, backups. Rejects with `InvalidOption` where the
 * file cannot be loaded or exports something else.
 */
export const planServerFile = async (path: string): Promise<Planned> => {
  const startServer = exportedBy("server", path, await load("server", path), "startServer", "function") as () => Awaitable<StartedServer>
  return {
    name: path,
    cases: serverCases,
    async start() {
      const subject = await startServer()
      return { suite: serverSuite(subject, { name: path }), end: async () => void await subject.stop?.() }
    },
  }
}

/** A server that an author's file has started. */
interface StartedServer extends ServerSubject {
  readonly stop?: (() => Awaitable<void>) | undefined
}

const load = async (kind: AuthorsKind | "server", path: string): Promise<Exports> => {
  try {
    return await import(pathToFileURL(resolve(path)).href) as Exports
  } catch (cause) {
    const hint = Object(cause).code === "ERR_UNKNOWN_FILE_EXTENSION" ? "; TypeScript runs on Node from 22.18 on, on Deno and on Bun" : ""
    throw new InvalidOption({ option: kind, found: path, expected: `a module that can be loaded (${String(cause)}${hint})` }, { cause })
  }
}

/** What a file exports under a name, if that is of the type. */
const exportedBy = (kind: AuthorsKind | "server", path: string, file: Exports, name: string, type: "function" | "object"): unknown => {
  const found = file[name]
  if (found !== null && typeof found === type) return found
  throw new InvalidOption({
    option: kind,
    found: path,
    expected: `a module that exports ${name}, which is ${type === "object" ? "an" : "a"} ${type}`,
  })
}

const suiteOf = (kind: AuthorsKind, path: string, file: Exports, isSlow: boolean): Suite => {
  const exported = (name: string, type: "function" | "object"): unknown => exportedBy(kind, path, file, name, type)
  // What an author's file exports is believed to be of the type that its name says; where it is not, cases fail.
  if (kind === "adapter") return adapterSuite(exported("makeAdapter", "function") as Parameters<typeof adapterSuite>[0], { isSlow })
  if (kind === "remote") return remoteSuite(exported("makeRemote", "function") as Parameters<typeof remoteSuite>[0])
  const edit = exported("edit", "function") as Parameters<typeof crdtSuite>[1]["edit"]
  return crdtSuite(exported("type", "object") as Parameters<typeof crdtSuite>[0], { edit })
}
