import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { measurePage } from "./pages.ts"
import { withFiles } from "./temporary.ts"

/** Text that does not get smaller, so that what is counted can be told from what is not. */
const noise = (letters: number): string => Array.from({ length: letters }, (_, i) => ((i * 2654435761) >>> 7).toString(36).at(-2)).join("")

const files = {
  "page.js": 'import { a } from "./a.js"\nglobalThis.run = async () => [a, await import("./lazy.js"), await import("./rare.js")]\n',
  "a.js": `export const a = "${noise(1000)}"\n`,
  "lazy.js": `import { a } from "./a.js"\nexport const lazy = "${noise(3000)}" + a\n`,
  "rare.js": `export const rare = "${noise(9000)}"\n`,
}

describe("measurePage()", () => {
  it("counts what a page loads with one of its lazy imports, and not the others", async () => {
    const { files: count, gzipBytes } = await withFiles(files, (root) => measurePage(root, "page.js", /^lazy/))
    const rare = await withFiles(files, (root) => measurePage(root, "page.js", /^rare/))
    assert.ok(count >= 2 && gzipBytes > 1000 && gzipBytes < 5000, `${count} files, ${gzipBytes} bytes`)
    assert.ok(rare.gzipBytes > gzipBytes, `${rare.gzipBytes} bytes`)
  })

  it("rejects if there is no such import", async () => {
    await assert.rejects(withFiles(files, (root) => measurePage(root, "page.js", /^gone/)), /loads/)
  })

  it("rejects if the page would need a runtime's module", async () => {
    await assert.rejects(withFiles({ "page.js": 'import "node:fs"\n' }, (root) => measurePage(root, "page.js")), /node:fs/)
  })
})
