/** Doubles that come back too early, too often, never, or without being asked; that tell their token; that listen badly. */
import { RemoteUnreachable } from "../../../kernel/errors.ts"
import { nativePlatform } from "../../../kernel/ports/native-platform.ts"
import type { CallOptions, Remote } from "../../../kernel/ports/remote.ts"
import { answerDouble, type ClientDouble, double, driveDouble, fetchDouble, remoteDouble, send } from "./client-double.ts"

const NEVER_MILLIS = 3_600_000
/** How often a double without patience asks again. */
const STORM = 60

const aborted = ({ signal }: CallOptions): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener("abort", () => reject(signal.reason))
  })

/** After one failure it asks nobody any more. */
const givingUp = (remote: Remote): Partial<Remote> => {
  let isOver = false
  const once = async <T>(ask: () => Promise<T>, call: CallOptions): Promise<T> => {
    if (isOver) return await aborted(call)
    try {
      return await ask()
    } catch (error) {
      isOver = true
      throw error
    }
  }
  return {
    handshake: (call) => once(() => remote.handshake(call), call),
    push: (request, call) => once(() => remote.push(request, call), call),
    pull: (request, call) => once(() => remote.pull(request, call), call),
  }
}

/** Time that goes by so fast that a minute lasts so long, but for clocks. */
const hasty = (minuteMillis: number): typeof nativePlatform => ({
  ...nativePlatform,
  startTimer: (callback, delayMillis) => {
    const timer = setTimeout(callback, delayMillis * minuteMillis / 60_000)
    return () => clearTimeout(timer)
  },
})

const MINUTE_MILLIS = 3000

export const comebackDoubles: readonly ClientDouble[] = [
  remoteDouble("gives up after one failure", [
    "comeback/server-is-back",
    "comeback/later",
    "comeback/unknown-code-later",
    "comeback/unknown-advice",
    "comeback/retry-after-nonsense",
  ], givingUp),
  fetchDouble("asks again at once, whatever went wrong", [
    "comeback/no-storm",
    "comeback/no-storm-without-answers",
    "listening/no-storm",
  ], () => async (url, init) => {
    for (let tries = 0;; tries += 1) {
      try {
        const response = await send(url, init)
        if (response.status < 500 || tries === STORM) return response
      } catch (error) {
        if (tries === STORM || init.signal?.aborted === true) throw error
      }
    }
  }),
  fetchDouble("does not read for how long it is to wait", ["comeback/floor", "comeback/retry-after"], () => async (url, init) => {
    const response = await send(url, init)
    return response.ok ? response : new Response("no", { status: 502 })
  }),
  answerDouble("takes every error for one that may pass", [
    "comeback/never",
    "comeback/after-action",
    "comeback/unknown-code-never",
    "comeback/unsupported-version",
    "login/none-left",
  ], ({ fields }) => fields["type"] === "error" ? { fields: { ...fields, code: "internal", retry: "later" } } : undefined),
  driveDouble("goes on after stop", "comeback/stop-is-silence", () => ({ stop: () => Promise.resolve({}) })),
  driveDouble("goes on by itself after a sync that failed", "comeback/sync-plans-nothing", () => ({
    sync: async (_, next, ask) => {
      const answer = await next()
      if (answer.state === "failed") await ask("start", { intervalMillis: 100 })
      return answer
    },
  })),
  driveDouble("does nothing by itself", "comeback/writes-go-by-themselves", () => ({ start: () => Promise.resolve({}) })),
  remoteDouble("asks for two pages at once", "comeback/one-at-a-time", (remote) => ({
    pull: async (request, call) => {
      const [answer] = await Promise.all([remote.pull(request, call), remote.pull(request, call)])
      return answer
    },
  })),
  driveDouble("asks for no new token", "login/next-token", () => ({
    open: ({ tokens, ...fields }, next) => next({ ...fields, tokens: tokens.slice(0, 1) }),
  })),
  fetchDouble("sends its token in a header of its own as well", "login/header-alone", () => (url, init) => {
    const headers = new Headers(init.headers)
    headers.set("x-token", headers.get("authorization") ?? "")
    return send(url, { ...init, headers })
  }),
  double("sends its token over plain http to everybody", "login/plain-http", () => ({ allowInsecure: true })),
  remoteDouble("does not listen", ["listening/hint", "listening/passed-over", "listening/break", "listening/wait"], () => ({
    watch: (_, call) => aborted(call),
  })),
  driveDouble("waits for hints alone", ["listening/no-hint", "listening/refused"], () => ({
    start: (_, next) => next({ intervalMillis: NEVER_MILLIS }),
  })),
  remoteDouble("pulls for every hint", ["listening/forged", "listening/doubled"], (remote) => ({
    watch: (onHead, call) =>
      remote.watch((head) => {
        onHead(head)
        const cursor = { position: 0, id: new Uint8Array(16) }
        remote.pull({ cursor, have: [], partsBytesMax: 1000 }, call).catch(() => {})
      }, call),
  })),
  {
    ...double("takes a stream for alive as long as it is open", "listening/half-open", () => ({
      platform: hasty(MINUTE_MILLIS),
      remote: (remote) => ({
        name: remote.name,
        handshake: (call) => remote.handshake(call),
        push: (request, call) => remote.push(request, call),
        pull: (request, call) => remote.pull(request, call),
        watch: async (onHead, call) => {
          try {
            await remote.watch(onHead, call)
          } catch (error) {
            if (!(error instanceof RemoteUnreachable)) throw error
            await aborted(call)
          }
        },
        close: () => remote.close(),
      }),
      drive: (ask) => async (command, fields) =>
        await ask(
          command,
          "timeoutMillis" in fields ? { ...fields, timeoutMillis: Number(fields.timeoutMillis) * 60_000 / MINUTE_MILLIS } : fields,
        ),
    })),
    minuteMillis: MINUTE_MILLIS,
  },
]
