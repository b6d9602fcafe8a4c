/** Every double of a client. */
import { answerDoubles } from "./answer-doubles.ts"
import type { ClientDouble } from "./client-double.ts"
import { comebackDoubles } from "./comeback-doubles.ts"
import { fetchingDoubles } from "./fetching-doubles.ts"
import { lieDoubles } from "./lie-doubles.ts"
import { sendingDoubles } from "./sending-doubles.ts"

export const clientDoubles: readonly ClientDouble[] = [
  ...answerDoubles,
  ...lieDoubles,
  ...sendingDoubles,
  ...fetchingDoubles,
  ...comebackDoubles,
]
