/** Faults of hints, of starting anew, of several processes, of rights, and of closing. */
import type { Cursor, PushAnswer, PushRequest, Remote, Rights } from "../../../kernel/ports/remote.ts"
import type { Person } from "../../remote/trial.ts"
import { type PlainBlock, PlainLog } from "./plain-log.ts"
import { logDouble, plainRemote, plainSubject, type RemoteDouble, remoteDouble } from "./plain-remote.ts"

/** A watch that hears something else. */
const watchDouble = (
  fault: string,
  caughtBy: string | readonly string[],
  hear: (onHead: (head: Cursor) => void) => (head: Cursor) => void,
) => remoteDouble(fault, caughtBy, (remote) => ({ watch: (onHead, options) => remote.watch(hear(onHead), options) }))

export const hintDoubles: readonly RemoteDouble[] = [
  watchDouble("tells only moves", "hint/at-once", (onHead) => {
    let isFirst = true
    return (head) => {
      if (!isFirst) onHead(head)
      isFirst = false
    }
  }),
  watchDouble("tells the first head alone", ["hint/after-a-push", "hint/latest"], (onHead) => {
    let isFirst = true
    return (head) => {
      if (isFirst) onHead(head)
      isFirst = false
    }
  }),
  watchDouble("tells late", "hint/soon", (onHead) => (head) => void setTimeout(() => onHead(head), 500)),
  watchDouble("tells each head when the next one comes", ["hint/latest", "hint/after-a-push"], (onHead) => {
    let before: Cursor | undefined
    return (head) => {
      onHead(before ?? head)
      before = head
    }
  }),
  logDouble("tells who came last", "hint/several", () =>
    new class extends PlainLog {
      override tell(): void {
        for (const listener of [...this.listeners].slice(-1)) listener(this.head)
      }
    }()),
  logDouble("stops everybody with the first one who stops", "hint/several", () => {
    const log = new PlainLog()
    const { listeners } = log
    listeners.delete = (listener) => {
      if (!listeners.has(listener)) return false
      listeners.clear()
      return true
    }
    return log
  }),
  watchDouble("tells heads by positions", ["hint/true", "hint/at-once"], (onHead) => ({ position }) => {
    onHead({ position, id: new Uint8Array(16).fill(position) })
  }),
  remoteDouble("goes on after the signal", "hint/stop", (remote) => ({
    watch: (onHead) => remote.watch(onHead, { signal: new AbortController().signal }),
  })),
  remoteDouble("ends, but goes on telling", "hint/stop", (_, log) => ({
    async watch(onHead, { signal }) {
      log.listeners.add(onHead)
      onHead(log.head)
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }))
    },
  })),
]

export const processDoubles: readonly RemoteDouble[] = [
  logDouble("loses the last frame when it starts anew", "restart/acknowledged", () =>
    new class extends PlainLog {
      override restart(): void {
        this.frames.pop()
      }
    }()),
  logDouble("keeps in memory alone what it has of each writer", "restart/retry", () =>
    new class extends PlainLog {
      override restart(): void {
        this.pairs = new Map()
      }
    }()),
  logDouble("draws its frames' ids when it starts", "restart/pull", () =>
    new class extends PlainLog {
      override restart(): void {
        this.frames = this.frames.map(({ parts }) => ({ id: this.drawId(), parts }))
      }
    }()),
  {
    fault: "looks at the log once, when it starts",
    caughtBy: ["beside/sees", "beside/race"],
    subject: () => {
      const log = new PlainLog()
      const copy = (): Remote => {
        const mine = new PlainLog()
        mine.frames = [...log.frames]
        mine.pairs = structuredClone(log.pairs)
        return plainRemote(mine)
      }
      return { open: () => plainRemote(log), openBeside: copy }
    },
  },
  logDouble("lets everybody write", "person/reader", () =>
    new class extends PlainLog {
      override forbids(): boolean {
        return false
      }
    }()),
  logDouble("lets everybody relay", "person/own-only", () =>
    new class extends PlainLog {
      override rightsOf(person: Person): Rights {
        const rights = super.rightsOf(person)
        return { ...rights, relay: rights.write }
      }
    }()),
  logDouble("stores what it may of a push that is forbidden", "person/own-only", () =>
    new class extends PlainLog {
      override async push(request: PushRequest, person: Person): Promise<PushAnswer> {
        const answer = await super.push(request, person)
        if (answer.kind === "forbidden") await this.take(this.read(request).filter(({ isOwn }) => isOwn), person)
        return answer
      }
    }()),
  logDouble("forbids what is there already", "person/own-only", () =>
    new class extends PlainLog {
      override push(request: PushRequest, person: Person): PushAnswer | Promise<PushAnswer> {
        const forbidden = this.read(request).filter((block) => this.forbids(block, person))
        if (forbidden.length === 0) return super.push(request, person)
        return { kind: "forbidden", writers: forbidden.map(({ columns }) => new Uint8Array(columns.writers[0]!)) }
      }
    }()),
  logDouble("lets everybody take over any writer", ["person/owners", "person/relayed-first"], () =>
    new class extends PlainLog {
      override fold(block: PlainBlock, person: Person): void {
        super.fold(block, person)
        this.owners.delete(block.writer)
      }
    }()),
  logDouble("gives a writer to whoever brings it first", ["person/relayed-first", "person/owners"], () =>
    new class extends PlainLog {
      override fold(block: PlainBlock, person: Person): void {
        super.fold({ ...block, isOwn: true }, person)
      }
      override refusalOf(...rest: Parameters<PlainLog["refusalOf"]>) {
        const [block, , person] = rest
        return (this.owners.get(block.writer) ?? person) === person ? super.refusalOf(...rest) : "writer_not_owned" as const
      }
    }()),
  remoteDouble("cannot be closed twice", "close/twice", (remote) => {
    let isClosed = false
    return {
      async close() {
        if (isClosed) throw new Error("it is closed")
        isClosed = true
        await remote.close()
      },
    }
  }),
  {
    fault: "closes the store for everybody",
    caughtBy: ["close/others-go-on"],
    subject: () => {
      let isClosed = false
      return plainSubject(undefined, (remote) => ({
        push: (request, options) => isClosed ? Promise.reject(new Error("it is closed")) : remote.push(request, options),
        close: () => {
          isClosed = true
          return remote.close()
        },
      }))
    },
  },
]
