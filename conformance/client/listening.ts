/** Cases: hints: that they are used, that nothing depends on them, and what becomes of streams that break, lie or are dead. */
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { formatHint } from "../../protocol/hints.ts"
import { ANSWER_HEADERS, EVENTS_MEDIA_TYPE } from "../../protocol/routes.ts"
import { ensure, equal, fail } from "../expect.ts"
import type { Client } from "./client.ts"
import { page, refielded } from "./misdeeds.ts"
import type { Misdeed } from "./server.ts"
import type { ClientCase, ClientTrial } from "./trial.ts"

/** An interval that no case lives to see the end of. */
export const NEVER_MILLIS = 3_600_000

/** Waits. */
export const pause = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))

/** Resolves when the client of its own accord shows this record. */
export const hears = async (trial: ClientTrial, client: Client, key: string, millis: number = trial.patienceMillis): Promise<void> => {
  for (const late = performance.now() + millis; !(await client.get(key)).found;) {
    if (performance.now() > late) fail(`what others wrote did not come within ${millis} ms`)
    await pause(50)
  }
}

/** Resolves when the client listens. */
export const listens = async ({ server, patienceMillis }: ClientTrial): Promise<void> =>
  await server.until("a watch", () => server.of("watch").length > 0, patienceMillis)

/** A stream of these events; it ends when `events` does, or the client goes. */
export const streaming = (events: (signal: AbortSignal) => AsyncGenerator<string>): Misdeed => ({ seen }) => {
  const text = new TextEncoder()
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    for await (const event of events(seen.incoming.signal)) yield text.encode(event)
  }
  return Promise.resolve({ status: 200, headers: { ...ANSWER_HEADERS, "content-type": EVENTS_MEDIA_TYPE }, body: pieces() })
}

/** A hint as an event. */
export const eventOf = (position: number, id: Bytes = new Uint8Array(16).fill(0xee)): string =>
  `event: head\ndata: ${formatHint({ position, id: position === 0 ? new Uint8Array(16) : id })}\n\n`

/** Resolves when `until` does, or nobody listens any more. */
export const lasting = (signal: AbortSignal, until: Promise<unknown> = new Promise(() => {})): Promise<void> =>
  new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve())
    if (signal.aborted) resolve()
    void until.then(() => resolve())
  })

/** A stream that begins as it should, tells nothing, and lasts. */
export const dumb: Misdeed = streaming(async function* (signal) {
  yield eventOf(0)
  yield ": beat\n\n"
  await lasting(signal)
})

const NEVER_DATA =
  "It is never data: a client MUST be correct if hints are lost, late, doubled, reordered or forged, and pulls to learn anything."
export const listeningCases: readonly ClientCase[] = [
  {
    id: "listening/hint",
    title: "A hint makes the client fetch what is new at once, long before its interval is over.",
    level: "MUST",
    requires: ["live"],
    rule: "A hint tells the head of the server's log.",
    why: "Two people at one table would wait for each other's words.",
    run: async (trial) => {
      const client = await trial.open()
      await client.start(NEVER_MILLIS)
      await listens(trial)
      await trial.elsewhere("theirs", 1)
      await hears(trial, client, "theirs")
      await trial.elsewhere("more", 2)
      await hears(trial, client, "more")
    },
  },
  {
    id: "listening/no-hint",
    title: "Where no hint ever comes, what is new comes at the next interval.",
    level: "MUST",
    requires: [],
    rule: NEVER_DATA,
    why: "A proxy that holds streams back would keep the device in the past.",
    run: async (trial) => {
      const client = await trial.open()
      trial.server.on("watch", dumb)
      await client.start(400)
      await trial.server.until("a pull", () => trial.server.of("pull").length > 0, trial.patienceMillis)
      await pause(600) // what it does at first is over
      await trial.elsewhere("theirs", 1)
      await hears(trial, client, "theirs")
    },
  },
  {
    id: "listening/refused",
    title: "A server whose hints cannot be had, for whatever reason, is synced with nevertheless.",
    level: "MUST",
    requires: [],
    rule: NEVER_DATA,
    why: "A gateway that knows no streams would keep the device from syncing.",
    run: async (trial) => {
      const client = await trial.open()
      for (const route of ["watch", "wait"] as const) trial.server.on(route, page(502))
      await client.start(400)
      await client.put("ours", 1)
      await trial.arrives("ours", 1)
      await pause(600) // what it does after a write is over
      await trial.elsewhere("theirs", 2)
      await hears(trial, client, "theirs")
    },
  },
  {
    id: "listening/forged",
    title: "Hints of heads that there are not, however many, cost few pulls and change nothing; a true one is still heard.",
    level: "MUST",
    requires: ["live"],
    rule: NEVER_DATA,
    why: "Whoever can write into a stream would keep every device busy, or make it believe what is not so.",
    run: async (trial) => {
      await trial.elsewhere("theirs", 1)
      const client = await trial.synced()
      let isForging = true
      trial.server.on(
        "watch",
        streaming(async function* (signal) {
          for (let position = 1_000_000; isForging && !signal.aborted; position += 1000) {
            yield eventOf(position)
            await pause(10)
          }
        }),
      )
      await client.start(NEVER_MILLIS)
      await listens(trial)
      const { length } = trial.server.of("pull")
      await pause(2500)
      const pulls = trial.server.of("pull").length - length
      ensure(pulls <= 60, `${pulls} pulls in 2.5 s because of forged hints`)
      await client.lists({ theirs: 1 })
      isForging = false
      trial.server.behave()
      await trial.elsewhere("more", 2)
      await client.syncs("a sync after them")
      await client.lists({ theirs: 1, more: 2 })
    },
  },
  {
    id: "listening/doubled",
    title: "The same hint a hundred times is pulled for a few times at most.",
    level: "MUST",
    requires: ["live"],
    rule: NEVER_DATA,
    why: "A server that says everything twice would double the work of all devices.",
    run: async (trial) => {
      await trial.elsewhere("theirs", 1)
      const client = await trial.synced()
      trial.server.on(
        "watch",
        streaming(async function* (signal) {
          for (let times = 0; times < 100; times += 1) yield eventOf(1)
          await lasting(signal)
        }),
      )
      await client.start(NEVER_MILLIS)
      await listens(trial)
      await pause(1500)
      const { length } = trial.server.of("pull")
      ensure(length <= 25, `${length} pulls because of one hint that came a hundred times`)
    },
  },
  {
    id: "listening/not-in-use",
    title: "Where the server uses no features, the client sends no watch, no wait and nothing zipped.",
    level: "MUST",
    requires: [],
    rule: "the client may send `watch` and `wait`; a server that does not have it need not have these two endpoints",
    why: "A small server would be asked for what it does not have, without end.",
    run: async (trial) => {
      trial.server.on("handshake", refielded(() => ({ features: [] })))
      const client = await trial.open()
      await client.start(200)
      await client.put("ours", "x".repeat(5000))
      await trial.arrives("ours", "x".repeat(5000))
      await pause(1000)
      equal(trial.server.of("watch").length + trial.server.of("wait").length, 0, "watches and waits")
      equal(trial.server.requests.filter(({ incoming }) => incoming.headers.has("content-encoding")).length, 0, "zipped requests")
    },
  },
]
