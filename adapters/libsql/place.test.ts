import assert from "node:assert/strict"
import process from "node:process"
import { describe, it } from "node:test"
import { InvalidOption } from "../../kernel/errors.ts"
import { locationOf, placeOf } from "./place.ts"

const SECRET = "s3cr3t-t0k3n"

describe("placeOf", () => {
  it("knows files, by path and by URL", () => {
    const here = process.cwd()
    const files = [
      [{ path: "notes.db" }, `${here}/notes.db`],
      [{ path: "/data/notes.db" }, "/data/notes.db"],
      [{ url: "file:notes.db" }, `${here}/notes.db`],
      [{ url: "file:/data/notes.db" }, "/data/notes.db"],
      [{ url: "file:///data/my%20notes.db" }, "/data/my notes.db"],
      [{ url: "file://localhost/data/notes.db" }, "/data/notes.db"],
    ] as const
    for (const [options, path] of files) assert.deepEqual(placeOf(options), { kind: "file", path })
  })

  it("knows memory and servers", () => {
    assert.deepEqual(placeOf({ url: ":memory:" }), { kind: "memory" })
    assert.deepEqual(placeOf({ url: "file::memory:" }), { kind: "memory" })
    const servers = [
      ["http://localhost:8080", "http://localhost:8080"],
      ["https://db.example/", "https://db.example"],
      ["ws://localhost:8080/dev/a", "ws://localhost:8080/dev/a"],
      ["wss://db.example", "wss://db.example"],
      ["libsql://db.example", "https://db.example"],
      ["libsql://localhost:8080?tls=0", "http://localhost:8080"],
    ] as const
    for (const [url, shown] of servers) assert.deepEqual(placeOf({ url }), { kind: "remote", url: shown, token: undefined })
    assert.deepEqual(placeOf({ path: "/a.db", syncUrl: "libsql://db.example" }), {
      kind: "replica",
      path: "/a.db",
      primary: { kind: "remote", url: "https://db.example", token: undefined },
    })
  })

  it("takes a token out of a URL, and shows it nowhere", () => {
    const place = placeOf({ url: `libsql://db.example?authToken=${SECRET}` })
    assert.deepEqual(place, { kind: "remote", url: "https://db.example", token: SECRET })
    assert.equal(locationOf(place), "https://db.example")
  })

  it("refuses what is no place, without showing credentials", () => {
    const refused = [
      {},
      { url: ":memory:", path: "a.db" },
      { path: "" },
      { path: "a\0b" },
      { path: "http://db.example" },
      { path: ":memory:" },
      { url: "notes.db" },
      { url: "file:" },
      { url: "file://other/notes.db" },
      { url: "file:a.db?mode=memory" },
      { url: "ftp://db.example" },
      { url: `https://user:${SECRET}@db.example` },
      { url: `libsql://user:${SECRET}@db.example` },
      { url: `https://db.example?jwt=${SECRET}` },
      { url: `https://db.example?authToken=${SECRET}#x` },
      { url: `htt ps://${SECRET}` },
      { url: "https://db.example", syncUrl: "https://db.example" },
      { url: ":memory:", syncUrl: "https://db.example" },
      { path: "a.db", syncUrl: "ws://db.example" },
      { path: "a.db", syncUrl: `https://user:${SECRET}@db.example` },
    ]
    for (const options of refused) {
      assert.throws(
        () => placeOf(options),
        (error) => error instanceof InvalidOption && !`${error.stack}`.includes(SECRET),
        JSON.stringify(options),
      )
    }
  })
})
