/** Hints: the head, told at once and when it moves. */
import type { Cursor, Remote } from "../../kernel/ports/remote.ts"
import { ensure, fail, outcomeOf } from "../expect.ts"
import { isSameCursor, pullPage, pushed } from "./stream.ts"
import type { RemoteCase, RemoteTrial } from "./trial.ts"

const NOW = "Calls `onHead` with the remote's head now and when it moves, until the signal aborts."

/** What one watch heard. */
class Watch {
  readonly heads: Cursor[] = []
  readonly ended: Promise<void>
  readonly #caller = new AbortController()
  readonly #patienceMillis: number
  #isAborted = false
  #notify = (): void => undefined

  constructor(remote: Remote, patienceMillis: number) {
    this.#patienceMillis = patienceMillis
    this.ended = this.#run(remote)
    this.ended.catch(() => undefined) // told where somebody waits for it
  }

  /** Begins again when the remote ends it by itself, as it may. */
  async #run(remote: Remote): Promise<void> {
    const { signal } = this.#caller
    while (!this.#isAborted) {
      const outcome = await outcomeOf(() => remote.watch((head) => this.#hear(head), { signal }))
      if (outcome.kind === "error" && !this.#isAborted) throw outcome.error
    }
  }

  #hear(head: Cursor): void {
    this.heads.push({ position: head.position, id: head.id.slice() })
    this.#notify()
  }

  /** Resolves when this head was told; fails if it is not in time, or if the watch breaks. */
  async until(what: string, isIt: (head: Cursor) => boolean): Promise<Cursor> {
    const found = (): Cursor | undefined => this.heads.find(isIt)
    const breaks = this.ended.then(() => fail(`${what}: the watch ended`))
    breaks.catch(() => undefined) // it ends after this, too
    for (const deadlineMillis = performance.now() + this.#patienceMillis;;) {
      const head = found()
      if (head !== undefined) return head
      const leftMillis = deadlineMillis - performance.now()
      if (leftMillis <= 0) {
        return fail(
          `${what}: it was not told within ${this.#patienceMillis} ms; told were ${this.heads.map(({ position }) => position).join()}`,
        )
      }
      let timer: ReturnType<typeof setTimeout> | undefined
      const woken = new Promise<void>((resolve) => {
        this.#notify = resolve
        timer = setTimeout(resolve, leftMillis)
      })
      await Promise.race([woken, breaks]).finally(() => clearTimeout(timer))
    }
  }

  /** Ends it, in time. */
  async stop(): Promise<void> {
    this.#isAborted = true
    this.#caller.abort(new Error("enough"))
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`a watch goes on for ${this.#patienceMillis} ms after its signal aborted`)),
        this.#patienceMillis,
      )
    })
    await Promise.race([this.ended, late]).finally(() => clearTimeout(timer))
  }
}

const watch = (trial: RemoteTrial, remote: Remote = trial.remote): Watch => new Watch(remote, trial.patienceMillis)
const is = (cursor: Cursor) => (head: Cursor): boolean => isSameCursor(head, cursor)

