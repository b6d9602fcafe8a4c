/** A server of a bad day: serves stores on loopback, rightly until it is told to lie, until its parent is gone or it is killed. */
import { flushCompileCache } from "node:module"
import process from "node:process"
import { fileAdapter } from "@cuitty/persist/adapters/file"
import { sqliteAdapter } from "@cuitty/persist/adapters/sqlite"
import { bearerToken, createSyncServer, listen } from "@cuitty/persist/server"
import { toParent } from "../processes/child.ts"
import { NAMESPACE, type ServerMessage, type ServerOrder } from "./messages.ts"
import { type Lie, lying } from "./testing/lies.ts"

const order: ServerOrder = JSON.parse(process.argv[2]!)
let lie: Lie | "none" = "none"
const tell = toParent<ServerMessage>((line) => {
  lie = JSON.parse(line)
  tell({ what: "listening", pid: process.pid, port: listener.port })
})
const pushesBy = new Map<string, number>()

/** Takes tokens that are on the list and have not had all of their pushes. */
const isTaken = (token: string, isPush: boolean): boolean => {
  const pushes = pushesBy.get(token) ?? 0
  if (!order.tokens.includes(token) || pushes >= (order.pushesPerToken ?? Infinity)) return false
  if (isPush) pushesBy.set(token, pushes + 1)
  return true
}

const server = createSyncServer({
  storage: order.adapter === "sqlite" ? sqliteAdapter({ path: order.path }) : fileAdapter({ path: order.path }),
  authenticate: (request) => {
    const token = bearerToken(request.headers)
    if (token === undefined || !isTaken(token, new URL(request.url).pathname.endsWith("/push"))) return undefined
    return { principal: "alice", namespace: NAMESPACE, rights: { read: true, write: true } }
  },
  limits: order.limits,
  accessLog: ({ route, status, code }) => tell({ what: "served", route, status, code }),
})
const fetch = (request: Request): Promise<Response> => lie === "none" ? server.fetch(request) : lying(server.fetch, lie)(request)
const listener = await listen({ ...server, fetch }, { port: order.port })
tell({ what: "listening", pid: process.pid, port: listener.port })
flushCompileCache() // it is killed, which would keep nothing for the next one
