import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { memoryAdapter } from "../../adapters/memory/mod.ts"
import { A, blockOf, MILLIS, operation } from "../../conformance/vectors/blocks.ts"
import { NotSyncable, RemoteUnreachable, StorageFailed, StoreNotFound } from "../errors.ts"
import { fromHex } from "../format/block-notation.ts"
import type { Adapter, LogStorage, OpenOptions } from "../ports/log-storage.ts"
import { silentLogger } from "../ports/logger.ts"
import type { Cursor, PushRequest, Remote } from "../ports/remote.ts"
import { faultyAdapter, hold } from "../testing/faulty-storage.ts"
import { Gate, turn } from "../testing/gate.ts"
import { partOf } from "../testing/noted-frames.ts"
import { TestPlatform } from "../testing/platform.ts"
import { CURSOR_START } from "../views/remotes.ts"
import { logRemote, type LogRemoteOptions } from "./log-remote.ts"

const NEVER = { signal: new AbortController().signal }
const remoteOf = (adapter: Adapter, options: Partial<LogRemoteOptions> = {}): Remote =>
  logRemote(adapter, { store: "tasks", name: "log:other", platform: new TestPlatform(1, MILLIS), logger: silentLogger, ...options })
const push = (seq: number): PushRequest => ({
  basis: [CURSOR_START],
  own: [fromHex(A)],
  parts: [partOf(blockOf([A], [operation(seq, `k${seq}`, "01")]))],
})
const pulled = { cursor: CURSOR_START, have: [], partsBytesMax: 1e6 }

/** An adapter that counts how often it is opened, and fails as long as it is told to. */
function countingAdapter(): Adapter & { opens: number; failures: number } {
  const adapter = memoryAdapter()
  const counting = {
    ...adapter,
    opens: 0,
    failures: 0,
    open(storeName: string, options: OpenOptions): LogStorage {
      counting.opens++
      if (counting.failures-- > 0) throw new Error("the disk is away")
      return adapter.open(storeName, options) as LogStorage
    },
  }
  return counting
}

describe("logRemote()", () => {
  it("pushes into a store's log and pulls from it, with every right and without anybody's name", async () => {
    const adapter = memoryAdapter(), remote = remoteOf(adapter), other = remoteOf(adapter)
    assert.equal(remote.name, "log:other")
    const { rights, head, live } = await remote.handshake(NEVER)
    assert.deepEqual([rights, head, live], [{ read: true, write: true, relay: true, admin: true }, CURSOR_START, true])
    assert.equal((await remote.push(push(1), NEVER)).kind, "ok")
    const answer = await other.pull(pulled, NEVER)
    assert.ok(answer.kind === "page" && answer.upToDate)
    assert.deepEqual(answer.parts, push(1).parts)
    await remote.close()
    await other.close()
    assert.deepEqual(await adapter.list(), ["tasks"])
  })

  it("opens the store once, by the first call, and again after one that failed to open it", async () => {
    const adapter = countingAdapter(), remote = remoteOf(adapter)
    assert.equal(adapter.opens, 0, "not before it is needed")
    adapter.failures = 1
    await assert.rejects(remote.handshake(NEVER), (error) => {
      assert.ok(error instanceof RemoteUnreachable, "a storage that fails may be back the next time")
      return error.cause instanceof StorageFailed
    })
    await Promise.all([remote.handshake(NEVER), remote.pull(pulled, NEVER), remote.push(push(1), NEVER)])
    assert.equal(adapter.opens, 2)
    await remote.close()
    await remote.close()
    await remote.handshake(NEVER)
    assert.equal(adapter.opens, 3, "and after it was closed")
    await remote.close()
  })

  it("rejects with what is wrong with the store", async () => {
    await assert.rejects(remoteOf(memoryAdapter(), { create: false }).handshake(NEVER), StoreNotFound)
    const small = faultyAdapter(memoryAdapter(), { capabilities: { maxFrameBytes: 1000 } })
    await assert.rejects(remoteOf(small).pull(pulled, NEVER), NotSyncable)
  })

  it("a call that is given up rejects with the signal's reason, and what it had begun goes on", async () => {
    const adapter = faultyAdapter(memoryAdapter()), gate = new Gate(), remote = remoteOf(adapter)
    await remote.handshake(NEVER)
    adapter.last.next("append", hold(gate))
    const controller = new AbortController(), pushed = remote.push(push(1), { signal: controller.signal })
    await gate.reached
    controller.abort(new Error("enough"))
    await assert.rejects(pushed, /enough/)
    assert.equal((await remote.handshake(NEVER)).head.position, 0, "the next call does not wait for it")
    gate.open()
    await turn()
    assert.equal((await remote.handshake(NEVER)).head.position, 1)
    await assert.rejects(remote.pull(pulled, { signal: AbortSignal.abort(new Error("from the start")) }), /from the start/)
    await remote.close()
  })

  it("watch() tells of the head at once and when it moves, also by others, and ends with its signal", async () => {
    const adapter = memoryAdapter(), remote = remoteOf(adapter), other = remoteOf(adapter), controller = new AbortController()
    const positions: number[] = [], moved = [Promise.withResolvers<void>(), Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const watching = remote.watch(({ position }: Cursor) => {
      positions.push(position)
      moved[position]?.resolve()
    }, { signal: controller.signal })
    await moved[0]!.promise
    await remote.push(push(1), NEVER)
    await moved[1]!.promise
    await other.push(push(2), NEVER)
    await moved[2]!.promise
    controller.abort()
    await watching
    await remote.push(push(3), NEVER)
    assert.deepEqual(positions, [0, 1, 2])
    await remote.watch(() => assert.fail("told"), { signal: AbortSignal.abort() })
    await remote.close()
    await other.close()
  })

  it("close() before anything was called opens nothing", async () => {
    const adapter = countingAdapter()
    await remoteOf(adapter).close()
    assert.equal(adapter.opens, 0)
  })
})
