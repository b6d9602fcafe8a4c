/** Tasks that are written without a network, and reach a server, and through it other devices, whenever there is one. */
import { createStore, enableSync } from "@cuitty/persist"

const store = await createStore("tasks", { adapter: "sqlite", path: "./tasks.db" })
await store.records.put("task:1", { title: "Draft while offline" })
await enableSync(store, { remote: "https://sync.example.org", strategy: "last-write-wins", interval: 5000 })
