/** The suite for remotes: all cases about `kernel/ports/remote.ts`. */
import type { Awaitable } from "../../kernel/ports/log-storage.ts"
import { makeSuite, type Suite, type SuiteOptions } from "../suite.ts"
import { backUpCases } from "./backups.ts"
import { basisCases } from "./basis.ts"
import { cursorCases, storeCases } from "./cursors.ts"
import { closeCases } from "./closing.ts"
import { edgeCases } from "./edges.ts"
import { handshakeCases } from "./handshakes.ts"
import { hintCases } from "./hints.ts"
import { interruptionCases, rollingCases } from "./interruptions.ts"
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
  ...edgeCases,
  ...hintCases,
  ...restartCases,
  ...interruptionCases,
  ...besideCases,
  ...rollingCases,
  ...wipeCases,
  ...backUpCases,
  ...personCases,
  ...closeCases,
]

/**
 * The suite for a remote. `makeRemote` is called once for each case, and gives a subject over an empty store: it opens as many remotes of that store as
 * a case has devices.
 */
export const remoteSuite = (makeRemote: () => Awaitable<RemoteSubject>, options: SuiteOptions = {}): Suite => {
  let { name } = options
  return makeSuite(() => name ?? "remote", remoteCases, async () => {
    const trial = await RemoteTrial.begin(await makeRemote(), options.patienceMillis)
    name ??= trial.remote.name
    return trial
  })
}
