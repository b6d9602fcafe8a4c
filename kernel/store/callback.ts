/** Callbacks of users that run in a build: what they must not answer. */
import { CallbackNotSynchronous } from "../errors.ts"

/** Refuses what an async function answers, without an unhandled rejection. */
export function refusePromise(answer: unknown, callback: string): void {
  if (typeof answer !== "object" || answer === null || !("then" in answer) || typeof answer.then !== "function") return
  void Promise.resolve(answer).catch(() => {}) // the call rejects with the error below
  throw new CallbackNotSynchronous({ callback })
}
