/** Every double of a remote: remotes that are wrong on purpose, each with the cases that catch it. */
import type { RemoteDouble } from "./plain-remote.ts"
import { disasterDoubles } from "./disaster-doubles.ts"
import { hintDoubles, processDoubles } from "./process-doubles.ts"
import { cursorDoubles, limitDoubles, pullDoubles } from "./pull-doubles.ts"
import { handshakeDoubles, pushDoubles } from "./push-doubles.ts"
import { basisDoubles, refusalDoubles } from "./refusal-doubles.ts"

export const remoteDoubles: readonly RemoteDouble[] = [
  ...handshakeDoubles,
  ...pushDoubles,
  ...refusalDoubles,
  ...basisDoubles,
  ...pullDoubles,
  ...cursorDoubles,
  ...limitDoubles,
  ...hintDoubles,
  ...processDoubles,
  ...disasterDoubles,
]
