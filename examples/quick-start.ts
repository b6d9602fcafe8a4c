/** A tour of the calls that most programs need, on a small list of tasks. Keeps `./tasks.db`. */
import { createStore, VersionMismatch } from "@cuitty/persist"

interface Task {
  readonly title: string
  readonly done: boolean
}

await using store = await createStore<Task>("tasks")
const tasks = store.records

// Subscribers are told after each commit, in order.
const unsubscribe = tasks.subscribe({ prefix: "task:" }, (changes) => {
  for (const { key, value } of changes) console.log(`changed: ${key} ${value === undefined ? "is gone" : value.title}`)
})

// Writes resolve when they are stored. Those that are not awaited one by one share a commit.
await Promise.all([
  tasks.put("task:1", { title: "Water the plants", done: false }),
  tasks.put("task:2", { title: "Call the dentist", done: false }),
])
await tasks.update("task:1", (task) => ({ title: task?.title ?? "Water the plants", done: true }))

// Several records, all or nothing.
await tasks.batch([
  { type: "put", key: "task:3", value: { title: "Buy bread", done: false } },
  { type: "delete", key: "task:2" },
])

// In the order of their keys.
for await (const { key, value } of tasks.list({ prefix: "task:" })) console.log(`${value.done ? "done" : "open"}: ${key} ${value.title}`)

// A write that names the version it has seen is refused if somebody was faster.
const entry = await tasks.getEntry("task:3")
await tasks.put("task:3", { title: "Buy bread and milk", done: false })
try {
  await tasks.put("task:3", { title: "Buy butter", done: false }, { ifVersion: entry?.version ?? null })
} catch (error) {
  if (!(error instanceof VersionMismatch)) throw error
  console.log(`refused: ${error.code}`)
}

// What a record was before is still in the log.
for await (const { value } of tasks.history("task:3")) console.log(`was: ${value?.title}`)

unsubscribe()
const { location, durability, records } = store.status()
console.log(`${records} tasks in ${location}, durability ${durability}`)
