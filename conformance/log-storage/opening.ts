/** Opening: what a handle finds, what `create` and `signal` do, and two handles on one store. */
import { StoreLocked, StoreNotFound } from "../../kernel/errors.ts"
import { ensure, ensureError, equal, equalBytes, fail, outcomeOf, rejects } from "../expect.ts"
import { fill, frameAt, framesBetween, holds } from "./frames.ts"
import type { LogStorageCase } from "./trial.ts"

export const openingCases: readonly LogStorageCase[] = [
  {
    id: "opening/new-store",
    title: "a new store is empty and says that it was created",
    level: "MUST",
    requires: [],
    rule: "Position of the last frame, 0 for an empty log",
    why: "The kernel prepares a store that was created; one that seems old, or full, is read as somebody else's data.",
    async run(trial) {
      const storage = await trial.open()
      equal(storage.opened.created, true, "opened.created")
      equal(storage.opened.recovery, undefined, "opened.recovery")
      await holds(storage, [])
    },
  },
  {
    id: "opening/open-again",
    title: "a store that was closed opens with the same frames and says that it was there",
    level: "MUST",
    requires: [],
    rule: "The store did not exist before.",
    why: "Users find what they wrote yesterday, and a store that seems new would be set up over it.",
    async run(trial) {
      await fill(await trial.open(), 10)
      await trial.closeAll()
      const storage = await trial.open("notes", { create: false })
      equal(storage.opened.created, false, "opened.created")
      equal(storage.opened.recovery, undefined, "opened.recovery")
      await holds(storage, framesBetween(0, 10))
    },
  },
  {
    id: "opening/empty-store-stays",
    title: "a store that was opened and never written to exists",
    level: "MUST",
    requires: [],
    rule: "`true`: make the store if it is missing.",
    why: "A user who made a store expects it in the list, and not an error where only reading is allowed.",
    async run(trial) {
      await trial.open()
      await trial.reopen()
      if (!trial.capabilities.durable && trial.canReopen) return
      equal(await trial.adapter.list(), ["notes"], "list()")
      const storage = await trial.open("notes", { create: false })
      equal(storage.opened.created, false, "opened.created")
      await holds(storage, [])
    },
  },
  {
    id: "opening/opened-is-constant",
    title: "what opening found stays as it is while frames come",
    level: "MUST",
    requires: [],
    rule: "What opening found. Constant.",
    why: "What opening found is reported to the user later; it must be what was found, not what happened since.",
    async run(trial) {
      const storage = await trial.open()
      const before = { ...storage.opened }
      await fill(storage, 3)
      equal(storage.opened, before, "opened")
      if (storage.opened.location !== undefined) ensure(storage.opened.location.length > 0, "opened.location is empty")
    },
  },
  {
    id: "opening/missing-store",
    title: "create: false refuses a missing store, names those that are there, and makes nothing",
    level: "MUST",
    requires: [],
    rule: "`false`: reject with `StoreNotFound` if it is missing.",
    why: "A name with a typing error would become an empty store, and the user would take the data for lost.",
    async run(trial) {
      const alone = await rejects("opening in an empty place", () => trial.open("missing", { create: false }), StoreNotFound)
      equal(alone.details.store, "missing", "details.store")
      equal(alone.details.stores, [], "details.stores")
      await trial.open("present")
      await trial.closeAll()
      const error = await rejects("opening beside another store", () => trial.open("missing", { create: false }), StoreNotFound)
      equal(error.details.stores, ["present"], "details.stores")
      equal(await trial.adapter.list(), ["present"], "list()")
    },
  },
  {
    id: "opening/create-undefined",
    title: "create: undefined makes the first store of a place and opens one that is there",
    level: "MUST",
    requires: [],
    rule: "`undefined`: make it, but not beside other stores in a database that is already there",
    why: "With the default options a first program must run, and a second run must find its store.",
    async run(trial) {
      const first = await trial.open("notes", { create: undefined })
      equal(first.opened.created, true, "opened.created at first")
      await fill(first, 2)
      await trial.closeAll()
      const again = await trial.open("notes", { create: undefined })
      equal(again.opened.created, false, "opened.created again")
      await holds(again, framesBetween(0, 2))
    },
  },
  {
    id: "opening/create-undefined-beside",
    title: "create: undefined beside another store makes the new one, or refuses it with the names of those there",
    level: "MUST",
    requires: [],
    rule: "(`StoreNotFound` then lists their names).",
    why: "Where a store is made by guessing, names with typing errors pile up as empty stores.",
    async run(trial) {
      await trial.open("present")
      await trial.closeAll()
      const outcome = await outcomeOf(() => trial.open("ntoes", { create: undefined }))
      if (outcome.kind === "value") {
        equal([...await trial.adapter.list()].sort(), ["ntoes", "present"], "list()")
        return
      }
      const error = ensureError("opening a new name", outcome.error, StoreNotFound)
      equal(error.details.stores, ["present"], "details.stores")
      equal(await trial.adapter.list(), ["present"], "list()")
    },
  },
  {
    id: "opening/aborted",
    title: "an aborted signal gives up opening with the signal's reason, and makes nothing",
    level: "MUST",
    requires: [],
    rule: "Gives up opening: rejects with the signal's reason.",
    why: "A user who gave up waiting must not find a store, or a lock, that was left by an opening nobody sees.",
    async run(trial) {
      const reason = new Error("given up")
      const outcome = await outcomeOf(() => trial.open("notes", { signal: AbortSignal.abort(reason) }))
      if (outcome.kind === "value") fail("opening with an aborted signal succeeded")
      else ensure(outcome.error === reason, `it failed with ${String(outcome.error)}, not with the signal's reason`)
      equal(await trial.adapter.list(), [], "list()")
    },
  },
  {
    id: "opening/signal-not-aborted",
    title: "a signal that is aborted after opening changes nothing",
    level: "MUST",
    requires: [],
    rule: "Gives up opening: rejects with the signal's reason.",
    why: "A timeout that covers opening is often aborted later; it must not close a store that is in use.",
    async run(trial) {
      const controller = new AbortController()
      const storage = await trial.open("notes", { signal: controller.signal })
      controller.abort(new Error("too late"))
      await fill(storage, 2)
      await holds(storage, framesBetween(0, 2))
    },
  },
  {
    id: "opening/second-handle",
    title: "a second handle on an open store sees the first one's appends, or is refused as locked",
    level: "MUST",
    requires: [],
    rule: "Two handles in one process may have the same store open at once.",
    why: "A second handle that sees an old log would append over it, or show the user data that is out of date.",
    async run(trial) {
      const first = await trial.open()
      await fill(first, 2)
      const outcome = await outcomeOf(() => trial.open())
      if (outcome.kind === "error") {
        if (trial.capabilities.multiHandle) fail("the second handle was refused, but multiHandle is claimed", outcome.error)
        const error = ensureError("opening a second handle", outcome.error, StoreLocked)
        equal(error.details.store, "notes", "details.store")
        await fill(first, 3)
        await holds(first, framesBetween(0, 3))
        await trial.closeAll()
        await holds(await trial.open(), framesBetween(0, 3))
        return
      }
      const second = outcome.value
      await first.append(3, frameAt(3))
      await holds(second, framesBetween(0, 3))
      await second.append(4, frameAt(4))
      await holds(first, framesBetween(0, 4))
    },
  },
  {
    id: "opening/many-at-once",
    title: "of many first opens at once exactly one creates the store; the others share it or are refused as locked",
    level: "MUST",
    requires: [],
    rule: "Two handles in one process may have the same store open at once.",
    why: "Programs start at once after a deployment; if two of them create the store, the frames of one are lost.",
    async run(trial) {
      const outcomes = await Promise.all(Array.from({ length: 8 }, () => outcomeOf(() => trial.open())))
      let created = 0
      for (const outcome of outcomes) {
        if (outcome.kind === "value") created += outcome.value.opened.created ? 1 : 0
        else if (trial.capabilities.multiHandle) fail("a handle was refused, but multiHandle is claimed", outcome.error)
        else ensureError("opening at once", outcome.error, StoreLocked)
      }
      equal(created, 1, "handles that created the store")
      equal(await trial.adapter.list(), ["notes"], "list()")
    },
  },
  {
    id: "opening/stores-are-apart",
    title: "stores of one place, open at once, have nothing to do with each other",
    level: "MUST",
    requires: [],
    rule: "Opens the log of a store.",
    why: "Data of one store that shows in another one is a leak between users, or a loss.",
    async run(trial) {
      const left = await trial.open("left")
      const right = await trial.open("right")
      await left.append(1, frameAt(1))
      equal(await right.head(), 0, "head() of the other store")
      await right.append(1, frameAt(2))
      await left.append(2, frameAt(3))
      await holds(left, [frameAt(1), frameAt(3)])
      await holds(right, [frameAt(2)])
    },
  },
  {
    id: "opening/many-stores",
    title: "50 stores, one after another, are all there afterwards",
    level: "MUST",
    requires: [],
    rule: "Names of the stores that are here, byte for byte as they were created, in any order.",
    why: "Applications keep a store for each document; a limit or a clash that shows only with many is found in production.",
    async run(trial) {
      const names = Array.from({ length: 50 }, (_, index) => `store-${String(index).padStart(3, "0")}`)
      for (const [index, name] of names.entries()) {
        await (await trial.open(name)).append(1, frameAt(index))
        await trial.closeAll()
      }
      equal([...await trial.adapter.list()].sort(), names, "list()")
      for (const index of [0, 25, 49]) {
        const [frame] = await (await trial.open(names[index], { create: false })).read(0, { maxFrames: 1, maxBytes: 1000 })
        equalBytes(frame, frameAt(index), `the frame of store ${index}`)
      }
    },
  },
  {
    id: "opening/read-prefix-of-healthy",
    title: "readPrefix reads a log without damage whole",
    level: "MUST",
    requires: [],
    rule: "Opens a log with a corrupt frame in the middle for reading the frames before it.",
    why: "Who rescues data with readPrefix must not lose what is not damaged.",
    async run(trial) {
      await fill(await trial.open(), 5)
      await trial.closeAll()
      const storage = await trial.open("notes", { create: false, readPrefix: true })
      equal(storage.opened.recovery, undefined, "opened.recovery")
      await holds(storage, framesBetween(0, 5))
    },
  },
  {
    id: "opening/read-prefix-of-missing",
    title: "readPrefix makes no store, even with create: true",
    level: "MUST",
    requires: [],
    rule: "A store that is missing is `StoreNotFound`, whatever `create` says.",
    why: "A rescue that makes an empty store would hide that the name was wrong.",
    async run(trial) {
      for (const create of [true, undefined, false]) {
        const open = (): Promise<unknown> => trial.open("missing", { create, readPrefix: true })
        await rejects(`opening a missing store with readPrefix and create: ${String(create)}`, open, StoreNotFound)
      }
      equal(await trial.adapter.list(), [], "list()")
    },
  },
]
