/** The smallest program: a note that is written without a network, and read again. */
import { createStore } from "@cuitty/persist"

const store = await createStore("notes", { adapter: "sqlite", path: "./notes.db" })
await store.records.put("note:1", { text: "Draft while offline" })
const note = await store.records.get("note:1")

console.log(note.text)