export const hintCases: readonly RemoteCase[] = [
  {
    id: "hint/at-once",
    title: "a watch tells the head that there is, also of an empty store",
    level: "MUST",
    requires: ["live"],
    rule: NOW,
    why: "A client that begins to listen after a push would not hear of it until the next one.",
    async run(trial) {
      const early = watch(trial)
      await early.until("the head of an empty store", is(trial.handshake.head))
      await early.stop()
      const { last } = await pushed(trial.remote, [trial.writer().write(1).part()])
      const late = watch(trial)
      await late.until("the head", is(last))
      await late.stop()
    },
  },
  {
    id: "hint/after-a-push",
    title: "a watch tells the head behind each push, of the same remote and of others", // R75
    level: "MUST",
    requires: ["live"],
    rule: NOW,
    why: "Without it changes of others show only after minutes.",
    async run(trial) {
      const [other, watching] = [await trial.another(), watch(trial)]
      await watching.until("the first head", is(trial.handshake.head))
      for (const remote of [other, trial.remote, other]) {
        const { last } = await pushed(remote, [trial.writer().write(1).part()])
        await watching.until("the head behind a push", is(last))
      }
      await watching.stop()
    },
  },
  {
    id: "hint/soon",
    title: "it is told within a second",
    level: "SHOULD",
    requires: ["live"],
    rule: NOW,
    why: "People who work together see each other's changes at once, or talk past each other.",
    async run(trial) {
      const [other, watching] = [await trial.another(), new Watch(trial.remote, Math.min(1000, trial.patienceMillis))]
      await watching.until("the first head", is(trial.handshake.head))
      for (let count = 0; count < 5; count += 1) {
        const { last } = await pushed(other, [trial.writer().write(1).part()])
        await watching.until("the head behind a push", is(last))
      }
      await watching.stop()
    },
  },
  {
    id: "hint/latest",
    title: "after many pushes at once the last head is told, whatever was left out before it",
    level: "MUST",
    requires: ["live"],
    rule: "Of several moves the last one suffices",
    why: "Left at an older head, a client misses the last changes until somebody writes again.",
    async run(trial) {
      const watching = watch(trial)
      await watching.until("the first head", is(trial.handshake.head))
      const others = [trial.remote, await trial.another()]
      await Promise.all(others.map(async (remote) => {
        for (const part of trial.writer().write(15).parts()) await pushed(remote, [part])
      }))
      const { head } = await trial.remote.handshake({ signal: trial.signal })
      await watching.until("the last head", is(head))
      await watching.stop()
    },
  },
  {
    id: "hint/several",
    title: "several watches hear each for itself",
    level: "MUST",
    requires: ["live"],
    rule: NOW,
    why: "Several devices listen at once, and one that leaves must not silence the others.",
    async run(trial) {
      const other = await trial.another()
      const watches = [watch(trial), watch(trial, other), watch(trial, other)]
      for (const one of watches) await one.until("the first head", is(trial.handshake.head))
      await watches[1]!.stop()
      const { last } = await pushed(trial.remote, [trial.writer().write(1).part()])
      for (const one of [watches[0]!, watches[2]!]) await one.until("the head behind a push", is(last))
      for (const one of watches) await one.stop()
    },
  },
  {
    id: "hint/true",
    title: "a head that is told can be pulled from",
    level: "MUST",
    requires: ["live"],
    rule: "A hint tells the head of the server's log.",
    why: "A client that is told a head which cannot be pulled starts anew for nothing.",
    async run(trial) {
      const watching = watch(trial)
      for (let position = 1; position <= 5; position += 1) {
        await pushed(trial.remote, [trial.writer().write(1).part()])
        await watching.until("a head", (head) => head.position === position)
      }
      for (const head of watching.heads) await pullPage(trial.remote, { cursor: head })
      await watching.stop()
    },
  },
  {
    id: "hint/stop",
    title: "a watch ends with its signal, and tells nothing afterwards",
    level: "MUST",
    requires: ["live"],
    rule: NOW,
    why: "A watch that goes on keeps the connection and the battery busy, and calls into what is freed.",
    async run(trial) {
      const watching = watch(trial)
      await watching.until("the first head", is(trial.handshake.head))
      await watching.stop()
      const told = watching.heads.length
      await pushed(trial.remote, [trial.writer().write(1).part()])
      await new Promise((resolve) => setTimeout(resolve, 50))
      ensure(watching.heads.length === told, "a head was told after the signal had aborted")
      const aborted = outcomeOf(() =>
        trial.remote.watch((head) => watching.heads.push(head), { signal: AbortSignal.abort(new Error("before")) })
      )
      let timer: ReturnType<typeof setTimeout> | undefined
      const late = new Promise<"late">((resolve) => timer = setTimeout(() => resolve("late"), trial.patienceMillis))
      ensure(await Promise.race([aborted, late]) !== "late", "a watch whose signal had aborted before does not end")
      clearTimeout(timer)
    },
  },
]
