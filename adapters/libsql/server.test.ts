/** The adapter against a real server: what a network and a server do to requests, over HTTP and over WebSockets. */
import assert from "node:assert/strict"
import { after, before, describe, it } from "node:test"
import { createClient } from "@libsql/client/web"
import { OutcomeUnknown, PermissionDenied, type PersistError, PositionTaken, StorageFailed, StoreNotFound } from "../../kernel/errors.ts"
import type { Bytes, LogStorage } from "../../kernel/ports/log-storage.ts"
import { webPlatform } from "../../kernel/ports/platform.ts"
import { openStore } from "../../kernel/store/store.ts"
import { libsqlAdapter, type LibsqlOptions } from "./mod.ts"
import { Proxy } from "./testing/proxy.ts"
import { freePort, serverMissing, TestServer } from "./testing/server.ts"
import { Issuer } from "./testing/tokens.ts"

const all = { maxFrames: 1000, maxBytes: 100_000_000 } as const
const frame = (value: number, length: number = 10): Bytes => new Uint8Array(length).fill(value)
/** A server takes a token for some time after it has expired, since clocks differ. */
const LONG_AGO = -3600
let prefixes = 0
const open = async (options: LibsqlOptions, name: string = "notes"): Promise<LogStorage> =>
  await libsqlAdapter(options).open(name, { durability: "relaxed", create: true })
const rejectionOf = async (call: Promise<unknown>): Promise<PersistError> => {
  try {
    await call
  } catch (error) {
    return error as PersistError
  }
  return assert.fail("it did not reject")
}

