/**
 * The suite for clients in any language: a program that is started for each case, asked over its standard input, and judged by what it sends to a server
 * that misbehaves (`server.ts`).
 *
 *   const report = await clientSuite("python3 my_client.py").run()
 */
import { outcomeOf } from "../expect.ts"
import { makeSuite, type Suite, type SuiteOptions } from "../suite.ts"
import { type StartClient, startCommand } from "./driver.ts"
import { answerCases } from "./answers.ts"
import { fetchingCases } from "./fetching.ts"
import { longLieCases } from "./long-lies.ts"
import { runningCases } from "./running.ts"
import { httpAnswerCases } from "./http-answers.ts"
import { hintStreamCases } from "./streams.ts"
import { keepingCases } from "./keeping.ts"
import { lieCases } from "./lies.ts"
import { listeningCases } from "./listening.ts"
import { loginCases } from "./logins.ts"
import { lossCases } from "./loss.ts"
import { messageCases } from "./messages.ts"
import { refusedCases } from "./refused.ts"
import { requestCases } from "./requests.ts"
import { sendingCases } from "./sending.ts"
import { troubleCases } from "./trouble.ts"
import { togetherCases } from "./together.ts"
import { type ClientCase, ClientTrial } from "./trial.ts"

/** Every case for clients, in the order in which they are run. */
export const clientCases: readonly ClientCase[] = [
  ...requestCases,
  ...answerCases,
  ...httpAnswerCases,
  ...messageCases,
  ...lieCases,
  ...longLieCases,
  ...sendingCases,
  ...fetchingCases,
  ...refusedCases,
  ...lossCases,
  ...troubleCases,
  ...runningCases,
  ...loginCases,
  ...listeningCases,
  ...hintStreamCases,
  ...keepingCases,
  ...togetherCases,
].map((one): ClientCase => ({
  ...one,
  run: async (trial) => {
    const ran = await outcomeOf(() => one.run(trial))
    // What a misdeed found comes first: what the client said afterwards follows from it.
    for (const error of trial.server.errors) throw error
    if (ran.kind === "error") throw ran.error
    await trial.checkRequests()
  },
}))

/** What the suite of a client can be told. */
export interface ClientSuiteOptions extends SuiteOptions {
  /** Also the cases that take a minute. Default false. */
  readonly isSlow?: boolean | undefined
  /** How long the client's minute lasts, in milliseconds: of one whose time goes by faster. Default 60,000, with `isSlow`. */
  readonly minuteMillis?: number | undefined
}

/** How long a case waits for what must come. */
const PATIENCE_MILLIS = 8000

/**
 * The suite for the client that `command` starts: a command line of the shell, or what gives a client in this process. Reports name the command.
 *
 * Each case starts the program anew, with an empty folder and a server on a free port of 127.0.0.1, and ends both.
 */
export const clientSuite = (command: string | StartClient, options: ClientSuiteOptions = {}): Suite => {
  const start = typeof command === "string" ? () => startCommand(command) : command
  const { name = typeof command === "string" ? command : "client", isSlow, minuteMillis, patienceMillis = PATIENCE_MILLIS } = options
  const subject = { start, minuteMillis: minuteMillis ?? (isSlow === true ? 60_000 : undefined), patienceMillis }
  return makeSuite(() => name, clientCases, () => ClientTrial.begin(subject))
}
