/** Remotes of plain logs, and what a double is: a plain remote that is right but for one fault. */
import type {
  CallOptions,
  Cursor,
  Handshake,
  PullAnswer,
  PullRequest,
  PushAnswer,
  PushRequest,
  Remote,
} from "../../../kernel/ports/remote.ts"
import type { Person, RemoteSubject } from "../../remote/trial.ts"
import { PlainLog } from "./plain-log.ts"

/** One device's way to a plain log. */
export const plainRemote = (log: PlainLog, person: Person = "owner"): Remote => {
  const closing = new AbortController()
  return {
    name: "plain",
    async handshake({ signal }: CallOptions): Promise<Handshake> {
      signal.throwIfAborted()
      return await log.handshake(person)
    },
    async push(request: PushRequest, { signal }: CallOptions): Promise<PushAnswer> {
      signal.throwIfAborted()
      return await log.push(request, person)
    },
    async pull(request: PullRequest, { signal }: CallOptions): Promise<PullAnswer> {
      signal.throwIfAborted()
      return await log.pull(request, person)
    },
    async watch(onHead: (head: Cursor) => void, { signal }: CallOptions): Promise<void> {
      if (signal.aborted) return
      log.listeners.add(onHead)
      onHead(log.head)
      await new Promise<void>((resolve) => {
        for (const end of [signal, closing.signal]) end.addEventListener("abort", () => resolve(), { once: true })
      })
      log.listeners.delete(onHead)
    },
    close(): Promise<void> {
      closing.abort()
      return Promise.resolve()
    },
  }
}

/** A subject over plain logs, one a store; `change` makes remotes of what they are. */
export const plainSubject = (
  makeLog: () => PlainLog = () => new PlainLog(),
  change: (remote: Remote, log: PlainLog) => Partial<Remote> = () => ({}),
): RemoteSubject => {
  const [log, other] = [makeLog(), makeLog()]
  const open = (of: PlainLog, person?: Person): Remote => {
    const remote = plainRemote(of, person)
    return { ...remote, ...change(remote, of) }
  }
  return {
    open: () => open(log),
    openOther: () => open(other),
    openBeside: () => open(log),
    openAs: (person) => open(log, person),
    restart: () => log.restart(),
    roll: async () => {
      for (let process = 0; process < 2; process += 1) {
        await new Promise((resolve) => setTimeout(resolve, 50)) // others come meanwhile
        log.restart()
      }
    },
    wipe: () => log.wipe(),
    backUp: () => log.backUp(),
  }
}

/** A fault and the cases that must catch it. */
export interface RemoteDouble {
  /** What is wrong, in a few words. */
  readonly fault: string
  /** Ids of cases of which each must fail because of it, or warn of it where it is no more than a recommendation. */
  readonly caughtBy: readonly string[]
  readonly subject: () => RemoteSubject
}

/** A double whose log has a fault. */
export const logDouble = (fault: string, caughtBy: string | readonly string[], makeLog: () => PlainLog): RemoteDouble => ({
  fault,
  caughtBy: [caughtBy].flat(),
  subject: () => plainSubject(makeLog),
})

/** A double whose remotes have a fault. */
export const remoteDouble = (
  fault: string,
  caughtBy: string | readonly string[],
  change: (remote: Remote, log: PlainLog) => Partial<Remote>,
): RemoteDouble => ({
  fault,
  caughtBy: [caughtBy].flat(),
  subject: () => plainSubject(undefined, change),
})