describe("libsqlAdapter at a server", { skip: serverMissing }, () => {
  let server: TestServer
  let proxy: Proxy
  before(async () => {
    server = await TestServer.start()
    proxy = await Proxy.start(server.port)
  })
  after(async () => {
    await proxy.close()
    await server.dispose()
  })

  for (const scheme of ["http", "ws"] as const) {
    const direct = (): LibsqlOptions => ({ url: server[scheme], tablePrefix: `t${prefixes++}_` })
    const proxied = (): LibsqlOptions => ({ ...direct(), url: `${scheme}://127.0.0.1:${proxy.port}` })

    describe(scheme, () => {
      it("append() and read() take frames of 4,000,000 bytes, and snapshots larger slices", async () => {
        const storage = await open(direct())
        await storage.append(1, frame(1, 4_000_000))
        await storage.append(2, frame(2, 4_000_000))
        assert.deepEqual((await storage.read(0, all)).map(({ length }) => length), [4_000_000])
        assert.equal((await storage.read(1, all))[0]?.[3_999_999], 2)
        const slice = new Uint8Array(9_000_001).map((_, index) => index)
        await storage.snapshots.write(2, [slice, new Uint8Array(0)])
        assert.deepEqual(await storage.snapshots.list(), [{ at: 2, sliceBytes: [9_000_001, 0] }])
        const back = await storage.snapshots.readSlice(2, 0)
        assert.equal(back.length, slice.length)
        assert.ok(back.every((byte, index) => byte === slice[index]))
        await storage.close()
      })

      it("open() tells location and creation, and finds the frames of an earlier handle", async () => {
        const options = direct()
        const storage = await open(options)
        assert.deepEqual(storage.opened, { created: true, location: server[scheme], recovery: undefined })
        await storage.append(1, frame(1))
        await storage.close()
        const again = await open(options)
        assert.equal(again.opened.created, false)
        assert.deepEqual(await again.read(0, all), [frame(1)])
        await again.close()
      })

      it("put() resolves when the reply was cut after the commit, and is stored once", async () => {
        const options = proxied()
        const store = await openStore<number>("notes", libsqlAdapter(options), { platform: webPlatform })
        proxy.next("cut-reply")
        await store.records.put("a", 1)
        assert.equal(proxy.faults > 0, true)
        await store.records.update("a", (value) => (value ?? 0) + 1)
        assert.equal(await store.records.get("a"), 2)
        await store.close()
        const storage = await open(options)
        assert.equal(await storage.head(), 2)
        await storage.close()
      })

      it("put() resolves when the request was lost, and is stored once", async () => {
        const options = proxied()
        const store = await openStore<number>("notes", libsqlAdapter(options), { platform: webPlatform })
        const faults = proxy.faults
        proxy.next("drop-request")
        await store.records.put("a", 1)
        assert.equal(proxy.faults, faults + 1)
        await store.close()
        const storage = await open(options)
        assert.equal(await storage.head(), 1)
        await storage.close()
      })

      it("put() resolves when the request lands after the read-back, and is stored once", async () => {
        const options = proxied()
        const store = await openStore<number>("notes", libsqlAdapter(options), { platform: webPlatform })
        proxy.next("hold-request")
        await store.records.put("a", 1)
        await store.records.put("b", 1)
        await proxy.release()
        await store.refresh()
        await store.records.put("c", 1)
        await store.close()
        const storage = await open(options)
        assert.equal(await storage.head(), 3)
        await storage.close()
      })

      it("append() says that it does not know when it meets its own frame, which came through after all", async () => {
        const storage = await open(proxied())
        proxy.next("hold-request")
        const lost = await rejectionOf(Promise.resolve(storage.append(1, frame(7))))
        assert.ok(lost instanceof StorageFailed)
        assert.equal(lost.storedNothing, false)
        await proxy.release()
        const met = await rejectionOf(Promise.resolve(storage.append(1, frame(7))))
        assert.ok(met instanceof StorageFailed)
        assert.equal(met.storedNothing, false)
        // Now that it knows the position to be taken, it says so.
        assert.ok(await rejectionOf(Promise.resolve(storage.append(1, frame(7)))) instanceof PositionTaken)
        await storage.close()
      })

      it("put() rejects with OutcomeUnknown while the server is gone, and refresh() finds out", async () => {
        const options = proxied()
        // A clock of its own, so that the deadline of the read-back comes soon.
        let now = Date.now()
        const store = await openStore<number>("notes", libsqlAdapter({ ...options, timeoutMillis: 600 }), {
          platform: { ...webPlatform, now: () => now += 1000 },
        })
        await store.records.put("a", 1)
        proxy.next("hang")
        assert.ok(await rejectionOf(store.records.put("b", 2)) instanceof OutcomeUnknown)
        proxy.heal()
        await store.refresh()
        assert.equal(await store.records.get("b"), 2)
        await store.close()
      })

      it("a request that hangs ends at the deadline", async () => {
        const storage = await open({ ...proxied(), timeoutMillis: 100 })
        proxy.next("hang")
        const started = performance.now()
        const error = await rejectionOf(Promise.resolve(storage.head()))
        assert.match(error.message, /did not answer within 100 ms/)
        assert.ok(performance.now() - started < 5000)
        proxy.heal()
        assert.equal(await storage.head(), 0)
        await storage.close()
      })

      it("two handles that race for each position lose no frame and store none twice", async () => {
        const options = direct()
        const handles = [await open(options), await open(options)]
        const race = async (storage: LogStorage, value: number): Promise<void> => {
          for (let done = 0; done < 20;) {
            try {
              await storage.append(await storage.head() + 1, frame(value, 5 + done))
              done++
            } catch (error) {
              assert.ok(error instanceof PositionTaken)
            }
          }
        }
        await Promise.all(handles.map((storage, index) => race(storage, index + 1)))
        const frames = await handles[0]!.read(0, all)
        for (const value of [1, 2]) {
          const own = frames.filter(([first]) => first === value)
          assert.deepEqual(own.map(({ length }) => length), Array.from({ length: 20 }, (_, index) => 5 + index))
        }
        for (const storage of handles) await storage.close()
      })

      it("a store that another process has destroyed is not found any more", async () => {
        const options = direct()
        const storage = await open(options)
        await storage.append(1, frame(1))
        const client = createClient({ url: server.http })
        await client.execute(`DELETE FROM ${options.tablePrefix}frames`)
        await client.execute(`DELETE FROM ${options.tablePrefix}stores`)
        assert.ok(await rejectionOf(Promise.resolve(storage.append(2, frame(2)))) instanceof StoreNotFound)
        client.close()
        await storage.close()
      })
    })
  }

  it("append() waits out another client's transaction, which the server ends after 5 s", {
    skip: "Deno" in globalThis || "Bun" in globalThis ? "once is enough: it takes 5 s" : false,
  }, async () => {
    const storage = await open({ url: server.http, tablePrefix: "slow_" })
    const client = createClient({ url: server.http })
    const transaction = await client.transaction("write")
    await transaction.execute("CREATE TABLE IF NOT EXISTS other (a)")
    await storage.append(1, frame(1))
    await assert.rejects(transaction.execute("INSERT INTO other VALUES (1)"))
    client.close()
    assert.deepEqual(await storage.read(0, all), [frame(1)])
    await storage.close()
  })
})

