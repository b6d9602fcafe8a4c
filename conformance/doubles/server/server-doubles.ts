/** Every double of a server. */
import { answerDoubles } from "./answer-doubles.ts"
import { blockDoubles } from "./block-doubles.ts"
import { bodyDoubles, encodingDoubles, sizeDoubles } from "./body-doubles.ts"
import { hintDoubles } from "./hint-doubles.ts"
import { messageDoubles, versionDoubles } from "./message-doubles.ts"
import { connectionDoubles, nameDoubles, rightDoubles, tokenDoubles } from "./principal-doubles.ts"
import type { ServerDouble } from "./server-double.ts"
import { troubleDoubles } from "./trouble-doubles.ts"

export const serverDoubles: readonly ServerDouble[] = [
  ...messageDoubles,
  ...answerDoubles,
  ...versionDoubles,
  ...encodingDoubles,
  ...bodyDoubles,
  ...sizeDoubles,
  ...tokenDoubles,
  ...rightDoubles,
  ...nameDoubles,
  ...connectionDoubles,
  ...hintDoubles,
  ...blockDoubles,
  ...troubleDoubles,
]
