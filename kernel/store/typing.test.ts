/**
 * Goal: what users write type-checks as it stands, and what is wrong does not. Method: the type checker reads this file; a line that is
 * marked as an error and is none fails it as well. What is typed is also run.
 */
import assert from "node:assert/strict"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, it } from "node:test"
import {
  type Change,
  type Conflict,
  createStore,
  type Entry,
  type HistoryEntry,
  listStores,
  PersistError,
  type Store,
  VersionMismatch,
} from "../../mod.ts"

interface Task {
  readonly title: string
  readonly done: boolean
  readonly due?: Date
}
interface User {
  readonly name: string
}

/** Compiles only if both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false
const same = <A, B>(is: Same<A, B>): void => assert.equal(is, true)

describe("types", () => {
  it("a store without a type argument takes and gives anything", async () => {
    // As it stands in the documents; type-checked here, and run below in a folder of its own.
    const asWritten = async (): Promise<void> => {
      const store = await createStore("notes", { adapter: "sqlite", path: "./notes.db" })
      await store.records.put("note:1", { text: "Draft while offline" })
      const note = await store.records.get("note:1")
      assert.equal(note.text, "Draft while offline")
    }
    assert.equal(typeof asWritten, "function")
    const folder = await mkdtemp(join(tmpdir(), "persist-typing-")), path = join(folder, "notes.db")
    try {
      const store = await createStore("notes", { adapter: "sqlite", path })
      await store.records.put("note:1", { text: "Draft while offline" })
      const note = await store.records.get("note:1")
      assert.equal(note.text, "Draft while offline")
      await store.collection("users").put("ada", { name: "Ada" })
      const user = await store.collection("users").get("ada")
      assert.equal(user.name, "Ada")
      await store.records.update("count", (count) => (count ?? 0) + 1)
      for await (const { key, value } of store.records.list()) assert.ok(key === "count" || value.text.length > 0)
      await store.close()
      {
        await using again = await createStore("notes", { path })
        assert.equal((await again.records.get("note:1")).text, note.text)
      }
      assert.deepEqual(await listStores({ path }), ["notes"])
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it("a store with a type argument checks what goes in, and says that nothing may come out", async () => {
    const store = await createStore<Task>("tasks", { adapter: "memory" })
    const { records } = store
    same<typeof store, Store<Task>>(true)
    const { version } = await records.put("a", { title: "Write", done: false })
    same<typeof version, string>(true)
    await records.put("a", { title: "Write", done: true, due: new Date(0) }, { ifVersion: version })
    await records.put("b", { title: "Read", done: false }, { ifVersion: null })

    const task = await records.get("a")
    same<typeof task, Task | undefined>(true)
    // @ts-expect-error -- there may be none
    assert.equal(task.title, "Write")
    assert.equal(task?.title, "Write")
    same<Awaited<ReturnType<typeof records.getMany>>, (Task | undefined)[]>(true)
    same<ReturnType<typeof records.peek>, Task | undefined>(true)
    same<Awaited<ReturnType<typeof records.getEntry>>, Entry<Task> | undefined>(true)
    same<Awaited<ReturnType<typeof records.has>>, boolean>(true)
    same<Awaited<ReturnType<typeof records.delete>>, boolean>(true)
    same<Awaited<ReturnType<typeof records.count>>, number>(true)
    same<Awaited<ReturnType<typeof records.clear>>, number>(true)
    same<Awaited<ReturnType<typeof records.conflicts>>, Conflict<Task>[]>(true)
    same<ReturnType<typeof records.history>, AsyncIterable<HistoryEntry<Task>>>(true)
    for await (const { value } of records.list({ prefix: "a", reverse: true, limit: 1 })) same<typeof value, Task>(true)
    await records.update("a", (before) => {
      same<typeof before, Task | undefined>(true)
      return { title: before?.title ?? "none", done: true }
    })
    const end = records.subscribe({ prefix: "a" }, (changes) => same<typeof changes, readonly Change<Task>[]>(true))
    end()
    await records.batch([{ type: "put", key: "c", value: { title: "Rest", done: false } }, { type: "delete", key: "b" }])
    await records.putMany([{ key: "d", value: { title: "Go", done: false } }])
    await store.batch((tx) => {
      same<ReturnType<typeof tx.peek>, Task | undefined>(true)
      tx.put("e", { title: "Stay", done: false })
      tx.collection<User>("users").put("ada", { name: "Ada" })
    })

    const users = store.collection<User>("users")
    assert.equal((await users.get("ada"))?.name, "Ada")
    await users.put("bob", { name: "Bob" })
    same<Awaited<ReturnType<typeof users.get>>, User | undefined>(true)
    const more = await store.collection("more tasks").get("a")
    same<typeof more, Task | undefined>(true)

    const error: unknown = await records.put("a", { title: "", done: true }, { ifVersion: null }).catch((error) => error)
    if (error instanceof VersionMismatch) same<typeof error.details.found, string | null>(true)
    assert.ok(error instanceof PersistError)
    same<typeof error.code, string>(true)
    same<typeof error.hint, string | undefined>(true)
    await store.close()
  })

  it("what is wrong is an error of the type checker", () => {
    // Never called: each line only has to be refused.
    const wrong = async (store: Store<Task>): Promise<void> => {
      const { records } = store
      // @ts-expect-error -- a member is missing
      await records.put("a", { title: "Write" })
      // @ts-expect-error -- a member has another type
      await records.put("a", { title: "Write", done: "no" })
      // @ts-expect-error -- no value
      await records.put("a")
      // @ts-expect-error -- a misspelt option
      await records.put("a", { title: "Write", done: true }, { ifversion: "x" })
      // @ts-expect-error -- a version is a string or null
      await records.put("a", { title: "Write", done: true }, { ifVersion: 1 })
      // @ts-expect-error -- keys are strings
      await records.get(1)
      // @ts-expect-error -- the value of another collection
      await store.collection<User>("users").put("a", { title: "Write", done: true })
      // @ts-expect-error -- a promise
      await records.update("a", async (task) => await Promise.resolve(task!))
      // @ts-expect-error -- no value
      await records.update("a", () => undefined)
      // @ts-expect-error -- an unknown type of operation
      await records.batch([{ type: "upsert", key: "a", value: { title: "Write", done: true } }])
      // @ts-expect-error -- a put without a value
      await records.batch([{ type: "put", key: "a" }])
      // @ts-expect-error -- a transaction has no get
      await store.batch((tx) => void tx.get("a"))
      // @ts-expect-error -- a misspelt member of a query
      records.list({ start: "a" })
      // @ts-expect-error -- count() has no limit
      await records.count({ limit: 1 })
      // @ts-expect-error -- an unknown adapter
      await createStore("notes", { adapter: "redis" })
      // @ts-expect-error -- an unknown option
      await createStore("notes", { adaptor: "sqlite" })
      // @ts-expect-error -- an unknown level
      await createStore("notes", { durability: "strict" })
      // @ts-expect-error -- values are read only in what is peeked at
      records.peek("a")!.done = true
      // @ts-expect-error -- status is data to read
      store.status().head = 1
    }
    assert.equal(typeof wrong, "function")
  })
})
