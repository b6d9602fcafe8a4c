import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { checkLayers } from "./check-layers.ts"
import { importSpecifiers } from "./imports.ts"
import { withFiles } from "./temporary.ts"

const MANIFEST = JSON.stringify({
  name: "@cuitty/persist",
  exports: { ".": "./mod.ts" },
  imports: { "#adapters": { browser: "./adapters/by-name.browser.ts", default: "./adapters/by-name.ts" } },
})
const violationsOf = (files: Readonly<Record<string, string>>): Promise<readonly string[]> =>
  withFiles({ "package.json": MANIFEST, ...files }, checkLayers)

describe("checkLayers()", () => {
  it("accepts arrows that point down, in every form", async () => {
    assert.deepEqual(
      await violationsOf({
        "kernel/limits.ts": "",
        "kernel/model/dot.ts": 'import { X } from "../limits.ts"',
        "kernel/log/log.ts": 'export type { Dot } from "../model/dot.ts"\nimport * as Effect from "effect/Effect"',
        "adapters/memory/mod.ts": 'import type { Dot } from "../../kernel/model/dot.ts"',
        "adapters/by-name.ts": 'const load = () => import("./memory/mod.ts")',
        "adapters/by-name.browser.ts": "",
        "mod.ts": 'import { load } from "#adapters"\nexport { log } from "./kernel/log/log.ts"',
        "examples/notes.ts": 'import { createStore } from "@cuitty/persist"\nimport process from "node:process"',
        "kernel/testing/gate.ts": 'import fc from "fast-check"\nimport { log } from "../log/log.ts"',
        "kernel/log/log.test.ts": 'import { memory } from "../../adapters/memory/mod.ts"\nimport { it } from "node:test"',
      }),
      [],
    )
  })

  const planted: readonly (readonly [string, string, string, string])[] = [
    ["a kernel layer that looks ahead", "kernel/model/dot.ts", 'import { log } from "../log/log.ts"', "must not import kernel/log"],
    ["a type import that looks ahead", "kernel/format/frame.ts", 'import type { Log } from "../log/log.ts"', "must not import kernel/log"],
    [
      "an adapter in the kernel",
      "kernel/log/x.ts",
      'const m = await import("../../adapters/memory/mod.ts")',
      "must not import adapters/memory",
    ],
    ["a type in the kernel", "kernel/store/x.ts", 'import { counter } from "../../crdt/counter.ts"', "must not import crdt"],
    ["a type that knows the store", "crdt/x.ts", 'import { log } from "../kernel/log/log.ts"', "must not import kernel/log"],
    ["a runtime in the kernel", "kernel/log/x.ts", 'import fs from "node:fs"', 'must not import "node:fs"'],
    ["a driver in the kernel", "kernel/log/x.ts", "import 'libsql'", 'must not import "libsql"'],
    ["a package of development in the kernel", "kernel/log/x.ts", 'import { pack } from "msgpackr"', 'must not import "msgpackr"'],
    ["the barrel of effect in the kernel", "kernel/log/x.ts", 'import { Effect } from "effect"', 'must not import "effect"'],
    [
      "an adapter that reaches into the store",
      "adapters/memory/x.ts",
      'import { log } from "../../kernel/log/log.ts"',
      "must not import kernel/log",
    ],
    [
      "an adapter that knows another",
      "adapters/file/mod.ts",
      'import { memory } from "../memory/mod.ts"',
      "must not import adapters/memory",
    ],
    ["an example that reaches inside", "examples/x.ts", 'import { log } from "../kernel/log/log.ts"', "must not import kernel/log"],
    ["an example that takes an entry point by path", "examples/x.ts", 'import { log } from "../mod.ts"', "must not import mod"],
    [
      "a base module that imports more than base",
      "kernel/limits.ts",
      'import { log } from "./log/log.ts"',
      "base must not import kernel/log",
    ],
    ["what tests share, outside of a test", "kernel/log/x.ts", 'import { gate } from "../testing/gate.ts"', "must not import testing"],
    ["a file where no layer is defined", "kernel/stuff.ts", "", "no layer is defined"],
    ["an import of a file that is not there", "kernel/log/x.ts", 'import "./gone.ts"', "does not exist"],
  ]
  for (const [what, path, text, expected] of planted) {
    it(`reports ${what}`, async () => {
      const [violation = "", ...others] = await violationsOf({
        "kernel/log/log.ts": "",
        "kernel/testing/gate.ts": "",
        "adapters/memory/mod.ts": "",
        "crdt/counter.ts": "",
        "mod.ts": "",
        [path]: text,
      })
      assert.deepEqual(others, [])
      assert.ok(violation.startsWith(path) && violation.includes(expected), violation)
    })
  }

  it("reports an import cycle with all files along it", async () => {
    const violations = await violationsOf({
      "kernel/log/a.ts": 'import { b } from "./b.ts"',
      "kernel/log/b.ts": 'import type { c } from "./c.ts"',
      "kernel/log/c.ts": 'import { a } from "./a.ts"',
    })
    assert.deepEqual(violations, ["import cycle: kernel/log/a.ts → kernel/log/b.ts → kernel/log/c.ts → kernel/log/a.ts"])
  })
})

describe("importSpecifiers()", () => {
  it("finds every form of import and none in comments, strings or templates", () => {
    const source = [
      "import a from \"1\"; import { b } from '2'",
      'import "3"',
      'import {\n  c,\n} from "4"',
      'export * from "5"',
      'const d = await import("6")',
      'let e: import("7").E',
      '// import "no"',
      '/* from "no" */ const url = "http://x" // from "no"',
      'const t = `import "no" from "no"`',
    ].join("\n")
    assert.deepEqual(importSpecifiers(source), ["1", "2", "3", "4", "5", "6", "7"])
  })
})