describe("libsqlAdapter at a server that comes and goes", { skip: serverMissing }, () => {
  for (const scheme of ["http", "ws"] as const) {
    it(`${scheme}: a handle outlives kill -9 and restart, and loses nothing that was acknowledged`, async () => {
      const server = await TestServer.start()
      try {
        const storage = await open({ url: server[scheme] })
        for (let position = 1; position <= 20; position++) await storage.append(position, frame(position))
        await server.kill()
        const error = await rejectionOf(Promise.resolve(storage.append(21, frame(21))))
        assert.ok(error instanceof StorageFailed)
        // A kept connection may break before it is known that nobody listens; then nobody can say what was stored.
        const refused = await rejectionOf(Promise.resolve(storage.append(21, frame(21))))
        assert.deepEqual([refused.storedNothing, refused.retryable], [true, true], refused.message)
        await server.restart()
        assert.equal(await storage.head(), 20)
        await storage.append(21, frame(21))
        assert.deepEqual((await storage.read(0, all)).map(([first]) => first), Array.from({ length: 21 }, (_, index) => index + 1))
        await storage.close()
      } finally {
        await server.dispose()
      }
    })

    it(`${scheme}: open() at a port that nobody listens on says that nothing was sent`, async () => {
      const error = await rejectionOf(open({ url: `${scheme}://127.0.0.1:${await freePort()}` }))
      assert.deepEqual([error.code, error.storedNothing, error.retryable], ["storage_failed", true, true], error.message)
    })
  }
})

describe("libsqlAdapter with tokens", { skip: serverMissing }, () => {
  const issuer = new Issuer()
  let server: TestServer
  before(async () => {
    server = await TestServer.start({ publicKey: issuer.publicKey })
    await (await open({ url: server.http, token: issuer.token("rw", 60) })).close()
  })
  after(() => server.dispose())

  for (const scheme of ["http", "ws"] as const) {
    it(`${scheme}: a token for reading reads, and an append says that nothing was stored`, async () => {
      const token = issuer.token("ro", 60)
      const storage = await open({ url: server[scheme], token })
      const head = await storage.head()
      const error = await rejectionOf(Promise.resolve(storage.append(head + 1, frame(1))))
      assert.ok(error instanceof PermissionDenied, error.message)
      assert.equal(error.storedNothing, true)
      assert.equal(await storage.head(), head)
      assert.ok(!JSON.stringify([error.message, error.details]).includes(token))
      await storage.close()
    })

    it(`${scheme}: a token that has expired is asked for once more`, async () => {
      const tokens = [issuer.token("rw", LONG_AGO), issuer.token("rw", 60)]
      let asked = 0
      const storage = await open({ url: server[scheme], token: () => Promise.resolve(tokens[Math.min(asked++, 1)]!) })
      assert.equal(asked, 2)
      await storage.append(await storage.head() + 1, frame(1))
      assert.equal(asked, 2)
      await storage.close()
    })

    it(`${scheme}: a token that is no good is told without being shown`, async () => {
      for (const token of [undefined, "e30.e30.c2VjcmV0", issuer.token("rw", LONG_AGO)]) {
        const error = await rejectionOf(open({ url: server[scheme], token }))
        assert.ok(error instanceof PermissionDenied, `${error.code}: ${error.message}`)
        assert.ok(token === undefined || !JSON.stringify([error.message, error.details]).includes(token))
      }
      let asked = 0
      const error = await rejectionOf(open({ url: server[scheme], token: () => (asked++, issuer.token("rw", LONG_AGO)) }))
      assert.ok(error instanceof PermissionDenied, `${error.code}: ${error.message}`)
      assert.equal(asked, 2)
    })

    it(`${scheme}: a token function that fails sends nothing`, async () => {
      const cause = new Error("the vault is closed")
      const error = await rejectionOf(open({ url: server[scheme], token: () => Promise.reject(cause) }))
      assert.deepEqual([error.storedNothing, error.cause], [true, cause])
    })
  }
})
