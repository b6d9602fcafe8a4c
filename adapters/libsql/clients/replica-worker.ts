/**
 * The file of an embedded replica, on a thread of its own: the library copies from the primary inside its calls, and an unreachable one
 * holds it up for 3 s and more.
 *
 *   message   { id, call: "sync", token } | { id, call: "batch", statements }
 *   answer    { id, value } | { id, error: { message, code, rawCode } }
 *
 * Where the primary cannot be reached the library does not even open a replica; then the file is opened as what it is, for reading alone,
 * until a sync succeeds.
 */
import { pathToFileURL } from "node:url"
import { parentPort, workerData } from "node:worker_threads"
import { createClient } from "@libsql/client/sqlite3"
import { type Client, fromClient, type Row, type Statement, toClient } from "../database.ts"

/** What the thread is started with. */
export interface ReplicaSetup {
  readonly path: string
  readonly syncUrl: string
}
export type ReplicaCall =
  | { readonly id: number; readonly call: "sync"; readonly token: string | undefined }
  | { readonly id: number; readonly call: "batch"; readonly statements: readonly Statement[] }
export interface ReplicaAnswer {
  readonly id: number
  readonly value?: readonly (readonly Row[])[]
  readonly error?: { readonly message: string; readonly code: unknown; readonly rawCode: unknown }
}

const { path, syncUrl } = workerData as ReplicaSetup
let client: Client | undefined
/** The token that the client copies with; undefined where it does not. */
let copiesWith: { readonly token: string | undefined } | undefined

const sync = async (token: string | undefined): Promise<void> => {
  if (copiesWith === undefined || copiesWith.token !== token) {
    client?.close()
    client = copiesWith = undefined
    const config = { url: `file:${encodeURIComponent(path)}`, syncUrl, concurrency: 1 }
    client = createClient(token === undefined ? config : { ...config, authToken: token })
    copiesWith = { token }
  }
  await client!.sync()
}

const batch = async (statements: readonly Statement[]): Promise<readonly (readonly Row[])[]> => {
  client ??= createClient({ url: `file:${encodeURIComponent(`${pathToFileURL(path).href}?mode=ro`)}`, concurrency: 1 })
  return (await client.batch(statements.map(toClient), "read")).map(fromClient)
}

const answer = async (message: ReplicaCall): Promise<ReplicaAnswer> => {
  const { id } = message
  try {
    if (message.call === "batch") return { id, value: (await batch(message.statements)).map((rows) => rows.map((row) => ({ ...row }))) }
    await sync(message.token)
    return { id }
  } catch (cause) {
    const { code, rawCode } = Object(cause)
    return { id, error: { message: cause instanceof Error ? cause.message : String(cause), code, rawCode } }
  }
}

parentPort?.on("message", (message: ReplicaCall) => void answer(message).then((answered) => parentPort?.postMessage(answered)))
