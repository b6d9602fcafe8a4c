/** A captive portal: answers whatever is asked by a page to log in, as networks of hotels and trains do, until its parent is gone. */
import { createServer } from "node:http"
import process from "node:process"
import { toParent } from "../processes/child.ts"
import type { PortalOrder, ServerMessage } from "./messages.ts"

const PAGE = "<!doctype html><title>Welcome</title><h1>Welcome aboard</h1><p>Please accept our terms to go online.</p>"

const { port }: PortalOrder = JSON.parse(process.argv[2]!)
const tell = toParent<ServerMessage>()
const server = createServer((request, response) => {
  request.resume()
  response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(PAGE)
  tell({ what: "served", route: request.url ?? "", status: 200 })
})
server.listen(port, "127.0.0.1", () => tell({ what: "listening", pid: process.pid, port }))
