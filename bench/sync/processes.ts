/** The processes of the sync rows, as the bench holds them: one command at a time, each answered. */
import { fileURLToPath } from "node:url"
import { Child } from "../../conformance/processes/child.ts"
import type { Command, Counts, DeviceMessage, DeviceOrder, ServerMessage, ServerOrder } from "./messages.ts"

/** How a runtime runs a program. */
export type RuntimeCommand = readonly string[]

const programAt = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** Resolves with what a child answers next, or rejects when it ends. */
class Answers<Answer> {
  #resolve: ((answer: Answer) => void) | undefined

  give(answer: Answer): void {
    this.#resolve?.(answer)
    this.#resolve = undefined
  }

  next(child: Child<never> | Child<DeviceMessage> | Child<ServerMessage>): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      child.ended.then(() => {
        try {
          child.check()
        } catch (error) {
          reject(error)
        }
        reject(new Error(`${child.name} has ended`))
      })
    })
  }
}

export class BenchServer {
  port: number = 0
  /** Memory that it had from time to time. */
  readonly rssBytes: number[] = []
  readonly #child: Child<ServerMessage>
  readonly #answers = new Answers<Counts | undefined>()

  private constructor(command: RuntimeCommand, order: ServerOrder) {
    this.#child = new Child("the server", command, programAt("server-process.ts"), order, (message) => {
      if (message.what === "memory") this.rssBytes.push(message.rssBytes)
      else {
        if (message.what === "listening") this.port = message.port
        this.#answers.give(message.what === "done" ? message.counts : undefined)
      }
    })
  }

  static async start(command: RuntimeCommand, order: ServerOrder): Promise<BenchServer> {
    const server = new BenchServer(command, order)
    await server.#answers.next(server.#child)
    return server
  }

  async count(): Promise<Counts> {
    const answered = this.#answers.next(this.#child)
    this.#child.tell("count")
    return (await answered)!
  }

  stop(): Promise<void> {
    return this.#child.kill()
  }
}

export class BenchDevice {
  /** Called when it is shown a put. */
  onSeen: (key: string) => void = () => {}
  readonly #child: Child<DeviceMessage>
  readonly #answers = new Answers<Counts | undefined>()

  private constructor(name: string, command: RuntimeCommand, order: DeviceOrder) {
    this.#child = new Child(name, command, programAt("device-process.ts"), order, (message) => {
      if (message.what === "seen") this.onSeen(message.key)
      else this.#answers.give(message.what === "done" ? message.counts : undefined)
    })
  }

  static async start(name: string, command: RuntimeCommand, order: DeviceOrder): Promise<BenchDevice> {
    const device = new BenchDevice(name, command, order)
    await device.#answers.next(device.#child)
    return device
  }

  /** Resolves when it has done that. */
  async run(command: Command): Promise<void> {
    await this.#run(command)
  }

  async count(): Promise<Counts> {
    return (await this.#run({ do: "count" }))!
  }

  #run(command: Command): Promise<Counts | undefined> {
    const answered = this.#answers.next(this.#child)
    this.#child.tell(JSON.stringify(command))
    return answered
  }

  stop(): Promise<void> {
    return this.#child.kill()
  }
}
