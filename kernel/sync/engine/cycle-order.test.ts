import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { RemoteError, RemoteUnreachable } from "../../errors.ts"
import { settle } from "./testing/simulated-time.ts"
import { makeWorkbench, rested } from "./testing/workbench.ts"

describe("SyncEngine: order of a cycle", () => {
  it("begins with a handshake and a pull, and only then pushes what was there before (S10, P109)", async () => {
    const { remote, time } = makeWorkbench({ live: false, prepare: (_, store) => store.head = 3 })
    await time.run(1)
    assert.equal(remote.order, "handshake pull")

    const written = makeWorkbench({ live: false })
    written.store.write(3)
    await written.time.run(1)
    assert.equal(written.remote.order, "handshake pull push pull")
    assert.equal(written.handle.status().isSynced, true)
  })

  it("pushes, then pulls, once the first pull has reached the head", async () => {
    const { remote, store, time } = await rested()
    store.write()
    await time.run(1)
    assert.equal(remote.order, "push pull")
  })

  it("flushes the store before it pushes, and not when there is nothing to push", async () => {
    const { remote, store, time } = await rested()
    await time.run(35_000)
    assert.equal(store.flushes, 0)
    const order: string[] = []
    store.onFlush = async () => {
      order.push(`flush before ${remote.count("push")} pushes`)
      await settle()
    }
    store.write()
    await time.run(1)
    assert.deepEqual(order, ["flush before 0 pushes"])
  })

  it("does not push while the first pull fails", async () => {
    const { remote, store, time } = makeWorkbench({
      live: false,
      prepare: ([remote]) => {
        if (remote !== undefined) {
          remote.onPull = () => {
            throw new RemoteUnreachable({ remote: remote.name, call: "pull", reason: "lost" })
          }
        }
      },
    })
    store.write()
    await time.run(600_000)
    assert.equal(remote.count("push"), 0)
    assert.equal(remote.count("pull") > 5, true)
    remote.onPull = undefined
    await time.run(60_000)
    assert.equal(remote.count("push"), 1)
  })

  it("P109, R100: goes on pulling while every push fails, and shows the failure", async () => {
    for (const retry of ["later", "never"] as const) {
      const { remote, store, time, remoteStatus } = await rested({ live: false })
      remote.onPush = () => {
        throw new RemoteError({ remote: remote.name, call: "push", remoteCode: "internal", reason: "broken", retry })
      }
      store.write()
      await time.run(600_000)
      assert.equal(remoteStatus().state, "error")
      assert.equal(remoteStatus().lastError?.call, "push")
      const pulls = remote.count("pull")
      remote.head += 5
      await time.run(10_000)
      assert.equal(remote.count("pull") >= pulls + 2, true)
      assert.equal(remoteStatus().remoteHead, remote.head)
      assert.equal(remoteStatus().pendingOperations, 1)
    }
  })

  it("pulls and pushes again at once when a push has to be preceded by a pull", async () => {
    const { remote, store, time } = await rested()
    let unknown = 2
    remote.onPush = () => unknown-- > 0 ? { kind: "unknown" } : undefined
    store.write()
    await time.run(1)
    assert.equal(remote.order, "push pull push pull push pull")
    assert.equal(store.cycles[0]?.pending, 0)
  })

  it("P107: never has two requests of a cycle in flight, whoever asks for how much", async () => {
    const { cycle, handle, remote, store, time } = await rested()
    remote.delayMillis = 30
    const calls = Array.from({ length: 20 }, (_, n) => {
      store.write()
      return n % 3 === 0 ? handle.sync() : n % 3 === 1 ? handle.push() : handle.pull()
    })
    remote.grow()
    handle.resume()
    await time.run(10_000)
    await Promise.all(calls)
    assert.equal(cycle.overlapMax, 1)
  })

  it("asks again who is there after an hour", async () => {
    const { remote, time } = await rested({ live: false })
    await time.run(3_590_000)
    assert.equal(remote.count("handshake"), 0)
    await time.run(20_000)
    assert.equal(remote.count("handshake"), 1)
  })
})
