import assert from "node:assert/strict"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, it } from "node:test"
import { createStore, listStores } from "@cuitty/persist"
import { folderAdapter } from "./third-party-adapter/folder-adapter.ts"

const LINES_MAX = { "folder-adapter.ts": 80, "folder-adapter.test.ts": 15 }

const linesOf = async (file: string): Promise<readonly string[]> => {
  const text = await readFile(new URL(`third-party-adapter/${file}`, import.meta.url), "utf8")
  return text.split("\n").filter((line) => !/^\s*($|\/\/|\/?\*)/.test(line))
}

describe("third-party-adapter", () => {
  it("is as small as it is said to be, without comments and empty lines, and knows nothing but what is published", async () => {
    for (const [file, linesMax] of Object.entries(LINES_MAX)) {
      const lines = await linesOf(file)
      assert.ok(lines.length <= linesMax, `${file} has ${lines.length} lines`)
      const imports = lines.flatMap((line) => line.match(/^import .* from "(.*)"$/)?.[1] ?? [])
      assert.ok(imports.length >= 3)
      for (const name of imports) assert.match(name, /^(node:|@cuitty\/persist(\/conformance)?$|\.\/folder-adapter\.ts$)/)
    }
  })

  it("keeps a store, which two handles write at once, each seeing what the other wrote", async () => {
    const root = await mkdtemp(join(tmpdir(), "persist-examples-"))
    try {
      const adapter = folderAdapter(join(root, "stores"))
      const stores = [await createStore("notes", { adapter }), await createStore("notes", { adapter: folderAdapter(join(root, "stores")) })]
      const add = (count: number | undefined): number => (count ?? 0) + 1
      await Promise.all(Array.from({ length: 100 }, (_, index) => stores[index % 2]!.records.update("count", add)))
      await stores[1]!.flush()
      for (const store of stores) {
        await store.refresh()
        assert.equal(await store.records.get("count"), 100)
        await store.close()
      }
      assert.deepEqual(await listStores({ adapter }), ["notes"])
    } finally {
      await rm(root, { recursive: true, force: true })
    }
  })
})
