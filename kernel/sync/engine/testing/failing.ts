/** Remotes that fail. */
import { RemoteError, RemoteUnreachable, type RetryAdvice, Unauthenticated } from "../../../errors.ts"
import type { DoubleRemote } from "./double-remote.ts"
import { makeWorkbench, type Workbench, type WorkbenchOptions } from "./workbench.ts"

export const HOUR_MILLIS = 3_600_000

/** Every call of the remote fails with it; `undefined`: honest again. */
export function failAll(remote: DoubleRemote, error: ((remote: DoubleRemote) => unknown) | undefined): void {
  const fail = error === undefined ? undefined : (): never => {
    throw error(remote)
  }
  remote.onHandshake =
    remote.onPush =
    remote.onPull =
    remote.onWatch =
      fail
}

/** Of the first remote of a workbench. */
export const name = "https://remote.example"
/** No answer. */
export const lost = (remote: { readonly name: string } = { name }): RemoteUnreachable =>
  new RemoteUnreachable({ remote: remote.name, call: "pull", reason: "no route" })
/** An answer with an error of its own. */
export const says = (remoteCode: string, retry: RetryAdvice, retryAfterMillis?: number) => (): RemoteError =>
  new RemoteError({ remote: name, call: "pull", remoteCode, reason: "because", retry, retryAfterMillis })
export const noToken = (remote: { readonly name: string } = { name }): Unauthenticated =>
  new Unauthenticated({ remote: remote.name, call: "pull", reason: "too old" })

/** One that has been connected and now fails with every call. */
export async function failing(error: (remote: DoubleRemote) => unknown, options: WorkbenchOptions = {}): Promise<Workbench> {
  const bench = makeWorkbench({ live: false, ...options })
  await bench.time.run(1)
  failAll(bench.remote, error)
  bench.remote.asked.length = 0
  return bench
}
