/** Cases: errors, and when a client that syncs by itself tries again. */
import { ensure, equal } from "../expect.ts"
import type { Client } from "./client.ts"
import { dropped, failing, type FailingOptions, page } from "./misdeeds.ts"
import type { ClientCase, ClientTrial } from "./trial.ts"

/** How long nothing must come, to be taken for nothing. */
const QUIET_MILLIS = 1500

/** Waits. */
export const pause = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))

/** Fails if a request comes within {@link QUIET_MILLIS}. */
export const isQuiet = async ({ server }: ClientTrial, what: string): Promise<void> => {
  const { length } = server.requests
  await pause(QUIET_MILLIS)
  equal(server.requests.length - length, 0, `requests in ${QUIET_MILLIS} ms ${what}`)
}

/** What was written while a server fails is there by itself, soon after it behaves. */
const comesBack = async (trial: ClientTrial, client: Client, spoil: () => void, least: number): Promise<void> => {
  await client.put("ours", "from here")
  spoil()
  await client.start(60_000)
  await trial.server.until(`${least} tries`, () => trial.server.requests.length >= least, trial.patienceMillis)
  trial.server.behave()
  await trial.arrives("ours", "from here", 2 * trial.patienceMillis)
  await client.until("no error any more", ({ lastError }) => lastError === null, trial.patienceMillis)
}

/** Stops visibly after at most two tries of a handshake that fails so, and goes on when it is asked to. */
const stops = async (trial: ClientTrial, code: string, options: FailingOptions = {}, triesMax: number = 2): Promise<void> => {
  const client = await trial.open()
  await client.put("ours", "from here")
  trial.server.on("any", failing(code, options))
  await client.start(100)
  const { lastError, pending } = await client.until("that it has stopped", ({ isStopped }) => isStopped, trial.patienceMillis)
  equal(lastError, code, "its last error")
  ensure(pending > 0, "nothing is pending any more")
  ensure(
    trial.server.requests.length <= triesMax,
    `${trial.server.requests.length} requests until it stopped, expected ${triesMax} at most`,
  )
  await isQuiet(trial, "after it has stopped")
  trial.server.behave()
  await client.syncs("a sync that somebody asks for")
  await trial.arrives("ours", "from here")
}

const comesBackFrom = (
  id: string,
  title: string,
  why: string,
  rule: string,
  spoil: (trial: ClientTrial) => void,
  least = 1,
): ClientCase => ({
  id,
  title,
  level: "MUST",
  requires: [],
  rule,
  why,
  run: async (trial) => comesBack(trial, await trial.open(), () => spoil(trial), least),
})

const AFTER_FAILURE =
  "After a failure that may pass the next attempt comes after a random time from 0 to min(60 s, 0.5 s · 2^n) for the n-th in a row, but not before the floor that the server named."
const ONCE_MORE = "`never` and `after_action` are tried once more, then no more until something changes; that state is visible."
const BY_CODE = "A client decides by the code; for one that it does not know, by `retry`; for an unknown `retry`, as for `later`."
const FLOOR = "It takes a `retryAfterMillis`, or a `Retry-After` of HTTP, of more than an hour for an hour."

/** The next request comes no sooner than the server said. */
const keepsFloor = async (trial: ClientTrial, floorMillis: number, options: FailingOptions): Promise<void> => {
  const client = await trial.open()
  await client.put("ours", 1)
  trial.server.on("any", failing("rate_limited", options), 1)
  await client.start(100)
  await trial.server.until("a second request", () => trial.server.requests.length > 1, floorMillis + trial.patienceMillis)
  const [first, second] = trial.server.requests
  const waited = (second?.atMillis ?? 0) - (first?.endedMillis ?? 0)
  ensure(waited >= floorMillis - 20, `the next request came after ${Math.round(waited)} ms, the server said ${floorMillis}`)
  await trial.arrives("ours", 1)
}

