/** What stands in front of a server and changes bytes on their way to it, as gateways do. */
import type { Buffer } from "node:buffer"
import { connect, createServer, type Socket } from "node:net"

export interface Front {
  readonly port: number
  stop(): Promise<void>
}

/** Starts one before the server at `port`; `change` gets what comes, a character a byte. */
export const startFront = async (port: number, change: (text: string) => string): Promise<Front> => {
  const sockets = new Set<Socket>()
  const front = createServer((client) => {
    const server = connect({ port, host: "127.0.0.1" })
    for (const [one, other] of [[client, server], [server, client]] as const) {
      sockets.add(one)
      one.on("error", () => other.destroy())
      one.on("close", () => {
        sockets.delete(one)
        other.destroy()
      })
    }
    client.on("data", (chunk: Buffer) => server.write(change(chunk.toString("latin1")), "latin1"))
    client.on("end", () => server.end())
    server.pipe(client)
  })
  await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve))
  const address = front.address()
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    stop: () =>
      new Promise((resolve) => {
        front.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}
