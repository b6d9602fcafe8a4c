/** An embedded replica of a real server: what it serves, and what it cannot do without its primary. */
import assert from "node:assert/strict"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, describe, it } from "node:test"
import { PersistError, StorageFailed } from "../../kernel/errors.ts"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { webPlatform } from "../../kernel/ports/platform.ts"
import { openStore } from "../../kernel/store/store.ts"
import { libsqlAdapter } from "./mod.ts"
import { serverMissing, TestServer } from "./testing/server.ts"

const folder = mkdtempSync(join(tmpdir(), "persist-replica-"))
const relaxed = { durability: "relaxed", create: true } as const
const all = { maxFrames: 1000, maxBytes: 1_000_000 } as const
const frame = (value: number): Bytes => new Uint8Array(10).fill(value)

describe("libsqlAdapter with syncUrl", { skip: serverMissing }, () => {
  let server: TestServer
  before(async () => {
    server = await TestServer.start()
  })
  after(async () => {
    await server.dispose()
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  })

  it("writes at the primary, and reads what others write there", async () => {
    const replica = await libsqlAdapter({ path: join(folder, "a.db"), syncUrl: server.http }).open("a", relaxed)
    const other = await libsqlAdapter({ url: server.http }).open("a", relaxed)
    await replica.append(1, frame(1))
    await other.append(2, frame(2))
    assert.equal(await replica.head(), 2)
    assert.deepEqual(await replica.read(0, all), [frame(1), frame(2)])
    await other.snapshots.write(2, [frame(9)])
    assert.deepEqual(await replica.snapshots.list(), [{ at: 2, sliceBytes: [10] }])
    assert.deepEqual(await replica.snapshots.readSlice(2, 0), frame(9))
    await replica.close()
    await other.close()
  })

  it("opens without the primary, reads what it has, and refuses to write", async () => {
    const adapter = libsqlAdapter({ path: join(folder, "b.db"), syncUrl: server.http })
    const store = await openStore<number>("b", adapter, { platform: webPlatform, create: true })
    await store.records.put("a", 1)
    await store.close()
    // Opening copies what is there by now.
    await (await openStore("b", adapter, { platform: webPlatform })).close()
    await server.kill()
    const offline = await openStore<number>("b", adapter, { platform: webPlatform, create: true })
    assert.equal(await offline.records.get("a"), 1)
    const isUnsent = (error: unknown): boolean => error instanceof StorageFailed && error.storedNothing && error.retryable
    await assert.rejects(offline.records.put("b", 2), isUnsent)
    await offline.refresh()
    await assert.rejects(async () => await libsqlAdapter({ path: join(folder, "c.db"), syncUrl: server.http }).open("c", relaxed), isUnsent)
    await assert.rejects(async () => await adapter.open("new", relaxed), PersistError)
    await server.restart()
    await offline.records.put("b", 2)
    // What this handle has seen is never missing from an answer: the replica has not got the last put.
    await server.kill()
    await assert.rejects(offline.refresh(), isUnsent)
    assert.equal(await offline.records.get("b"), 2)
    await server.restart()
    await offline.close()
  })

  it("leaves the event loop free while its primary does not answer", async () => {
    const adapter = libsqlAdapter({ path: join(folder, "b.db"), syncUrl: server.http, timeoutMillis: 300 })
    await server.kill()
    // On this thread the library would block the loop for three seconds.
    let last = performance.now(), longestMillis = 0
    const turned = (): void => {
      const now = performance.now()
      longestMillis = Math.max(longestMillis, now - last)
      last = now
    }
    const timer = setInterval(turned, 10)
    const storage = await adapter.open("b", relaxed)
    turned()
    clearInterval(timer)
    assert.ok(longestMillis < 2000, `the event loop stood still for ${longestMillis} ms`)
    await storage.close()
    await server.restart()
  })
})
