/** What must never leave a tenant, nor come into a log or an answer of another one; and what must never be told to a logger. */
import type { Bytes } from "../kernel/ports/log-storage.ts"
import type { Logger } from "../kernel/ports/logger.ts"
import type { Judge } from "./observer.ts"

/** Every token of an application's values begins with its tenant's mark. */
export const markOf = (tenant: string): string => `taint-${tenant}-`
const MARK = "taint-"

export class Whispers {
  /** Given to the code under test. */
  readonly logger: Logger
  readonly #judge: Judge

  constructor(judge: Judge) {
    this.#judge = judge
    const hear = (message: string, details?: object): void => {
      const text = `${message} ${JSON.stringify(details ?? {})}`
      if (text.includes(MARK)) this.#judge.violation("a value in the log of messages", text)
      this.#judge.count(`logged: ${message}`)
    }
    this.logger = { warn: hear, error: hear }
  }

  /** Searches what somebody of `tenant` was given for marks of others. */
  search(bytes: Bytes, tenant: string, where: string): void {
    const text = new TextDecoder("latin1").decode(bytes)
    for (let at = text.indexOf(MARK); at >= 0; at = text.indexOf(MARK, at + 1)) {
      if (!text.startsWith(markOf(tenant), at)) return this.#judge.violation("another tenant's data", `${where} to a client of ${tenant}`)
    }
  }
}
