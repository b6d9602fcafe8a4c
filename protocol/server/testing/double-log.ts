/** Doubles of logs, to see when a server opens and closes them, and to fail or stop where a test says. */
import { memoryAdapter } from "../../../adapters/memory/mod.ts"
import { StoreNotFound } from "../../../kernel/errors.ts"
import { FRAME_ID_BYTES } from "../../../kernel/model/identifiers.ts"
import type { Adapter } from "../../../kernel/ports/log-storage.ts"
import type { Cursor, Handshake, PullAnswer, PushAnswer, RemoteLimits } from "../../../kernel/ports/remote.ts"
import type { Caller, RemoteLog } from "../../../kernel/sync/remote-log.ts"

/** A cursor whose id is made of one byte. */
export const cursorAt = (position: number, byte: number = position): Cursor => ({ position, id: new Uint8Array(FRAME_ID_BYTES).fill(byte) })

const LOG_LIMITS: RemoteLimits = { partsBytesMax: 3_000_000, operationsMax: 65_536, partsMax: 4096 }

/** A log that holds a head and nothing else. What it answers can be replaced. */
export class DoubleLog implements RemoteLog {
  readonly durability: "durable" = "durable"
  readonly limits: RemoteLimits = LOG_LIMITS
  readonly listeners: Set<(head: Cursor) => void> = new Set()
  isClosed = false
  head: Cursor = cursorAt(0)
  onClose: () => Promise<void> = () => Promise.resolve()
  onPush: () => Promise<PushAnswer> = () =>
    Promise.resolve({ kind: "ok", pairs: [], last: this.head, durability: "durable", serverTimeMillis: 0 })
  onPull: (partsBytesMax: number) => Promise<PullAnswer> = () => Promise.resolve({ kind: "restart", at: cursorAt(0), serverTimeMillis: 0 })

  /** Moves the head and tells everybody. */
  move(head: Cursor): void {
    this.head = head
    for (const listener of this.listeners) listener(head)
  }

  async handshake({ rights }: Caller): Promise<Handshake> {
    return { head: this.head, serverTimeMillis: 0, limits: this.limits, rights, durability: this.durability, live: true }
  }

  push(): Promise<PushAnswer> {
    return this.onPush()
  }

  pull({ partsBytesMax }: { partsBytesMax: number }): Promise<PullAnswer> {
    return this.onPull(partsBytesMax)
  }

  onHead(listener: (head: Cursor) => void): () => void {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }

  async close(): Promise<void> {
    this.isClosed = true
    await this.onClose()
  }
}

/** Opens doubles over the names of an adapter, and remembers them. */
export class DoubleLogs {
  readonly adapter: Adapter = memoryAdapter()
  /** By the adapter's name, every log that was opened under it. */
  readonly opened: Map<string, DoubleLog[]> = new Map()
  /** Runs before each opening, after it was counted. */
  beforeOpen: (name: string, create: boolean) => Promise<void> = () => Promise.resolve()
  /** Told of each log as it is opened. */
  onOpened: (log: DoubleLog, name: string) => void = () => {}
  openings = 0

  /** Makes a store, as another process would. */
  async make(...names: readonly string[]): Promise<void> {
    for (const name of names) await (await this.adapter.open(name, { durability: "none", create: true })).close()
  }

  readonly open = async (adapter: Adapter, name: string, create: boolean): Promise<RemoteLog> => {
    this.openings++
    await this.beforeOpen(name, create)
    if (!create && !(await adapter.list()).includes(name)) throw new StoreNotFound({ store: name, location: "memory", stores: [] })
    await (await adapter.open(name, { durability: "none", create })).close()
    const log = new DoubleLog()
    this.opened.set(name, [...this.opened.get(name) ?? [], log])
    this.onOpened(log, name)
    return log
  }

  /** Logs that are open now. */
  get openCount(): number {
    return [...this.opened.values()].flat().filter(({ isClosed }) => !isClosed).length
  }
}
