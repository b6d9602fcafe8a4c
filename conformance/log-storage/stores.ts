/** The stores of a place: list and destroy. */
import { SnapshotMissing, StoreLocked, StoreNotFound } from "../../kernel/errors.ts"
import { ensure, equal, rejects } from "../expect.ts"
import { bytesOfText, fill, frameAt, framesBetween, holds } from "./frames.ts"
import type { LogStorageCase } from "./trial.ts"

const LIST = "Names of the stores that are here, byte for byte as they were created, in any order. Never creates anything."
const DESTROY = "Removes a store with everything that belongs to it. A missing one is `StoreNotFound`, an open one `StoreLocked`."

export const storeCases: readonly LogStorageCase[] = [
  {
    id: "stores/none",
    title: "an empty place lists no stores, and listing makes nothing",
    level: "MUST",
    requires: [],
    rule: LIST,
    why: "A program that lists must be able to run first, and to run where it may not write.",
    async run(trial) {
      equal(await trial.adapter.list(), [], "list()")
      equal(await trial.adapter.list(), [], "list() again")
    },
  },
  {
    id: "stores/list-writes-nothing",
    title: "listing an empty place writes nothing to the medium",
    level: "MUST",
    requires: ["medium"],
    rule: LIST,
    why: "Listing is what tools do with places that are not theirs.",
    async run(trial) {
      const before = [...trial.medium.save().keys()]
      await trial.adapter.list()
      equal([...trial.medium.save().keys()], before, "files")
    },
  },
  {
    id: "stores/list",
    title: "list() has each store once, open or closed, also in a fresh process",
    level: "MUST",
    requires: [],
    rule: LIST,
    why: "A store that is not listed is lost to its user, and backups leave it out.",
    async run(trial) {
      for (const name of ["b", "a", "c"]) await trial.open(name)
      equal([...await trial.adapter.list()].sort(), ["a", "b", "c"], "list() with the stores open")
      await trial.closeAll()
      equal([...await trial.adapter.list()].sort(), ["a", "b", "c"], "list() with the stores closed")
      await trial.open("a")
      equal([...await trial.adapter.list()].sort(), ["a", "b", "c"], "list() with one store open again")
      if (!trial.capabilities.durable) return
      await trial.reopen()
      equal([...await trial.adapter.list()].sort(), ["a", "b", "c"], "list() in a fresh process")
    },
  },
  {
    id: "stores/destroy",
    title: "a destroyed store is gone from the list, cannot be opened, and leaves the others as they are",
    level: "MUST",
    requires: [],
    rule: DESTROY,
    why: "Deleted data that come back, or a neighbour's that go with them, are what users fear most.",
    async run(trial) {
      for (const name of ["left", "middle", "right"]) await fill(await trial.open(name), 3)
      await trial.closeAll()
      await trial.adapter.destroy("middle")
      equal([...await trial.adapter.list()].sort(), ["left", "right"], "list()")
      await rejects("opening a destroyed store", () => trial.open("middle", { create: false }), StoreNotFound)
      for (const name of ["left", "right"]) await holds(await trial.open(name, { create: false }), framesBetween(0, 3))
      await trial.reopen()
      if (trial.capabilities.durable) equal([...await trial.adapter.list()].sort(), ["left", "right"], "list() in a fresh process")
    },
  },
  {
    id: "stores/destroy-missing",
    title: "destroying a missing store is refused, also a second time",
    level: "MUST",
    requires: [],
    rule: DESTROY,
    why: "A name with a typing error must be told, since the user believes that the data are gone.",
    async run(trial) {
      await rejects("destroying in an empty place", () => trial.adapter.destroy("missing"), StoreNotFound)
      await trial.open("present")
      await trial.closeAll()
      const error = await rejects("destroying beside another store", () => trial.adapter.destroy("missing"), StoreNotFound)
      equal(error.details.store, "missing", "details.store")
      await trial.adapter.destroy("present")
      await rejects("destroying a second time", () => trial.adapter.destroy("present"), StoreNotFound)
      equal(await trial.adapter.list(), [], "list()")
    },
  },
  {
    id: "stores/destroy-open",
    title: "destroying an open store is refused as locked, and the store stays whole",
    level: "MUST",
    requires: [],
    rule: DESTROY,
    why: "A store that vanishes under its writers loses what they are about to write.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, 3)
      const error = await rejects("destroying an open store", () => trial.adapter.destroy("notes"), StoreLocked)
      equal(error.details.store, "notes", "details.store")
      await fill(storage, 4)
      await holds(storage, framesBetween(0, 4))
      await trial.closeAll()
      await holds(await trial.open(), framesBetween(0, 4))
      await trial.closeAll()
      await trial.adapter.destroy("notes")
      equal(await trial.adapter.list(), [], "list()")
    },
  },
  {
    id: "stores/created-anew",
    title: "a store that is made anew under a destroyed one's name has none of its frames",
    level: "MUST",
    requires: [],
    rule: DESTROY,
    why: "Old frames in a new store are data of somebody who has deleted them.",
    async run(trial) {
      await fill(await trial.open(), 5)
      await trial.closeAll()
      await trial.adapter.destroy("notes")
      const storage = await trial.open()
      equal(storage.opened.created, true, "opened.created")
      await holds(storage, [])
      await storage.append(1, frameAt(77))
      await holds(storage, [frameAt(77)])
      await trial.closeAll()
      await holds(await trial.open(), [frameAt(77)])
    },
  },
  {
    id: "stores/created-anew-snapshots",
    title: "a store that is made anew under a destroyed one's name has none of its snapshots and no base",
    level: "MUST",
    requires: ["snapshots"],
    rule: DESTROY,
    why: "An old snapshot would be opened as the state of the new store.",
    async run(trial) {
      const storage = await trial.open()
      await fill(storage, 5)
      for (const at of [3, 5]) await storage.snapshots.write(at, [frameAt(at)])
      equal(await storage.trim(5), 3, "trim(5)")
      await trial.closeAll()
      await trial.adapter.destroy("notes")
      const anew = await trial.open()
      equal(await anew.snapshots.list(), [], "snapshots.list()")
      await rejects("a slice of the destroyed store", () => anew.snapshots.readSlice(5, 0), SnapshotMissing)
      await holds(anew, [])
      await fill(anew, 2)
      await holds(anew, framesBetween(0, 2))
    },
  },
  {
    id: "stores/destroyed-bytes",
    title: "the bytes of a destroyed store are no longer on the medium",
    level: "SHOULD",
    requires: ["medium"],
    rule: DESTROY,
    why: "Who deletes a store expects its bytes to be gone, and the room to be free.",
    async run(trial) {
      const TAINT = "taint-7f3a91c2-canary"
      const storage = await trial.open("doomed")
      for (let position = 1; position <= 20; position += 1) {
        await storage.append(position, bytesOfText(`${TAINT} ${position}`.repeat(position * 10)))
      }
      await trial.closeAll()
      await trial.adapter.destroy("doomed")
      await trial.reopen()
      for (const [path, bytes] of trial.medium.save()) {
        ensure(!new TextDecoder("latin1").decode(bytes).includes(TAINT), `${path} still holds bytes of the destroyed store`)
      }
    },
  },
]