export const troubleCases: readonly ClientCase[] = [
  {
    id: "comeback/server-is-back",
    title: "A started client that reached nobody goes on by itself when the server is there again.",
    level: "MUST",
    requires: [],
    rule: AFTER_FAILURE,
    why: "Users would have to start the application anew after every tunnel.",
    run: async (trial) => {
      const client = await trial.open()
      await client.put("ours", "from here")
      await trial.server.vanish()
      await client.start(60_000)
      await client.until("an error", ({ lastError }) => lastError === "network", trial.patienceMillis)
      await trial.server.appear()
      await trial.arrives("ours", "from here", 2 * trial.patienceMillis)
    },
  },
  comesBackFrom(
    "comeback/pages-pass",
    "Pages for people pass as often as they come: after three in a row a started client still goes on by itself.",
    "After a night in a hotel the device would have given up for good.",
    "Damage, and answers to other requests (W-13), are no violation: they say nothing of the server, and may pass as often as they come.",
    ({ server }) => void server.on("any", page(), 3),
    3,
  ),
  comesBackFrom(
    "comeback/later",
    "After errors that may pass a started client goes on by itself.",
    "A server that is started anew would lose its clients.",
    AFTER_FAILURE,
    ({ server }) => {
      server.on("any", failing("internal"), 1)
      server.on("any", failing("draining", { retryAfterMillis: 100 }), 1)
      server.on("any", failing("overloaded"), 1)
    },
    3,
  ),
  comesBackFrom(
    "comeback/unknown-code-later",
    "After an error with a code that it does not know, to be tried later, a started client goes on by itself.",
    "A server of tomorrow would stop the clients of today.",
    BY_CODE,
    ({ server }) => void server.on("any", failing("too_much_moon", { retry: "later", status: 500 }), 3),
    3,
  ),
  comesBackFrom(
    "comeback/unknown-advice",
    "Advice that it does not know a client takes for later.",
    "A server of tomorrow would stop the clients of today.",
    BY_CODE,
    ({ server }) => void server.on("any", failing("too_much_moon", { retry: "at_midnight", status: 500 }), 3),
    3,
  ),
  {
    id: "comeback/no-storm",
    title: "A server that fails all the time is asked ever more rarely.",
    level: "MUST",
    requires: [],
    rule: AFTER_FAILURE,
    why: "A server in trouble would be kept there by its own clients.",
    run: async (trial) => {
      const client = await trial.open()
      await client.put("ours", 1)
      trial.server.on("any", failing("internal"))
      await client.start(100)
      await pause(3000)
      const { length } = trial.server.requests
      ensure(length > 0 && length <= 20, `${length} requests in 3 s to a server that fails, expected 1 to 20`)
    },
  },
  {
    id: "comeback/no-storm-without-answers",
    title: "A server that cuts off every request is asked ever more rarely.",
    level: "MUST",
    requires: [],
    rule: AFTER_FAILURE,
    why: "A server in trouble would be kept there by its own clients, and the battery would be gone.",
    run: async (trial) => {
      const client = await trial.open()
      await client.put("ours", 1)
      trial.server.on("any", dropped("before"))
      await client.start(100)
      await pause(3000)
      const { length } = trial.server.requests
      ensure(length > 0 && length <= 40, `${length} requests in 3 s to a server that cuts off, expected 1 to 40`)
    },
  },
  {
    id: "comeback/floor",
    title: "The next attempt comes not before the time that the server named.",
    level: "MUST",
    requires: [],
    rule: AFTER_FAILURE,
    why: "A server that asks for a pause would not be given one.",
    run: (trial) => keepsFloor(trial, 2500, { retryAfterMillis: 2500 }),
  },
  {
    id: "comeback/retry-after",
    title: "Retry-After of HTTP counts where the message names no time.",
    level: "MUST",
    requires: [],
    rule: FLOOR,
    why: "A gateway that asks for a pause would not be given one.",
    run: (trial) => keepsFloor(trial, 3000, { headers: { "retry-after": "3" } }),
  },
  {
    id: "comeback/retry-after-nonsense",
    title: "A Retry-After that is none, negative or long past keeps no client from coming back.",
    level: "MUST",
    requires: [],
    rule: FLOOR,
    why: "A gateway with a fault would cut devices off, or end their program.",
    run: async (trial) => {
      const client = await trial.open()
      await comesBack(trial, client, () => {
        for (const text of ["-5", "soon", "Thu, 01 Jan 1970 00:00:00 GMT"]) {
          trial.server.on("any", failing("rate_limited", { headers: { "retry-after": text } }), 1)
        }
      }, 3)
    },
  },
  {
    id: "comeback/never",
    title: "What is never to be sent again is tried once more, then no more, and that is visible.",
    level: "MUST",
    requires: [],
    rule: ONCE_MORE,
    why: "All devices of an old release would ask without end, and no user would be told to update.",
    run: (trial) => stops(trial, "invalid_request"),
  },
  {
    id: "comeback/after-action",
    title: "What needs an action is tried once more, then no more, and that is visible.",
    level: "MUST",
    requires: [],
    rule: ONCE_MORE,
    why: "A device whose store is gone would ask without end, and nobody would be told.",
    run: (trial) => stops(trial, "store_not_found"),
  },
  {
    id: "comeback/unknown-code-never",
    title: "A code that it does not know, never to be sent again, is tried once more at most.",
    level: "MUST",
    requires: [],
    rule: BY_CODE,
    why: "Clients of today would storm a server of tomorrow.",
    run: (trial) => stops(trial, "too_old_for_this", { retry: "never", status: 418 }),
  },
  {
    id: "comeback/unsupported-version",
    title: "A client that has no version in common with the server does not repeat the request, and says so.",
    level: "MUST",
    requires: [],
    rule: "A client that is answered `unsupported_version` MUST NOT repeat the request",
    why: "All devices of an old release would ask without end, and no user would be told to update.",
    run: (trial) => stops(trial, "unsupported_version", { details: { min: 2, max: 3 } }, 1),
  },
]
