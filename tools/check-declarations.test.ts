import assert from "node:assert/strict"
import { describe, it } from "node:test"
import { checkDeclarations } from "./check-declarations.ts"
import { withFiles } from "./temporary.ts"

const manifest = JSON.stringify({
  exports: {
    ".": { types: "./dist/mod.d.ts", default: "./dist/mod.js" },
    "./effect": { types: "./dist/effect.d.ts", default: "./dist/effect.js" },
    "./server": { types: "./dist/server.d.ts", default: "./dist/server.js" },
    "./package.json": "./package.json",
  },
  imports: { "#places": { browser: "./dist/browser.js", default: "./dist/places.js" } },
})
const violationsOf = (store: string, more: Readonly<Record<string, string>> = {}): Promise<readonly string[]> =>
  withFiles({
    "package.json": manifest,
    "dist/mod.d.ts": 'export type { Store } from "./kernel/store.js"',
    "dist/kernel/store.d.ts": store,
    "dist/effect.d.ts": 'import type { Effect } from "effect/Effect"',
    "dist/server.d.ts": 'import type { Hono } from "hono"',
    ...more,
  }, checkDeclarations)

describe("checkDeclarations()", () => {
  it("accepts declarations that need nothing but each other, Effect under ./effect, and Hono under ./server", async () => {
    assert.deepEqual(await violationsOf("export interface Store { readonly name: string }"), [])
  })

  it("reports a type of Effect that a public declaration reaches", async () => {
    assert.deepEqual(await violationsOf('import type { Effect } from "effect/Effect"'), ['.: dist/kernel/store.d.ts needs "effect/Effect"'])
  })

  it("reports a type of Hono that another declaration than the server's reaches", async () => {
    assert.deepEqual(await violationsOf('import type { Hono } from "hono"'), ['.: dist/kernel/store.d.ts needs "hono"'])
  })

  it("reports a declaration that nobody reaches", async () => {
    assert.deepEqual(await violationsOf("", { "dist/kernel/alone.d.ts": 'import type { Effect } from "effect/Effect"' }), [
      "dist/kernel/alone.d.ts: no entry point reaches it",
    ])
  })

  it("reports a package that only the repository has, in an inline import type too", async () => {
    assert.deepEqual(await violationsOf('export declare const p: import("msgpackr").Packr'), ['.: dist/kernel/store.d.ts needs "msgpackr"'])
  })

  it("reports a declaration that does not exist", async () => {
    assert.deepEqual(await violationsOf('export * from "./gone.js"'), [".: dist/kernel/gone.d.ts does not exist"])
  })

  it("follows an import under every condition", async () => {
    assert.deepEqual(await violationsOf('import type { Place } from "#places"'), [
      ".: dist/places.d.ts does not exist",
      ".: dist/browser.d.ts does not exist",
    ])
  })

  it("reports a reference directive", async () => {
    assert.deepEqual(await violationsOf('/// <reference types="node" />'), [".: dist/kernel/store.d.ts has a reference directive"])
  })
})
