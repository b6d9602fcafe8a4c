/** The suite for remotes: all cases about `kernel/ports/remote.ts`, and the call that runs them. */
import type { Awaitable } from "../../kernel/ports/log-storage.ts"
import { type Report, runCases, type RunOptions } from "../runner.ts"
import { basisCases } from "./basis.ts"
import { cursorCases, storeCases } from "./cursors.ts"
import { closeCases } from "./closing.ts"
import { handshakeCases } from "./handshakes.ts"
import { hintCases } from "./hints.ts"
import { limitCases } from "./limits.ts"
import { personCases } from "./persons.ts"
import { besideCases, restartCases, wipeCases } from "./processes.ts"
import { pullCases } from "./pulls.ts"
import { pushRaceCases } from "./push-races.ts"
import { pushCases } from "./pushes.ts"
import { rangeCases } from "./ranges.ts"
import { refusalCases } from "./refusals.ts"
import { type RemoteCase, type RemoteSubject, RemoteTrial } from "./trial.ts"

/** Every case for remotes, in the order in which they are run. */
export const remoteCases: readonly RemoteCase[] = [
  ...handshakeCases,
  ...pushCases,
  ...pushRaceCases,
  ...refusalCases,
  ...basisCases,
  ...pullCases,
  ...rangeCases,
  ...cursorCases,
  ...storeCases,
  ...limitCases,
  ...hintCases,
  ...restartCases,
  ...besideCases,
  ...wipeCases,
  ...personCases,
  ...closeCases,
]

/** What to check, and how. */
export interface RemoteSuiteOptions extends RunOptions {
  /** Makes the subject over an empty store; called once for each case. */
  readonly make: () => Awaitable<RemoteSubject>
  /** How the report names it. Default: the first remote's name. */
  readonly name?: string | undefined
  /** How long to wait for a hint that must come, in milliseconds. */
  readonly patienceMillis?: number | undefined
}

/**
 * Checks a remote against its port and the protocol, one case after another, and reports. `report.conforms` says whether it passed.
 *
 * Rejects with `InvalidOption` if `only` names no case; never because of the remote.
 */
export const runRemoteSuite = async (options: RemoteSuiteOptions): Promise<Report> => {
  let name = options.name
  const begin = async (): Promise<RemoteTrial> => {
    const trial = await RemoteTrial.begin(await options.make(), options.patienceMillis)
    name ??= trial.remote.name
    return trial
  }
  const report = await runCases("", remoteCases, begin, options)
  return { ...report, name: name ?? "remote" }
}
