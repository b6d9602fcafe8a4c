/**
 * Troubles of a server: it ends, fails, is full, or has no room. What it answers then, what becomes of the data, and that it comes back.
 *
 *   a push is answered ok ── trouble ──▶ another one is refused with its code ── end ──▶ the same one is taken, once
 */
import type { WireErrorCode } from "../../protocol/errors.ts"
import type { RouteName } from "../../protocol/routes.ts"
import { ensure, equal, fail } from "../expect.ts"
import { checkError } from "./failures.ts"
import { checkHeaders } from "./headers.ts"
import { cursorField, drawCall, requestOf } from "./message.ts"
import { Events } from "./streams.ts"
import type { BringTrouble, ServerTroubles } from "./subject.ts"
import type { Refused, ServerCase, ServerTrial } from "./trial.ts"

const STATUS = "A request that fails as a whole is answered with the status of its code and a message without parts"
const AFTERWARDS =
  "An error means that nothing was done, but after `internal`, `request_timeout` and `overloaded` a push may have been taken: W-27."
const FULL = "the store or the principal has used up its room; reads and deletes go on where that is possible"
const SPREAD = "this process ends; `retryAfterMillis` SHOULD be spread over some seconds"
const AGAIN = "A server SHOULD repeat `retryAfterMillis` as `Retry-After` in whole seconds, rounded up."

/** Requests that are looked at for how far apart they are sent away. */
const SPREAD_REQUESTS = 12

/** Has a trouble while `act` runs. */
const during = async <T>(trouble: BringTrouble | undefined, act: () => Promise<T>): Promise<T> => {
  const end = await (trouble ?? fail("a case that uses something must require it"))()
  try {
    return await act()
  } finally {
    await end()
  }
}

/** Asks what must be answered by this error, which may be tried again; judges all that an error has. */
const refusedFor = async (trial: ServerTrial, route: RouteName, code: WireErrorCode, body: Uint8Array): Promise<Refused> => {
  const what = `${route}, answered by ${code}`
  const refused = await trial.refused(what, { route, body }, code)
  checkError(what, refused, trial.message(what, refused.answer).parts.length)
  checkHeaders(what, refused.answer)
  equal(refused.fields["retry"], "later", `${what}: retry`)
  const { retryAfterMillis: after } = refused.error
  const seconds = after === undefined ? undefined : String(Math.ceil(after / 1000))
  if (refused.answer.headers.get("retry-after") !== seconds) trial.warn(`${what}: retry-after is not that of ${after} ms. ${AGAIN}`)
  return refused
}

/** A push that a trouble keeps out, and the same one behind it, sent twice. */
class KeptOut {
  readonly #trial: ServerTrial
  readonly #before: ReturnType<ServerTrial["writer"]>
  readonly #writer: ReturnType<ServerTrial["writer"]>
  readonly canary: string = `canary${crypto.randomUUID().slice(0, 8)}`

  private constructor(trial: ServerTrial) {
    this.#trial = trial
    this.#before = trial.writer().write(1)
    this.#writer = trial.writer().write(2, { key: this.canary, value: this.canary })
  }

