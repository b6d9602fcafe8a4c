/** Closing: idempotent, settles what is under way, and ends the handle but not the store. */
import { StoreClosed } from "../../kernel/errors.ts"
import type { Bytes } from "../../kernel/ports/log-storage.ts"
import { ensure, ensureError, equal, makeGate, outcomeOf, rejects } from "../expect.ts"
import { ALL, fill, frameAt, framesBetween, holds, holdsPrefix } from "./frames.ts"
import type { LogStorageCase } from "./trial.ts"

const RULE = "Settles what is under way, flushes unless the level is `relaxed` or `none`, and frees everything. Idempotent."

export const closingCases: readonly LogStorageCase[] = [
  {
    id: "closing/idempotent",
    title: "close() may be called again, also while the first call runs",
    level: "MUST",
    requires: [],
    rule: RULE,
    why: "Cleaning up runs twice where errors are handled; an error of the second close would hide the first one.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, 2)
      await Promise.all([storage.close(), storage.close()])
      await storage.close()
      await holds(await trial.open(), framesBetween(0, 2))
    },
  },
  {
    id: "closing/use-after-close",
    title: "every call on a closed handle is refused with StoreClosed, and changes nothing",
    level: "MUST",
    requires: [],
    rule: RULE,
    why: "A late write that is lost without a word, or that lands in a file somebody else has by now, is the worst way to end.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, 2)
      await storage.close()
      const calls: Readonly<Record<string, () => unknown>> = {
        "head()": () => storage.head(),
        "append()": () => storage.append(3, frameAt(3)),
        "read()": () => storage.read(0, ALL),
        "flush()": () => storage.flush(),
        ...(trial.capabilities.snapshots
          ? {
            "trim()": () => storage.trim(1),
            "snapshots.list()": () => storage.snapshots.list(),
            "snapshots.write()": () => storage.snapshots.write(1, [frameAt(1)]),
            "snapshots.readSlice()": () => storage.snapshots.readSlice(1, 0),
          }
          : {}),
      }
      for (const [name, call] of Object.entries(calls)) await rejects(`${name} after close()`, call, StoreClosed)
      await holds(await trial.open(), framesBetween(0, 2))
    },
  },
  {
    id: "closing/append-under-way",
    title: "an append under way has settled when close() has, and what it answered is true",
    level: "MUST",
    requires: [],
    rule: RULE,
    why: "A write that was acknowledged while the program ended must be there when it starts again.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, 2)
      let settled = false
      const append = outcomeOf(() => storage.append(3, frameAt(3))).finally(() => settled = true)
      const close = outcomeOf(() => storage.close())
      const closed = await close
      await Promise.resolve()
      ensure(settled, "close() resolved before the append had settled")
      ensure(closed.kind === "value", "close() failed")
      const appended = await append
      const head = await holdsPrefix(await trial.open(), 3)
      if (appended.kind === "value") equal(head, 3, "head() after an append that succeeded")
      else {
        ensureError("the append", appended.error, StoreClosed)
        equal(head, 2, "head() after an append that was refused")
      }
    },
  },
  {
    id: "closing/read-under-way",
    title: "a read under way ends with its frames or with StoreClosed, and does not hang",
    level: "MUST",
    requires: [],
    rule: RULE,
    why: "A read that never ends keeps a program from ending.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, 200)
      const read = outcomeOf(() => storage.read(0, ALL))
      await storage.close()
      const outcome = await read
      if (outcome.kind === "value") equal(outcome.value.length, 200, "frames of the read under way")
      else ensureError("the read under way", outcome.error, StoreClosed)
    },
  },
  {
    id: "closing/other-handles",
    title: "closing one handle leaves the others as they are",
    level: "MUST",
    requires: ["multiHandle"],
    rule: "Two handles in one process may have the same store open at once.",
    why: "One part of a program that closes its store must not take it from the others.",
    async run(trial) {
      const first = await trial.open()
      const second = await trial.open()
      await fill(first, 2)
      await first.close()
      await fill(second, 4)
      await holds(second, framesBetween(0, 4))
    },
  },
  {
    id: "closing/snapshot-under-way",
    title: "a snapshot whose source goes on after close() is whole or not there",
    level: "MUST",
    requires: ["snapshots"],
    rule: "It appears whole or not at all",
    why: "Half a snapshot would be opened as the state of the store the next time.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, 3)
      const gate = makeGate()
      const started = makeGate()
      async function* source(): AsyncGenerator<Bytes> {
        yield frameAt(1)
        started.open()
        await gate.opened
        yield frameAt(2)
      }
      const write = outcomeOf(() => storage.snapshots.write(3, source()))
      await started.opened
      const close = outcomeOf(() => storage.close())
      gate.open()
      ensure((await close).kind === "value", "close() failed")
      const written = await write
      const listed = await (await trial.open()).snapshots.list()
      if (written.kind === "value") equal(listed, [{ at: 3, sliceBytes: [frameAt(1).length, frameAt(2).length] }], "snapshots")
      else equal(listed, [], "snapshots after a write that was refused")
    },
  },
]
