/** A device of a bad day: opens its store, then does what it is asked for, and tells every change of its sync status. */
import { flushCompileCache } from "node:module"
import process from "node:process"
import { createStore, enableSync, PersistError, type SyncHandle } from "@cuitty/persist"
import { toParent } from "../processes/child.ts"
import type { DeviceCall, DeviceCalls, DeviceMessage, DeviceOrder, Failure } from "./messages.ts"

const { path, store: name, clockMillis }: DeviceOrder = JSON.parse(process.argv[2]!)
const tell = toParent<DeviceMessage>((line) => void answer(JSON.parse(line)))
const store = await createStore(name, {
  adapter: "sqlite",
  path,
  platform: { now: () => Date.now() + clockMillis, randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)) },
})
const { records } = store
let handle: SyncHandle | undefined
let tokens: string[] = []

const syncing = (): SyncHandle => {
  if (handle === undefined) throw new Error("it does not sync")
  return handle
}

const calls: { readonly [Call in keyof DeviceCalls]: (...args: Parameters<DeviceCalls[Call]>) => unknown } = {
  put: async (key, value) => void await records.put(key, value),
  delete: async (key) => void await records.delete(key),
  records: async () => Object.fromEntries((await Array.fromAsync(records.list())).map(({ key, value }) => [key, value])),
  conflicts: async () =>
    Object.fromEntries(
      (await records.conflicts({ settled: true })).map(({ key, versions }) => [key, versions.map(({ value }) => value ?? null)]),
    ),
  history: async (key) => (await Array.fromAsync(records.history(key))).map(({ value }) => value ?? null),
  digest: () => store.digest(),
  enableSync: async ({ remotes, token, maxQueueBytes }) => {
    tokens = typeof token === "string" ? [] : [...token]
    const next = (): string => (tokens.length > 1 ? tokens.shift() : tokens[0]) ?? ""
    handle = await enableSync(store, { remote: remotes, token: typeof token === "string" ? token : next, maxQueueBytes })
    handle.subscribe((status) => tell({ what: "status", status }))
    flushCompileCache() // most of its processes are killed, which would keep nothing for the next one
  },
  login: (token) => void (tokens = [token]),
  sync: () => syncing().sync(),
  push: () => syncing().push(),
  pull: () => syncing().pull(),
  resume: () => syncing().resume(),
  stop: () => syncing().stop(),
}

const failureOf = (error: unknown): Failure =>
  error instanceof PersistError ? { code: error.code, message: error.message } : { code: "defect", message: String(error) }

async function answer({ id, call, args }: DeviceCall): Promise<void> {
  try {
    const perform: (...args: never[]) => unknown = calls[call]
    tell({ what: "answered", id, value: await perform(...args as never[]) })
  } catch (error) {
    tell({ what: "answered", id, failure: failureOf(error) })
  }
}

tell({ what: "ready", pid: process.pid })