  /** Pushes something before the trouble. */
  static async begin(trial: ServerTrial): Promise<KeptOut> {
    const kept = new KeptOut(trial)
    await trial.answered("a push before", "push", { parts: [kept.#before.part()] })
    return kept
  }

  body(): Uint8Array {
    return requestOf("push", this.#trial.store, { own: [this.#writer.id] }, [this.#writer.part()])
  }

  /** What was there, or what came with it since. Fails for anything else. */
  async holds(mayBeThere: boolean): Promise<void> {
    const expected = [this.#before.part(), this.#writer.part()].map(({ content }) => content.join())
    const found = (await this.#trial.answered("a pull", "pull")).parts.map(({ content }) => content.join())
    ensure(
      found.join("|") === expected[0] || mayBeThere && found.join("|") === expected.join("|"),
      `the store has ${found.length} parts, or other ones than were pushed`,
    )
  }

  /** The trouble is over: it is taken, and only once. */
  async again(mayBeThere: boolean = false): Promise<void> {
    await this.holds(mayBeThere)
    for (const time of ["afterwards", "afterwards, once more"]) {
      const call = drawCall(), body = requestOf("push", this.#trial.store, { own: [this.#writer.id] }, [this.#writer.part()], call)
      const { fields } = this.#trial.judge(`the push ${time}`, await this.#trial.send({ route: "push", body }), call)
      equal([fields["type"], Object(fields["last"])[0]], ["ok", 2], `the push ${time}: type, position of the last frame`)
    }
    await this.holds(true)
  }
}

/** A case whose only subject is a push that the trouble keeps out. */
const keepsOut = (
  facts: Pick<ServerCase, "title" | "rule" | "why"> & { readonly trouble: keyof ServerTroubles; readonly code: WireErrorCode },
  more: (trial: ServerTrial, refused: readonly Refused[], kept: KeptOut) => Promise<void> = () => Promise.resolve(),
): ServerCase => {
  const { trouble, code, ...rest } = facts
  const mayBeThere = ["internal", "overloaded"].includes(code)
  return {
    id: `trouble/${trouble}`,
    level: "MUST",
    requires: [trouble],
    ...rest,
    async run(trial) {
      const kept = await KeptOut.begin(trial)
      await during(trial.subject[trouble], async () => {
        const refused = [await refusedFor(trial, "push", code, kept.body()), await refusedFor(trial, "push", code, kept.body())]
        for (const { fields, answer } of refused) {
          const words = JSON.stringify([fields, [...answer.headers]])
          ensure(!words.includes(kept.canary), `the answer repeats what was pushed: ${words}`)
          ensure(!/\\n\s*at |Traceback/.test(words), `the answer shows its insides: ${words}`)
        }
        await more(trial, refused, kept)
      })
      await kept.again(mayBeThere)
    },
  }
}

const healthOf = async (trial: ServerTrial): Promise<number> =>
  (await trial.send({ path: "/v1/health", method: "GET", token: null })).status

export const troubleCases: readonly ServerCase[] = [
  {
    id: "trouble/draining",
    title: "a server that ends says so at every endpoint and in its health, takes nothing more, and has everything when it is back", // R83, P105
    level: "MUST",
    requires: ["draining"],
    rule: "`GET {base}/v1/health` is answered 200 if requests are taken, 503 if not (any more).",
    why: "Every update of a server ends one: a push that is answered otherwise, or half taken, is lost with each of them.",
    async run(trial) {
      const kept = await KeptOut.begin(trial)
      const { head } = await trial.shakeHands()
      await during(trial.subject.draining, async () => {
        for (const route of trial.routes) {
          const body = route === "push" ? kept.body() : requestOf(route, trial.store)
          await refusedFor(trial, route, "draining", body)
        }
        equal(await healthOf(trial), 503, "health of a server that ends: status")
      })
      equal(await healthOf(trial), 200, "health afterwards: status")
      const { head: after } = await trial.shakeHands()
      equal([after.position, after.id.join()], [head.position, head.id.join()], "the head afterwards")
      await kept.again()
    },
  },
  {
    id: "trouble/draining-hints",
    title: "a server that ends says bye to streams, and answers waits before their time", // R83
    level: "MUST",
    requires: ["draining", "live"],
    rule: "A server that ends answers earlier",
    why: "A client that is cut off without a word takes it for a broken network, and waits longer the more often servers are updated.",
    async run(trial) {
      const { head } = await trial.shakeHands(), call = drawCall()
      const events = await Events.open(trial), waiting = await trial.connect()
      const body = requestOf("wait", trial.store, { cursor: cursorField(head), waitMillis: 25_000 }, [], call)
      await waiting.write(trial.requestBytes({ route: "wait", body }))
      const answer = waiting.answer()
      answer.catch(() => undefined) // judged below
      await trial.shakeHands() // both are under way by now, as far as anybody outside can tell
      await new Promise((resolve) => setTimeout(resolve, 50))
      await during(trial.subject.draining, async () => {
        for (let event = await events.event(trial);; event = await events.event(trial)) {
          if (event === undefined) fail("the stream ended without a bye")
          if (event?.split("\n")[0]?.replace(" ", "") === "event:bye") break
        }
        equal(await trial.inTime("the end of the stream", events.next()), undefined, "what comes behind the bye")
        const waited = await trial.inTime("an answer to a wait", answer)
        if (waited.status === 503) {
          trial.judgeError("a wait that came too late", waited, "draining")
          return trial.warn("the wait arrived when the server was ending: not tried")
        }
        const { fields } = trial.judge("a wait", waited, call)
        equal([fields["type"], Object(fields["head"])[0]], ["head", head.position], "a wait: type, position")
      })
    },
  },
  {
    id: "trouble/draining-spread",
    title: "those who are sent away by a server that ends come back at different times",
    level: "SHOULD",
    requires: ["draining"],
    rule: SPREAD,
    why: "A thousand clients that all come back in the same second bring down whoever takes over.", // P81
    async run(trial) {
      const floors = new Set<unknown>()
      await during(trial.subject.draining, async () => {
        for (let count = 0; count < SPREAD_REQUESTS; count += 1) {
          const { error } = await refusedFor(trial, "handshake", "draining", requestOf("handshake", trial.store))
          floors.add(error.retryAfterMillis)
        }
      })
      ensure(floors.size > SPREAD_REQUESTS / 2, `of ${SPREAD_REQUESTS} requests the floors are ${[...floors].join(", ")} ms`)
    },
  },
  keepsOut({
    trouble: "failing",
    code: "internal",
    title: "a server that fails says no more than that, and takes the push once, whenever it can", // R86
    rule: AFTERWARDS,
    why: "Told that its operations are refused, a client gives them up; told of the insides, everybody knows where to hit.",
  }),
  keepsOut({
    trouble: "full",
    code: "quota_exceeded",
    title: "a server without room takes nothing of a push, and is read as before", // T62
    rule: FULL,
    why: "Whoever cannot read any more when the disk is full can neither save nor clear away anything.",
  }, async (trial, _, kept) => {
    await kept.holds(false)
    equal((await trial.shakeHands()).head.position, 1, "a handshake without room: the head")
  }),
  keepsOut({
    trouble: "overloaded",
    code: "overloaded",
    title: "a server that has no room for a request says so, and takes the push once, when it has",
    rule: AFTERWARDS,
    why: "A server that goes on taking what it cannot hold falls over, and all clients with it.",
  }),
  keepsOut({
    trouble: "limited",
    code: "rate_limited",
    title: "who asks too much is told when to come again, and nobody else is",
    rule: STATUS,
    why: "One client in a loop would shut out all others, or go on without a pause.",
  }, async (trial, refused) => {
    for (const { error } of refused) ensure(error.retryAfterMillis !== undefined, "rate_limited without a time to come again")
    const { neighbour } = trial.subject.tokens
    if (neighbour === undefined) return
    await trial.answered("a handshake of somebody else", "handshake", { token: neighbour })
    await trial.answered("a pull of somebody else", "pull", { token: neighbour })
  }),
]
